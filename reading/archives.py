"""7z, rar, cab and disc images through libarchive, read as streams with the zip meter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reading.limits import Unreadable
from reading.zips import metered

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

BLOCK = 1 << 16


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
        code = "needs_password" if _about_passwords(error) else "archive_malformed"
        raise Unreadable(code, "libarchive can not read on") from error


def _opened(found: Found) -> Any:
    import libarchive

    if found.file is None:
        return libarchive.memory_reader(found.raw)
    found.file.seek(0)
    return libarchive.stream_reader(found.file, block_size=BLOCK)


def _member(entry: Any, number: int, found: Found, sheet: Sheet) -> None:
    if entry.isdir:
        return
    if not entry.isreg:
        sheet.notes.add("symlink" if entry.issym or entry.islnk else "special_file")
        return
    # the packed size of one member is not known: the whole archive's is an upper bound of it
    raw = metered(entry.get_blocks(BLOCK), found.size, sheet.walk, f"entry {number}")
    sheet.child(entry.pathname or "unnamed", raw, archive=True)


def _about_passwords(error: Exception) -> bool:
    words = str(error).lower()
    return "passphrase" in words or "password" in words or "encrypt" in words
