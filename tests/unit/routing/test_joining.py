"""Merging and splitting: what staff may, what is written, and that taking it back gives exactly what was there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from records.engine import sqlite_url
from records.errors import RefusedError, TemporaryError
from records.keys import Keyring
from records.model import (
    Arrival,
    CaseRecord,
    CaseStatus,
    Channel,
    Document,
    Envelope,
    Event,
    Fate,
    Kept,
    Kind,
    SubmissionState,
    UpdateStatus,
)
from records.store import Store
from routing.acts import Act, act
from routing.decide import decide, hold_whole, reconsider
from routing.incoming import Incoming
from routing.joining import Word, merge, since_merging, split, unmerge
from routing.matching import keys_of
from routing.refs import new_ref
from routing.rulings import release
from tests.makers import NOW, document, incoming, mail, packet, world

WORD = Word("Staff Example", "one family, one request")
LATER = NOW + timedelta(hours=2)
OTHER: dict[str, Any] = {"patient_name": "SAMPLE PERSON BRAVO", "birth_date": "1974-11-20"}
FAMILY, CLINIC = "family@mail.example", "clinic@hospital.example"


class Office:
    """A ledger and what arrived in it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(sqlite_url(folder / "records.db"), Keyring(folder / "keys"))
        self.came: dict[str, Incoming] = {}
        self.now, self.count = NOW, 0

    def arrives(self, made: list[Document], sender: str, answers: tuple[str, ...] = (), subject: str = "") -> str | None:
        """A mail, decided; the reference of its case."""
        self.count += 1
        self.now += timedelta(minutes=1)
        came = incoming(made, f"m{self.count}", letter=mail(sender, f"m{self.count}", answers, subject), at=self.now)
        kept = Kept(came.submission.digest, 10)
        self.store.accept(Arrival("maildir", str(self.count), Envelope(Channel.EMAIL, self.now)), kept, self.now)
        self.came[kept.digest] = came
        self.works()
        found = next(s for s in self.store.submissions() if s.digest == kept.digest)
        return found.case_ref

    def works(self, settled: bool = False) -> None:
        """All that waits is decided, then every case whose time has come is looked at."""
        while (claimed := self.store.claim(self.now)) is not None:
            rulings = self.store.rulings(claimed.id)
            came = replace(self.came[claimed.digest], submission=claimed, rulings=rulings)
            self.count += 1
            made = replace(world(self.now, settled, ref=new_ref(self.count)), token=f"t{self.count}")
            self.store.commit(decide(came, self.store.candidates(keys_of(came)), made), self.now)
        for ref in self.store.looks_due(self.now + timedelta(minutes=30 if settled else 0)):
            self.store.commit(reconsider(self.record(ref), world(self.now, settled)), self.now)

    def record(self, ref: str | None) -> CaseRecord:
        found = self.store.record(str(ref))
        assert found is not None
        return found

    def merge(self, ref: str, into: str, word: Word = WORD) -> None:
        self.store.commit(merge(self.record(ref), self.record(into), word, world(self.now)), self.now)

    def unmerge(self, ref: str) -> None:
        record = self.record(ref)
        self.store.commit(unmerge(record, self.record(record.case.merged_into), WORD, world(self.now)), self.now)

    def split(self, ref: str, number: int, to: str | None = None, word: Word = WORD) -> str:
        record = self.record(ref)
        fresh = replace(world(self.now, ref="SOMRR-SPL1T-00000-0"), token="split")
        decision = split(record, [record.submissions[number].id], self.record(to) if to else None, word, fresh)
        self.store.commit(decision, self.now)
        assert decision.case is not None
        return decision.case.ref

    def acknowledged(self) -> list[str]:
        return [u.case_ref for u in self.store.outbox() if u.event is Event.ACKNOWLEDGED]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.store.close()


def two_halves(office: Office, letter: Document | None = None) -> tuple[str, str]:
    """One patient's forms from the family, the records from a clinic that names another physician: two cases."""
    one = office.arrives([letter or packet()[0], packet()[1]], FAMILY)
    rest = [replace(d, fields={**d.fields, "physician_name": "Dr. Unrelated Somebody"}) for d in packet()[2:]]
    office.arrives(rest, CLINIC)
    held = next(h for h in office.store.held() if not h.part)
    assert held.reason == "ambiguous_case"
    office.store.rule(release(held, "Staff Example", case="new"), office.now)
    office.works()
    two = next(r.case.ref for r in office.store.cases() if r.case.ref != one)
    return str(one), two


