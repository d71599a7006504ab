"""Room on the disk: below `min_free` nothing is taken in, so that the ledger never meets a full disk."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import structlog

from records import events

log = structlog.get_logger()
AGAIN = 60.0  # seconds in which room that was made is noticed


class Room:
    """Of one folder's disk; told once when it runs low, and once when there is room again, whoever asks."""

    def __init__(self, folder: Path, min_free: int) -> None:
        self.folder, self.min_free = folder, min_free
        self._guard = threading.Lock()
        self._short: set[str] = set()  # those who could not take in what they have

    @property
    def free(self) -> int:
        return shutil.disk_usage(self.folder).free

    def holds(self, size: int = 0) -> bool:
        """So many bytes can be taken in."""
        return self.free - size >= self.min_free

    @property
    def short(self) -> bool:
        return bool(self._short)

    def note(self, source: str, short: bool) -> None:
        """What became of one source's turn."""
        with self._guard:
            before = self.short
            (self._short.add if short else self._short.discard)(source)
            if self.short and not before:
                log.error(events.DISK_LOW, free_bytes=self.free, limit=self.min_free)
            elif before and not self.short:
                log.info(events.ALARM_ENDED, code="disk")
