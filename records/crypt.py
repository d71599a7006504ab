"""Sealing with AES-256-GCM: streams of any length in chunks, and short fields of the ledger.

A data key is never used itself: each stream has a key of its own and all fields of a data key share one, both
derived from it (HKDF, RFC 5869).  A sealed thing begins with the id of its data key, so that who has the keys
needs nothing else to open it.

A *stream* is `head | chunk | chunk | … | last chunk`, each chunk 64 KiB before its 16 bytes of tag.  The nonce of
a chunk is its number and whether it is the last (the STREAM construction), the head is authenticated with every
chunk, and the last one is bound to what the caller knows of the whole (its digest): a chunk that is changed, left
out, doubled, moved or taken from another stream, a stream that is cut, lengthened or put in the place of another,
each fails to open.

A *field* is bound to the place where it stands (`table.column/row`): moved elsewhere it does not open.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from records.errors import PermanentError

CHUNK = 1 << 16
TAG = 16
KEY = 32
KEY_ID = 9
SALT = 32
NONCE = 12
STREAM = b"SOMRR\x01"  # how a stream begins; the last byte is the version of this format
FIELD = b"\x01"
HEAD = len(STREAM) + KEY_ID + SALT


class SealError(PermanentError):
    """What was sealed does not open: damaged, tampered with, or moved."""


def derive(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    """HKDF-SHA-256 for one key of 32 bytes."""
    return HKDF(SHA256(), KEY, salt, purpose).derive(key)


def field_cipher(key: bytes) -> AESGCM:
    """The cipher for all fields under a data key."""
    return AESGCM(HKDFExpand(SHA256(), KEY, b"somrr field").derive(key))  # HKDF's second half: data keys are random already


def seal_field(cipher: AESGCM, key_id: bytes, plain: bytes, place: str) -> bytes:
    nonce = os.urandom(NONCE)
    return FIELD + key_id + nonce + cipher.encrypt(nonce, plain, place.encode())


def open_field(cipher: AESGCM, sealed: bytes, place: str) -> bytes:
    """SealError when these bytes were not sealed for this place."""
    try:
        return cipher.decrypt(sealed[1 + KEY_ID : 1 + KEY_ID + NONCE], sealed[1 + KEY_ID + NONCE :], place.encode())
    except (InvalidTag, ValueError):
        raise SealError("sealed_field", place.partition("/")[0]) from None


def key_of_field(sealed: bytes) -> bytes:
    """The id of the data key under which a field is sealed."""
    if len(sealed) < 1 + KEY_ID + NONCE + TAG or sealed[:1] != FIELD:
        raise SealError("sealed_field", "unknown form")
    return sealed[1 : 1 + KEY_ID]


def seal_stream(key: bytes, key_id: bytes, chunks: Iterable[bytes], whole: Callable[[], bytes]) -> Iterator[bytes]:
    """The sealed stream; `whole` is asked when the last chunk is known, and binds the stream to its answer."""
    salt = os.urandom(SALT)
    head = STREAM + key_id + salt
    cipher = AESGCM(derive(key, salt, b"somrr stream"))
    yield head
    for number, (chunk, last) in enumerate(_cut(chunks)):
        yield cipher.encrypt(_nonce(number, last), chunk, head + whole() if last else head)


def open_stream(key_of: Callable[[bytes], bytes], read: Callable[[int], bytes], whole: bytes) -> Iterator[bytes]:
    """The plain chunks; SealError at the first that is not what was sealed.  Only after the last is all of it true."""
    head = read(HEAD)
    cipher = AESGCM(derive(key_of(key_of_stream(head)), head[-SALT:], b"somrr stream"))
    number, following = 0, read(CHUNK + TAG)
    while following:
        chunk, following = following, read(CHUNK + TAG)
        last = not following
        try:
            yield cipher.decrypt(_nonce(number, last), chunk, head + whole if last else head)
        except InvalidTag:
            raise SealError("sealed_stream", f"chunk {number}") from None
        number += 1
    if number == 0:
        raise SealError("sealed_stream", "no chunk")


def key_of_stream(head: bytes) -> bytes:
    """The id of the data key under which a stream is sealed."""
    if len(head) < HEAD or not head.startswith(STREAM):
        raise SealError("sealed_stream", "unknown form")
    return head[len(STREAM) : len(STREAM) + KEY_ID]


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(NONCE - 1, "big") + bytes([last])


def _cut(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The same bytes in full chunks, and whether each is the last; an empty stream is one empty chunk."""
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        full = (len(waiting) - 1) // CHUNK  # one may be the last: it waits
        for number in range(full):
            with memoryview(waiting) as view:
                piece = bytes(view[number * CHUNK : (number + 1) * CHUNK])
            yield piece, False
        if full > 0:
            del waiting[: full * CHUNK]
    yield bytes(waiting), True
