"""Zip archives read with a meter running: what the directory promises is not believed, bytes are counted as they come."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO

from reading.limits import Unreadable

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet, Walk

CHUNK = 1 << 16
RATIO_FROM = 10 << 20  # bytes that any member may expand to before the ratio is looked at
MAX_DIRECTORY = 64 << 20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def read(found: Found, sheet: Sheet) -> None:
    """Every member in the order of the directory; a member that can not be taken out is a problem of its own."""
    archive = opened(found.open(), sheet.walk)
    for number, entry in enumerate(archive.infolist(), 1):
        if entry.is_dir():
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            sheet.notes.add("symlink")
            continue
        raw = _member(archive, entry, f"entry {number}", sheet)
        if raw is not None:
            sheet.child(entry.filename, raw, archive=True)


def opened(file: BinaryIO, walk: Walk) -> zipfile.ZipFile:
    """The archive, its directory checked: number of entries, none lying over another."""
    entries = promised_entries(file)
    if entries > walk.entries_left:
        raise Unreadable("archive_entries", f"{entries} entries, limit {walk.limits.max_archive_entries}")
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise Unreadable("archive_malformed", "no readable zip directory") from error
    listed = archive.infolist()
    if len(listed) > walk.entries_left:
        raise Unreadable("archive_entries", f"{len(listed)} entries, limit {walk.limits.max_archive_entries}")
    walk.entries_left -= len(listed)
    _refuse_overlaps(listed)
    return archive


def promised_entries(file: BinaryIO) -> int:
    """The number of entries in the end-of-directory record: looked at before the directory is parsed (0 when not found)."""
    size = file.seek(0, 2)
    file.seek(max(0, size - (1 << 16) - 22))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    count = int.from_bytes(tail[at + 10 : at + 12], "little") if at >= 0 else 0
    directory = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    smallest = 46  # bytes of a directory entry
    return max(count, directory // smallest if count == 0xFFFF and directory < MAX_DIRECTORY else count)


def _refuse_overlaps(entries: Iterable[zipfile.ZipInfo]) -> None:
    """Entries that share bytes multiply them (the better zip bomb)."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise Unreadable("archive_malformed", "entries lie over each other")
        end = entry.header_offset + 30 + entry.compress_size


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: str, sheet: Sheet) -> bytes | None:
    if entry.flag_bits & 1:
        sheet.problem("needs_password", f"{place} is encrypted")
        return None
    if entry.compress_type not in METHODS:
        sheet.problem("archive_malformed", f"{place} uses an unknown method")
        return None
    try:
        with archive.open(entry) as stream:
            return metered(stream, entry.compress_size, sheet.walk, place)
    except Unreadable as error:
        if error.code == "archive_bytes":
            raise
        sheet.problem(error.code, error.detail)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        sheet.problem("archive_malformed", f"{place} is damaged")
    return None


def metered(stream: Iterable[bytes] | BinaryIO, packed: int, walk: Walk, place: str) -> bytes:
    """All bytes of a member, counted while streaming against ratio and total; `packed` 0 when unknown."""
    out = bytearray()
    limits = walk.limits
    read = getattr(stream, "read", None)
    pieces = iter(lambda: read(CHUNK), b"") if read else iter(stream)
    for piece in pieces:
        out += piece
        walk.bytes_left -= len(piece)
        if walk.bytes_left < 0:
            raise Unreadable("archive_bytes", f"more than {limits.max_archive_bytes} bytes unpacked, at {place}")
        if packed and len(out) > RATIO_FROM and len(out) > packed * limits.max_archive_ratio:
            raise Unreadable("archive_ratio", f"{place} expands more than {limits.max_archive_ratio} times")
        if len(out) > limits.max_part_bytes:
            raise Unreadable("part_size", f"{place} is larger than {limits.max_part_bytes} bytes")
    return bytes(out)