def picture(record: CaseRecord) -> tuple[object, ...]:
    """What merging must give back as it was."""
    case = record.case
    return (
        [f.document.id for f in record.documents],
        [s.id for s in record.submissions],
        case.contacts,
        case.facts,
        case.status,
        case.findings,
    )


def test_two_halves_become_one_open_case_and_two_again(office: Office) -> None:
    """All of the one counts in the other; nothing is told but what the checklist owes; the way back is exact."""
    one, two = two_halves(office)
    before = picture(office.record(one)), picture(office.record(two))
    owed = len(office.store.outbox())
    office.merge(one, two)
    assert len(office.store.outbox()) == owed
    office.works()
    both = office.record(two)
    assert (both.case.status, len(both.documents), both.refs) == (CaseStatus.OPEN, 5, (two, one))
    assert [c.address for c in both.case.contacts] == [FAMILY, CLINIC]
    assert [r.case.ref for r in office.store.cases()] == [two]
    assert [line["ref"] for line in office.store.lines()] == [two]
    assert office.record(one).case.merged_into == two
    assert len(office.acknowledged()) == 2
    office.unmerge(one)
    office.works(settled=True)
    assert picture(office.record(one))[:4] == before[0][:4]
    after = picture(office.record(two))
    assert (after[0], after[1], after[2]) == before[1][:3]
    assert office.record(two).case.status is CaseStatus.REJECTED  # open no longer: its forms are not there
    assert len(office.acknowledged()) == 2


def test_the_merged_reference_and_its_mails_lead_to_the_surviving_case(office: Office) -> None:
    """Who quotes the old reference, or answers a mail about it, reaches the case that goes on; also by two steps."""
    one, two = two_halves(office)
    ours = next(u.message_id for u in office.record(one).updates if u.message_id)
    office.merge(one, two)
    assert office.arrives([document(Kind.MEDICAL_RECORD, name="a")], FAMILY, subject=f"Case {one}") == two
    unnamed = document(Kind.MEDICAL_RECORD, name="b", patient_name="", birth_date="")
    assert office.arrives([unnamed], "assistant@clinic.example", answers=(str(ours),)) == two
    nobody = document(Kind.LETTER_OF_AGREEMENT, name="c", patient_name="", birth_date="")
    three = office.arrives([nobody], "somebody@else.example")
    office.merge(two, str(three))
    assert office.arrives([document(Kind.MEDICAL_RECORD, name="d")], FAMILY, subject=f"Case {one}") == three
    assert office.record(three).refs == (three, two, one)


def test_what_arrives_while_merged_stays_and_what_it_repeated_is_filed_again(office: Office) -> None:
    """A paper that was a duplicate of one in the merged case is that case's no more when that is taken back."""
    one, two = two_halves(office)
    office.merge(one, two)
    again = office.arrives(packet()[:1], FAMILY, subject=f"Case {two}")
    assert again == two
    last = office.store.submissions()[-1].id
    assert [f.fate for f in office.store.fates(last)] == [Fate.DUPLICATE]
    assert since_merging(office.record(one), office.record(two)) == (last,)
    office.unmerge(one)
    office.works()
    assert [f.fate for f in office.store.fates(last)] == [Fate.FILED]
    assert len(office.record(one).documents) == 2
    assert len(office.record(two).documents) == 4


def test_a_ruling_while_merged_leaves_the_arrival_at_home(office: Office) -> None:
    """Decided again inside the other case, it goes back with its own."""
    one, two = two_halves(
        office, document(Kind.LETTER_OF_AGREEMENT, doubtful=("loa_signature_unclear",), physician_name="Dr. One")
    )
    office.merge(one, two)
    (held,) = office.store.held()
    office.store.rule(release(held, "Staff Example"), office.now)
    office.works()
    assert not office.record(two).held or all(h.state != "held" for h in office.record(two).held)
    office.unmerge(one)
    assert [d.document.kind for d in office.record(one).documents] == [Kind.LETTER_OF_AGREEMENT, Kind.INFORMED_CONSENT]


