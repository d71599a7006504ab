"""What the daemon asks of the reading room, whoever does it: a pool on this machine today, others tomorrow."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Protocol

from reading.limits import Limits
from reading.ocr import installed
from records.model import Reading

READER_VERSION = "2"  # raised whenever the same bytes may give another reading


class Readers(Protocol):
    """Reading is a pure function of the bytes, the reader's version and the registered forms."""

    @property
    def version(self) -> str:
        """Changes when the same bytes would be read differently: readings are remembered under it."""

    def read(self, raw: Path, digest: str, name: str | None = None) -> Reading:
        """All that is in the file; its SHA-256 is `digest`, `name` is shown to staff in place of a neutral one.

        What can not be read is a `Problem` in the answer; `TemporaryError` when no worker can be started.
        """

    def warm(self) -> None:
        """Get ready before the first packet comes; optional."""

    def close(self) -> None:
        """End every worker."""

    def picture(self, raw: Path, digest: str, part: str | None) -> list[tuple[str, bytes]]:
        """Pages that staff can open (file name, PNG or text bytes), made by us; of one part or of all."""


def version_of(limits: Limits, forms: Path | None) -> str:
    """`READER_VERSION`, the settings and models that change a reading, and the registered forms."""
    told = {name: value for name, value in dataclasses.asdict(limits).items() if name != "tessdata"}
    seed = hashlib.sha256(repr((told, sorted(installed(limits.tessdata)))).encode())
    for path in sorted(forms.rglob("*")) if forms else ():
        if forms and path.is_file():
            seed.update(str(path.relative_to(forms)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return f"{READER_VERSION}-{seed.hexdigest()[:12]}"
