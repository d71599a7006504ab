"""The limits of the reading room as plain data, and the one exception that says a limit or a format stopped us.

Workers import this and nothing of pydantic, so that a fresh one starts fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.settings import ReadingSettings


@dataclass(frozen=True, slots=True)
class Limits:
    """What one submission may cost; sizes in bytes, times in seconds (docs/PROBLEMS.md names each one's code)."""

    memory_bytes: int = 1 << 30
    open_seconds: float = 120
    page_seconds: float = 60
    cpu_seconds: float = 60
    max_mail_bytes: int = 75 << 20
    max_parts: int = 1000
    max_nesting: int = 20
    max_header_bytes: int = 256 << 10
    max_archive_depth: int = 3
    max_archive_entries: int = 10_000
    max_archive_bytes: int = 1 << 30
    max_archive_ratio: int = 100
    max_pages: int = 300
    max_pixels: int = 60_000_000
    max_text: int = 4_000_000  # characters of one submission: the daemon's own memory stays small
    max_part_bytes: int = 256 << 20  # one file in memory; disc images and archives are read as streams
    engine: str = "tesserocr"
    languages: tuple[str, ...] = ("eng", "spa")
    tessdata: str = ""

    @classmethod
    def of(cls, settings: ReadingSettings, tessdata: str) -> Limits:
        """The worker's copy of the operator's settings."""
        names = set(cls.__dataclass_fields__) & set(type(settings).model_fields) - {"tessdata"}
        return cls(**{name: getattr(settings, name) for name in names}, tessdata=tessdata)


class Unreadable(Exception):  # noqa: N818 - it says what the part is, as a Problem does
    """A part that can not be read, or not wholly: becomes a `Problem` with this code, and the rest goes on."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
