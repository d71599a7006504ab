"""When the office is open (R31): UTC in, UTC out; the office's own clock only in between."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from holidays import HolidayBase, country_holidays

from config.rules import Hours
from records.errors import ConfigurationError

_LOOK_AHEAD_DAYS = 400


def is_open(now: datetime, hours: Hours) -> bool:
    """Whether `now` (aware) falls into office hours: the opening second belongs to them, the closing one does not."""
    return next_opening(now, hours) == now


def next_opening(now: datetime, hours: Hours) -> datetime:
    """`now` itself when the office is open, else the next opening; both UTC.

    Raises ConfigurationError `never_open` when no day within a year is a working day, `holidays_unknown`
    for a country or state that the holiday calendar does not have, ValueError for a naive `now`.
    """
    if now.tzinfo is None:
        raise ValueError("a time without a zone")
    now = now.astimezone(UTC)
    today = now.astimezone(ZoneInfo(hours.zone)).date()
    for ahead in range(_LOOK_AHEAD_DAYS):
        day = today + timedelta(days=ahead)
        if _working_day(day, hours) and now < _instant(day, hours.closes, hours):
            return max(now, _instant(day, hours.opens, hours))
    raise ConfigurationError("never_open", "no working day within a year")


def _instant(day: date, wall: time, hours: Hours) -> datetime:
    # fold 0: of an hour that the clock shows twice the first counts; one that it skips becomes the hour after
    return datetime.combine(day, wall, ZoneInfo(hours.zone)).astimezone(UTC)


def _working_day(day: date, hours: Hours) -> bool:
    if hours.closes <= hours.opens or day.weekday() not in hours.weekdays or day in hours.closures:
        return False
    return not hours.country or day not in _calendar(hours.country, hours.state)


@lru_cache(maxsize=8)
def _calendar(country: str, state: str) -> HolidayBase:
    try:
        return country_holidays(country, subdiv=state or None)
    except RuntimeError as unknown:  # the library's way to say that it does not know the place
        raise ConfigurationError("holidays_unknown", "country or state not in the holiday calendar") from unknown
