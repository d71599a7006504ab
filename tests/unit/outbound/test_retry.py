"""The schedule of new tries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from outbound.retry import FEWEST_TRIES, GIVE_UP_AFTER, next_try

DUE = datetime(2026, 11, 24, 18, tzinfo=UTC)


def tries(jitter: float) -> list[datetime]:
    """Every attempt of an update that never gets through, each taking no time."""
    made = [DUE]
    while (later := next_try(len(made), DUE, made[-1], jitter)) is not None:
        made.append(later)
    return made


def test_two_days_then_staff() -> None:
    """First after five minutes, then ever more slowly, the last at the end of the second day."""
    made = tries(0.5)
    assert made[1] - made[0] == timedelta(minutes=5)
    assert made[2] - made[1] == timedelta(minutes=10)
    assert made[-1] == DUE + GIVE_UP_AFTER
    assert 15 <= len(made) <= 25


def test_an_outage_of_our_own_is_not_held_against_the_reader() -> None:
    """After three days of standing still a first failure is no verdict; six are."""
    late = DUE + timedelta(days=3)
    assert next_try(1, DUE, late, 0.5) == late + timedelta(minutes=5)
    assert next_try(FEWEST_TRIES, DUE, late, 0.5) is None


@given(st.floats(0, 1), st.integers(0, 10_000), st.timedeltas(timedelta(), timedelta(days=10)))
def test_a_next_try_is_later_and_never_too_far(jitter: float, attempts: int, after: timedelta) -> None:
    """Property: time goes forward, no pause is longer than five hours."""
    now = DUE + after
    planned = next_try(attempts, DUE, now, jitter)
    assert planned is None or now < planned <= now + timedelta(hours=5)


def test_jitter_spreads() -> None:
    """Two updates that failed together do not come back together."""
    assert next_try(3, DUE, DUE, 0.0) != next_try(3, DUE, DUE, 1.0)
