"""Objects of other programs (OLE): the file wrapped inside one is taken out, a locked one is said to be."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from reading import kinds
from reading.compound import Compound, Storage
from reading.limits import Unreadable

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

WRAPPED = b"\x02\0"
NATIVE = "\x01Ole10Native"  # a file dragged into a document (MS-OLEDS 2.3.6)
WHOLE = ("CONTENTS", "Package", "EmbeddedOdf")  # streams that are a file as it stands
DOCUMENTS = {"WordDocument": kinds.DOC, "Workbook": kinds.XLS, "Book": kinds.XLS, "PowerPoint Document": kinds.PPT}
LOCKED = "EncryptedPackage"  # an office document with a password (MS-OFFCRYPTO 2.3.4)


def read(found: Found, sheet: Sheet) -> None:
    """What the compound file wraps, else `encrypted` or `unreadable_type`."""
    root = Compound(found.load(sheet.limits.max_part_bytes), sheet.walk.spend).root
    take_out(root, "object", sheet)


def take_out(storage: Storage, name: str, sheet: Sheet) -> None:
    """The file inside an object as a part of its own; `name` when it does not say how it is called."""
    if LOCKED in storage.streams:
        raise Unreadable("encrypted", "an office document with a password")
    whole = next((content for stream in WHOLE if (content := storage.read(stream))), None)
    native = storage.read(NATIVE)
    if whole is not None:
        sheet.child(name, whole)
    elif native is not None:
        called, content = native_file(native)
        sheet.child(called or name, content)
    elif kind := next((kind for stream, kind in DOCUMENTS.items() if stream in storage.streams), ""):
        sheet.child(name, b"", hint=kind, opened=storage)
    else:
        raise Unreadable("unreadable_type", "an object of another program")


def native_file(raw: bytes) -> tuple[str, bytes]:
    """Name and bytes of a wrapped file: label, path, two numbers, path again, then the length and the bytes."""
    if raw[4:6] != WRAPPED:  # a program's own bytes, as before there were names
        if kinds.sniff(raw[4 : 4 + kinds.HEAD_BYTES]) in kinds.IMAGES | {kinds.PDF}:
            return "", raw[4:]
        raise Unreadable("unreadable_type", "an object of another program")
    try:
        at = raw.index(b"\0", 6) + 1
        path_end = raw.index(b"\0", at)
        name = raw[6 : at - 1].decode("latin-1")
        at = path_end + 1 + 4
        (size,) = struct.unpack_from("<I", raw, at)
        at += 4 + size
        (size,) = struct.unpack_from("<I", raw, at)
    except (ValueError, struct.error):
        raise Unreadable("unreadable_type", "an object that only points to a file, or a damaged one") from None
    return name, raw[at + 4 : at + 4 + size]
