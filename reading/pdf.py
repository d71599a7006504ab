"""PDF: the text layer where it can be trusted, the page's own pixels where it can not, files and fields inside.

Filled fields and comments are flattened into the page first, so that text, words and pictures all show them.
PDFium is not thread-safe: a worker is one process with one thread.
"""

from __future__ import annotations

import ctypes
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from reading.annotations import has_clip, link_targets, typed_values
from reading.bitmap import MAX_PIXELS, Bitmap, Grey
from reading.labels import lines_of
from reading.limits import Unreadable
from reading.quality import letters_in, plausible
from reading.text import add_links, find_links
from reading.unpack import clean
from reading.words import Word
from records.model import FormSeen, Role

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

RENDER_DPI = 300
FORM_DPI = 200
ENOUGH_LETTERS = 200  # fewer beside pictures that fill the page are stamps or a fax header, not its text
SCANNED = 0.5  # share of the page that pictures cover to be its content
FULL_PAGE = 0.7  # share that one picture covers to be the page
MAX_OBJECTS = 200  # pictures of a page that are looked at
MAX_LOOKED = 60  # pages of a document that are looked at as a form in vain
CUT = 0.03  # share of a side that a crop cuts away to matter
_WAIT = re.compile(r"please wait.{0,400}adobe|adobe reader.{0,40}(?:8|later|higher)", re.IGNORECASE | re.DOTALL)
RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u065f\u066e-\u06ef\u06fa-\u08ff\ufb1d-\ufdff\ufe70-\ufefe]"
)  # letters and their marks, no figures
MOST_TURNED = 0.2  # share of its right-to-left words that a text may not have as they are read
NATIVE_DPI = (90, 420)  # outside, the picture is rendered to RENDER_DPI instead of taken as it is


def read(found: Found, sheet: Sheet) -> None:
    """Every page, then the files embedded in it."""
    raw = found.load(sheet.limits.max_part_bytes)
    with opened(raw, sheet, sheet.walk.passwords) as document:
        sheet.check_pages(len(document))
        if pdfium_c.FPDFDoc_GetJavaScriptActionCount(document) > 0:
            sheet.notes.add("javascript")
        for number in range(1, len(document) + 1):
            _read_page(document, raw, number, sheet)
        if _needs_adobe(document, sheet):
            sheet.problem("pdf_xfa", "a dynamic form: its pages only say that another program is needed")
        _embedded(document, raw, sheet)


def _needs_adobe(document: pdfium.PdfDocument, sheet: Sheet) -> bool:
    """A dynamic form, or one whose only words are that it can not be shown."""
    kind = document.get_formtype()
    words = " ".join(page.text for page in sheet.pages[:2])
    return bool(kind == pdfium_c.FORMTYPE_XFA_FULL or (kind == pdfium_c.FORMTYPE_XFA_FOREGROUND and _WAIT.search(words)))


def _embedded(document: pdfium.PdfDocument, raw: bytes, sheet: Sheet) -> None:
    """Files carried inside; one that can not be taken out does not cost the others."""
    if not document.count_attachments() and "pinned_file" not in sheet.notes:
        return
    from reading.carried import MAX_FILES, carried

    for number, (name, content) in enumerate(carried(raw, sheet.walk.passwords), 1):
        if number > MAX_FILES:
            raise Unreadable("archive_entries", f"more than {MAX_FILES} embedded files")
        if content is None:
            sheet.problem("pdf_malformed", f"embedded file {number} can not be taken out")
        else:
            sheet.walk.spend(len(content))
            sheet.child(name or "embedded", content, Role.MEMBER, archive=True)


@contextmanager
def opened(raw: bytes, sheet: Sheet | None = None, passwords: Iterable[str] = ()) -> Iterator[pdfium.PdfDocument]:
    """The document, unlocked or repaired if need be; `encrypted`: it wants a password, `pdf_malformed`: it is none."""
    try:
        document = _unlocked(raw, sheet, passwords)
    except Unreadable as error:
        if error.code != "pdf_malformed":
            raise
        document = _unlocked(_repaired(raw, passwords), None, passwords)
        if sheet is not None:
            sheet.problem("pdf_malformed", f"damaged; {len(document)} pages could be restored")
    try:
        if document.get_formtype() != pdfium_c.FORMTYPE_NONE:
            document.init_forms()  # draws fields that come without a drawing of their value
        yield document
    finally:
        document.close()


