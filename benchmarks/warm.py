"""What a warm reader keeps resident after fax pages and text pages, with the registered blanks loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks import pages
from benchmarks.figures import Figure
from benchmarks.machine import cores
from benchmarks.processes import readers_below, resident
from config.settings import ReadingSettings
from reading.reader import in_file
from reading.sandbox import WorkerPool


def measure(folder: Path, quick: bool, forms: Path) -> Iterator[Figure]:
    """The largest of the workers; the jail around it is counted with it."""
    packets = [pages.fax_packet(500, cores() * (1 if quick else 3)), pages.text_packet(500, 20)]
    with WorkerPool(ReadingSettings(), forms) as pool:
        pool.warm()
        at_first = sizes()
        for number, packet in enumerate(packets):
            path = folder / f"warm-{number}.pdf"
            path.write_bytes(packet.pdf)
            pool.read(in_file(path), pages.digest_of(packet.pdf))
        afterwards = sizes()
    yield Figure("memory", "a warm reader", max(afterwards), "MB", most=250, note="resident after fax and text pages")
    yield Figure("memory", "a reader before its first page", max(at_first), "MB", note="models loaded")


def sizes() -> list[float]:
    """MB of each worker of this process."""
    return [resident(family) for family in readers_below(os.getpid())]
