"""A telephone conference proposed in office hours of both sides (R31, R32), as an iCalendar file that staff can forward.

Pure.  The UID stays the same for ever, a change raises SEQUENCE, a cancellation says so (RFC 5545, RFC 5546).
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, vCalAddress, vText

from config.rules import Hours, Programme, Sending
from outbound.addresses import is_address
from outbound.hours import is_open, next_opening
from records.model import Update

_AHEAD = timedelta(days=1)  # time for staff to ask, and for the physician to answer
_STEP, _TICK = timedelta(minutes=30), timedelta(seconds=1)
_SLOTS = 48 * 14  # two weeks of half hours


def propose(now: datetime, hours: Hours, sending: Sending, zone: str | None) -> datetime | None:
    """The first time, a day ahead at least, at which both sides work; None when no such hour comes within two weeks.

    Where the physician's time zone is not known, our own hours alone decide.
    """
    length = timedelta(minutes=sending.call_minutes)
    moment = next_opening(now + _AHEAD, hours)
    starts = (_whole(moment) + number * _STEP for number in range(_SLOTS))
    ours = (start for start in starts if start >= moment and is_open(start, hours) and is_open(start + length - _TICK, hours))
    return next((start for start in ours if zone is None or _at_work(start, length, ZoneInfo(zone), sending)), None)


def invitation(
    update: Update, programme: Programme, hours: Hours, sending: Sending, stamp: datetime, *, cancelled: bool = False
) -> bytes:
    """The proposal for `update.meeting_at`: the reference and our own facts, no patient data (R33)."""
    if update.meeting_at is None:
        raise ValueError("no time has been proposed")
    zone = ZoneInfo(hours.zone)
    event = Event()
    event.add("uid", update.message_id.strip("<>") if update.message_id else update.id)
    event.add("sequence", update.sequence)
    event.add("dtstamp", stamp)
    event.add("dtstart", update.meeting_at.astimezone(zone))
    event.add("dtend", update.meeting_at.astimezone(zone) + timedelta(minutes=sending.call_minutes))
    event.add("summary", f"[{update.case_ref}] Telephone conference")
    event.add("description", f"Second opinion, case {update.case_ref}. Fax {programme.fax}, email {programme.mailbox}.")
    event.add("status", "CANCELLED" if cancelled else "TENTATIVE")
    event.add("class", "CONFIDENTIAL")
    organizer = vCalAddress(f"mailto:{programme.mailbox}")
    organizer.params["cn"] = vText(programme.sender_name)
    event.add("organizer", organizer)
    if is_address(update.address):
        attendee = vCalAddress(f"mailto:{update.address}")
        attendee.params["rsvp"] = vText("TRUE")
        event.add("attendee", attendee)
    if not cancelled:
        event.add_component(_reminder())
    return _calendar(event, "CANCEL" if cancelled else "REQUEST" if is_address(update.address) else "PUBLISH")


def _calendar(event: Event, method: str) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", "-//somrr//second opinion intake//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    calendar.add_missing_timezones()
    written: bytes = calendar.to_ical()
    return written


def _reminder() -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", "Telephone conference")
    alarm.add("trigger", timedelta(minutes=-15))
    return alarm


def _whole(moment: datetime) -> datetime:
    """The next full or half hour."""
    past = timedelta(minutes=moment.minute % 30, seconds=moment.second, microseconds=moment.microsecond)
    return moment + (_STEP - past if past else timedelta())


def _at_work(start: datetime, length: timedelta, zone: ZoneInfo, sending: Sending) -> bool:
    begin, end = start.astimezone(zone), (start + length).astimezone(zone)
    same_day = begin.date() == (end - _TICK).date()
    return same_day and begin.weekday() < 5 and sending.call_opens <= begin.time() and _until(end) <= sending.call_closes


def _until(end: datetime) -> time:
    return end.time() if end.time() != time(0) else time.max
