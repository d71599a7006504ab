"""An end to operations that a peer could draw out for ever, one byte at a time."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator


class Deadline:
    """The moment by which an operation of one or more steps must be over."""

    def __init__(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds
        self.passed = False  # set by the watchdog that ended it

    def left(self) -> float:
        """Seconds, never 0: that would mean non-blocking to a socket."""
        return max(self.ends - time.monotonic(), 0.001)


class Watchdog:
    """One thread that calls `end` when a guarded step outlasts its deadline.

    A thread of its own for each step would cost more than a small mail; this one is woken only when a step ends
    sooner than it meant to look anyway.
    """

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._change = threading.Condition()
        self._guarded: Deadline | None = None
        self._looks = math.inf
        self._closed = False
        threading.Thread(target=self._watch, name="deadline", daemon=True).start()

    @contextlib.contextmanager
    def over(self, deadline: Deadline) -> Iterator[None]:
        """Guard one step; steps are not nested."""
        with self._change:
            self._guarded = deadline
            if deadline.ends < self._looks:
                self._change.notify()
        try:
            yield
        finally:
            with self._change:
                self._guarded = None

    def close(self) -> None:
        with self._change:
            self._closed = True
            self._change.notify()

    def _watch(self) -> None:
        with self._change:
            while not self._closed:
                guarded = self._guarded
                if guarded is not None and guarded.ends <= time.monotonic():
                    guarded.passed, self._guarded = True, None
                    self._end()
                    continue
                self._looks = guarded.ends if guarded is not None else math.inf
                self._change.wait(None if guarded is None else guarded.left())
