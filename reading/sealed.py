"""Signed and encrypted mail (S/MIME: CMS, RFC 5652; PGP, RFC 3156): a signed message is taken out, a locked one is named.

Whose signature it is, and whether it holds, is not asked here: what it covers is read like any other part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reading import kinds
from reading.limits import Unreadable
from records.model import Role

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

SEQUENCE, TAGGED, OCTETS, MANY_OCTETS = 0x30, 0xA0, 0x04, 0x24
MAX_LEVELS = 16


def read(found: Found, sheet: Sheet) -> None:
    """The message inside a signature; a signature or key by itself has nothing to read."""
    if sheet.media_type in (kinds.CMS_LOCKED, kinds.PGP_LOCKED):
        raise Unreadable("encrypted", "encrypted for a key that is not here")
    if sheet.media_type == kinds.CMS:
        try:
            message = signed(found.load(sheet.limits.max_part_bytes))
        except (IndexError, ValueError):
            raise Unreadable("mail_malformed", "a damaged signature") from None
        if message:
            sheet.child("signed.eml", message, Role.ATTACHMENT, hint=kinds.MAIL)
    sheet.text_page(1, "", blank=True)


def signed(raw: bytes) -> bytes | None:
    """The content of a SignedData; None when the signature stands apart from what it signs."""
    at, _ = _into(raw, 0, SEQUENCE)
    at, _ = _into(raw, _past(raw, at), TAGGED)  # after its type
    at, _ = _into(raw, at, SEQUENCE)
    at, end = _into(raw, _past(raw, _past(raw, at)), SEQUENCE)  # after version and digests
    at = _past(raw, at)  # the content's type
    if at >= end or raw[at] != TAGGED:
        return None
    at, _ = _into(raw, at, TAGGED)
    return _octets(raw, at, 0)


def _header(raw: bytes, at: int) -> tuple[int, int, int | None]:
    """Tag, where the content begins, and its length: None when it ends with two zero bytes."""
    tag, length = raw[at], raw[at + 1]
    if length == 0x80:
        return tag, at + 2, None
    if length < 0x80:
        return tag, at + 2, length
    size = length & 0x7F
    if size > 8 or at + 2 + size > len(raw):
        raise ValueError
    return tag, at + 2 + size, int.from_bytes(raw[at + 2 : at + 2 + size], "big")


def _into(raw: bytes, at: int, wanted: int) -> tuple[int, int]:
    """Where the content of a value begins, and where it ends at the latest."""
    tag, start, length = _header(raw, at)
    if tag != wanted:
        raise ValueError
    return start, len(raw) if length is None else start + length


def _past(raw: bytes, at: int, level: int = 0) -> int:
    """Where the next value begins."""
    _, start, length = _header(raw, at)
    if length is not None:
        return start + length
    if level > MAX_LEVELS:
        raise ValueError
    while raw[start : start + 2] != b"\0\0":
        start = _past(raw, start, level + 1)
    return start + 2


def _octets(raw: bytes, at: int, level: int) -> bytes:
    """A string of bytes, in one piece or in many."""
    tag, start, length = _header(raw, at)
    if tag == OCTETS and length is not None:
        return raw[start : start + length]
    if tag != MANY_OCTETS or level > MAX_LEVELS:
        raise ValueError
    end = len(raw) if length is None else start + length
    pieces = []
    while start < end and raw[start : start + 2] != b"\0\0":
        pieces.append(_octets(raw, start, level + 1))
        start = _past(raw, start)
    return b"".join(pieces)
