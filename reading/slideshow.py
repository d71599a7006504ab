"""Old PowerPoint presentations (.ppt, MS-PPT): the words of their slides and notes, and the pictures pasted in."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reading import worddoc
from reading.compound import Compound
from reading.limits import Unreadable

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

CHARS, BYTES, ENCRYPTED = 0x0FA0, 0x0FA8, 0x2F14  # TextCharsAtom, TextBytesAtom, CryptSession10Container
_BREAKS = str.maketrans({"\r": "\n", "\x0b": "\n"})
MAX_RECORDS = 200_000


def read(found: Found, sheet: Sheet) -> None:
    """All words as one page, each once; then the pictures."""
    storage = found.opened or Compound(found.load(sheet.limits.max_part_bytes), sheet.walk.spend).root
    stream = storage.read("PowerPoint Document") or b""
    if "EncryptedSummary" in storage.streams:
        raise Unreadable("encrypted", "a presentation with a password")
    words = dict.fromkeys(text.translate(_BREAKS).strip() for text in texts(stream))
    sheet.text_page(1, "\n".join(line for line in words if line))
    if not stream:
        raise Unreadable("office_malformed", "no presentation inside")
    worddoc.pictures((storage.read("Pictures") or b"",), sheet)


def texts(stream: bytes) -> Iterator[str]:
    """The text of every record that holds some, in their order; containers (version 15) are walked into."""
    at = 0
    for _ in range(MAX_RECORDS):
        if at + 8 > len(stream):
            return
        version, kind, length = struct.unpack_from("<HHI", stream, at)
        at += 8
        if kind == ENCRYPTED:
            raise Unreadable("encrypted", "a presentation with a password")
        if version & 0x0F == 0x0F:
            continue
        if kind == CHARS:
            yield stream[at : at + length].decode("utf-16-le", "replace")
        elif kind == BYTES:
            yield stream[at : at + length].decode("latin-1")
        at += length
