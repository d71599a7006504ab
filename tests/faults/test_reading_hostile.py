"""Real hostile files through the real pool: each ends in its own reason, and the next good file is read as ever."""

from __future__ import annotations

import hashlib
import io
import time
import zlib
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from PIL import Image

from config.settings import ReadingSettings
from fixtures.hostile import bare_pdf, endless_pdf, swelling_pdf
from reading.reader import in_file
from reading.sandbox import WorkerPool
from records.model import Reading
from tests.servers import paper


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(ReadingSettings(workers=2, open_seconds=4), None) as pool:
        yield pool


def read(pool: WorkerPool, folder: Path, raw: bytes) -> Reading:
    path = folder / "raw"
    path.write_bytes(raw)
    return pool.read(in_file(path), hashlib.sha256(raw).hexdigest())


def one_page(content: bytes, box: bytes = b"0 0 612 792") -> bytes:
    """A PDF of one page with this content, deflated."""
    packed = zlib.compress(content, 9)
    return bare_pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>" % box,
            b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(packed), packed),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        ]
    )


def pushes() -> bytes:
    """Case 14: the graphics state pushed three million times."""
    return one_page(b"q " * 3_000_000 + b"0 0 9 9 re f")


def many_strings() -> bytes:
    """Case 15: two hundred thousand text operators."""
    return one_page(b"BT /F 1 Tf " + b"(a) Tj " * 200_000 + b"ET")


def many_pages() -> bytes:
    """Case 16: twenty thousand pages."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>"
    pages = b"<</Type/Pages/Kids[%b]/Count 20000>>" % (b"3 0 R " * 20_000)
    return bare_pdf([b"<</Type/Catalog/Pages 2 0 R>>", pages, page])


def vast_page() -> bytes:
    """Case 17: a page of two million points."""
    return one_page(b"0 0 900000 900000 re f", b"0 0 2000000 2000000")


def vast_picture() -> bytes:
    """Case 9: eleven kilobytes, four hundred million pixels."""
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000), 1).save(out, "TIFF", compression="group4")
    return out.getvalue()


def many_parts() -> bytes:
    """Case 29: a mail of a hundred thousand parts."""
    return b"From: a@x.example\nSubject: s\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n\n" * 100_000


STOPPED = {"parser_timeout", "parser_memory", "parser_crashed", "pdf_malformed"}


@pytest.mark.parametrize(
    ("make", "codes"),
    [
        (swelling_pdf, STOPPED),
        (endless_pdf, STOPPED),
        (pushes, STOPPED | {""}),
        (many_strings, STOPPED | {""}),
        (many_pages, {"page_count"}),
        (vast_page, {"image_pixels", ""}),
        (vast_picture, {"image_pixels"}),
        (many_parts, {"mail_parts"}),
    ],
)
def test_a_bomb_gets_its_reason_and_costs_nothing_else(
    pool: WorkerPool, tmp_path: Path, make: Callable[[], bytes], codes: set[str]
) -> None:
    """Within its deadline, named, with its bytes accounted for; "" where the libraries withstand it."""
    raw = make()
    began = time.monotonic()
    reading = read(pool, tmp_path, raw)
    assert time.monotonic() - began < 15
    assert ({problem.code for problem in reading.problems} or {""}) <= codes
    assert reading.parts[0].sha256 == hashlib.sha256(raw).hexdigest()
    good = read(pool, tmp_path, paper.tiff(paper.fax(paper.page(repeat=1, height=600))))
    assert not good.problems
    assert good.parts[0].pages[0].text


def test_bombs_beside_good_parts(pool: WorkerPool, tmp_path: Path) -> None:
    """One mail with two bombs between three good scans: the scans are read."""
    message = EmailMessage()
    message["From"], message["Subject"] = "doc@clinic.example", "packet"
    message.set_content("words\n")
    scan = paper.tiff(paper.fax(paper.page(repeat=1, height=600)))
    for number, raw in enumerate((scan, endless_pdf(), scan, swelling_pdf(), scan)):
        message.add_attachment(raw, maintype="application", subtype="octet-stream", filename=f"{number}.bin")
    reading = read(pool, tmp_path, message.as_bytes())
    assert {problem.part for problem in reading.problems} == {"1.bin", "3.bin"}
    assert [bool(part.pages) for part in reading.parts] == [True, True, False, True, False, True]
