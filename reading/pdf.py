"""PDF: the text layer where it can be trusted, the page's own pixels where it can not, files and fields inside.

Filled fields and comments are flattened into the page first, so that text, words and pictures all show them.
PDFium is not thread-safe: a worker is one process with one thread.
"""

from __future__ import annotations

import ctypes
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from reading.bitmap import MAX_PIXELS, Bitmap, Grey
from reading.limits import Unreadable
from reading.quality import plausible
from reading.text import MAX_LINKS, add_links, find_links
from reading.unpack import clean
from reading.words import Word
from records.model import Role

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

RENDER_DPI = 300
FORM_DPI = 200
ENOUGH_LETTERS = 200  # fewer beside pictures that fill the page are stamps or a fax header, not its text
SCANNED = 0.5  # share of the page that pictures cover to be its content
FULL_PAGE = 0.7  # share that one picture covers to be the page
MAX_OBJECTS = 200  # pictures of a page that are looked at
MAX_EMBEDDED = 200
NATIVE_DPI = (90, 420)  # outside, the picture is rendered to RENDER_DPI instead of taken as it is


def read(found: Found, sheet: Sheet) -> None:
    """Every page, then the files embedded in it."""
    with opened(found.load(sheet.limits.max_part_bytes), sheet) as document:
        sheet.check_pages(len(document))
        if pdfium_c.FPDFDoc_GetJavaScriptActionCount(document) > 0:
            sheet.notes.add("javascript")
        if document.get_formtype() == pdfium_c.FORMTYPE_XFA_FULL:
            sheet.problem("unreadable_type", "a dynamic (XFA) form: its pages only say that another program is needed")
        for number in range(1, len(document) + 1):
            _read_page(document, number, sheet)
        for index in range(min(document.count_attachments(), MAX_EMBEDDED)):
            embedded = document.get_attachment(index)
            sheet.child(embedded.get_name() or "embedded", bytes(embedded.get_data()), Role.MEMBER, archive=True)
        if document.count_attachments() > MAX_EMBEDDED:
            sheet.problem("archive_entries", f"more than {MAX_EMBEDDED} embedded files")


@contextmanager
def opened(raw: bytes, sheet: Sheet | None = None) -> Iterator[pdfium.PdfDocument]:
    """The document, repaired if need be (said on `sheet`); `encrypted`: it wants a password, `pdf_malformed`: it is none."""
    try:
        document = _loaded(raw)
    except Unreadable as error:
        if error.code != "pdf_malformed":
            raise
        document = _loaded(_repaired(raw))
        if sheet is not None:
            sheet.problem("pdf_malformed", f"damaged; {len(document)} pages could be restored")
    try:
        yield document
    finally:
        document.close()


def _loaded(raw: bytes) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(raw)
    except pdfium.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code == pdfium_c.FPDF_ERR_PASSWORD:
            raise Unreadable("encrypted", "a password is needed to open it") from error
        if code == pdfium_c.FPDF_ERR_SECURITY:
            raise Unreadable("encrypted", "an encryption that can not be opened") from error
        raise Unreadable("pdf_malformed", "no readable document structure") from error


def _repaired(raw: bytes) -> bytes:
    """What qpdf can restore of a damaged document."""
    import pikepdf

    out = io.BytesIO()
    try:
        with pikepdf.open(io.BytesIO(raw)) as document:
            document.save(out)
    except pikepdf.PasswordError as error:
        raise Unreadable("encrypted", "a password is needed to open it") from error
    except (pikepdf.PdfError, ValueError, RuntimeError) as error:
        raise Unreadable("pdf_malformed", "no readable document structure") from error
    return out.getvalue()


