"""7z, rar, cab and disc images through libarchive, read as streams with the zip meter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reading.limits import Unreadable
from reading.zips import metered

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

BLOCK = 1 << 16
_VOLUME = re.compile(r"\.(?:part\d+\.rar|r\d\d|z\d\d|\d{3})$", re.IGNORECASE)


def read(found: Found, sheet: Sheet) -> None:
    """Every regular member."""
    import libarchive

    try:
        with _opened(found) as archive:
            for number, entry in enumerate(archive, 1):
                sheet.walk.entries_left -= 1
                if sheet.walk.entries_left < 0:
                    raise Unreadable("archive_entries", f"more than {sheet.limits.max_archive_entries} entries")
                _member(entry, number, found, sheet)
    except libarchive.exception.ArchiveError as error:
        raise _reason(error) from None
    if sheet.holds_nothing and _VOLUME.search(found.path):
        raise Unreadable("archive_malformed", "one of several volumes: none of them can be read without the others")


def unpacked(found: Found, sheet: Sheet) -> bytes:
    """What a single compressed file holds."""
    import libarchive

    try:
        with _opened(found, "raw") as archive:
            return b"".join(metered(entry.get_blocks(BLOCK), found.size, sheet.walk, "the compressed file") for entry in archive)
    except libarchive.exception.ArchiveError as error:
        raise _reason(error) from None


def _opened(found: Found, form: str = "all") -> Any:
    import libarchive

    if found.file is None:
        return libarchive.memory_reader(found.raw, form)
    found.file.seek(0)
    return libarchive.stream_reader(found.file, form, block_size=BLOCK)


def _reason(error: Exception) -> Unreadable:
    words = str(error).lower()
    if any(word in words for word in ("passphrase", "password", "encrypt", "crypto codec")):
        return Unreadable("needs_password", "it is encrypted in a way that can not be opened here")
    if any(word in words for word in ("volume", "multi-part", "multivolume")):
        return Unreadable("archive_malformed", "one of several volumes: none of them can be read without the others")
    return Unreadable("archive_malformed", "it can not be read, or not to its end")


def _member(entry: Any, number: int, found: Found, sheet: Sheet) -> None:
    if entry.isdir:
        return
    if not entry.isreg:
        sheet.notes.add("symlink" if entry.issym or entry.islnk else "special_file")
        return
    # the packed size of one member is not known: the whole archive's is an upper bound of it
    raw = metered(entry.get_blocks(BLOCK), found.size, sheet.walk, f"entry {number}")
    sheet.child(entry.pathname or "unnamed", raw, archive=True)
