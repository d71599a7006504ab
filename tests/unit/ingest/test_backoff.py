"""Waiting before trying again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.backoff import Backoff


def _highest(_low: float, high: float) -> float:
    return high


def test_waits_double_up_to_the_most_and_start_anew_after_a_success() -> None:
    """The ceiling grows 1, 2, 4, 8 and stays at `most`; a reset begins at the first again."""
    backoff = Backoff(first=1, most=6, draw=_highest)
    assert [backoff.next() for _ in range(5)] == [1, 2, 4, 6, 6]
    backoff.reset()
    assert backoff.next() == 1


def test_the_jitter_is_full_but_never_a_busy_loop() -> None:
    """An unlucky draw of nothing still waits a tenth of the first."""
    backoff = Backoff(first=2, most=60, draw=lambda low, _high: low)
    assert [backoff.next() for _ in range(3)] == [0.2, 0.2, 0.2]


@given(st.floats(0.01, 10), st.floats(0.01, 600), st.integers(1, 2000))
def test_no_wait_is_ever_longer_than_the_most(first: float, most: float, failures: int) -> None:
    """However many failures there were, and without overflow."""
    backoff = Backoff(first=first, most=most, draw=_highest)
    assert max(backoff.next() for _ in range(failures)) <= most