def _unlocked(raw: bytes, sheet: Sheet | None, passwords: Iterable[str]) -> pdfium.PdfDocument:
    """Opened as it is, else with a password that the mail itself gives."""
    try:
        return _loaded(raw)
    except Unreadable as error:
        if error.code != "encrypted":
            raise
        for password in passwords:
            with suppress(Unreadable):
                document = _loaded(raw, password)
                if sheet is not None:
                    sheet.notes.add("password_from_mail")
                return document
        raise


def _loaded(raw: bytes, password: str | None = None) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(raw, password=password)
    except pdfium.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code == pdfium_c.FPDF_ERR_PASSWORD:
            raise Unreadable("encrypted", "a password is needed to open it") from None
        if code == pdfium_c.FPDF_ERR_SECURITY:
            raise Unreadable("encrypted", "an encryption that can not be opened") from None
        raise Unreadable("pdf_malformed", "no readable document structure") from None


def _repaired(raw: bytes, passwords: Iterable[str] = ()) -> bytes:
    """What qpdf can restore of a damaged document, written without its lock."""
    import pikepdf

    locked: Exception | None = None
    for password in ("", *passwords):
        out = io.BytesIO()
        try:
            with pikepdf.open(io.BytesIO(raw), password=password) as document:
                document.save(out, encryption=False)
        except pikepdf.PasswordError as error:
            locked = error
        except (pikepdf.PdfError, ValueError, RuntimeError):
            break
        else:
            return out.getvalue()
    if locked is not None:
        raise Unreadable("encrypted", "a password is needed to open it")
    raise Unreadable("pdf_malformed", "no readable document structure")


@contextmanager
def flattened(
    document: pdfium.PdfDocument, number: int, sheet: Sheet | None = None, typed: list[str] | None = None
) -> Iterator[pdfium.PdfPage]:
    """A page with its fields and comments drawn into it; its links and `typed` values are listed first, they do not survive."""
    page = document[number - 1]
    try:
        if sheet is not None:
            add_links(sheet, list(link_targets(document, page)))
            if has_clip(page):
                sheet.notes.add("pinned_file")
        if typed is not None and document.formenv:
            typed += typed_values(document, page)
        if (
            pdfium_c.FPDFPage_GetAnnotCount(page) > 0
            and pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY) == pdfium_c.FLATTEN_SUCCESS
        ):
            page.close()
            page = document[number - 1]
        yield page
    finally:
        page.close()


def _read_page(document: pdfium.PdfDocument, raw: bytes, number: int, sheet: Sheet) -> None:
    try:
        typed: list[str] = []
        with flattened(document, number, sheet, typed) as page:
            text = page_text(page)
            add_links(sheet, find_links(text))
            covered, picture = _pictures(page)
            if _trusted(text, covered):
                shown = re.sub(r"\s+", "", text)  # the drawing of a value may break its lines, or know no Arabic letters
                text = "\n".join([text, *(value for value in typed if value and re.sub(r"\s+", "", value) not in shown)])
                sheet.text_page(number, text, form=_form(page, number, text, raw, sheet))
            elif not covered and not text.strip() and not _has_ink(page):
                sheet.text_page(number, "", blank=True)
            else:
                sheet.picture_page(number, page_bitmap(page, picture))
    except pdfium.PdfiumError:
        sheet.text_page(number, "")
        sheet.problem("pdf_malformed", f"page {number} can not be opened")


def _form(page: pdfium.PdfPage, number: int, text: str, raw: bytes, sheet: Sheet) -> FormSeen | None:
    """The page as a form, if it is one.

    Looking closely costs a fifth of a second: a long record in which every page speaks of signatures and dates would
    not be read in time, so after `MAX_LOOKED` pages that were no registered form no more are looked at, and that is noted.
    """
    if sheet.looked >= MAX_LOOKED:
        sheet.notes.add("forms_not_sought")
        return None

    def shown() -> tuple[Grey, list[Word]]:
        sheet.looked += 1
        return render(page, FORM_DPI), layer_words(page)

    form = sheet.walk.courier.form(text, ("eng",), shown, pdf=raw, number=number)
    sheet.looked -= form is not None and form.form is not None
    return form


