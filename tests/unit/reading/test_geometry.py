"""Shaded fields of a blank: exact from the PDF's drawing, however pale."""

from __future__ import annotations

import io

import pytest
from reportlab.pdfgen import canvas

from reading.blanks import find_zones
from reading.geometry import shaded
from reading.pdf import layer_words, opened


def blank(red: float, green: float, blue: float, width: float = 200) -> bytes:
    """One page with a line of words on a box of this colour."""
    out = io.BytesIO()
    page = canvas.Canvas(out, pagesize=(595, 842), invariant=1)
    page.drawString(60, 740, "This agreement is made for a second opinion by the programme for the patient named here")
    page.setFillColorRGB(red, green, blue)
    page.rect(60, 690, width, 18, stroke=0, fill=1)
    page.setFillColorRGB(0, 0, 0)
    page.drawString(64, 695, "Name and birth date")
    page.drawString(60, 640, "Signature:")
    page.line(120, 638, 300, 638)
    page.save()
    return out.getvalue()


def fields(pdf: bytes) -> list[tuple[str, str]]:
    with opened(pdf) as document:
        words = [tuple(layer_words(document[0]))]
    return [(z.kind, z.placeholder) for z in shaded(pdf, words)]


@pytest.mark.parametrize("colour", [(0.9, 0.9, 0.9), (0.87, 0.92, 0.97), (1.0, 0.98, 0.8)])
def test_a_pale_box_with_words_is_a_field(colour: tuple[float, float, float]) -> None:
    """Light grey, blue or cream shading marks what is to be replaced (R7)."""
    assert fields(blank(*colour)) == [("field", "Name and birth date")]
    assert [z.placeholder for z in find_zones(blank(*colour)) if z.kind == "field"] == ["Name and birth date"]


@pytest.mark.parametrize(("colour", "width"), [((1.0, 1.0, 1.0), 200), ((0.0, 0.0, 0.0), 200), ((0.9, 0.9, 0.9), 560)])
def test_paper_ink_and_banners_are_none(colour: tuple[float, float, float], width: float) -> None:
    """White boxes, black bars and page-wide banners are no fields."""
    assert fields(blank(*colour, width=width)) == []
