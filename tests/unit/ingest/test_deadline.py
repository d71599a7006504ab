"""The watchdog over operations that last too long."""

from __future__ import annotations

import threading
import time

from ingest.deadline import Deadline, Watchdog


def test_a_step_that_lasts_too_long_is_ended_once() -> None:
    """At its deadline, from another thread, and the deadline says so."""
    ended = threading.Event()
    calls: list[float] = []

    def end() -> None:
        calls.append(time.monotonic())
        ended.set()

    watchdog = Watchdog(end)
    deadline = Deadline(0.2)
    began = time.monotonic()
    with watchdog.over(deadline):
        assert ended.wait(5)
        time.sleep(0.3)
    watchdog.close()
    assert deadline.passed
    assert [round(call - began, 1) for call in calls] == [0.2]


def test_many_short_steps_are_left_alone_and_a_shorter_deadline_is_kept() -> None:
    """Steps in time are never ended, also past the first one's deadline; a sooner deadline wakes the watchdog."""
    ended = threading.Event()
    watchdog = Watchdog(ended.set)
    for _ in range(40):
        with watchdog.over(Deadline(0.2)):
            time.sleep(0.01)
    assert not ended.is_set()
    with watchdog.over(Deadline(60)):
        pass
    with watchdog.over(Deadline(0.1)):
        assert ended.wait(5)
    watchdog.close()


def test_one_deadline_spans_several_steps() -> None:
    """The time used by the first is gone for the second."""
    ended = threading.Event()
    watchdog = Watchdog(ended.set)
    deadline = Deadline(0.3)
    with watchdog.over(deadline):
        time.sleep(0.2)
    assert not deadline.passed
    with watchdog.over(deadline):
        assert ended.wait(0.25)
    watchdog.close()


def test_a_closed_watchdog_leaves_no_thread() -> None:
    """However many connections there were."""
    before = threading.active_count()
    dogs = [Watchdog(lambda: None) for _ in range(5)]
    for dog in dogs:
        dog.close()
    give_up = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < give_up:
        time.sleep(0.01)
    assert threading.active_count() <= before
