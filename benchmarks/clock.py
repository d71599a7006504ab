"""Rivals timed in turns, A B A B, so that what else the machine does falls on all alike; the median of the rounds counts."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.processes import cpu_seconds


@dataclass
class Spent:
    """Seconds of each round: on the wall, and of CPU in this process and all below it."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return statistics.median(self.wall)

    @property
    def cpu_seconds(self) -> float:
        return statistics.median(self.cpu)


def in_turns(rivals: Mapping[str, Callable[[int], object]], rounds: int) -> dict[str, Spent]:
    """Each rival once a round, told which round it is; every other round goes backwards."""
    spent = {name: Spent() for name in rivals}
    for number in range(rounds):
        for name in list(rivals)[:: -1 if number % 2 else 1]:
            used, began = cpu_seconds(os.getpid()), time.perf_counter()
            rivals[name](number)
            spent[name].wall.append(time.perf_counter() - began)
            spent[name].cpu.append(cpu_seconds(os.getpid()) - used)
    return spent


def times_faster(ours: Spent, theirs: Spent) -> float:
    """Median over the rounds of their wall time by ours."""
    return statistics.median(other / own for other, own in zip(theirs.wall, ours.wall, strict=True))


def times_cheaper(ours: Spent, theirs: Spent) -> float:
    """The same of CPU time: hardly moved by what else the machine does."""
    return statistics.median(other / own for other, own in zip(theirs.cpu, ours.cpu, strict=True))
