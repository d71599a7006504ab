"""What an update says beside the checklist's own findings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.rules import Rules
from records.model import Event, Held, HeldState, Kind, Severity
from routing.announce import announce
from tests.ledger import Ledger
from tests.makers import NOW, document, incoming, world


@pytest.mark.parametrize(("state", "told"), [(HeldState.DISCARDED, True), (HeldState.HELD, False), (HeldState.RELEASED, False)])
def test_a_photo_that_staff_set_aside_is_named_while_images_are_missing(state: HeldState, told: bool) -> None:
    """R13: so that nobody sends another photo; as advice, so that it is no gap of its own and changes none (R28)."""
    ledger = Ledger()
    ledger.arrive(incoming([document(Kind.RADIOLOGY_REPORT)]), world(settled=True))
    held = Held("h", "one", "not_an_image_set", "", ledger.only.case.ref, "photo.jpg", state=state)
    record = replace(ledger.only, held=(held,))
    owed = announce(record, [Event.REJECTED], record.case.findings, Rules(), NOW, lambda at: at).updates[0]
    assert [f.severity for f in owed.findings if f.code == "not_an_image_set"] == [Severity.ADVISORY] * told
    without = [f for f in record.case.findings if f.requirement != Kind.RADIOLOGY_IMAGE]
    owed = announce(record, [Event.REJECTED], without, Rules(), NOW, lambda at: at).updates[0]
    assert "not_an_image_set" not in {f.code for f in owed.findings}
