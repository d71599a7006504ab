"""Several patients in one transmission: each in a case of their own where that is certain, else a person decides (R8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from records.model import Document, Event, Fate, Kind, Part, Problem, Role, SubmissionState
from tests.ledger import Ledger
from tests.makers import NOW, STUDY, document, incoming, mail, packet, world

ALPHA: dict[str, Any] = {"patient_name": "SYNTHETIC PATIENT ALPHA", "birth_date": "1961-04-03"}
BRAVO: dict[str, Any] = {"patient_name": "SAMPLE PERSON BRAVO", "birth_date": "1974-11-20"}
CHARLIE: dict[str, Any] = {"patient_name": "INVENTED SUBJECT CHARLIE", "birth_date": "1988-07-09"}
FIVE = ("AAAA BBBB", "CCCC DDDD", "MMMM NNNN", "TTTT VVVV", "KKKK ZZZZ")
NOBODY: dict[str, Any] = {"patient_name": "", "birth_date": ""}


def papers(who: dict[str, Any], *kinds: Kind, **more: Any) -> list[Document]:
    """One file a paper, named after the patient."""
    return [
        document(kind, name=f"{who['patient_name']} {kind}", **{**(STUDY if kind.startswith("radiology") else {}), **who, **more})
        for kind in kinds or (Kind.LETTER_OF_AGREEMENT, Kind.INFORMED_CONSENT, Kind.RADIOLOGY_REPORT, Kind.RADIOLOGY_IMAGE)
    ]


def apart(made: list[Document]) -> list[Document]:
    """The same in files of their own."""
    return [replace(d, part=f"x{d.part}", parts=(f"x{d.part}",)) for d in made]


def test_two_requests_in_one_mail_are_two_cases() -> None:
    """Each has its own reference, papers and acknowledgement; a letter about both is in neither."""
    ledger = Ledger()
    about = document(Kind.CORRESPONDENCE, name="letter", **NOBODY)
    second = ledger.arrive(
        incoming([*papers(ALPHA), *papers(BRAVO, Kind.LETTER_OF_AGREEMENT, Kind.MEDICAL_RECORD), about]), world()
    )
    (first,) = second.also  # in the order of their files' names
    assert first.case is not None
    assert second.case is not None
    assert first.case.ref != second.case.ref
    assert first.case.token != second.case.token
    assert [first.case.status, second.case.status] == ["open", "received"]
    for one, who in ((first, ALPHA), (second, BRAVO)):
        assert {f.document.fields["patient_name"] for f in one.documents} == {who["patient_name"]}
        assert [u.event for u in one.updates if u.event is Event.ACKNOWLEDGED] == [Event.ACKNOWLEDGED]
        other = second if one is first else first
        assert other.case is not None
        assert other.case.ref not in repr([*one.updates, *one.documents, *one.keys])
    fates = [*first.fates, *second.fates]
    assert sorted(f.part for f in fates) == sorted({f.part for f in fates})
    assert {f.reason for f in fates if f.fate is Fate.IGNORED} == {"between_patients"}
    assert {f.case_ref for f in first.fates} == {first.case.ref}
    assert {f.case_ref for f in second.fates} == {second.case.ref, None}


def test_decided_again_each_paper_stays_in_its_case() -> None:
    """A ruling or a retry runs the same path: no case, no paper and no acknowledgement twice."""
    ledger = Ledger()
    came = incoming([*papers(ALPHA), *papers(BRAVO)])
    ledger.arrive(came, world())
    refs = set(ledger.records)
    told = {u.id for record in ledger.records.values() for u in record.updates}
    lies = replace(came, submission=replace(came.submission, case_refs=tuple(sorted(refs))))
    ledger.arrive(lies, world())
    assert set(ledger.records) == refs
    assert {u.id for record in ledger.records.values() for u in record.updates} == told
    assert [len(record.documents) for record in ledger.records.values()] == [4, 4]


def test_papers_for_two_known_cases_find_both() -> None:
    """A clinic sends late results of two patients whose cases are there: no request is begun, each is filed."""
    ledger = Ledger()
    ledger.arrive(incoming(papers(ALPHA), "a"), world())
    ledger.arrive(incoming(papers(BRAVO), "b"), world())
    results = [*papers(ALPHA, Kind.MEDICAL_RECORD), *papers(BRAVO, Kind.MEDICAL_RECORD)]
    decision = ledger.arrive(incoming(results, "c"), world())
    assert len(decision.also) == 1
    assert len(ledger.records) == 2
    assert [len(record.documents) for record in ledger.records.values()] == [5, 5]


def test_an_answer_in_the_thread_of_two_cases_goes_to_staff() -> None:
    """The mail's own id points at both; without a name it is nobody's."""
    ledger = Ledger()
    ledger.arrive(incoming([*papers(ALPHA), *papers(BRAVO)], "a"), world())
    answer = mail(name="b", answers=("<a@clinic.example>",))
    unnamed = document(Kind.MEDICAL_RECORD, **NOBODY)
    decision = ledger.arrive(incoming([unnamed], "b", letter=answer), world())
    assert [h.reason for h in decision.held] == ["ambiguous_case"]


@pytest.mark.parametrize(
    ("what", "came"),
    [
        ("a stray paper of somebody else", [*packet(), *papers(BRAVO, Kind.MEDICAL_RECORD)]),
        ("the letter of one, the rest of another", [*papers(ALPHA, Kind.LETTER_OF_AGREEMENT), *papers(BRAVO)]),
        ("a paper without a name", [*papers(ALPHA), *papers(BRAVO), document(Kind.MEDICAL_RECORD, name="x", **NOBODY)]),
        ("a name and nothing else", [*papers(ALPHA), *papers(BRAVO), *papers({**BRAVO, "birth_date": ""}, Kind.MEDICAL_RECORD)]),
        ("one birth date", [*papers(ALPHA), *papers({**BRAVO, "birth_date": ALPHA["birth_date"]})]),
        ("birth dates one digit apart", [*papers(ALPHA), *papers({**BRAVO, "birth_date": "1961-04-08"})]),
        ("one name, two birth dates", [*papers(ALPHA), *apart(papers({**ALPHA, "birth_date": "1999-09-09"}))]),
        (
            "a wish without a name",
            [*papers(ALPHA), *papers(BRAVO), document(Kind.CORRESPONDENCE, pathology_requested=True, **NOBODY)],
        ),
        ("a card", [*papers(ALPHA), *papers(BRAVO), *papers(BRAVO, Kind.PAYMENT_CARD)]),
        ("an unidentified paper", [*papers(ALPHA), *papers(BRAVO), document(Kind.UNKNOWN, name="u", **NOBODY)]),
        (
            "five patients",
            [d for n, name in enumerate(FIVE) for d in papers({"patient_name": name, "birth_date": f"19{n}1-0{n + 1}-1{n}"})],
        ),
    ],
)
def test_what_is_not_certain_is_held_whole(what: str, came: list[Document]) -> None:
    """Never mixed, never opened, nobody answered."""
    ledger = Ledger()
    decision = ledger.arrive(incoming(came), world(settled=True))
    assert decision.submission_state is SubmissionState.QUARANTINED, what
    assert [h.reason for h in decision.held] == ["identity_conflict"], what
    assert not ledger.records
    assert not decision.updates


def test_a_file_with_both_patients_is_not_split() -> None:
    """A part belongs wholly to one patient, or the whole waits."""
    one, *rest = papers(BRAVO)
    alpha = papers(ALPHA)
    inside = replace(one, part=alpha[0].part, parts=(alpha[0].part,), pages=(2,))
    decision = Ledger().arrive(incoming([*alpha, inside, *rest]), world())
    assert [h.reason for h in decision.held] == ["identity_conflict"]


def test_an_unread_file_leaves_it_to_staff() -> None:
    """It might be either's."""
    locked = Problem("encrypted", "locked.pdf", "", "f" * 64)
    decision = Ledger().arrive(incoming([*papers(ALPHA), *papers(BRAVO)], problems=(locked,)), world())
    assert [h.reason for h in decision.held] == ["identity_conflict"]


