"""Outlook's two shapes of a mail, written as the standards say: .msg (MS-OXMSG) and winmail.dat (MS-OXTNEF)."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from reading import mapi
from tests.servers.compound import Tree, compound

Value = str | bytes | int | bool | datetime


@dataclass
class File:
    """An attachment: bytes, another letter, or the folder of an OLE object."""

    name: str
    content: bytes | Letter | Tree
    more: dict[int, Value] = field(default_factory=dict)


@dataclass
class Letter:
    """A mail as property values, with its files and the addresses it went to."""

    values: dict[int, Value]
    files: Sequence[File] = ()
    to: Sequence[str] = ()


def letter(subject: str = "Synthetic packet", body: str = "Synthetic words of the mail", *files: File, **more: Value) -> Letter:
    """A mail from the example clinic; `more` is p1234=value for property 0x1234."""
    values: dict[int, Value] = {
        mapi.CLASS: "IPM.Note",
        mapi.SUBJECT: subject,
        mapi.SENDER_NAMES[1]: "Dr. Example Physician",
        mapi.SENDER_ADDRESSES[1]: "Doc@Clinic.example",
        mapi.MESSAGE_ID: "<one@clinic.example>",
        mapi.SENT: datetime(2026, 3, 3, 7, 0, tzinfo=UTC),
        mapi.PLAIN: body,
    }
    values |= {int(name[1:], 16): value for name, value in more.items()}
    return Letter({number: value for number, value in values.items() if value != ""}, files, ("intake@hospital.example",))


def _kind(value: Value) -> int:
    if isinstance(value, bool):
        return 0x0B
    kinds = {str: mapi.TEXT, bytes: mapi.BINARY, int: 0x03, datetime: 0x40}
    return kinds[type(value)]


def _bytes(value: Value) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-16-le")
    if isinstance(value, bytes):
        return value
    if isinstance(value, datetime):
        return struct.pack("<Q", int((value - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000)
    return struct.pack("<i", value)


# ---------------------------------------------------------------- .msg


def msg(mail: Letter) -> bytes:
    return compound(tree(mail, 32))


def tree(mail: Letter, header: int) -> Tree:
    found = _folder(mail.values, header)
    for number, address in enumerate(mail.to):
        found[f"__recip_version1.0_#{number:08X}"] = _folder({mapi.RECIPIENT_ADDRESSES[0]: address}, 8)
    for number, file in enumerate(mail.files):
        found[f"__attach_version1.0_#{number:08X}"] = _attachment(file)
    return found


def _folder(values: dict[int, Value], header: int) -> Tree:
    fixed = bytes(header)
    found: Tree = {}
    for number, value in values.items():
        kind, raw = _kind(value), _bytes(value)
        if isinstance(value, str | bytes):
            found[f"__substg1.0_{number:04X}{kind:04X}"] = raw
        fixed += struct.pack("<HHI8s", kind, number, 6, struct.pack("<I", len(raw)) if isinstance(value, str | bytes) else raw)
    found["__properties_version1.0"] = fixed
    return found


def _attachment(file: File) -> Tree:
    named: dict[int, Value] = {mapi.SHOWN_NAME: file.name, **file.more}
    if isinstance(file.content, bytes):
        return _folder({mapi.FILE_NAMES[0]: file.name, mapi.METHOD: 1, mapi.CONTENT: file.content, **named}, 8)
    inner = tree(file.content, 24) if isinstance(file.content, Letter) else file.content
    method = mapi.EMBEDDED if isinstance(file.content, Letter) else mapi.OLE_OBJECT
    return {**_folder({mapi.METHOD: method, **named}, 8), "__substg1.0_3701000D": inner}


# ---------------------------------------------------------------- winmail.dat


def attribute(level: int, number: int, content: bytes) -> bytes:
    return struct.pack("<BHHI", level, number, 6, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)


def tnef(mail: Letter) -> bytes:
    out = struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 0x9007, struct.pack("<II", 1252, 0))
    out += attribute(1, 0x9003, _properties(mail.values))
    rows = b"".join(_properties({mapi.RECIPIENT_ADDRESSES[0]: address}) for address in mail.to)
    out += attribute(1, 0x9004, struct.pack("<I", len(mail.to)) + rows)
    for file in mail.files:
        out += attribute(2, 0x9002, bytes(14))
        out += attribute(2, 0x8010, file.name.encode("cp1252", "replace") + b"\0")
        values: dict[int, Value] = {mapi.FILE_NAMES[0]: file.name, **file.more}
        if isinstance(file.content, bytes):
            out += attribute(2, 0x800F, file.content)
            out += attribute(2, 0x9005, _properties(values))
        elif isinstance(file.content, Letter):
            inner = bytes.fromhex("0703020000000000c000000000000046") + tnef(file.content)
            out += attribute(2, 0x9005, _properties(values, _property(mapi.OBJECT, mapi.CONTENT, inner)))
        else:
            inner = bytes.fromhex("0b00000000000000c000000000000046") + compound(file.content)
            out += attribute(2, 0x9005, _properties(values, _property(mapi.OBJECT, mapi.CONTENT, inner)))
    return out


def _properties(values: dict[int, Value], *more: bytes) -> bytes:
    own = struct.pack("<HH16sIII", 0x03, 0x8001, b"", 0, 7, 0)  # a property of a program's own: by number, then by name
    named = struct.pack("<HH16sII6s2xI", 0x03, 0x8002, b"", 1, 6, "own".encode("utf-16-le"), 0)
    packed = [own, named, *more, *(_property(_kind(value), number, _bytes(value)) for number, value in values.items())]
    return struct.pack("<I", len(packed)) + b"".join(packed)


def _property(kind: int, number: int, raw: bytes) -> bytes:
    if kind not in (mapi.OBJECT, mapi.TEXT, mapi.BINARY):
        return struct.pack("<HH", kind, number) + raw
    return struct.pack("<HHII", kind, number, 1, len(raw)) + raw + bytes(-len(raw) % 4)


# ---------------------------------------------------------------- rich text


def lzfu(rich: bytes) -> bytes:
    """Compressed rich text made of literals alone."""
    body = b"".join(b"\0" + rich[at : at + 8] for at in range(0, len(rich) - len(rich) % 8, 8))
    rest = rich[len(rich) - len(rich) % 8 :]
    end = (207 + len(rich)) % 4096
    body += bytes([1 << len(rest)]) + rest + struct.pack(">H", end << 4)
    checksum = binascii.crc32(body, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return struct.pack("<II4sI", len(body) + 12, len(rich), b"LZFu", checksum) + body


# ---------------------------------------------------------------- old Word documents


def word(text: str, *pictures: bytes, flags: int = 0x0200, version: int = 0xC1) -> bytes:
    """A .doc of two pieces, the first of 8-bit and the second of 16-bit characters."""
    half = len(text) // 2
    first, second = text[:half].encode("cp1252"), text[half:].encode("utf-16-le")
    at = 0x400
    places = struct.pack("<3I", 0, half, len(text))
    pieces = struct.pack("<HIHHIH", 0, at * 2 | 0x40000000, 0, 0, at + len(first), 0)
    table = b"\x02" + struct.pack("<I", len(places + pieces)) + places + pieces
    header = struct.pack("<HH6xH", 0xA5EC, version, flags).ljust(0x1A2, b"\0") + struct.pack("<II", 0, len(table))
    shown = b"".join(struct.pack("<HHI", 0x6E00, 0xF01E, len(picture) + 17) + bytes(17) + picture for picture in pictures)
    return compound({"WordDocument": (header.ljust(at, b"\0") + first + second).ljust(4200, b"\0"), "1Table": table,
                     "Data": shown, "Macros": {"VBA": b"x"}})  # fmt: skip