@contextmanager
def flattened(document: pdfium.PdfDocument, number: int, sheet: Sheet | None = None) -> Iterator[pdfium.PdfPage]:
    """A page with its fields and comments drawn into it; its links are listed first, they do not survive."""
    page = document[number - 1]
    try:
        if sheet is not None:
            add_links(sheet, list(_links(document, page)))
        if (
            pdfium_c.FPDFPage_GetAnnotCount(page) > 0
            and pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY) == pdfium_c.FLATTEN_SUCCESS
        ):
            page.close()
            page = document[number - 1]
        yield page
    finally:
        page.close()


def _links(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> Iterator[str]:
    """Web addresses behind the page's link areas."""
    place, link = ctypes.c_int(0), pdfium_c.FPDF_LINK()
    for _ in range(MAX_LINKS):
        if not pdfium_c.FPDFLink_Enumerate(page, place, link):
            return
        action = pdfium_c.FPDFLink_GetAction(link)
        if action and pdfium_c.FPDFAction_GetType(action) == pdfium_c.PDFACTION_URI:
            size = pdfium_c.FPDFAction_GetURIPath(document, action, None, 0)
            buffer = ctypes.create_string_buffer(size)
            pdfium_c.FPDFAction_GetURIPath(document, action, buffer, size)
            yield buffer.value.decode("utf-8", "replace")


def _read_page(document: pdfium.PdfDocument, number: int, sheet: Sheet) -> None:
    try:
        with flattened(document, number, sheet) as page:
            text = page_text(page)
            add_links(sheet, find_links(text))
            covered, picture = _pictures(page)
            if _trusted(text, covered):
                sheet.text_page(
                    number,
                    text,
                    form=sheet.walk.courier.form(text, ("eng",), lambda: (render(page, FORM_DPI), layer_words(page))),
                )
            elif not covered and not text.strip() and not _has_ink(page):
                sheet.text_page(number, "", blank=True)
            else:
                sheet.picture_page(number, page_bitmap(page, picture))
    except pdfium.PdfiumError:
        sheet.text_page(number, "")
        sheet.problem("pdf_malformed", f"page {number} can not be opened")


def page_text(page: pdfium.PdfPage) -> str:
    text_page = page.get_textpage()
    try:
        return clean(text_page.get_text_range())
    finally:
        text_page.close()


def _trusted(text: str, covered: float) -> bool:
    """Whether the text layer is the page's text: plausible, and not a few words over a scan."""
    letters = sum(character.isalnum() for character in text)
    return letters >= (ENOUGH_LETTERS if covered >= SCANNED else 1) and plausible(text)


# ---------------------------------------------------------------- words


def layer_words(page: pdfium.PdfPage) -> list[Word]:
    """The text layer's words with their boxes (fractions of the page as it is shown)."""
    width, height = page.get_size()
    if width <= 0 or height <= 0:
        return []
    text_page = page.get_textpage()
    try:
        return list(_group(text_page, _to_shown(page, width, height)))
    finally:
        text_page.close()


def _to_shown(page: pdfium.PdfPage, width: float, height: float) -> Any:
    """A function from PDF coordinates to fractions of the shown (rotated, cropped) page."""
    scale = 1000
    x, y = ctypes.c_int(), ctypes.c_int()

    def convert(left: float, top: float) -> tuple[float, float]:
        pdfium_c.FPDF_PageToDevice(page, 0, 0, int(width * scale), int(height * scale), 0, left, top, x, y)
        return x.value / (width * scale), y.value / (height * scale)

    return convert


def _group(text_page: pdfium.PdfTextPage, convert: Any) -> Iterator[Word]:
    letters: list[str] = []
    box = [1e9, 1e9, -1e9, -1e9]
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    for index in range(text_page.count_chars()):
        code = pdfium_c.FPDFText_GetUnicode(text_page, index)
        character = clean(chr(code)) if code else ""
        if not character.strip():
            if letters:
                yield Word("".join(letters), *box)
            letters, box = [], [1e9, 1e9, -1e9, -1e9]
            continue
        pdfium_c.FPDFText_GetCharBox(text_page, index, left, right, bottom, top)
        for x, y in (convert(left.value, top.value), convert(right.value, bottom.value)):
            box = [min(box[0], x), min(box[1], y), max(box[2], x), max(box[3], y)]
        letters.append(character)
    if letters:
        yield Word("".join(letters), *box)


# ---------------------------------------------------------------- pixels


def render(page: pdfium.PdfPage, dpi: float) -> Grey:
    """The page as grey pixels, at most `MAX_PIXELS`."""
    width, height = page.get_size()
    scale = dpi / 72
    scale = min(scale, (MAX_PIXELS / max(width * height, 1e-6)) ** 0.5)
    if width * scale < 1 or height * scale < 1 or scale <= 0.005:
        raise Unreadable("image_pixels", f"a page of {width:.0f} by {height:.0f} points can not be drawn")
    drawn = page.render(scale=scale, grayscale=True)
    return np.ascontiguousarray(np.asarray(drawn.to_numpy()).reshape(drawn.height, drawn.width))


def _has_ink(page: pdfium.PdfPage) -> bool:
    return bool((render(page, 60) < 200).any())


def _pictures(page: pdfium.PdfPage) -> tuple[float, pdfium.PdfImage | None]:
    """The share of the page that pictures cover (scanners cut pages into strips), and the one that fills it, if any."""
    width, height = page.get_size()
    covered, largest = 0.0, None
    for count, image in enumerate(page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=3)):
        left, bottom, right, top = image.get_bounds()
        share = max(0.0, right - left) * max(0.0, top - bottom) / max(width * height, 1)
        covered += share
        if share >= FULL_PAGE and largest is None:
            largest = image
        if count >= MAX_OBJECTS:
            break
    return covered, largest


