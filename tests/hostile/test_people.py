"""Cases 35-38 and 40: people who are not who they seem, and names that are more than names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from records.model import Kind, SubmissionState
from routing.refs import new_ref
from tests.ledger import Ledger
from tests.makers import PHYSICIAN, document, incoming, mail, packet, world


def opened() -> Ledger:
    """One case, open, whose physician writes from `PHYSICIAN`."""
    ledger = Ledger()
    ledger.arrive(incoming(packet(), "a"), world())
    return ledger


@pytest.mark.parametrize("answers", [("<a@clinic.example>",), ()], ids=["thread", "reference"])
def test_case_35_a_stranger_who_quotes_another_case(answers: tuple[str, ...]) -> None:
    """Not attached, for staff to see, and the stranger learns nothing: no answer at all."""
    ledger = opened()
    known = new_ref(2**50 - 3)
    before = replace(ledger.only, case=replace(ledger.only.case, ref=known))
    ledger.records = {known: before}
    stranger = mail("stranger@else.example", "b", answers, subject="" if answers else f"Your case {known}")
    paper = document(Kind.MEDICAL_RECORD, patient_name="", birth_date="")
    decision = ledger.arrive(incoming([paper], "b", letter=stranger), world())
    assert [held.reason for held in decision.held] == ["unknown_sender"]
    assert decision.updates == ()
    assert ledger.records == {known: before}


@pytest.mark.parametrize("known", [True, False])
def test_case_35_a_reference_tells_a_stranger_nothing(known: bool) -> None:
    """A packet of somebody new that quotes a real reference, or one that nobody has: held both times, and never acknowledged."""
    ledger = opened()
    real, made_up = new_ref(2**50 - 3), new_ref(2**49 + 5)
    ledger.records = {real: replace(ledger.only, case=replace(ledger.only.case, ref=real))}
    stranger = mail("stranger@else.example", "b", subject=f"Your case {real if known else made_up}")
    other: dict[str, Any] = {"patient_name": "ANOTHER SYNTHETIC BETA", "birth_date": "1975-12-30"}
    papers = [document(Kind.LETTER_OF_AGREEMENT, **other), document(Kind.INFORMED_CONSENT, **other)]
    decision = ledger.arrive(incoming(papers, "b", letter=stranger), world())
    assert (decision.submission_state, decision.case, decision.updates) == (SubmissionState.QUARANTINED, None, ())
    assert [held.reason for held in decision.held] == ["identity_conflict" if known else "unknown_reference"]
    assert list(ledger.records) == [real]


def test_case_36_answers_wished_elsewhere() -> None:
    """Reply-To is a wish for staff to see; updates go to the sender who was checked."""
    ledger = Ledger()
    ledger.arrive(incoming(packet(), "a", letter=replace(mail(name="a"), reply_to="elsewhere@else.example")), world())
    assert {update.address for update in ledger.only.updates} == {PHYSICIAN}


@pytest.mark.parametrize("address", [PHYSICIAN.replace("c", "с", 1), PHYSICIAN.replace("clinic", "cl1nic")])
def test_case_37_a_physician_who_only_looks_like_one(address: str) -> None:
    """The right display name, a letter of another script or a digit in the address: a stranger, and nothing is sent there."""
    ledger = opened()
    assert address != PHYSICIAN
    for papers in ([document(Kind.MEDICAL_RECORD, patient_name="", birth_date="")], [document(Kind.MEDICAL_RECORD)]):
        letter = mail(address, f"b{len(ledger.decisions)}", ("<a@clinic.example>",))
        decision = ledger.arrive(incoming(papers, letter.message_id, letter=letter), world())
        assert [held.reason for held in decision.held] == (["unknown_sender"] if not papers[0].fields["patient_name"] else [])
    assert {update.address for record in ledger.records.values() for update in record.updates} == {PHYSICIAN}


def test_case_38_one_patient_through_two_physicians() -> None:
    """Name and birth date agree, sender and physician do not: never merged by machine."""
    ledger = opened()
    other = document(Kind.LETTER_OF_AGREEMENT, physician_name="Dr. Unrelated Somebody", name="second")
    decision = ledger.arrive(incoming([other], "b", letter=mail("other@hospital.example", "b")), world())
    assert [held.reason for held in decision.held] == ["ambiguous_case"]
    assert len(ledger.records) == 1


def test_case_40_no_cell_is_ever_written() -> None:
    """A name that is a formula is inert: the program writes text, JSON, PDF and mail, and nothing that a spreadsheet opens."""
    rooms = ("config", "daemon", "outbound", "records", "routing", "classifiers", "reading")
    sources = [path for room in rooms for path in Path(room).rglob("*.py")]
    assert len(sources) > 50
    writers = re.compile(r"(?m)^\s*(?:import|from) (?:csv|openpyxl|xlsxwriter|xlwt|pandas|odf)\b")
    assert [str(path) for path in sources if writers.search(path.read_text())] == []
    assert writers.search("import csv\n")
