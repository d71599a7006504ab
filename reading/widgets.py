"""Places that a blank's PDF declares itself: signature and text fields of its interactive form (ISO 32000-2, 12.7)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pikepdf

from reading.labels import name_of
from records.model import Zone


def widgets(pdf: bytes) -> list[Zone]:
    """Signature fields, and text fields whose names say that they ask for a date, a role or the patient.

    None when pikepdf can not follow the file, or a page is turned: then its places are found by sight alone.
    """
    try:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            return [z for number, page in enumerate(document.pages, 1) for z in _of_page(number, page)]
    except (pikepdf.PdfError, ValueError, TypeError, AttributeError, KeyError):
        return []


def _of_page(number: int, page: pikepdf.Page) -> Iterator[Zone]:
    if int(page.get("/Rotate", 0)) % 360:
        return
    left, bottom, right, top = (float(side) for side in page.cropbox)
    for widget in page.get("/Annots", ()):
        asked = _asked(widget)
        if asked is not None:
            x0, y0, x1, y1 = (float(side) for side in widget.Rect)
            wide, tall = right - left, top - bottom
            box = (x0 - left) / wide, (top - y1) / tall, (x1 - left) / wide, (top - y0) / tall
            yield Zone(asked[1], asked[0], number, box)


def _asked(widget: pikepdf.Object) -> tuple[str, str] | None:
    """(kind, name) of a form field, None when it is none of ours."""
    parent = widget.get("/Parent", widget)
    words = str(next((of[key] for key in ("/TU", "/T") for of in (widget, parent) if key in of), ""))
    asked = name_of(re.sub(r"[_.\-]+|(?<=[a-z])(?=[A-Z])", " ", words).strip())
    field = str(widget.get("/FT", parent.get("/FT", "")))
    if field == "/Sig":
        return asked if asked and asked[0] == "signature" else ("signature", "signature")
    return asked if field == "/Tx" else None
