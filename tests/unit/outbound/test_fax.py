"""A fax of an update: what a fax machine expects, and the words of the mail."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2
import pytesseract
import pytest
import zxingcpp
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

import outbound.fax as fax
from config.rules import Programme
from fixtures import degrade
from outbound.compose import compose
from outbound.fax import _sheets, to_pages
from outbound.faxing import FileFax
from outbound.wording import languages
from records.model import Event, Message, Outcome
from tests.unit.outbound.making import NOW, message, missing, update


@pytest.fixture
def faxed() -> Message:
    """A Spanish rejection with the English below, four pages long."""
    gaps = tuple(
        missing(code)
        for code in ("loa_unsigned", "consent_undated", "radiology_report_missing", "radiology_image_missing", "specimen_missing")
    )
    return message(update(Event.REJECTED, language="es", channel="fax", address="+52 55 5555 0100", findings=gaps))


def test_the_pages_are_those_of_a_group_3_machine(faxed: Message) -> None:
    """One bit, 1728 dots across, 204 × 196 dots an inch, A4 or Letter high, CCITT inside the PDF."""
    pages = fax.to_pages(faxed)
    assert [(page.mode, page.size) for page in pages] == [("1", (1728, 2291))] * 4
    with pikepdf.open(io.BytesIO(fax.to_pdf(faxed))) as pdf:
        assert len(pdf.pages) == 4
        for page in pdf.pages:
            (stream,) = page.get_images().values()
            assert isinstance(stream, pikepdf.Stream)
            image = pikepdf.PdfImage(stream)
            assert (image.width, image.height, image.bits_per_component) == (1728, 2291, 1)
            assert image.filters == ["/CCITTFaxDecode"]
            left, bottom, right, top = (float(edge) for edge in page.mediabox)
            assert (right - left) / 72 * 204 == pytest.approx(1728, abs=1)
            assert (top - bottom) / 72 * 196 == pytest.approx(2291, abs=1)
    assert fax.to_pages(faxed, "letter")[0].height == 11 * 196


def test_the_words_can_be_read_from_the_fax(faxed: Message) -> None:
    """Recognised again by Tesseract: reference and number on each page, the gaps, the notice."""
    document = pypdfium2.PdfDocument(fax.to_pdf(faxed))
    first, second, *_ = (page.render(scale=204 / 72).to_pil().convert("L") for page in document)
    document.close()
    text = recognised(first.crop((0, 0, first.width, first.height * 6 // 10)), "spa")
    for phrase in ("+52 55 5555 0100", "UC San Diego Health, SOMRR", "Este fax es solo para su destinatario", "no está firmada"):
        assert phrase in text
    for number, page in enumerate((first, second), start=1):
        assert f"[SOMRR-7F3K2-9]{number}/4" in recognised(foot(page), "eng").replace(" ", "")


def recognised(page: Image.Image, language: str) -> str:
    return " ".join(pytesseract.image_to_string(page, lang=language, config="--psm 6", timeout=60).split())


def foot(page: Image.Image) -> Image.Image:
    return page.crop((0, page.height - 220, page.width, page.height))


def test_the_same_update_twice_is_one_file(tmp_path: Path, faxed: Message) -> None:
    """Same name, same bytes, whatever the clock says."""
    courier = FileFax(tmp_path, clock=lambda: NOW)
    first = courier.send(faxed)
    (pdf,) = tmp_path.iterdir()
    before = pdf.read_bytes()
    assert courier.send(faxed) == first
    assert first.outcome is Outcome.SENT
    assert (pdf.name, pdf.read_bytes()) == (f"{faxed.update}.pdf", before)
    assert [entry.name for entry in tmp_path.iterdir()] == [pdf.name]


def test_the_file_tells_nothing_of_the_machine(faxed: Message) -> None:
    """Title and dates come from the message."""
    with pikepdf.open(io.BytesIO(fax.to_pdf(faxed))) as pdf:
        assert str(pdf.docinfo["/Title"]) == faxed.subject
        assert str(pdf.docinfo["/CreationDate"]) == "D:20261124180000Z"


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without any font of ours."""
    monkeypatch.setattr(fax, "_FONTS", ())
    fax._font.cache_clear()
    yield
    monkeypatch.undo()
    fax._font.cache_clear()