def test_a_case_waits_for_what_was_set_aside_of_it(office: Office) -> None:
    """R29: decided again and not read this time, an arrival is held in its case, which is not told that all is missing."""
    one = str(office.arrives(packet(), FAMILY))
    assert office.record(one).case.status is CaseStatus.OPEN
    told = len(office.store.outbox())
    (mine,) = office.record(one).submissions
    office.store.commit(hold_whole(Incoming(mine, (), (), ()), "malware"), office.now)
    office.works(settled=True)
    left = office.record(one)
    assert (left.case.status, len(left.documents), [h.reason for h in left.held]) == (CaseStatus.OPEN, 0, ["malware"])
    assert len(office.store.outbox()) == told
    office.store.rule(release(office.store.held()[0], "Staff Example"), office.now)
    office.works()
    assert len(office.record(one).documents) == len(packet())


def test_a_queued_list_of_gaps_is_withdrawn_and_sent_anew(office: Office) -> None:
    """The gaps are another packet's now; a list that tells them truly goes out once."""
    one, two = two_halves(office)
    office.works(settled=True)
    queued = [u.id for u in office.store.outbox() if u.event is Event.REJECTED and u.status is UpdateStatus.QUEUED]
    assert queued
    office.merge(one, two)
    assert {u.reason for u in office.store.outbox() if u.id in queued} == {"superseded"}
    office.works(settled=True)
    assert [u.event for u in office.record(two).updates if u.status is UpdateStatus.QUEUED and u.event is Event.REJECTED] == []
    assert office.record(two).case.status is CaseStatus.OPEN


def test_a_split_takes_whole_arrivals_and_nobody_of_the_other_hears(office: Office) -> None:
    """A cousin's papers in the wrong case: their sender gets no more mail about it, and no second acknowledgement."""
    one = str(office.arrives(packet()[:2], FAMILY))
    cousin = document(Kind.MEDICAL_RECORD, name="cousin", patient_name="", birth_date="")
    ours = next(str(u.message_id) for u in office.record(one).updates if u.message_id)
    assert office.arrives([cousin], CLINIC, answers=(ours,)) == one
    office.works(settled=True)
    told = [u for u in office.store.outbox() if u.status is UpdateStatus.QUEUED and u.address == CLINIC]
    assert told
    new = office.split(one, 1)
    assert not [u for u in office.record(one).updates if u.status is UpdateStatus.QUEUED and u.address == CLINIC]
    assert office.record(new).submissions[0].state is SubmissionState.WAITING
    office.works(settled=True)
    left, taken = office.record(one), office.record(new)
    assert [c.address for c in left.case.contacts] == [FAMILY]
    assert [c.address for c in taken.case.contacts] == [CLINIC]
    assert [d.document.id for d in taken.documents] == [cousin.id]
    assert {u.address for u in left.updates if u.status is UpdateStatus.QUEUED} <= {FAMILY}
    assert {u.address for u in taken.updates if u.status is UpdateStatus.QUEUED} == {CLINIC}
    assert len(office.acknowledged()) == 1
    assert {f.case_ref for f in office.store.fates(taken.submissions[0].id)} == {new}
    office.merge(new, one)  # the way back
    office.works(settled=True)
    assert len(office.record(one).documents) == 3
    assert len(office.acknowledged()) == 1


def test_a_split_arrival_stays_where_staff_put_it(office: Office) -> None:
    """Decided again it does not go back by itself, though it answers the old case's mail."""
    one = str(office.arrives(packet()[:2], FAMILY))
    doubtful = document(Kind.INFORMED_CONSENT, doubtful=("consent_signature_unclear",), name="second")
    assert office.arrives([doubtful], FAMILY) == one
    new = office.split(one, 1)
    office.works()
    (held,) = office.store.held()
    assert held.case_ref == new
    office.store.rule(release(held, "Staff Example"), office.now)
    office.works()
    assert [d.document.id for d in office.record(new).documents] == [doubtful.id]
    back = office.record(new)
    with pytest.raises(RefusedError, match="merge"):
        split(back, [back.submissions[0].id], office.record(one), WORD, world())


def test_a_split_into_a_case_that_is_there_and_back(office: Office) -> None:
    """--to, and the same the other way round."""
    one = str(office.arrives(packet()[:2], FAMILY))
    assert office.arrives([document(Kind.MEDICAL_RECORD, name="b", patient_name="", birth_date="", x=1)], FAMILY) is None
    (held,) = office.store.held()
    office.store.rule(release(held, "Staff Example", case=one), office.now)
    two = str(
        office.arrives([document(Kind.LETTER_OF_AGREEMENT, name="o", **OTHER), document(Kind.MEDICAL_RECORD, **OTHER)], CLINIC)
    )
    assert office.split(one, 1, two) == two
    office.works()
    assert [len(office.record(ref).submissions) for ref in (one, two)] == [1, 2]
    moved = next(
        n for n, s in enumerate(office.record(two).submissions) if len(office.record(two).documents) and s.id in held.submission
    )
    assert office.split(two, moved, one) == one
    office.works()
    assert [len(office.record(ref).submissions) for ref in (one, two)] == [2, 1]


