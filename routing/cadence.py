"""What is said when nothing changed: regular updates in the states in which people wait (R28, R30).

Pure: a function of the record, the rules and the moment.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from config.rules import Rules
from records.model import CaseRecord, CaseStatus, Event, HeldState, Recipient, Update
from routing.announce import physician_of

#: the state → what is said about it every so many days
REGULAR = {
    CaseStatus.REJECTED: Event.STILL_INCOMPLETE,
    CaseStatus.OPEN: Event.STILL_OPEN,
    CaseStatus.IN_REVIEW: Event.STILL_IN_REVIEW,
}


def due(record: CaseRecord, rules: Rules, now: datetime) -> list[Event]:
    """The regular update that is owed at `now`, if any."""
    turn = next_turn(record, rules)
    return [REGULAR[record.case.status]] if turn is not None and turn <= now else []


def next_turn(record: CaseRecord, rules: Rules) -> datetime | None:
    """When the next regular update falls due; None when none does (finished, on hold, nobody to tell, reminded often enough)."""
    event = REGULAR.get(record.case.status)
    if event is None or "hold" in record.case.facts:
        return None
    news = [u for u in record.updates if u.event is not Event.ACKNOWLEDGED and _counts(u)]
    if event is Event.STILL_INCOMPLETE:
        if any(h.state is HeldState.HELD for h in record.held):
            return None  # R29: what is held may fill the gap, and staff's word on it looks at the case again
        if _reminders(news) >= rules.rhythm.reminders:
            return None
    elif not physician_of(record).known:
        return None  # that is a staff task already, and one is enough
    last = max((u.due_at for u in news), default=record.case.last_arrival)
    return last + timedelta(days=rules.rhythm.cadence_days)


def _counts(update: Update) -> bool:
    return update.recipient is not Recipient.STAFF and update.reason != "superseded"


def _reminders(news: list[Update]) -> int:
    """How often the last list of gaps has been repeated."""
    listed = max((u.due_at for u in news if u.event in (Event.REJECTED, Event.GAP_CLOSED)), default=None)
    return len({u.due_at for u in news if u.event is Event.STILL_INCOMPLETE and (listed is None or u.due_at > listed)})
