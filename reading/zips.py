"""Zip archives read with a meter running: what the directory promises is not believed, bytes are counted as they come."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, cast

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
    try:
        return _unlocked(archive, entry, place, sheet) if entry.flag_bits & 1 else _open_member(archive, entry, place, sheet)
    except Unreadable as error:
        if error.code == "archive_bytes":
            raise
        sheet.problem(error.code, error.detail)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        sheet.problem("archive_malformed", f"{place} is damaged")
    return None


def _open_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: str, sheet: Sheet) -> bytes:
    if entry.compress_type in METHODS:
        with archive.open(entry) as stream:
            return metered(stream, entry.compress_size, sheet.walk, place)
    return _by_libarchive(archive, entry, place, sheet)


def _unlocked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: str, sheet: Sheet) -> bytes:
    """A locked member, with a password that the mail itself gives; `needs_password` when it gives none that fits."""
    for password in sheet.walk.passwords:
        try:
            raw = _by_libarchive(archive, entry, place, sheet, password)
        except Unreadable as error:
            if error.code != "archive_malformed":  # opened, and too large
                raise
        else:
            sheet.notes.add("password_from_mail")
            return raw
    raise Unreadable("needs_password", f"{place} is encrypted")


def _by_libarchive(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: str, sheet: Sheet, password: str | None = None
) -> bytes:
    """One member by the library that knows the rarer methods and both ways of locking (PKWARE's and AES)."""
    import libarchive

    left = sheet.walk.bytes_left
    with suppress(libarchive.exception.ArchiveError, StopIteration):
        with libarchive.memory_reader(alone(archive, entry), "zip", passphrase=password) as members:
            raw = metered(next(iter(members)).get_blocks(CHUNK), entry.compress_size, sheet.walk, place)
        if entry.CRC in (0, zlib.crc32(raw)) and len(raw) == entry.file_size:  # its own check lets 1 of 256 wrong passwords pass
            return raw
    sheet.walk.bytes_left = left
    raise Unreadable("archive_malformed", f"{place} is damaged or uses an unknown method")


def alone(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """A zip of this one member under a neutral name, its bytes as they lie there (APPNOTE 4.3.7, 4.3.12, 4.3.16)."""
    file = cast(BinaryIO, archive.fp)
    file.seek(entry.header_offset + 26)
    name_size, extra_size = struct.unpack("<HH", file.read(4))
    file.seek(name_size + extra_size, 1)
    packed = file.read(entry.compress_size)
    year, month, day, hour, minute, second = entry.date_time
    clock = hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day  # a lock's check byte is made of it
    common = struct.pack(
        "<HHHHHIIIHH", 51, entry.flag_bits & ~0x800, entry.compress_type, *clock, entry.CRC,
        entry.compress_size, entry.file_size, 1, len(entry.extra),
    )  # fmt: skip
    head = b"PK\x03\x04" + common + b"m" + entry.extra + packed
    directory = b"PK\x01\x02\x33\x03" + common + struct.pack("<HHHII", 0, 0, 0, 0o100600 << 16, 0) + b"m" + entry.extra
    return head + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), len(head), 0)


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
