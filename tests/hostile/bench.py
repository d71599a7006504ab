"""One hostile file in the middle of a packet: read, timed, and everything that must hold whatever it is, asked."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from reading.reader import in_file
from reading.sandbox import WorkerPool
from records.model import Part, Reading

SECONDS = 15.0  # for any of them with the bench's short limits; the real ones are thirty times as long


@dataclass(frozen=True)
class Seen:
    """What became of one hostile file."""

    reading: Reading
    name: str
    seconds: float

    @property
    def codes(self) -> set[str]:
        """Problems of the file itself and of whatever was found in it."""
        return {problem.code for problem in self.reading.problems}

    @property
    def parts(self) -> list[Part]:
        return [part for part in self.reading.parts if part.path == self.name or part.path.startswith(f"{self.name}/")]

    def part(self, path: str) -> Part:
        return next(part for part in self.reading.parts if part.path == path)

    def words(self) -> str:
        return "\n".join(page.text for part in self.parts for page in part.pages)


class Bench:
    """The pool, and the packet around the hostile file."""

    def __init__(self, pool: WorkerPool, folder: Path) -> None:
        self.pool, self._path = pool, folder / "raw"

    def read(self, raw: bytes, name: str | None = None) -> Reading:
        """These bytes as a submission."""
        self._path.write_bytes(raw)
        return self.pool.read(in_file(self._path), hashlib.sha256(raw).hexdigest(), name)

    def judge(self, raw: bytes, name: str, seconds: float = SECONDS) -> Seen:
        """`raw` as an attachment between two good ones."""
        message = EmailMessage()
        message["From"], message["Subject"] = "doc@clinic.example", "packet"
        message.set_content("Synthetic words of the mail\n")
        for part, filename in ((b"Synthetic words before", "before.txt"), (raw, name), (b"Synthetic words after", "after.txt")):
            message.add_attachment(part, maintype="application", subtype="octet-stream", filename=filename)
        packet = message.as_bytes()
        began = time.monotonic()
        reading = self.read(packet)
        seen = Seen(reading, name, time.monotonic() - began)
        assert seen.seconds < seconds, f"{seen.seconds:.1f} s"
        assert reading.sha256 == hashlib.sha256(packet).hexdigest()
        assert seen.part("before.txt").pages[0].text == "Synthetic words before"
        assert seen.part("after.txt").pages[0].text == "Synthetic words after"
        digest = hashlib.sha256(raw).hexdigest()
        told = {part.sha256 for part in seen.parts} | {problem.sha256 for problem in reading.problems}
        assert digest in told or seen.parts, "the file left no trace"
        self.still_reads()
        return seen

    def alone(self, raw: bytes, name: str | None = None, seconds: float = SECONDS) -> Seen:
        """`raw` as the whole submission."""
        began = time.monotonic()
        reading = self.read(raw, name)
        seen = Seen(reading, reading.parts[0].path if reading.parts else "", time.monotonic() - began)
        assert seen.seconds < seconds, f"{seen.seconds:.1f} s"
        assert reading.parts
        assert reading.sha256 == hashlib.sha256(raw).hexdigest()
        self.still_reads()
        return seen

    def still_reads(self) -> None:
        """The next packet is read as ever."""
        reading = self.read(b"Synthetic words of the next packet", "next.txt")
        assert (reading.problems, reading.parts[0].pages[0].text) == ((), "Synthetic words of the next packet")
