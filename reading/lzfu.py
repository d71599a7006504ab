"""Compressed rich text of Outlook mails (MS-OXRTFCP): a 4096 byte window that begins with words every RTF has."""

from __future__ import annotations

import binascii
import struct

from reading.limits import Unreadable

_START = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArial"
    rb"Times New RomanCourier{\colortbl\red0\green0\blue0" + b"\r\n" + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
WINDOW = 4096
COMPRESSED, PLAIN = b"LZFu", b"MELA"


def unpacked(packed: bytes, limit: int) -> tuple[bytes, bool]:
    """The RTF of at most `limit` bytes, and whether length and checksum hold; `mail_malformed` when it is none."""
    if len(packed) < 16:
        raise Unreadable("mail_malformed", "the rich text has no header")
    length, kind, checksum = struct.unpack_from("<I4sI", packed, 4)
    body = packed[16:]
    if kind == PLAIN:
        return body[: min(length, limit)], length == len(body) <= limit
    if kind != COMPRESSED:
        raise Unreadable("mail_malformed", "the rich text is packed in an unknown way")
    out = _expanded(body, limit)
    if len(out) > limit:
        raise Unreadable("text_size", f"more than {limit} bytes of rich text")
    return out, len(out) == length and binascii.crc32(body, 0xFFFFFFFF) ^ 0xFFFFFFFF == checksum


def _expanded(body: bytes, limit: int) -> bytes:
    """Literals and copies out of the window, until the copy that points at the window's own end."""
    out = bytearray(_START)
    at, end = 0, len(body)
    while at < end and len(out) <= limit + len(_START):
        flags, at = body[at], at + 1
        for bit in range(8):
            if not flags >> bit & 1:
                out += body[at : at + 1]
                at += 1
                continue
            reference = int.from_bytes(body[at : at + 2], "big")
            back = (len(out) - (reference >> 4)) % WINDOW
            at += 2
            if at > end or not back or back > len(out):
                return bytes(out[len(_START) :])
            for _ in range((reference & 15) + 2):
                out.append(out[-back])
    return bytes(out[len(_START) :])