def test_two_patients_are_not_merged_unless_staff_have_looked(office: Office) -> None:
    """R8: the papers name two people: refused; with --sure it is done, and the checklist still says it."""
    one = str(office.arrives(packet(), FAMILY))
    two = str(office.arrives([document(d.kind, **{**dict(d.fields), **OTHER}) for d in packet()], CLINIC))
    with pytest.raises(RefusedError, match="two people"):
        office.merge(one, two)
    office.merge(one, two, replace(WORD, sure=True))
    office.works()
    record = office.record(two)
    assert "identity_conflict" in {f.code for f in record.case.findings}
    office.store.commit(act(record, Act("match", "Staff Example"), world(office.now)), office.now)
    assert "identity_conflict" not in {f.code for f in office.record(two).case.findings}


def test_what_is_not_allowed_is_refused_with_a_sentence(office: Office) -> None:
    """Each refusal says what to do instead, and leaves no trace."""
    one, two = two_halves(office)
    first, second = office.record(one), office.record(two)

    def with_status(record: CaseRecord, status: CaseStatus) -> CaseRecord:
        return replace(record, case=replace(record.case, status=status))

    held = act(first, Act("hold", "Staff Example", facts={"hold": True}), world()).case
    assert held is not None
    refusals: list[tuple[str, Any]] = [
        ("--by", lambda: merge(first, second, Word(" "), world())),
        ("itself", lambda: merge(first, first, WORD, world())),
        ("merge .* into it", lambda: merge(with_status(first, CaseStatus.IN_REVIEW), second, WORD, world())),
        ("reopen", lambda: merge(first, with_status(second, CaseStatus.CLOSED), WORD, world())),
        ("disposed", lambda: merge(with_status(first, CaseStatus.DISPOSED), second, WORD, world())),
        ("on hold", lambda: merge(replace(first, case=held), second, WORD, world())),
        ("not merged", lambda: unmerge(first, second, WORD, world())),
        ("lists their ids", lambda: split(first, ["0" * 16], None, WORD, world())),
        ("all the case holds", lambda: split(first, [first.submissions[0].id], None, WORD, world())),
    ]
    for words, refused in refusals:
        with pytest.raises(RefusedError, match=words):
            refused()
    office.merge(one, two)
    gone = office.record(one)
    with pytest.raises(RefusedError, match="case unmerge"):
        act(gone, Act("note", "Staff Example"), world())
    with pytest.raises(RefusedError, match="name that one"):
        merge(gone, second, WORD, world())
    with pytest.raises(RefusedError, match="name that one"):
        split(gone, [gone.submissions[0].id], None, WORD, world())


def test_a_decision_from_before_the_merging_is_refused(office: Office) -> None:
    """The daemon and staff at once: whoever comes second decides again."""
    one, two = two_halves(office)
    for ref in (one, two):
        stale = act(office.record(ref), Act("note", "Staff Example", "x"), world(office.now))
        decision = merge(office.record(one), office.record(two), WORD, world(office.now))
        office.store.commit(decision, office.now)
        with pytest.raises(TemporaryError, match="case_moved"):
            office.store.commit(stale, office.now)
        with pytest.raises(TemporaryError, match="case_moved"):
            office.store.commit(decision, office.now)
        office.unmerge(one)


def test_every_word_is_in_the_history_and_in_the_trail(office: Office) -> None:
    """Who, when, with what: on both cases."""
    one, two = two_halves(office)
    office.merge(one, two)
    office.unmerge(one)
    said = [(s.actor, s.act, s.subject) for s in map(office.store.said, office.store.trail())]
    for expected in (("merged into " + two, one), (f"{one} merged into it", two), (f"{one} taken back out of it", two)):
        assert ("Staff Example", *expected) in said
    assert any(m.why == f"merged into {two}: {WORD.why}" and m.by == WORD.by for m in office.record(one).moves)
