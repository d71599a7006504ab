"""What was seen and nobody confirmed: shown to staff, granted by nobody but them."""

from __future__ import annotations

from typing import Any

import pytest

from records.model import FieldValue, Kind
from routing.acts import Act
from routing.proposals import proposals
from tests.ledger import Ledger
from tests.makers import document, incoming, packet, world


@pytest.mark.parametrize(
    ("field", "value", "act", "fact", "shown"),
    [
        ("return_requested", True, "return", {"return_requested": True}, "asked for"),
        ("video_requested", True, "video", {"video": True, "attending_physician": "Dr. Example"}, "asked for"),
        ("prefers", "fax", "prefer", {"prefers": "email"}, "fax"),
    ],
)
def test_a_wish_is_no_fact_until_staff_say_so(
    field: str, value: FieldValue, act: str, fact: dict[str, FieldValue], shown: str
) -> None:
    """R5, R32, R37: the mail's wish stands among the proposals and changes nothing; staff's word takes it off the list."""
    ledger = Ledger()
    said: dict[str, Any] = {field: value}
    letter = document(Kind.CORRESPONDENCE, **said)
    ledger.arrive(incoming([*packet(), letter]), world())
    wishes = {one.what: one.value for one in proposals(ledger.only)}
    assert wishes[field] == shown
    assert not set(fact) & set(ledger.only.case.facts)
    ledger.act(ledger.only.case.ref, Act(act, "Example Staff", "", fact), world())
    assert field not in {one.what for one in proposals(ledger.only)}
