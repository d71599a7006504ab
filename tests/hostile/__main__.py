"""`make bombs-campaign`: ten bombs among twenty good packets; what the good ones wait, against what they wait without bombs.

Two figures: what reading a good packet takes while a bomb is in another reader (the bar: p95 at most twice the normal),
and what it takes until the last of them is decided when the daemon's one queue holds the bombs before them, which no bar
is set for: a bomb costs those behind it one first try and no more.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

from config.settings import ReadingSettings, Settings
from daemon import logs
from daemon.house import House
from daemon.pipeline import FIRST_TRY, Pipeline
from fixtures import bombs, hostile
from reading.reader import in_file
from reading.sandbox import WorkerPool
from records.model import SubmissionState
from tests.servers import paper

BAR = 2.0


def good(number: int) -> bytes:
    """A mail with a text and a page of fax."""
    message = EmailMessage()
    message["From"], message["Subject"] = "doc@clinic.example", f"packet {number}"
    message.set_content(f"Synthetic words {number}\n" * 20)
    scan = paper.tiff(paper.fax(paper.page(repeat=1, height=700), seed=number))
    message.add_attachment(scan, maintype="image", subtype="tiff", filename="scan.tif")
    return message.as_bytes()


def bad(count: int) -> list[bytes]:
    """Bombs of several sorts, in turn."""
    makers = (hostile.endless_pdf, hostile.swelling_pdf, bombs.pushes, bombs.many_strings, bombs.vast_page)
    return [makers[number % len(makers)]() + b" " * number for number in range(count)]  # none is another one's repetition


def p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[min(len(seconds) - 1, round(0.95 * len(seconds)))]


class Ward:
    """One pool and a folder for what it reads."""

    def __init__(self, pool: WorkerPool, folder: Path) -> None:
        self.pool, self.folder, self.unread = pool, folder, 0

    def read(self, raw: bytes, name: str) -> float:
        """Seconds that it took; a good packet that was not wholly read is counted."""
        path = self.folder / name
        path.write_bytes(raw)
        began = time.monotonic()
        reading = self.pool.read(in_file(path), hashlib.sha256(raw).hexdigest())
        self.unread += name.startswith("good") and bool(reading.problems or not all(part.pages for part in reading.parts))
        return time.monotonic() - began

    def all(self, packets: Sequence[bytes]) -> list[float]:
        return [self.read(raw, f"good{number}") for number, raw in enumerate(packets)]

    def beside(self, packets: Sequence[bytes], evil: Sequence[bytes]) -> tuple[list[float], float]:
        """The good ones one after the other while the bombs go through another thread; and how long the bombs took."""
        took: list[float] = []
        thread = threading.Thread(target=lambda: took.extend(self.read(raw, f"bad{n}") for n, raw in enumerate(evil)))
        thread.start()
        seconds = self.all(packets)
        thread.join()
        return seconds, sum(took)


def queued(folder: Path, packets: Sequence[bytes], evil: Sequence[bytes], reading: ReadingSettings) -> tuple[float, int]:
    """Seconds until a daemon that finds the bombs before the good ones has decided these, and how many bombs it had by then."""
    house = House(Settings(home=folder, reading=reading))
    source = house.sources[0]
    for number, raw in enumerate((*evil, *packets)):
        (folder / "mail" / "new" / f"{number:03}").write_bytes(raw)
    try:
        pipeline = Pipeline(house)
        pipeline.receive(source)
        pipeline.warm()
        good_ones = {hashlib.sha256(raw).hexdigest() for raw in packets}
        began = time.monotonic()
        while True:
            waiting = {s.digest for s in house.store.submissions() if s.state is SubmissionState.WAITING}
            if not waiting & good_ones:
                return time.monotonic() - began, len(evil) - len(waiting)
            pipeline.decide_next()
    finally:
        house.close()


def main() -> int:
    logs.configure("json", io.StringIO())
    packets, evil = [good(number) for number in range(20)], bad(10)
    with tempfile.TemporaryDirectory() as folder:
        behind, _ = queued(Path(folder), packets, evil, ReadingSettings())
    print(f"all good ones decided behind ten bombs after {behind:.1f} s ({FIRST_TRY:g} s for a first try)")
    with tempfile.TemporaryDirectory() as folder, WorkerPool(ReadingSettings(open_seconds=20, cpu_seconds=10), None) as pool:
        pool.warm()
        ward = Ward(pool, Path(folder))
        ward.all(packets[:2])
        alone = ward.all(packets)
        beside, bombing = ward.beside(packets, evil)
    ratio = p95(beside) / p95(alone)
    print(f"good packets alone:         p95 {p95(alone):.2f} s, all {sum(alone):.1f} s")
    print(f"beside ten bombs:           p95 {p95(beside):.2f} s, all {sum(beside):.1f} s; the bombs took {bombing:.1f} s")
    print(f"ratio of p95:               {ratio:.2f} (at most {BAR:g})")
    print(f"good packets not read:      {ward.unread} (0)")
    return int(ratio > BAR or ward.unread > 0)


if __name__ == "__main__":
    sys.exit(main())
