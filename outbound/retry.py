"""When a deferred update is tried again: two days, ever more slowly, then staff (R32)."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(hours=48)
FEWEST_TRIES = 6


def next_try(
    attempts: int, first_due: datetime, now: datetime, jitter: float, first_pause: timedelta = FIRST_PAUSE
) -> datetime | None:
    """The time of the next try after `attempts` (≥ 1) tries, or None: give up, the update has failed.

    Pauses double from five minutes to four hours.  `jitter` in 0..1 spreads each by a quarter either way, so
    that a server coming back is not met by everything at once.  The last try falls on the end of the two days
    after `first_due`.  Fewer than six tries never end it, so that days on which the daemon itself did not run
    are not held against the recipient.
    """
    if now >= first_due + GIVE_UP_AFTER and attempts >= FEWEST_TRIES:
        return None
    doublings: int = min(max(attempts, 1) - 1, 10)
    pause = min(first_pause * (1 << doublings), LONGEST_PAUSE)
    planned = now + pause * (0.75 + 0.5 * jitter)
    last = first_due + GIVE_UP_AFTER
    return min(planned, last) if now < last else planned
