"""Writing what goes out into a folder so that it is wholly there or not at all, and stays after a power cut."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from records.errors import PermanentError
from records.model import Delivery, Outcome

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.[a-z]+")

Clock = Callable[[], datetime]
Mark = Callable[[], None]  # what the ledger wants written just before the point of no return


def utc_now() -> datetime:
    """The machine's clock, the default of every courier."""
    return datetime.now(UTC)


def no_mark() -> None:
    """For callers that keep no ledger."""


def deliver_file(folder: Path, name: str, content: bytes, clock: Clock) -> Delivery:
    """Write `content` as `name` and say how that went; a full or missing disk is temporary (`disk`)."""
    try:
        keep(folder, name, content)
    except OSError:
        return Delivery(Outcome.DEFERRED, "disk", clock())
    return Delivery(Outcome.SENT, "file", clock())


def keep(folder: Path, name: str, content: bytes) -> None:
    """Temporary file, fsync, rename, fsync of the folder; the same name twice is replaced.  Raises OSError."""
    if not _NAME.fullmatch(name):
        raise PermanentError("bad_id")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = folder / f".{name}.part"
    try:
        with temporary.open("wb") as written:
            written.write(content)
            written.flush()
            os.fsync(written.fileno())
        temporary.replace(folder / name)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
