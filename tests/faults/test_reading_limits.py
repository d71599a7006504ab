"""Every limit of the reading room, one below, at, and one above: what passes it has its name, what does not has none.

A limit that is not in the table fails the last test: nothing over a limit may pass as clean.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields

import pytest
from PIL import Image

from fixtures import bombs
from reading.limits import Limits
from tests.servers.walking import walk

HEAD = b"From: doc@clinic.example\nSubject: s\n"


def mail_of(size: int) -> bytes:
    """A mail of exactly that many bytes."""
    head = HEAD + b"\n"
    return head + b"word " * ((size - len(head)) // 5) + b"w" * ((size - len(head)) % 5)


def mail_with_header_of(size: int) -> bytes:
    """Its header fields take that many bytes, up to the end of the last one."""
    head = HEAD + b"X-Note: "
    return head + b"n" * (size - len(head)) + b"\n\nwords\n"


def mail_of_parts(count: int) -> bytes:
    """One of them the whole, the others in it."""
    part = b"--b\nContent-Type: text/plain\n\nwords\n"
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + part * (count - 1) + b"--b--\n"


def picture_of(pixels: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (pixels, 1), 255).save(out, "PNG")
    return out.getvalue()


def zip_of(size: int) -> bytes:
    """Its members take that many bytes unpacked, in all."""
    first = b"a" * (size // 2)
    return bombs.bare_zip([bombs.stored(b"a.txt", first), bombs.stored(b"b.txt", b"b" * (size - len(first)))])


def text_of(size: int) -> bytes:
    return b"w" * size


def zip_with(size: int) -> bytes:
    """A member of that many bytes."""
    return bombs.bare_zip([bombs.stored(b"a.txt", b"w" * size)])


def pdf_of(size: int) -> bytes:
    raw = bombs.one_page(b"BT /F 12 Tf 72 700 Td (Synthetic words) Tj ET")
    return raw + b"%" * (size - len(raw))


TWELVE = bombs.zeros(12 << 20)  # above the ten megabytes from which the ratio counts


def zip_of_ratio(ratio: int) -> bytes:
    """A member that grows by that factor, to the byte: its packed stream has padding after its end."""
    packed = TWELVE + bytes(-(-(12 << 20) // ratio) - len(TWELVE))
    return bombs.bare_zip([bombs.Entry(b"a.txt", packed, 12 << 20, zlib.crc32(bytes(12 << 20)), method=8)])


@dataclass(frozen=True)
class Row:
    """A limit, the value it is tried with, a file that reaches a given amount, and the reason above it."""

    limit: str
    value: int
    make: Callable[[int], bytes]
    code: str
    name: str = "mail"
    step: int = 1


TABLE = (
    Row("max_mail_bytes", 2000, mail_of, "mail_size"),
    Row("max_header_bytes", 3000, mail_with_header_of, "mail_headers"),
    Row("max_parts", 30, mail_of_parts, "mail_parts"),
    Row("max_nesting", 6, bombs.deep_mail, "mail_nesting"),
    Row("max_archive_depth", 2, bombs.nested_zip, "archive_depth", "a.zip"),
    Row("max_archive_entries", 40, bombs.crowded_zip, "archive_entries", "a.zip"),
    Row("max_archive_bytes", 5000, zip_of, "archive_bytes", "a.zip"),
    Row("max_archive_ratio", 100, zip_of_ratio, "archive_ratio", "a.zip", step=2),
    Row("max_pages", 20, bombs.long_fax, "page_count", "a.tif"),
    Row("max_pages", 20, bombs.many_pages, "page_count", "a.pdf"),
    Row("max_pixels", 30_000, picture_of, "image_pixels", "a.png"),
    Row("max_text", 700, text_of, "text_size", "a.txt"),
    Row("max_part_bytes", 900, zip_with, "part_size", "a.zip"),
    Row("max_part_bytes", 2000, pdf_of, "parser_memory", "a.pdf"),
)
# of whole workers, tried in test_reading_workers: a worker that sleeps, spins, or takes memory
ELSEWHERE = {"memory_bytes", "open_seconds", "page_seconds", "cpu_seconds"}
NO_LIMITS = {"engine", "languages", "tessdata"}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.limit}-{row.code}")
def test_a_limit_is_met_exactly(row: Row) -> None:
    """L - 1 and L pass without a word of it; L + 1 is named, and the file is in the account."""
    for amount in (row.value - row.step, row.value, row.value + row.step):
        walked = walk(row.make(amount), row.name, **{row.limit: row.value})
        codes = [code for code in walked.codes if code != "unreadable_type"]  # of the padding
        assert codes == ([row.code] if amount > row.value else []), amount
        assert walked.parts


def test_no_limit_is_missing() -> None:
    """A new one has to be tried too."""
    assert {row.limit for row in TABLE} | ELSEWHERE | NO_LIMITS == {field.name for field in fields(Limits)}
