"""R1: a requester in the United States is flagged to staff, and that is all."""

from __future__ import annotations

import pytest

from config.rules import Checklist
from records.model import Kind, Severity
from routing.completeness import check
from tests.makers import NOW, document, packet


@pytest.mark.parametrize(
    ("kind", "country", "flagged"),
    [
        (Kind.IDENTITY_DOCUMENT, "US", True),
        (Kind.MEDICAL_RECORD, "US", True),
        (Kind.MEDICAL_RECORD, "Mexico", False),
        (Kind.CUSTOMS_INVOICE, "US", False),  # the consignee is the programme itself
        (Kind.COVER_SHEET, "US", False),
    ],
)
def test_an_address_in_the_united_states_is_told_to_staff(kind: Kind, country: str, flagged: bool) -> None:
    """An advisory finding: the packet opens all the same."""
    papers = [*packet(), document(kind, country=country, name="more")]
    found = [f for f in check(papers, {}, Checklist(), NOW.date()).findings if f.code == "us_requester"]
    assert [f.severity for f in found] == ([Severity.ADVISORY] if flagged else [])
    assert check([*packet(), document(Kind.IDENTITY_DOCUMENT, country="US")], {}, Checklist(), NOW.date()).complete
