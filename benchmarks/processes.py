"""What processes cost, as Linux counts it: resident memory, its peak, CPU seconds, who descends from whom (proc(5))."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MB = 1 << 20


def status(pid: int, field: str) -> float:
    """A memory field of /proc/PID/status in MB (VmRSS, VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_peak(pid: int) -> None:
    """Let VmHWM begin anew at what is resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def children() -> dict[int, list[int]]:
    """Parent → its children, now."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with suppress(OSError):
                found[int(_stat(int(place.name))[1])].append(int(place.name))
    return found


def below(pid: int) -> list[int]:
    """All descendants of a process."""
    tree, found, seen = children(), [], [pid]
    while seen:
        born = tree.get(seen.pop(), [])
        found += born
        seen += born
    return found


def readers_below(pid: int) -> Iterator[list[int]]:
    """The families of jailed workers that a process has started: the jail and the worker in it."""
    for child in children().get(pid, []):
        family = [child, *below(child)]
        if any(b"reading.worker" in _command(member) for member in family):
            yield family


def resident(family: list[int]) -> float:
    """MB of a family together (pages that they share count twice)."""
    total = 0.0
    for pid in family:
        with suppress(OSError):
            total += status(pid, "VmRSS")
    return total


def cpu_seconds(pid: int) -> float:
    """Of a process, of all below it, and of those that have ended."""
    total = 0
    for member in [pid, *below(pid)]:
        with suppress(OSError):
            total += sum(map(int, _stat(member)[11:15]))  # user and system time, own and of reaped children
    return total / TICKS


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third (state) on; the second may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
