"""Fields that a blank shows by geometry: shaded boxes and highlight annotations, exact from the PDF's own drawing.

pdfplumber is slow (0.2 s a page) and sees only vector drawings, so it is asked when a blank is registered, never for
what arrives; pixels (`reading.zones.highlights`) find the highlighter's colours on any blank, geometry finds the
shades too pale for that.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import pdfplumber

from reading.words import Word
from records.model import Zone

POINTS_MM = 72 / 25.4
SMALLEST = (6 * POINTS_MM, 2 * POINTS_MM)  # width, height of a field, in points
TALLEST = 30 * POINTS_MM
WIDEST = 0.9  # of the page: more is a banner


def shaded(pdf: bytes, words_of: Sequence[Sequence[Word]]) -> Iterator[Zone]:
    """A field zone for each shaded box or highlight annotation with words in it, page by page."""
    with pdfplumber.open(io.BytesIO(pdf)) as document:
        for page, words in zip(document.pages, words_of, strict=True):
            boxes = [r for r in page.rects if r.get("fill") and _is_shade(r.get("non_stroking_color"))]
            boxes += [a for a in page.annots if "Highlight" in str((a.get("data") or {}).get("Subtype", ""))]
            for box in sorted(boxes, key=lambda b: (b["top"], b["x0"])):
                if zone := _zone(box, page, words):
                    yield zone


def _zone(box: dict[str, Any], page: Any, words: Sequence[Word]) -> Zone | None:
    wide, tall = box["x1"] - box["x0"], box["bottom"] - box["top"]
    if wide < SMALLEST[0] or not SMALLEST[1] <= tall <= TALLEST or wide > WIDEST * float(page.width):
        return None
    left, right = box["x0"] / float(page.width), box["x1"] / float(page.width)
    top, bottom = box["top"] / float(page.height), box["bottom"] / float(page.height)
    inside = [w for w in words if left <= (w.left + w.right) / 2 <= right and top <= (w.top + w.bottom) / 2 <= bottom]
    if not inside:
        return None
    return Zone("patient", "field", page.page_number, (left, top, right, bottom), " ".join(w.text for w in inside))


def _is_shade(colour: object) -> bool:
    """Neither paper nor ink: a pale tint, in grey, RGB or CMYK (PDF 32000-1, 8.6.4)."""
    if isinstance(colour, int | float):
        colour = (colour,)
    if not isinstance(colour, tuple | list) or not all(isinstance(c, int | float) for c in colour):
        return False
    if len(colour) == 4:
        cyan, magenta, yellow, black = (float(c) for c in colour)
        rgb = tuple((1 - c) * (1 - black) for c in (cyan, magenta, yellow))
    else:
        rgb = tuple(float(c) for c in colour)
    light = sum(rgb) / len(rgb) if rgb else 0.0
    return 0.6 <= light <= 0.985
