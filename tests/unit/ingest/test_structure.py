"""Telling a whole PDF or TIFF from a half-written one."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from ingest import structure


def _whole(raw: bytes, name: str = "page") -> bool:
    with tempfile.TemporaryFile() as file:
        file.write(raw)
        file.flush()
        return structure.whole(file.fileno(), len(raw), name)


@cache
def _pdf() -> bytes:
    kept = io.BytesIO()
    canvas = Canvas(kept)
    for page in range(3):
        canvas.drawString(72, 700, f"SYNTHETIC PAGE {page}")
        canvas.showPage()
    canvas.save()
    return kept.getvalue()


@cache
def _tiff(compression: str = "group4", pages: int = 3) -> bytes:
    noise = Image.frombytes("1", (256, 400), hashlib.shake_128(b"noise").digest(32 * 400))
    kept = io.BytesIO()
    noise.save(kept, "TIFF", compression=compression, save_all=True, append_images=[noise] * (pages - 1))
    return kept.getvalue()


def test_whole_files_are_whole_whatever_they_are_called() -> None:
    """The content says what a file is; of other kinds nothing is asked."""
    for name in ("fax", "fax.pdf", "fax.tif"):
        assert _whole(_tiff(), name)
        assert _whole(_tiff("raw", pages=1), name)
        assert _whole(_pdf(), name)
    assert _whole(b"DICM is judged by the reader", "image.dcm")


@given(st.floats(0, 0.999))
@example(0.0)
@example(0.999)
def test_no_beginning_of_a_pdf_is_whole(share: float) -> None:
    """Cut anywhere before its last lines."""
    assert not _whole(_pdf()[: int(share * (len(_pdf()) - 6))], "fax.pdf")


@given(st.floats(0, 0.999))
def test_no_beginning_of_a_fax_tiff_is_whole(share: float) -> None:
    """Cut anywhere: a page or the directory that names it is missing."""
    assert not _whole(_tiff()[: int(share * len(_tiff()))], "fax.tif")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: bytes(len(_pdf())), id="preallocated, still zeros"),
        pytest.param(lambda: _pdf()[:-6] + bytes(3000), id="end overwritten with zeros"),
        pytest.param(lambda: b"%PDF-1.5\n1 0 obj\nstartxref\n0\n%%EOF\n" + b"x" * 500, id="linearised, first section only"),
        pytest.param(lambda: b"%PDF-1.5\nstartxref\n999999\n%%EOF\n", id="cross-reference beyond the end"),
    ],
)
def test_a_pdf_still_being_written_is_not_whole(make: Callable[[], bytes]) -> None:
    """The shapes that writers leave for a while."""
    assert not _whole(make(), "fax.pdf")


def test_a_tiff_whose_writer_has_not_closed_it_is_not_whole() -> None:
    """libtiff writes the address of the first directory last."""
    assert not _whole(b"II*\0" + bytes(2000), "fax.tif")


def test_a_directory_chain_that_runs_in_a_circle_ends() -> None:
    """Two directories that name each other are read once each."""
    first = b"\x01\x00" + b"\x00\x01\x03\x00\x01\x00\x00\x00\x08\x00\x00\x00" + (26).to_bytes(4, "little")
    second = b"\x01\x00" + b"\x00\x01\x03\x00\x01\x00\x00\x00\x08\x00\x00\x00" + (8).to_bytes(4, "little")
    assert _whole(b"II*\0" + (8).to_bytes(4, "little") + first + second)


@given(st.binary(max_size=400))
def test_any_bytes_get_an_answer(raw: bytes) -> None:
    """No exception escapes, whatever stands behind the magic numbers."""
    for magic in (b"", b"II*\0", b"MM\0*", b"%PDF-1.4\n"):
        assert _whole(magic + raw, "fax.tif") in (True, False)
