"""What the daemon asks of the reading room, whoever does it: a pool on this machine today, others tomorrow."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

from reading.limits import Limits
from reading.ocr import installed
from records.model import Reading

Raw = Callable[[], Iterator[bytes]]  # opens a submission's plain bytes, each time from the start; they touch no disk
READER_VERSION = "6"  # raised whenever the same bytes may give another reading


class Readers(Protocol):
    """Reading is a pure function of the bytes, the reader's version and the registered forms."""

    @property
    def version(self) -> str:
        """Changes when the same bytes would be read differently: readings are remembered under it."""

    heard: float
    """When a reader last said anything (monotonic clock): a long packet is no hung one."""

    def read(self, raw: Raw, digest: str, name: str | None = None, patience: float | None = None) -> Reading:
        """All that is in the bytes; their SHA-256 is `digest`, `name` is shown to staff in place of a neutral one.

        What can not be read is a `Problem` in the answer; `TemporaryError` when no worker can be started, and
        TemporaryError("reader_slow") when one file takes longer than `patience`, below the limit of any file.
        """

    def warm(self) -> None:
        """Get ready before the first packet comes; optional."""

    def close(self) -> None:
        """End every worker."""

    def picture(self, raw: Raw, digest: str, part: str | None) -> list[tuple[str, bytes]]:
        """Pages that staff can open (file name, PNG or text bytes), made by us; of one part or of all."""


def in_file(path: Path, size: int = 1 << 18) -> Raw:
    """The bytes of a plain file."""
    return partial(_file_bytes, path, size)


def _file_bytes(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(size):
            yield chunk


def version_of(limits: Limits, forms: Path | None) -> str:
    """`READER_VERSION`, the settings and models that change a reading, and the registered forms."""
    told = {name: value for name, value in dataclasses.asdict(limits).items() if name != "tessdata"}
    seed = hashlib.sha256(repr((told, sorted(installed(limits.tessdata)))).encode())
    for path in sorted(forms.rglob("*")) if forms else ():
        if forms and path.is_file():
            seed.update(str(path.relative_to(forms)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return f"{READER_VERSION}-{seed.hexdigest()[:12]}"
