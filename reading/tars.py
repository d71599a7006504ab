"""Tar archives (a courier's folder arrives as one) and single compressed files, read as streams with the zip meter."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

from reading import archives, kinds
from reading.limits import Unreadable
from reading.zips import metered

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

_BROKEN = (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)


def read(found: Found, sheet: Sheet) -> None:
    """A tar's members one by one, or what a single compressed file holds."""
    if sheet.media_type == kinds.TAR:
        _read_tar(found.open(), sheet)
        return
    try:
        raw = _unpacked(found, sheet)
    except _BROKEN as error:
        raise Unreadable("archive_malformed", "the compressed file is damaged") from error
    if kinds.sniff(raw[: kinds.HEAD_BYTES]) == kinds.TAR:
        _read_tar(io.BytesIO(raw), sheet)
    else:
        sheet.child(PurePosixPath(found.path).stem or "unpacked", raw, archive=True)


def _unpacked(found: Found, sheet: Sheet) -> bytes:
    if sheet.media_type in kinds.COMPRESSED_RARELY:
        return archives.unpacked(found, sheet)
    with _decompressor(found.open(), sheet.media_type) as stream:
        return metered(stream, found.size, sheet.walk, "the compressed file")


def _decompressor(file: BinaryIO, media_type: str) -> BinaryIO:
    if media_type == "application/gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    return cast(BinaryIO, bz2.BZ2File(file) if media_type == "application/x-bzip2" else lzma.LZMAFile(file))


def _read_tar(file: BinaryIO, sheet: Sheet) -> None:
    try:
        with tarfile.open(fileobj=file, mode="r|") as archive:
            for number, entry in enumerate(archive, 1):
                _count(sheet)
                if entry.isdir():
                    continue
                if not entry.isreg():
                    sheet.notes.add("symlink" if entry.issym() or entry.islnk() else "special_file")
                    continue
                stream = archive.extractfile(entry)
                raw = metered(cast(BinaryIO, stream), 0, sheet.walk, f"entry {number}") if stream else b""
                if len(raw) < entry.size:
                    sheet.problem("archive_malformed", f"entry {number} is cut short")
                sheet.child(entry.name, raw, archive=True)
    except _BROKEN as error:
        raise Unreadable("archive_malformed", "the tar is damaged") from error


def _count(sheet: Sheet) -> None:
    sheet.walk.entries_left -= 1
    if sheet.walk.entries_left < 0:
        raise Unreadable("archive_entries", f"more than {sheet.limits.max_archive_entries} entries")
