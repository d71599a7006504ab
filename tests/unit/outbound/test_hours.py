"""Office hours (R31): to the second, over week-ends, holidays, closures and both clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.rules import Hours
from outbound.hours import is_open, next_opening
from records.errors import ConfigurationError

HOURS = Hours()
SAN_DIEGO = ZoneInfo("America/Los_Angeles")


def local(*parts: int) -> datetime:
    """A time on the office's wall, as UTC."""
    return datetime(*parts, tzinfo=SAN_DIEGO).astimezone(UTC)  # type: ignore[arg-type,misc] # numbers, not a zone


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (local(2026, 11, 20, 16, 31), local(2026, 11, 23, 8, 0)),  # Friday afternoon: Monday
        (local(2026, 11, 20, 16, 30), local(2026, 11, 23, 8, 0)),  # the closing second is closed
        (local(2026, 11, 20, 16, 29, 59), local(2026, 11, 20, 16, 29, 59)),
        (local(2026, 11, 20, 8, 0), local(2026, 11, 20, 8, 0)),  # the opening second is open
        (local(2026, 11, 20, 7, 59, 59), local(2026, 11, 20, 8, 0)),
        (local(2026, 11, 21, 12, 0), local(2026, 11, 23, 8, 0)),  # Saturday
        (local(2026, 11, 25, 17, 0), local(2026, 11, 30, 8, 0)),  # Thanksgiving and, in California, the day after
        (local(2026, 7, 2, 18, 0), local(2026, 7, 6, 8, 0)),  # the fourth is a Saturday, observed on Friday
        (local(2026, 12, 24, 20, 0), local(2026, 12, 28, 8, 0)),
        (local(2026, 12, 31, 23, 59), local(2027, 1, 4, 8, 0)),
        (local(2026, 3, 30, 17, 0), local(2026, 4, 1, 8, 0)),  # César Chávez Day is Californian only
    ],
)
def test_what_falls_outside_waits_for_the_next_opening(now: datetime, then: datetime) -> None:
    """Each boundary and each kind of closed day."""
    assert next_opening(now, HOURS) == then
    assert is_open(now, HOURS) == (now == then)


def test_the_clock_changes_move_the_opening_in_utc_only() -> None:
    """Eight on the wall is 16:00 UTC in winter and 15:00 UTC in summer, on both nights of change."""
    spring = next_opening(datetime(2026, 3, 7, 12, tzinfo=UTC), HOURS)  # clocks go forward on Sunday, 8 March
    autumn = next_opening(datetime(2026, 10, 31, 12, tzinfo=UTC), HOURS)  # and back on Sunday, 1 November
    assert spring == datetime(2026, 3, 9, 15, tzinfo=UTC)
    assert autumn == datetime(2026, 11, 2, 16, tzinfo=UTC)


def test_an_hour_that_the_clock_skips_or_shows_twice_is_still_an_opening() -> None:
    """Odd hours inside the change itself: a skipped opening is the moment after, of two equal ones the first counts."""
    nightly = Hours(opens=time(2, 30), closes=time(12, 0), weekdays=tuple(range(7)))
    early = Hours(opens=time(1, 30), closes=time(12, 0), weekdays=tuple(range(7)))
    assert next_opening(datetime(2026, 3, 8, 8, 30, tzinfo=UTC), nightly) == datetime(2026, 3, 8, 10, 30, tzinfo=UTC)
    assert next_opening(datetime(2026, 11, 1, 7, 30, tzinfo=UTC), early) == datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def test_a_closure_of_the_hospital_is_a_holiday_too() -> None:
    """Closures come from the configuration."""
    closed = Hours(closures=(date(2026, 11, 23), date(2026, 11, 24)))
    assert next_opening(local(2026, 11, 20, 17, 0), closed) == local(2026, 11, 25, 8, 0)


def test_another_country_has_its_own_holidays_and_none_has_none() -> None:
    """Nothing about the United States is built in."""
    spain = Hours(zone="Europe/Madrid", country="ES", state="MD")
    none = Hours(country="", state="")
    assert next_opening(datetime(2026, 1, 6, 10, tzinfo=UTC), spain) == datetime(2026, 1, 7, 7, tzinfo=UTC)
    assert is_open(local(2026, 11, 26, 10), none)


@pytest.mark.parametrize(
    ("hours", "code"),
    [
        (Hours(weekdays=()), "never_open"),
        (Hours(opens=time(17), closes=time(8)), "never_open"),
        (Hours(country="XX"), "holidays_unknown"),
        (Hours(state="ZZ"), "holidays_unknown"),
    ],
)
def test_hours_that_can_not_be_are_a_fault_of_the_configuration(hours: Hours, code: str) -> None:
    """Never an endless wait."""
    with pytest.raises(ConfigurationError, match=code):
        next_opening(local(2026, 11, 20, 17), hours)


def test_a_time_without_a_zone_is_refused() -> None:
    """Times are aware."""
    with pytest.raises(ValueError, match="zone"):
        next_opening(datetime(2026, 11, 20, 17), HOURS)  # noqa: DTZ001 - the fault that is tested


@given(st.integers(0, 5 * 365 * 24 * 60))
def test_the_next_opening_is_open_and_nothing_before_it_is(minutes: int) -> None:
    """Property: it is never in the past, always in hours, and the second before a later one is closed."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    then = next_opening(now, HOURS)
    wall = then.astimezone(SAN_DIEGO)
    assert then >= now
    assert is_open(then, HOURS)
    assert wall.weekday() < 5
    assert time(8) <= wall.time() < time(16, 30)
    assert then == now or not is_open(then - timedelta(seconds=1), HOURS)
