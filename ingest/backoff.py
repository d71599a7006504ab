"""How long to wait before trying again: exponential with full jitter, so that many clients do not return at once."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Waits drawn evenly from 0 to `first`·2ⁿ seconds, never above `most`, never under a tenth of `first`.

    Full jitter after "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015); the floor keeps an
    unlucky draw from becoming a busy loop.
    """

    def __init__(self, first: float = 1.0, most: float = 300.0, draw: Callable[[float, float], float] = random.uniform) -> None:
        self._first = min(first, most)
        self._most = most
        self._draw = draw
        self._failures = 0

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        ceiling = min(self._most, self._first * 2.0 ** min(self._failures, 60))
        self._failures += 1
        return max(self._draw(0, ceiling), self._first / 10)

    def reset(self) -> None:
        """A success: the next failure waits briefly again."""
        self._failures = 0