def test_a_doubt_waits_in_its_own_patients_case() -> None:
    """A doubtful signature of the one keeps nothing of the other."""
    ledger = Ledger()
    doubtful = document(Kind.INFORMED_CONSENT, doubtful=("consent_signature_unclear",), name="b consent", **BRAVO)
    came = [*papers(ALPHA), *papers(BRAVO, Kind.LETTER_OF_AGREEMENT, Kind.RADIOLOGY_REPORT, Kind.RADIOLOGY_IMAGE), doubtful]
    ledger.arrive(incoming(came), world(settled=True))
    states = {str(r.documents[0].document.fields["patient_name"]): (r.case.status, len(r.held)) for r in ledger.records.values()}
    assert states == {ALPHA["patient_name"]: ("open", 0), BRAVO["patient_name"]: ("received", 1)}


def test_the_desks_word_puts_everything_in_one_case_or_asks() -> None:
    """What a courier brought for one case is not split by machine."""
    came = incoming([*papers(ALPHA), *papers(BRAVO)])
    named = replace(came, submission=replace(came.submission, envelope=replace(came.submission.envelope, case_ref="SOMRR-X")))
    assert [h.reason for h in Ledger().arrive(named, world()).held] == ["identity_conflict"]


def test_programs_and_pictures_of_the_mail_keep_their_reasons() -> None:
    """What is in no patient's file is ignored for what it is."""
    ledger = Ledger()
    came = incoming([*papers(ALPHA), *papers(CHARLIE)])
    program = Part("viewer.exe", "e" * 64, 9, "application/x-dosexec", Role.PROGRAM)
    decision = ledger.arrive(replace(came, parts=(*came.parts, program)), world(NOW))
    assert len(ledger.records) == 2
    assert {(f.part, f.reason) for f in decision.fates if f.fate is Fate.IGNORED} == {("viewer.exe", "program_never_run")}
