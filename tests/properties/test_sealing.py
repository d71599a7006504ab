"""Whatever is done to what was sealed is noticed: no flip, cut, swap or splice gives other bytes than those sealed."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from records.crypt import (
    CHUNK,
    HEAD,
    TAG,
    SealError,
    field_cipher,
    open_field,
    open_stream,
    seal_field,
    seal_stream,
)

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
ID = b"nine byte"
STEP = CHUNK + TAG
sizes = st.one_of(st.integers(0, 200), st.sampled_from([CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7]))


def sealed_of(plain: bytes, whole: bytes = b"whole", pieces: int = 50_000) -> bytes:
    chunks = (plain[start : start + pieces] for start in range(0, len(plain), pieces))
    return b"".join(seal_stream(KEY, ID, chunks, lambda: whole))


def opened(sealed: bytes, whole: bytes = b"whole") -> bytes:
    return b"".join(open_stream(lambda _id: KEY, io.BytesIO(sealed).read, whole))


def refuses(sealed: bytes, whole: bytes = b"whole") -> None:
    with pytest.raises(SealError):
        opened(sealed, whole)


@given(size=sizes, pieces=st.integers(1, 200_000))
@example(size=0, pieces=1)
def test_what_is_sealed_opens(size: int, pieces: int) -> None:
    """Of every length around a chunk's, however it came in pieces."""
    plain = os.urandom(size)
    sealed = sealed_of(plain, pieces=max(pieces, size // 100 + 1))
    assert opened(sealed) == plain
    assert len(sealed) == HEAD + size + TAG * max(1, -(-size // CHUNK))


@given(size=sizes, at=st.integers(0), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(size: int, at: int, bit: int) -> None:
    """In the head, in a chunk, in a tag."""
    sealed = bytearray(sealed_of(os.urandom(size)))
    sealed[at % len(sealed)] ^= 1 << bit
    refuses(bytes(sealed))


@given(size=sizes, cut=st.integers(1))
def test_any_cut_is_noticed(size: int, cut: int) -> None:
    """Also at the border of a chunk, where what is left is whole in itself."""
    sealed = sealed_of(os.urandom(size))
    refuses(sealed[: -(cut % len(sealed) or 1)])


@pytest.mark.parametrize("chunks", [2, 3])
def test_a_cut_at_the_border_of_a_chunk_is_noticed(chunks: int) -> None:
    """The chunk that is last now was not sealed as the last."""
    sealed = sealed_of(os.urandom(chunks * CHUNK))
    for left in range(chunks):
        refuses(sealed[: HEAD + left * STEP])


@given(order=st.permutations(range(4)))
def test_chunks_in_another_order_are_noticed(order: list[int]) -> None:
    """Each chunk has its number."""
    assume(order != sorted(order))
    sealed = sealed_of(os.urandom(4 * CHUNK))
    chunks = [sealed[HEAD + n * STEP : HEAD + (n + 1) * STEP] for n in range(4)]
    refuses(sealed[:HEAD] + b"".join(chunks[n] for n in order))


@given(tail=st.binary(min_size=1, max_size=100))
def test_a_lengthened_stream_is_noticed(tail: bytes) -> None:
    """Nothing may follow the last chunk."""
    refuses(sealed_of(b"x" * CHUNK) + tail)
    refuses(sealed_of(b"x" * 10) + tail)


def test_a_chunk_of_another_stream_is_noticed() -> None:
    """Two streams under one data key have keys of their own."""
    one, other = sealed_of(b"a" * 2 * CHUNK), sealed_of(b"b" * 2 * CHUNK)
    refuses(one[: HEAD + STEP] + other[HEAD + STEP :])
    refuses(other[:HEAD] + one[HEAD:])


def test_a_stream_in_the_place_of_another_is_noticed() -> None:
    """The last chunk is bound to the digest under which it was kept."""
    sealed = sealed_of(b"a" * 100, whole=b"one")
    assert opened(sealed, b"one") == b"a" * 100
    refuses(sealed, b"other")


@given(plain=st.binary(max_size=300), at=st.integers(0), bit=st.integers(0, 7))
def test_any_flipped_bit_of_a_field_is_noticed(plain: bytes, at: int, bit: int) -> None:
    """Nonce, words and tag; the id of the key is looked up before, and another key does not open it."""
    cipher = field_cipher(KEY)
    sealed = bytearray(seal_field(cipher, ID, plain, "t.c/1"))
    assert open_field(cipher, bytes(sealed), "t.c/1") == plain
    sealed[1 + len(ID) + at % (len(sealed) - 1 - len(ID))] ^= 1 << bit
    with pytest.raises(SealError):
        open_field(cipher, bytes(sealed), "t.c/1")
    with pytest.raises(SealError):
        open_field(field_cipher(OTHER), seal_field(cipher, ID, plain, "t.c/1"), "t.c/1")