def page_text(page: pdfium.PdfPage) -> str:
    text_page = page.get_textpage()
    try:
        cropped = _crop(page)
        text = clean(text_page.get_text_bounded(*cropped) if cropped else text_page.get_text_range())
    finally:
        text_page.close()
    return in_reading_order(text, layer_words(page)) if RIGHT_TO_LEFT.search(text) else text


def in_reading_order(text: str, found: Sequence[Word]) -> str:
    """The text of a right-to-left page, laid out anew by where its words stand when PDFium gives them as they are drawn.

    PDFium turns such words itself, and turns those again that a browser wrote in reading order.
    """
    turned = [word for word in found if RIGHT_TO_LEFT.search(word.text)]
    wrong = sum(word.text not in text for word in turned)
    return "\n".join(lines_of(found)) if wrong > MOST_TURNED * len(turned) else text


def _crop(page: pdfium.PdfPage) -> tuple[float, float, float, float] | None:
    """The shown part of a page of which a good deal is cut away: what lies outside nobody sees."""
    whole, shown = page.get_mediabox(), page.get_cropbox()
    wide, tall = whole[2] - whole[0], whole[3] - whole[1]
    cut = max(abs(whole[0] - shown[0]), abs(whole[2] - shown[2])) > CUT * wide
    cut |= max(abs(whole[1] - shown[1]), abs(whole[3] - shown[3])) > CUT * tall
    return shown if cut else None


def _trusted(text: str, covered: float) -> bool:
    """Whether the text layer is the page's text: plausible, and not a few words over a scan."""
    return letters_in(text) >= (ENOUGH_LETTERS if covered >= SCANNED else 1) and plausible(text)


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
    words: list[list[Word]] = [[]]
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    for index in range(text_page.count_chars()):
        code = pdfium_c.FPDFText_GetUnicode(text_page, index)
        character = clean(chr(code)) if code else ""
        if not character.strip():
            words.append([])
            continue
        pdfium_c.FPDFText_GetCharBox(text_page, index, left, right, bottom, top)
        (x0, y0), (x1, y1) = convert(left.value, top.value), convert(right.value, bottom.value)
        words[-1].append(Word(character, min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
    turned = any(_leftwards(letter) for letters in words for letter in letters)
    for letters in filter(None, words):
        if turned:
            yield from map(_joined, _as_read(letters))
        else:
            yield _joined(letters)


def _leftwards(letter: Word) -> bool:
    return RIGHT_TO_LEFT.match(letter.text) is not None


def _as_read(letters: Sequence[Word]) -> Iterator[list[Word]]:
    """A word of a page with right-to-left letters: one for each direction in it, each in the order in which it is read."""
    sides: list[bool] = []
    for letter in letters:  # a bracket or a stop goes with the letters before it, else with those after
        known = letter.text[0].isalnum() or _leftwards(letter) or unicodedata.combining(letter.text[0])
        sides.append(_leftwards(letter) if known else sides[-1] if sides else any(map(_leftwards, letters[:2])))
    for leftwards, run in groupby(zip(sides, letters, strict=True), key=lambda each: each[0]):
        part = [letter for _, letter in run]
        ends = [letter.left for letter in part if letter.text[0].isalnum()] or [0.0]
        turned = ends[0] < ends[-1] if leftwards else ends[0] > ends[-1]
        yield sorted(part, key=lambda letter: -letter.left if leftwards else letter.left) if turned else part


def _joined(letters: Sequence[Word]) -> Word:
    return Word(
        "".join(letter.text for letter in letters),
        min(letter.left for letter in letters),
        min(letter.top for letter in letters),
        max(letter.right for letter in letters),
        max(letter.bottom for letter in letters),
    )


# ---------------------------------------------------------------- pixels


def render(page: pdfium.PdfPage, dpi: float) -> Grey:
    """The page as grey pixels, at most `MAX_PIXELS`."""
    width, height = page.get_size()
    scale = dpi / 72
    scale = min(scale, (MAX_PIXELS / max(width * height, 1e-6)) ** 0.5)
    if width * scale < 1 or height * scale < 1 or scale <= 0.005:
        raise Unreadable("image_pixels", f"a page of {width:.0f} by {height:.0f} points can not be drawn")
    drawn = page.render(scale=scale, grayscale=True, may_draw_forms=False)  # fields are part of the page by now
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