@pytest.mark.usefixtures("no_fonts")
def test_without_a_font_the_english_text_goes_alone(faxed: Message) -> None:
    """Pillow's own font has ASCII only: no empty boxes, and what lies below every language anyway."""
    pages = fax.to_pages(faxed)
    assert len(pages) == 2
    assert "Some documents are still needed" in recognised(pages[0].convert("L"), "eng")


@pytest.mark.parametrize("code", sorted(languages()))
def test_every_page_carries_the_reference_as_a_barcode(code: str) -> None:
    """Read back by a reader of barcodes after a standard-resolution machine has halved the lines and specks have come."""
    sent = message(update(Event.OPENED, language=code, channel="fax", address="+52 55 5555 0100", case_ref="SOMRR-7F3K2-9ABCD-X"))
    for page in fax.to_pages(sent):
        coarse = page.convert("L").resize((1728, page.height // 2), Image.Resampling.NEAREST).resize(page.size)
        coarse.paste(0, (900, 60, 903, 63))
        assert [found.text for found in zxingcpp.read_barcodes(coarse)] == ["SOMRR-7F3K2-9ABCD-X"]


def test_a_script_that_a_font_has_is_written_in_it() -> None:
    """Arabic from the right-hand side, in the font that every installation has; a rule goes with its heading."""
    sent = message(update(Event.OPENED, language="ar", channel="fax", address="+52 55 5555 0100"))
    page = fax.to_pages(sent)[0].convert("L")
    line = next(
        n for n, text in enumerate([*fax._cover(sent, fax._words(sent)), *sent.text.splitlines()]) if text.startswith("===")
    )
    down = round((fax._MARGIN + line * fax._LINE) * 196 / 204)
    assert page.crop((0, down, 800, down + 40)).getextrema() == (255, 255)
    assert page.crop((900, down, 1728, down + 40)).getextrema()[0] == 0


def test_a_tiff_is_what_a_fax_server_takes_as_it_is(faxed: Message) -> None:
    """Group 3, fine, white is zero, one strip a page: else HylaFAX's tiffcheck wants it made over; the pages of the PDF."""
    tiff = fax.to_tiff(faxed)
    assert tiff == fax.to_tiff(faxed)
    with Image.open(io.BytesIO(tiff)) as read:
        assert isinstance(read, TiffImageFile)
        assert (read.n_frames, read.size, read.info["compression"], read.info["dpi"]) == (4, (1728, 2291), "group3", (204, 196))
        assert {tag: read.tag_v2[tag] for tag in (262, 266, 278)} == {262: 0, 266: 2, 278: 2291}
        for number, page in enumerate(fax.to_pages(faxed)):
            read.seek(number)
            assert read.convert("1").tobytes() == page.tobytes()


def test_the_cover_names_both_sides_the_time_and_the_case() -> None:
    """R22: who we are comes from the configuration, by way of the message."""
    sender = {"sender_name": "Example Hospital", "mailbox": "office@example.org"}
    other = compose(update(channel="fax", address="555-0100"), Programme.model_validate(sender), NOW)
    lines = list(fax._cover(other, fax._words(other)))
    assert lines[:4] == [
        "To (fax): 555-0100",
        "From: Example Hospital - office@example.org",
        "2026-11-24 18:00 UTC",
        other.subject,
    ]


def test_a_heading_stays_with_what_it_heads() -> None:
    """Wherever the page ends; no line is lost."""
    lines = ["Words", "", "Heading", "-------", "", "Text", "More"] * 9
    for room in range(12, 40):
        sheets = list(_sheets(lines, room))
        assert [line for sheet in sheets for line in sheet if line] == [line for line in lines if line]
        assert all(sheet[-1] not in ("Heading", "-------", "") and sheet[0] != "-------" for sheet in sheets)
        assert all(len(sheet) <= room for sheet in sheets)


@pytest.mark.parametrize("way", [degrade.fax, degrade.fax_coarse, degrade.photo], ids=lambda way: way.__name__)
def test_the_barcode_outlives_the_way_back(way: Callable[[Image.Image, int], Image.Image]) -> None:
    """Sent back by a fine and a coarse machine, or photographed: the case is still named."""
    page = to_pages(message(update(Event.OPENED, channel="fax", address="+52 55 5555 0100")))[0]
    read = zxingcpp.read_barcodes(np.array(way(page, 7).convert("L")))
    assert [code.text for code in read] == ["SOMRR-7F3K2-9"]
