"""Small writers of office files as they were before 2007: workbooks (MS-XLS), presentations (MS-PPT), Word 6 documents."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import date

from tests.servers.compound import compound

Cell = str | float | date
_FIRST_DAY = date(1899, 12, 30)


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def _begin(what: int) -> bytes:
    return _record(0x0809, struct.pack("<HHHHII", 0x0600, what, 0, 1997, 0, 6))


def _text(words: str, counted_by: str) -> bytes:
    return struct.pack(counted_by, len(words)) + b"\1" + words.encode("utf-16-le")


def records(name: str, rows: Sequence[Sequence[Cell]], locked: bool = False) -> bytes:
    """The stream of a workbook (BIFF 8) with one sheet."""
    if locked:
        return _begin(5) + _record(0x2F, struct.pack("<HHH", 1, 1, 1) + bytes(48))
    words = [cell for row in rows for cell in row if isinstance(cell, str)]
    styles = b"".join(_record(0xE0, struct.pack("<HHH14x", 0, style, 0)) for style in (0, 14))  # plain, a date
    shared = _record(0xFC, struct.pack("<II", len(words), len(words)) + b"".join(_text(word, "<H") for word in words))
    sheet = _begin(0x10)
    count = 0
    for down, row in enumerate(rows):
        for across, cell in enumerate(row):
            if isinstance(cell, str):
                sheet += _record(0xFD, struct.pack("<HHHI", down, across, 0, count))
                count += 1
            else:
                dated = isinstance(cell, date)
                value = (cell - _FIRST_DAY).days if isinstance(cell, date) else cell
                sheet += _record(0x203, struct.pack("<HHHd", down, across, dated, value))
    sheet += _record(0x0A, b"")
    title = _text(name, "<B")
    head = _begin(5) + _record(0x42, struct.pack("<H", 1200)) + styles
    tail = shared + _record(0x0A, b"")
    place = len(head) + len(_record(0x85, bytes(6) + title)) + len(tail)
    return head + _record(0x85, struct.pack("<IH", place, 0) + title) + tail + sheet


def xls(name: str, rows: Sequence[Sequence[Cell]], locked: bool = False) -> bytes:
    return compound({"Workbook": records(name, rows, locked)})


def ppt(*slides: str, picture: bytes = b"", locked: bool = False) -> bytes:
    """A presentation: one text a slide, 16-bit and 8-bit by turns."""
    inner = b""
    for number, words in enumerate(slides):
        kind, raw = (0x0FA8, words.encode("latin-1")) if number % 2 else (0x0FA0, words.encode("utf-16-le"))
        inner += struct.pack("<HHI", 0, kind, len(raw)) + raw
    inner += struct.pack("<HHI", 0x0F, 0x2F14, 0) if locked else b""
    stream = struct.pack("<HHI", 0x0F, 1000, len(inner)) + inner
    shown = struct.pack("<HHI", 0x6E00, 0xF01E, len(picture) + 17) + bytes(17) + picture if picture else b""
    return compound({"PowerPoint Document": stream, "Pictures": shown})


def word_6(text: str, flags: int = 0) -> bytes:
    """A document of Word 6: its text in one run after the header."""
    header = struct.pack("<HH6xH", 0xA5DC, 101, flags).ljust(0x18, b"\0") + struct.pack("<II", 0x300, 0x300 + len(text))
    return compound({"WordDocument": header.ljust(0x300, b"\0") + text.encode("cp1252")})
