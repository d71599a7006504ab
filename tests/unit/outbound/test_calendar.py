"""A proposed telephone conference: an hour at which both sides work, and a file that other programs understand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import ics
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.rules import Hours, Sending
from outbound.calendar import invitation, propose
from outbound.hours import is_open
from records.model import Event, Update
from tests.unit.outbound.making import NOW, PROGRAMME, update

HOURS, SENDING = Hours(), Sending()
SAN_DIEGO = ZoneInfo("America/Los_Angeles")
SLOT = datetime(2026, 12, 1, 16, 0, tzinfo=UTC)


def owed(**changes: object) -> Update:
    base = update(Event.OPENED, channel="teleconference", address="physician@example.org", meeting_at=SLOT)
    return replace(base, message_id="<u4f9a1c07@ucsd.edu>", **changes)  # type: ignore[arg-type] # the changes are fields of Update


@pytest.mark.parametrize(
    ("zone", "local"),
    [
        (None, datetime(2026, 11, 25, 10, 0, tzinfo=SAN_DIEGO)),  # a day after Tuesday 10:00
        ("America/Mexico_City", datetime(2026, 11, 25, 10, 0, tzinfo=SAN_DIEGO)),
        ("Europe/Madrid", datetime(2026, 11, 30, 8, 0, tzinfo=SAN_DIEGO)),  # 17:00 there; Thanksgiving lies between
        ("Asia/Tokyo", datetime(2026, 11, 25, 16, 0, tzinfo=SAN_DIEGO)),  # 9:00 on Thursday there
    ],
)
def test_the_hour_lies_in_the_working_day_of_both(zone: str | None, local: datetime) -> None:
    """A day ahead at least, our holidays left out, by their own clock from nine to six."""
    assert propose(NOW, HOURS, SENDING, zone) == local.astimezone(UTC)


def test_where_no_hour_is_common_none_is_invented() -> None:
    """In India it is night while our office works: staff find a way."""
    assert propose(NOW, HOURS, SENDING, "Asia/Kolkata") is None


@given(st.integers(0, 400 * 24 * 60), st.sampled_from([None, "Europe/Madrid", "Asia/Tokyo", "America/Bogota", "Europe/Lisbon"]))
def test_a_proposed_hour_is_never_outside_of_office_hours(minutes: int, zone: str | None) -> None:
    """Property, over both clock changes here and there: whole half hours, both ends inside on both sides."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    slot = propose(now, HOURS, SENDING, zone)
    if slot is None:
        assert zone == "Asia/Tokyo", "in summer its day begins after ours ends"
        return
    assert slot >= now + timedelta(days=1)
    assert slot.minute % 30 == 0
    end = slot + timedelta(minutes=SENDING.call_minutes)
    assert is_open(slot, HOURS)
    assert is_open(end - timedelta(seconds=1), HOURS)
    if zone:
        there, until = slot.astimezone(ZoneInfo(zone)), end.astimezone(ZoneInfo(zone))
        assert there.weekday() < 5
        assert (there.hour, there.minute) >= (9, 0) and (until.hour, until.minute) <= (18, 0)


def test_another_program_reads_the_proposal() -> None:
    """By a library that is not the one that wrote it: time, length, who, and nothing of a patient."""
    raw = invitation(owed(), PROGRAMME, HOURS, SENDING, NOW).decode()
    (event,) = ics.Calendar(raw).events
    assert event.uid == "u4f9a1c07@ucsd.edu"
    assert event.begin.astimezone(UTC) == SLOT
    assert event.duration == timedelta(minutes=30)
    assert event.organizer is not None
    assert event.organizer.email == "patientsintl@ucsd.edu"
    assert [one.email for one in event.attendees] == ["physician@example.org"]
    assert event.name == "[SOMRR-7F3K2-9] Telephone conference"
    assert "BEGIN:VTIMEZONE" in raw
    assert "METHOD:REQUEST" in raw
    assert "SEQUENCE:0" in raw
    assert raw.isascii()


def test_a_change_keeps_the_name_and_raises_the_number() -> None:
    """RFC 5546: same UID, higher SEQUENCE; a cancellation says so in method and status."""
    moved = invitation(owed(sequence=1, meeting_at=SLOT + timedelta(days=1)), PROGRAMME, HOURS, SENDING, NOW).decode()
    cancelled = invitation(owed(sequence=2), PROGRAMME, HOURS, SENDING, NOW, cancelled=True).decode()
    assert "UID:u4f9a1c07@ucsd.edu" in moved
    assert "UID:u4f9a1c07@ucsd.edu" in cancelled
    assert "SEQUENCE:1" in moved
    assert "SEQUENCE:2" in cancelled
    assert "METHOD:CANCEL" in cancelled
    assert "STATUS:CANCELLED" in cancelled
    assert "VALARM" not in cancelled


def test_without_an_address_it_is_published_not_asked() -> None:
    """RFC 5546: a request needs somebody to ask."""
    raw = invitation(owed(address=None), PROGRAMME, HOURS, SENDING, NOW).decode()
    assert "METHOD:PUBLISH" in raw
    assert "ATTENDEE" not in raw
    with pytest.raises(ValueError, match="time"):
        invitation(owed(meeting_at=None), PROGRAMME, HOURS, SENDING, NOW)
