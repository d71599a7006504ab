"""The checklist's answers that staff act on: why, about which document, and what their word settles."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from config.rules import Checklist
from records.model import CaseStatus, Document, Fact, Kind, Problem
from routing.acts import Act
from routing.completeness import check, slides
from tests.ledger import Ledger
from tests.makers import NOW, STUDY, document, incoming, packet, world

TODAY = date(2026, 3, 4)
VAGUE: dict[str, Any] = {"modality": "CT", "body_part": "CHEST"}


def fact(name: str, value: str | bool = True) -> dict[str, Fact]:
    return {name: Fact(name, value, "Staff Example", NOW)}


def codes(documents: list[Document], facts: dict[str, Fact] | None = None) -> list[tuple[str, str]]:
    return [(f.code, f.detail) for f in check(documents, facts or {}, Checklist(), TODAY).findings]


def doubtful_packet() -> list[Document]:
    """Everything, but the report does not say its day."""
    rest = [d for d in packet() if d.kind is not Kind.RADIOLOGY_REPORT]
    return [*rest, document(Kind.RADIOLOGY_REPORT, **VAGUE)]


def test_staff_settle_what_belongs_together_for_the_papers_they_saw() -> None:
    """R29: a doubt about pairing waits for a named person; a later report is a new question."""
    ledger = Ledger()
    ledger.arrive(incoming(doubtful_packet(), "a"), world(settled=True))
    ref = ledger.only.case.ref
    assert (ledger.status(), {f.code for f in ledger.only.case.findings}) == (CaseStatus.RECEIVED, {"pairing_unclear"})
    ledger.act(ref, Act("match", "Staff Example"), world(settled=True))
    assert ledger.status() is CaseStatus.OPEN
    ledger.arrive(incoming([document(Kind.RADIOLOGY_REPORT, **VAGUE, name="later")], "b"), world(settled=True))
    assert {f.code for f in ledger.only.case.findings} == {"pairing_unclear"}


def test_a_conflict_names_the_odd_document_and_what_differs() -> None:
    """R8: staff see which paper is another's and why it is thought so."""
    strange = document(Kind.MEDICAL_RECORD, patient_name="BORIS SAMPLE", birth_date="1975-12-30", name="strange")
    ((code, detail),) = [c for c in codes([*packet(), strange]) if c[0] == "identity_conflict"]
    assert detail.startswith("names differ, birth dates differ: strange.pdf, page 1 against ")
    everything = " ".join(d.id for d in (*packet(), strange))
    assert code not in dict(codes([*packet(), strange], fact("match", everything)))
    third = document(Kind.MEDICAL_RECORD, patient_name="CARLA EXAMPLE", birth_date="", name="third")
    assert "identity_conflict" in dict(codes([*packet(), strange, third], fact("match", everything)))


def test_two_patients_in_one_mail_are_held_with_the_evidence() -> None:
    """What differs and in which files, for staff."""
    strange = document(Kind.MEDICAL_RECORD, patient_name="BORIS SAMPLE", name="strange")
    (held,) = Ledger().arrive(incoming([*packet()[:1], strange]), world(settled=True)).held
    assert held.detail in {
        "names differ: strange.pdf, page 1 against letter_of_agreement.pdf, page 1",
        "names differ: letter_of_agreement.pdf, page 1 against strange.pdf, page 1",
    }


def test_a_cut_image_file_is_held_once_and_keeps_the_case_closed() -> None:
    """R13: the study is doubtful; the file's own problem is not a second thing for staff."""
    cut = document(Kind.RADIOLOGY_IMAGE, doubtful=("dicom_truncated",), **STUDY)
    rest = [d for d in packet() if d.kind is not Kind.RADIOLOGY_IMAGE]
    ledger = Ledger()
    ledger.arrive(
        incoming([*rest, cut], problems=(Problem("dicom_truncated", cut.part, "cut", cut.sha256s[0]),)), world(settled=True)
    )
    assert [h.reason for h in ledger.held] == ["dicom_truncated"]
    assert ledger.status() is CaseStatus.RECEIVED


def test_a_specimen_without_its_report_and_why() -> None:
    """R16: slides that a courier brought need their pathology report; an invoice needs both."""
    assert ("pathology_report_missing", "a specimen arrived") in codes(packet(), fact("courier_slides"))
    invoice = document(Kind.CUSTOMS_INVOICE, name="invoice")
    found = dict(codes([*packet(), invoice]))
    assert found["pathology_report_missing"] == found["specimen_missing"] == "asked for in invoice.pdf"
    assert "pathology_fee" not in dict(codes([*packet(), invoice], fact("pathology", "none")))


@pytest.mark.parametrize(
    ("papers", "said", "stain"),
    [
        ([], None, "unknown"),
        (["stained"], None, "stained"),
        (["stained", "unstained"], None, "both"),
        (["stained"], "unstained", "unstained"),
        (["stained"], "unknown", "stained"),
    ],
)
def test_the_stain_follows_staff_then_papers(papers: list[str], said: str | None, stain: str) -> None:
    """R15: the fee depends on it."""
    documents = [document(Kind.CORRESPONDENCE, slides=s) for s in papers]
    assert slides(documents, fact("slides", said) if said else {}) == stain


@pytest.mark.parametrize(
    ("reported", "imaged", "old"),
    [
        ("2025-09-04", "2025-09-04", True),
        ("2025-09-05", "2025-09-05", False),
        ("2025-09-04", "2026-02-20", True),  # newer images do not make the report newer
        ("2062-02-20", "2026-02-20", False),  # a misread year counts as no date
    ],
)
def test_the_newest_report_counts(reported: str, imaged: str, old: bool) -> None:
    """R24: calendar months from the newest report, six by default."""
    documents = [
        document(Kind.RADIOLOGY_REPORT, **{**STUDY, "study_date": reported}),
        document(Kind.RADIOLOGY_IMAGE, study_date=imaged),
    ]
    assert ("report_too_old" in dict(codes(documents))) is old
