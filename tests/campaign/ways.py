"""The ways by which a form comes: as text, as form fields, flattened, inked, pasted, scanned, faxed, photographed, mixed."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium_c
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from fixtures import degrade, render
from fixtures.returned import fax_pages
from fixtures.tiff import COARSE, tiff
from tests.campaign.packs import consent, split
from tests.campaign.states import PAPER, Entry, Sheets
from tests.servers import signing
from tests.servers.signing import LETTER, TEXTS, Look, Spot

Way = Callable[[Any, Look, str, int], tuple[str, bytes]]  # to the file's ending and its bytes


def text(entry: Sheets, look: Look, language: str, _seed: int) -> tuple[str, bytes]:
    return "pdf", entry.form(look, language)


def fields(entry: Entry, look: Look, language: str, _seed: int) -> tuple[str, bytes]:
    """Patient, date and role stand in fields of an interactive form, with the appearance that a viewer draws."""
    patient = TEXTS[language]["placeholder"] if entry.field is None else entry.field
    bare = Entry("", typed=entry.typed, flow=entry.flow, ink=entry.ink, dirt=entry.dirt)
    if not (patient + entry.date + entry.role).isascii():
        return "pdf", entry.form(look, language)  # the viewer's fonts know no Arabic
    layer = io.BytesIO()
    canvas = Canvas(layer, pagesize=LETTER, invariant=1)
    mine = look.of(language)
    asked = (
        ("patient_name", Spot(70, 646 + entry.flow, 400), patient),
        ("date_signed", mine.date, entry.date),
        ("relationship", mine.role, entry.role),
    )
    for name, spot, words in asked:
        canvas.acroForm.textfield(
            name=name, value=words, x=spot.x + 1, y=spot.y + 1 - entry.flow, width=spot.width - 2, height=16, fontSize=10,
            borderWidth=0, fillColor=None, borderColor=None,
        )  # fmt: skip
    canvas.showPage()
    canvas.save()
    return "pdf", _with_fields(bare.form(look, language), layer.getvalue())


def _with_fields(sheet: bytes, layer: bytes) -> bytes:
    """The fields of one PDF's page put onto another's."""
    with pikepdf.open(io.BytesIO(sheet)) as document, pikepdf.open(io.BytesIO(layer)) as given:
        form = document.copy_foreign(given.make_indirect(given.Root.AcroForm))
        page = document.pages[0]
        for widget in form.Fields:
            widget.P = page.obj
        page.Annots = document.make_indirect(pikepdf.Array(list(form.Fields)))
        document.Root.AcroForm = form
        return _saved(document)


def _saved(document: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    document.save(out, deterministic_id=True)
    return out.getvalue()


def flattened(entry: Entry, look: Look, language: str, seed: int) -> tuple[str, bytes]:
    """The same fields drawn into the page by a viewer."""
    return "pdf", _drawn_in(fields(entry, look, language, seed)[1])


def _drawn_in(pdf: bytes) -> bytes:
    """The PDF with what its fields show made part of its pages."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        for page in document:
            pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY)
            page.close()
        out = io.BytesIO()
        document.save(out)
        return out.getvalue()
    finally:
        document.close()


def _printed(entry: Sheets, look: Look, language: str) -> bytes:
    """The sheets as a printer puts them on paper, a digital signature's picture with them."""
    pdf = entry.form(look, language)
    return _drawn_in(pdf) if b"/ByteRange" in pdf else pdf


def inked(entry: Entry, look: Look, language: str, _seed: int) -> tuple[str, bytes]:
    """The pen's strokes are annotations, as a tablet's reader draws them."""
    layer = io.BytesIO()
    canvas = Canvas(layer, pagesize=LETTER, invariant=1)
    canvas.translate(0, -entry.flow)
    for each in entry.ink:
        each(canvas)
    canvas.showPage()
    canvas.save()
    with pikepdf.open(io.BytesIO(entry.form(look, language, ink=False))) as document, pikepdf.open(layer) as drawn:
        if entry.ink:
            shown = document.copy_foreign(drawn.pages[0].as_form_xobject())
            box = [0, 0, *LETTER]
            ink = pikepdf.Dictionary(
                Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Ink, Rect=box, F=4, InkList=pikepdf.Array([[100, 100, 200, 110]])
            )
            ink.AP = pikepdf.Dictionary(N=shown)
            document.pages[0].Annots = pikepdf.Array([document.make_indirect(ink)])
        return "pdf", _saved(document)


