"""The life of cases against a model: arrivals, staff acts, merging, splitting, time, ends and crashes in any order.

R8, R23, R25-R29, R38-R40.
The ledger is a real one.  `LIFE_STEPS=all` runs the long form (`make life`): more than ten thousand steps.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import event

from config.rules import Rules
from config.settings import Settings
from daemon import disposal
from daemon.house import House
from records.audit import broken
from records.engine import sqlite_url
from records.errors import RefusedError, TemporaryError
from records.keys import HOUSE, Keyring
from records.model import (
    Arrival,
    CaseRecord,
    CaseStatus,
    Channel,
    Decision,
    Delivery,
    Document,
    Envelope,
    Event,
    HeldState,
    Kept,
    Kind,
    Outcome,
    Recipient,
    Submission,
    SubmissionState,
    UpdateStatus,
)
from records.store import Store
from records.vault import Vault
from routing import joining
from routing.acts import Act, act
from routing.decide import World, decide, reconsider
from routing.incoming import Incoming
from routing.lifecycle import TRANSITIONS
from routing.matching import FINISHED, keys_of
from routing.refs import new_ref
from routing.retention import Step, judge
from routing.rulings import discard, release
from tests.makers import NOW, STUDY, document, incoming, mail

LONG = os.environ.get("LIFE_STEPS") == "all"
EXAMPLES, STEPS = (120, 100) if LONG else (8, 40)
PATIENTS = (
    {"patient_name": "SYNTHETIC PATIENT ALPHA", "birth_date": "1961-04-03"},
    {"patient_name": "SYNTHETIC PERSON BRAVO", "birth_date": "1974-11-20"},
    {"patient_name": "SYNTHETIC SUBJECT CHARLIE", "birth_date": "1988-07-09"},
)
PAPERS = (Kind.LETTER_OF_AGREEMENT, Kind.INFORMED_CONSENT, Kind.RADIOLOGY_REPORT, Kind.RADIOLOGY_IMAGE, Kind.MEDICAL_RECORD)
FLAWS = {Kind.LETTER_OF_AGREEMENT: "loa_unsigned", Kind.INFORMED_CONSENT: "consent_unsigned"}
ACTS = ("approve", "pay", "begin", "complete", "close", "transfer", "reopen", "hold", "unhold", "return", "note")
STATED: dict[str, dict[str, Any]] = {"pay": {"paid": True}, "hold": {"hold": True}, "return": {"return_requested": True}}
people = st.integers(0, len(PATIENTS) - 1)
papers = st.lists(st.sampled_from(PAPERS), min_size=1, max_size=5, unique=True)


class PowerCutError(Exception):
    """The named fault: the machine stops at one statement of a transaction."""


class Life(RuleBasedStateMachine):
    """One intake office."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="somrr-life-")
        self.now, self.chance, self.count = NOW, random.Random(0), 0  # noqa: S311 - the same in every run
        self.ids = mock.patch("records.custody.secrets.token_hex", self.next_id)
        self.ids.start()
        self.brought: dict[str, Incoming] = {}  # by the digest of the bytes
        self.vouched: set[str] = set()  # cases of which staff said --sure
        self.store = self.opened()

    def opened(self) -> Store:
        self.keys = Keyring(Path(self.folder.name, "keys"))
        self.vault = Vault(Path(self.folder.name, "vault"), self.keys)
        return Store(sqlite_url(Path(self.folder.name, "records.db")), self.keys)

    def teardown(self) -> None:
        self.store.close()
        self.ids.stop()
        self.folder.cleanup()

    def next_id(self, size: int) -> str:
        """Random as in life, and the same in every run."""
        return self.chance.randbytes(size).hex()

    @initialize()
    def begin(self) -> None:
        self.chance.seed(1)

    # --- what happens

    @rule(who=people, kinds=papers, flaw=st.booleans(), doubt=st.booleans(), fax=st.booleans())
    def arrives(self, who: int, kinds: list[Kind], flaw: bool, doubt: bool, fax: bool) -> None:
        """A patient's papers come in some shape, by mail or fax."""
        made = [self.paper(who, kind, flaw, doubt) for kind in kinds]
        self.take(made, f"physician{who}@clinic.example", Channel.FAX if fax else Channel.EMAIL)

    @rule(who=people, other=people, kinds=papers)
    def arrives_mixed(self, who: int, other: int, kinds: list[Kind]) -> None:
        """One mail with the papers of two people."""
        made = [self.paper(who, kind, False, False) for kind in kinds]
        more = replace(self.paper(other, Kind.MEDICAL_RECORD, False, False), part="more.pdf", parts=("more.pdf",))
        self.take([*made, more], f"physician{who}@clinic.example", Channel.EMAIL)

    @rule(who=people, other=people, kinds=papers, more=papers, letter=st.booleans())
    def arrives_for_two(self, who: int, other: int, kinds: list[Kind], more: list[Kind], letter: bool) -> None:
        """One mail with the requests of two people, and perhaps a letter about both."""
        made = [self.paper(one, kind, False, False) for one, some in ((who, kinds), (other, more)) for kind in some]
        named = [replace(d, part=f"{n}.pdf", parts=(f"{n}.pdf",)) for n, d in enumerate(made)]
        about = document(Kind.CORRESPONDENCE, name="letter", patient_name="", birth_date="")
        self.take([*named, *([about] if letter else [])], f"office{who % 2}@clinic.example", Channel.EMAIL)

    @precondition(lambda self: self.living())
    @rule(at=st.integers(0, 10_000))
    def arrives_again(self, at: int) -> None:
        """The same bytes by another way."""
        known = self.living()[at % len(self.living())]
        self.count += 1
        envelope = Envelope(Channel.EMAIL, self.now)
        before = len(self.store.submissions())
        accepted = self.store.accept(Arrival("maildir", f"again-{self.count}", envelope), Kept(known, 1), self.now)
        assert not accepted.new
        assert len(self.store.submissions()) == before

    @rule(cut=st.integers(0, 60))
    def decides(self, cut: int) -> None:
        """All that waits is decided; the power may fail at any statement of the first, and then nothing of it is there."""
        while (submission := self.store.claim(self.now)) is not None:
            self.decide_claimed(submission, cut)
            cut = 0

    def decide_claimed(self, submission: Submission, cut: int) -> None:
        came = replace(self.brought[submission.digest], submission=submission, rulings=self.store.rulings(submission.id))
        candidates = self.store.candidates(keys_of(came))
        decision = decide(came, candidates, self.world())
        before = self.picture()
        try:
            with self.power_cut(cut):
                self.store.commit(decision, self.now)
        except PowerCutError:
            self.store.close()
            self.store = self.opened()
            assert self.picture() == before
            self.store.defer(submission.id, self.now, give_back=True)

    @rule(days=st.sampled_from((0, 0, 1, 7, 30, 160)), minutes=st.integers(0, 90))
    def time_passes(self, days: int, minutes: int) -> None:
        """Cases whose time has come are looked at again."""
        self.now += timedelta(days=days, minutes=minutes)
        for ref in self.store.looks_due(self.now):
            record = self.record(ref)
            self.store.commit(reconsider(record, self.world()), self.now)

    @precondition(lambda self: self.store.cases())
    @rule(at=st.integers(0, 10_000), name=st.sampled_from(ACTS))
    def staff_act(self, at: int, name: str) -> None:
        """An act is recorded, or refused with a sentence and no trace."""
        records = self.store.cases()
        record = records[at % len(records)]
        asked = Act(name, "Example Staff", "because", STATED.get(name), ("hold",) if name == "unhold" else ())
        try:
            decision = act(record, asked, self.world())
        except RefusedError as refused:
            assert refused.detail
            return
        self.store.commit(decision, self.now)

    @precondition(lambda self: len(self.store.cases()) > 1)
    @rule(at=st.integers(0, 10_000), other=st.integers(0, 10_000), sure=st.booleans())
    def staff_merge(self, at: int, other: int, sure: bool) -> None:
        """Two cases become one, where the papers name one person or staff know better."""
        records = self.store.cases()
        record, into = records[at % len(records)], records[other % len(records)]
        if self.staff_join(lambda word: joining.merge(record, into, replace(word, sure=sure), self.world())) and sure:
            self.vouched |= {*record.refs, *into.refs}

    @precondition(lambda self: self.merged())
    @rule(at=st.integers(0, 10_000))
    def staff_unmerge(self, at: int) -> None:
        """And two again: each has what it had, and the other what came since."""
        ref = self.merged()[at % len(self.merged())]
        record = self.record(ref)
        had = {f.document.id for f in record.documents}, {s.id for s in record.submissions}
        into = self.record(str(record.case.merged_into))
        if self.staff_join(lambda word: joining.unmerge(record, into, word, self.world())):
            back, left = self.record(ref), self.record(into.case.ref)
            assert ({f.document.id for f in back.documents}, {s.id for s in back.submissions}) == had
            assert not {s.id for s in left.submissions if len(s.case_refs) == 1} & had[1]

    @precondition(lambda self: any(len(record.submissions) > 1 for record in self.store.cases()))
    @rule(at=st.integers(0, 10_000), which=st.integers(0, 10_000), to=st.one_of(st.none(), st.integers(0, 10_000)))
    def staff_split(self, at: int, which: int, to: int | None) -> None:
        """An arrival leaves its case, for a new one or for another."""
        records = self.store.cases()
        many = [record for record in records if len(record.submissions) > 1]
        record = many[at % len(many)]
        arrival = record.submissions[which % len(record.submissions)].id
        other = None if to is None else records[to % len(records)]
        self.staff_join(lambda word: joining.split(record, [arrival], other, word, self.world()))

    def staff_join(self, decided: Callable[[joining.Word], Decision]) -> bool:
        """Written whole, or refused with a sentence; nothing is owed because of it."""
        owed = {u.id for u in self.store.outbox()}
        try:
            decision = decided(joining.Word("Example Staff", "because"))
        except RefusedError as refused:
            assert refused.detail
            return False
        before = self.picture()
        try:
            with self.power_cut(self.chance.randrange(60)):
                self.store.commit(decision, self.now)
        except PowerCutError:
            self.store.close()
            self.store = self.opened()
            assert self.picture() == before
            return False
        assert {u.id for u in self.store.outbox()} == owed
        return True

    @rule()
    def disposes(self) -> None:
        """The daily run: what was inactive long enough is listed, then ends; its keys are gone, those of others not."""
        house = cast(
            House,
            SimpleNamespace(
                store=self.store, keys=self.keys, vault=self.vault, sources=(), settings=Settings(), world=self.world
            ),
        )
        judged = list(disposal.plan(house, self.now))
        due = [one.subject for one in judged if one.retention.step is Step.DISPOSE]
        keys = {ref: self.store.data_keys(ref) for one in judged if one.record for ref in one.record.refs}
        blocked = {one.subject for one in judged if one.retention.step is Step.BLOCKED}
        disposal.run(house, judged, "machine", self.now, len(due))
        ended = {s.id for s in self.store.submissions() if s.state is SubmissionState.DISPOSED}
        assert not blocked & {r.case.ref for r in self.store.cases() if r.case.status is CaseStatus.DISPOSED}
        for one in judged:
            if one.record is not None and one.subject in due:
                assert {s.id for s in one.record.submissions} <= ended
                assert not any(self.keys.holds(key) for ref in one.record.refs for key in keys[ref] - {HOUSE})
        assert self.store.erasures() == []

    @precondition(lambda self: self.store.held())
    @rule(at=st.integers(0, 10_000), let_go=st.booleans())
    def staff_rule(self, at: int, let_go: bool) -> None:
        """A held thing is released into its case, or a new one, or discarded."""
        waiting = self.store.held()
        held = waiting[at % len(waiting)]
        try:
            if let_go:
                whole = not held.part and held.document is None
                ruled = release(held, "Example Staff", case=(held.case_ref or "new") if whole else None)
            else:
                ruled = discard(held, "Example Staff", "no packet")
        except RefusedError as refused:
            assert refused.detail
            return
        self.store.rule(ruled, self.now)

    @rule(outcome=st.sampled_from(list(Outcome)))
    def delivers(self, outcome: Outcome) -> None:
        """One attempt to send what is due."""
        owed = self.store.due(self.now + timedelta(days=4))
        if owed is not None:
            again = self.now + timedelta(hours=1) if owed.attempts < 3 else None
            self.store.record_delivery(owed, Delivery(outcome, "250", self.now), again)

    @rule(repeatable=st.booleans())
    def killed(self, repeatable: bool) -> None:
        """The process dies between two steps, with something claimed, and is started again."""
        claimed = self.store.claim(self.now)
        self.store.due(self.now)
        self.store.close()
        self.store = self.opened()
        self.store.recover(repeatable)
        if claimed is not None:
            self.store.defer(claimed.id, self.now, give_back=True)

    # --- what must hold

    @invariant()
    def nothing_is_lost(self) -> None:
        """Every arrival is a submission in one state, and every part of a decided one has one fate."""
        kept = {s.digest: s for s in self.store.submissions()}
        assert set(kept) == set(self.brought)
        for digest, submission in kept.items():
            if submission.state not in (SubmissionState.WAITING, SubmissionState.DISPOSED):
                fates = Counter(f.part for f in self.store.fates(submission.id))
                assert fates == Counter(p.path for p in self.brought[digest].parts)
                assert {f.case_ref for f in self.store.fates(submission.id)} - {None} <= set(submission.case_refs)

    @invariant()
    def moves_are_listed(self) -> None:
        """The history of a case is a chain of moves from the table; review has a named person and an approval."""
        for record in self.store.cases():
            at = CaseStatus.RECEIVED if record.case.status is not CaseStatus.DISPOSED else record.moves[0].from_status
            for step in record.moves:  # of a disposed case, its end alone
                if step.from_status is None:
                    continue
                assert step.from_status is at
                if step.from_status is not step.to_status:
                    assert (step.from_status, step.to_status) in TRANSITIONS
                if step.to_status is CaseStatus.IN_REVIEW and step.from_status is CaseStatus.OPEN:
                    assert step.by == "Example Staff"
                    assert {"approved", "paid"} <= record.case.facts.keys()
                at = step.to_status
            assert at is record.case.status

    @invariant()
    def patients_never_mix(self) -> None:
        """Whatever staff released blindly aside, a case holds one patient, and a patient has one case that is not finished."""
        active: Counter[str] = Counter()
        for record in self.store.cases():
            ruled = any(h.state is HeldState.RELEASED for s in record.submissions for h in self.store.rulings(s.id))
            released = ruled or bool(self.vouched & set(record.refs))
            names = {str(f.document.fields["patient_name"]) for f in record.documents} - {""}
            assert released or len(names) <= 1
            parted = any("split off" in m.why or "taken back" in m.why for m in record.moves)  # staff's word: two requests
            if not released and not parted and record.case.status not in FINISHED:
                active.update(names)
        assert all(n == 1 for n in active.values())

    @invariant()
    def told_once(self) -> None:
        """One acknowledgement a case, no update twice, and no rejection while a held thing could fill the gap."""
        for record in self.store.cases():
            acknowledged = [u for u in record.updates if u.event is Event.ACKNOWLEDGED]
            assert len(acknowledged) <= 1
            assert not acknowledged or not any("split off from" in m.why for m in record.moves[:1])
            people = {c.address for c in record.case.contacts}
            owed = [u for u in record.updates if u.status is UpdateStatus.QUEUED and u.recipient is Recipient.SUBMITTER]
            assert {u.address for u in owed} <= people
            assert len({u.id for u in record.updates}) == len(record.updates)
            assert all(u.address or u.status is not UpdateStatus.SENT for u in record.updates)
            assert all(u.recipient is not Recipient.PHYSICIAN or u.event is not Event.ACKNOWLEDGED for u in record.updates)

    @invariant()
    def blocked_cases_stay(self) -> None:
        """R39: in review, on hold, asked back or with something in quarantine: never due for disposal."""
        far = self.now + timedelta(days=2000)
        for record in self.store.cases():
            waiting = any(h.state is HeldState.HELD for h in record.held)
            blocked = (
                waiting or record.case.status is CaseStatus.IN_REVIEW or {"hold", "return_requested"} & record.case.facts.keys()
            )
            assert not blocked or judge(record, Rules(), far).step is Step.BLOCKED

    @invariant()
    def the_trail_is_whole(self) -> None:
        """No entry is missing or moved."""
        assert not list(broken(self.store.trail(), {}))

    # --- the office

    def paper(self, who: int, kind: Kind, flaw: bool, doubt: bool) -> Document:
        missing = (FLAWS[kind],) if flaw and kind in FLAWS else ()
        doubtful = ("loa_signature_unclear",) if doubt and kind is Kind.LETTER_OF_AGREEMENT and not flaw else ()
        said = STUDY if kind in (Kind.RADIOLOGY_REPORT, Kind.RADIOLOGY_IMAGE) else {}
        name = f"{PATIENTS[who]['patient_name']} {kind}" if flaw or doubt or self.chance.random() < 0.5 else ""
        return document(kind, *missing, doubtful=doubtful, name=name, **said, **PATIENTS[who])

    def take(self, made: list[Document], sender: str, channel: Channel) -> None:
        self.count += 1
        self.now += timedelta(seconds=1)
        name = f"arrival-{self.count}"
        letter = mail(sender, name) if channel is Channel.EMAIL else None
        came = incoming(made, name, letter=letter, channel=channel, at=self.now, sender=None if letter else "+1 555 0100")
        envelope = came.submission.envelope
        kept = Kept(came.submission.digest, came.submission.size)
        accepted = self.store.accept(Arrival("maildir", name, envelope), kept, self.now)
        assert accepted.new
        self.brought[kept.digest] = came

    def world(self) -> World:
        return World(Rules(), self.now, new_ref(self.chance.getrandbits(50)), f"{self.chance.getrandbits(64):x}", lambda m: m)

    def living(self) -> list[str]:
        """Digests of what can still be read."""
        gone = {s.digest for s in self.store.submissions() if s.state is SubmissionState.DISPOSED}
        return sorted(set(self.brought) - gone)

    def merged(self) -> list[str]:
        """References of the cases that count in another."""
        return [ref for record in self.store.cases() for ref in record.refs[1:] if record.case.status is not CaseStatus.DISPOSED]

    def record(self, ref: str) -> CaseRecord:
        found = self.store.record(ref)
        assert found is not None
        return found

    def picture(self) -> tuple[Any, ...]:
        """All that a decision may change."""
        return tuple(self.store.cases()), tuple(self.store.held(None)), tuple(self.store.outbox())

    @contextmanager
    def power_cut(self, statement: int) -> Iterator[None]:
        """Fail at that statement; a transaction with fewer goes through."""
        left = [statement]

        def count(*_: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise PowerCutError

        event.listen(self.store.engine, "before_cursor_execute", count)
        try:
            yield
        finally:
            event.remove(self.store.engine, "before_cursor_execute", count)


@pytest.mark.timeout(3600 if LONG else 300)
def test_life() -> None:
    """Conservation, listed moves, no mixing, told once, no disposal of what is blocked: over random lives."""
    many = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=not LONG,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink] if LONG else [Phase.generate],
    )
    run_state_machine_as_test(Life, settings=many)


def test_a_commit_from_an_older_record_is_refused() -> None:
    """Two decide at once: the second must look again, so that decisions on one case never cross."""
    life = Life()
    try:
        life.arrives(0, list(PAPERS), False, False, False)
        life.decides(0)
        record = life.store.cases()[0]
        decision = act(record, Act("note", "Example Staff", "first"), life.world())
        life.store.commit(decision, life.now)
        with pytest.raises(TemporaryError, match="case_moved"):
            life.store.commit(decision, life.now)
    finally:
        life.teardown()
