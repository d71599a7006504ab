"""Whose a report is: by the name of its packet's other papers, or in doubt, never passed over."""

from __future__ import annotations

import pytest

from classifiers.identify import identify
from config.rules import Identifying
from records.model import Document, Kind, Page, Part, Reading, Role, TextSource

EXAM = (
    "RADIOLOGY REPORT\n{who}\nExam: CT chest with contrast\nExam date: 2026-03-14\n"
    "Findings: lungs are clear, no pleural effusion.\nImpression: normal."
)
RECORD = "DISCHARGE SUMMARY\nPatient: Anna Muster\nAdmitted with abdominal pain. Discharged home on omeprazole 20 mg daily."


def report(who: str) -> Document:
    texts = {"a.pdf": EXAM.format(who=who), "b.pdf": RECORD}
    parts = tuple(
        Part(path, path[0] * 64, 1, "application/pdf", Role.ATTACHMENT, (Page(1, text, TextSource.LAYER),))
        for path, text in texts.items()
    )
    found = identify(Reading("0" * 64, "1", "message/rfc822", parts, ()), Identifying())
    return next(d for d in found if d.kind is Kind.RADIOLOGY_REPORT)


@pytest.mark.parametrize("who", ["RE: Anna Muster, seen in our department.", "Mrs. Muster, Anna was examined."])
def test_a_name_of_the_packet_that_stands_in_a_report_is_its_patients(who: str) -> None:
    """Letters give a name without any label."""
    found = report(who)
    assert (found.fields["patient_name"], found.findings) == ("Anna Muster", ())


@pytest.mark.parametrize("who", ["RE: Berta Muster, seen in our department.", "Anna was examined.", ""])
def test_a_report_of_nobody_known_is_doubtful(who: str) -> None:
    """R8: it may be a relative's or a stranger's."""
    assert [f.code for f in report(who).findings] == ["identity_unread"]


def test_a_number_or_a_birth_date_is_enough_to_compare() -> None:
    """A report that can be compared is compared, not doubted."""
    assert report("MRN: 5550123").findings == ()