def pasted(entry: Entry, look: Look, language: str, _seed: int) -> tuple[str, bytes]:
    """A picture of the pen's strokes, clear around them, laid upon the page."""
    bare = entry.form(look, language, ink=False)
    if not entry.ink:
        return "pdf", bare
    layer = io.BytesIO()
    canvas = Canvas(layer, pagesize=LETTER, invariant=1)
    canvas.translate(0, -entry.flow)
    for each in entry.ink:
        each(canvas)
    canvas.showPage()
    canvas.save()
    picture = render.pages(layer.getvalue(), 150)[0]
    clear = np.dstack([np.asarray(picture), 255 - np.asarray(picture.convert("L"))])
    stamp = io.BytesIO()
    canvas = Canvas(stamp, pagesize=LETTER, invariant=1)
    canvas.drawImage(ImageReader(Image.fromarray(clear)), 0, 0, *LETTER, mask="auto")
    canvas.save()
    with pikepdf.open(io.BytesIO(bare)) as document, pikepdf.open(stamp) as laid:
        document.pages[0].add_overlay(laid.pages[0], pikepdf.Rectangle(0, 0, *LETTER))
        return "pdf", _saved(document)


def scan(entry: Sheets, look: Look, language: str, seed: int) -> tuple[str, bytes]:
    return "pdf", _scanned(render.pages(_printed(entry, look, language)), seed)


def _scanned(pages: Sequence[Image.Image], seed: int) -> bytes:
    pictures = [degrade.jpeg(degrade.scan(page, seed + at), quality=50) for at, page in enumerate(pages)]
    return render.bound(pictures, [LETTER] * len(pictures))


def fax(entry: Sheets, look: Look, language: str, seed: int) -> tuple[str, bytes]:
    return "tif", tiff(fax_pages(render.pages(_printed(entry, look, language)), seed, "+1 555 0101"))


def fax_noisy(entry: Sheets, look: Look, language: str, seed: int) -> tuple[str, bytes]:
    """Another machine: more specks and lost lines, no sender's line."""
    pages = [signing.faxed(page, seed + at) for at, page in enumerate(split(_printed(entry, look, language)))]
    return "tif", tiff([Image.fromarray(page).convert("1", dither=Image.Dither.NONE) for page in pages])


def fax_coarse(entry: Sheets, look: Look, language: str, seed: int) -> tuple[str, bytes]:
    pages = render.pages(_printed(entry, look, language))
    return "tif", tiff(fax_pages(pages, seed + 80, "+1 555 0101", coarse=True), COARSE)


def photo(entry: Sheets, look: Look, language: str, seed: int) -> tuple[str, bytes]:
    pictures = [degrade.photo(page, seed + at) for at, page in enumerate(render.pages(_printed(entry, look, language)))]
    if len(pictures) == 1:
        return "jpg", degrade.jpeg(pictures[0], orientation=(1, 6, 8, 3)[seed % 4])
    return "pdf", _album([degrade.jpeg(picture) for picture in pictures])


def photo_dim(entry: Sheets, look: Look, language: str, seed: int) -> tuple[str, bytes]:
    """Another phone: darker, softer, fewer pixels, a darker table."""
    sheets = split(_printed(entry, look, language))
    shots = [Image.fromarray(signing.photographed(page, seed + at)) for at, page in enumerate(sheets)]
    pictures = [degrade.jpeg(shot if len(shots) == 1 else shot.convert("RGB")) for shot in shots]
    return ("jpg", pictures[0]) if len(pictures) == 1 else ("pdf", _album(pictures))


def _album(pictures: Sequence[bytes]) -> bytes:
    """Photos bound by a phone's scanning program."""
    return render.bound(pictures, [(612.0, 816.0)] * len(pictures))


def mixed(entry: Sheets, look: Look, language: str, seed: int) -> tuple[str, bytes]:
    """Scanned between the two pages of a complete consent."""
    first, *rest = _consent(language if language in ("en", "es") else "en")
    return "pdf", _scanned([first, *render.pages(_printed(entry, look, language)), *rest], seed)


@cache
def _consent(language: str) -> tuple[Image.Image, ...]:
    return tuple(page for sheet in consent(language) for page in render.pages(sheet))


TEXTUAL = {"text": text, "fields": fields, "flattened": flattened, "inked": inked, "pasted": pasted}
_DRAWN = (scan, fax, fax_noisy, fax_coarse, photo, photo_dim)
WAYS: dict[str, Way] = {**TEXTUAL, **dict(zip(PAPER, _DRAWN, strict=True)), "mixed": mixed}
