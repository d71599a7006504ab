"""Old Word documents (.doc since 1997, MS-DOC): the words by the table of pieces, and the pictures pasted in.

Layout, styles and macros are not looked at.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reading import embedded
from reading.compound import Compound, Storage
from reading.limits import Unreadable
from reading.text import add_links, find_links

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

WORD_97 = 0x00C1
HURRIED, ENCRYPTED, SECOND_TABLE = 0x0004, 0x0100, 0x0200
_OLD_HEADER = 0x20  # bytes of it that are looked at
_PIECE_TABLE = 0x01A2  # where the header says where it is
_EIGHT_BIT = 0x40000000
MAX_PICTURES = 300
MAX_OBJECTS = 100

_FIELD = re.compile("\x13([^\x13\x14\x15]*)(?:\x14|\x15)")  # what a field does; what it shows comes after
_SIGNS = {0x07: "\t", 0x0B: "\n", 0x0C: "\n", 0x0D: "\n", 0x0E: "\n", 0x1E: "-", 0x1F: None, 0x15: None, 0x14: None}
# records of pictures (MS-ODRAW 2.2.23): JPEG, PNG, DIB, TIFF, JPEG; before them two bytes, after them the length
_PICTURE = re.compile(rb"..(?:[\x1d\x1e\x1f\x29\x2a]\xf0)(....)", re.DOTALL)
_METAFILE = re.compile(rb"..[\x1a-\x1c]\xf0....", re.DOTALL)
_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*")


def read(found: Found, sheet: Sheet) -> None:
    """All words as one page, then pictures and files inside as parts of their own."""
    storage = found.opened or Compound(found.load(sheet.limits.max_part_bytes), sheet.walk.spend).root
    stream = storage.read("WordDocument") or b""
    if len(stream) < _OLD_HEADER or stream[:2] not in (b"\xec\xa5", b"\xdc\xa5"):
        raise Unreadable("office_malformed", "no header of a Word document")
    version, flags = struct.unpack_from("<2xH6xH", stream)
    if flags & ENCRYPTED:
        raise Unreadable("encrypted", "a Word document with a password")
    if version < WORD_97:
        text = _before_97(stream, flags)
    else:
        table = storage.read("1Table" if flags & SECOND_TABLE else "0Table") or b""
        text = "".join(_pieces(stream, table, sheet.limits.max_text))
    words, targets = _readable(text)
    add_links(sheet, [*find_links(words), *targets])
    sheet.text_page(1, words)
    if "Macros" in storage.storages:
        sheet.notes.add("macro")
    pictures((storage.read("Data") or b"", stream), sheet)
    _objects(storage, sheet)


def _pieces(stream: bytes, table: bytes, limit: int) -> Iterator[str]:
    """The text in its order, piece by piece (MS-DOC 2.4.1), until there is more than `limit` of it."""
    try:
        at, length = struct.unpack_from("<II", stream, _PIECE_TABLE)
        end = at + length
        while at < end and table[at] == 1:  # formatting that saving in a hurry leaves behind
            at += 3 + int.from_bytes(table[at + 1 : at + 3], "little")
        marker, size = struct.unpack_from("<BI", table, at)
        count = (size - 4) // 12
        if marker != 2 or count < 1 or at + 5 + size > len(table):
            raise Unreadable("office_malformed", "no table of pieces")
        places = struct.unpack_from(f"<{count + 1}I", table, at + 5)
        for number in range(count):
            (start,) = struct.unpack_from("<I", table, at + 5 + 4 * (count + 1) + 8 * number + 2)
            letters = min(max(0, places[number + 1] - places[number]), limit)
            limit -= letters
            if start & _EIGHT_BIT:
                start = (start & ~_EIGHT_BIT) // 2
                yield stream[start : start + letters].decode("cp1252", "replace")
            else:
                yield stream[start : start + 2 * letters].decode("utf-16-le", "replace")
    except (struct.error, IndexError):
        raise Unreadable("office_malformed", "a damaged table of pieces") from None


def _before_97(stream: bytes, flags: int) -> str:
    """Word 6 and 95 keep their text in one run of 8-bit characters, unless they were saved in a hurry."""
    first, last = struct.unpack_from("<II", stream, 0x18)
    if flags & HURRIED or not 0 < first <= last <= len(stream):
        raise Unreadable("unreadable_type", "a Word document older than 1997 in several pieces")
    return stream[first:last].decode("cp1252", "replace")


def _readable(text: str) -> tuple[str, list[str]]:
    """Words as they are shown, and the targets of links among the fields."""
    targets = [target for field in _FIELD.findall(text) for target in find_links(field)]
    return _FIELD.sub("", text).translate(_SIGNS), targets


def pictures(streams: tuple[bytes, ...], sheet: Sheet) -> None:
    """Pasted pictures in the formats of scanners and cameras."""
    count = 0
    for stream in streams:
        at = 0
        while count < MAX_PICTURES and (record := _PICTURE.search(stream, at)):
            length = int.from_bytes(record[1], "little")
            picture = stream[record.end() : record.end() + length]
            start = next((skip for skip in (17, 33) if picture[skip : skip + 4].startswith(_STARTS)), None)
            at = record.end() + length if start else record.start() + 1
            if start:
                count += 1
                sheet.child(f"picture-{count}", picture[start:])
        if _METAFILE.search(stream):
            sheet.notes.add("metafile")


def _objects(storage: Storage, sheet: Sheet) -> None:
    """Files that were dragged into the document; what is no file (a formula, a chart) stays in the words."""
    pool = storage.storages.get("ObjectPool")
    for folder in list(pool.storages.values())[:MAX_OBJECTS] if pool else ():
        try:
            embedded.take_out(folder, "object", sheet)
        except Unreadable as error:
            if error.code != "unreadable_type":
                sheet.problem(error.code, error.detail)
            sheet.notes.add("object")