def page_bitmap(page: pdfium.PdfPage, picture: pdfium.PdfImage | None) -> Bitmap:
    """The picture's exact pixels when it is the whole page and stands upright, else a rendering."""
    if picture is not None:
        exact = _exact_pixels(page, picture)
        if exact is not None:
            return exact
    pixels = render(page, RENDER_DPI)
    dpi = round(pixels.shape[1] / page.get_width() * 72)
    return Bitmap(pixels, max(dpi, 70))


def _exact_pixels(page: pdfium.PdfPage, picture: pdfium.PdfImage) -> Bitmap | None:
    from reading.prepare import is_bilevel, same_picture, square_pixels

    columns, rows = picture.get_px_size()
    left, bottom, right, top = picture.get_bounds()
    matrix = picture.get_matrix()
    across, down = columns * 72 / max(right - left, 1), rows * 72 / max(top - bottom, 1)
    upright = matrix.a > 0 and matrix.d > 0 and abs(matrix.b) + abs(matrix.c) < 1e-3 and page.get_rotation() == 0
    sane = (
        NATIVE_DPI[0] <= across <= NATIVE_DPI[1] and NATIVE_DPI[0] * 0.9 <= down <= NATIVE_DPI[1] and columns * rows <= MAX_PIXELS
    )
    if not (upright and sane):
        return None
    pixels = _grey(picture)
    drawn = render(page, 40)
    if pixels is None or not same_picture(pixels, drawn):  # masks, decode arrays, things drawn over it
        return None
    bilevel = is_bilevel(pixels)
    return Bitmap(square_pixels(pixels, across, down, bilevel), round(max(across, down)), bilevel)


def _grey(picture: pdfium.PdfImage) -> Grey | None:
    from PIL import Image

    try:
        drawn = picture.get_bitmap(render=False)
        pixels = np.asarray(drawn.to_numpy())
    except pdfium.PdfiumError:
        return None
    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        pixels = np.asarray(Image.fromarray(np.ascontiguousarray(pixels[:, :, 2::-1])).convert("L"))
    return np.ascontiguousarray(pixels.reshape(pixels.shape[0], pixels.shape[1]))
