"""An outgoing fax (R32) as one-bit pages of a Group 3 machine, 204 × 196 dots an inch, the reference as a barcode on each.

How the pages travel is `faxing`'s.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parseaddr, parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zxingcpp
from anyascii import anyascii
from PIL import Image, ImageDraw, ImageFont, features

from outbound.markup import fill, left_to_right
from outbound.wording import language
from records.model import Message

Paper = Literal["a4", "letter"]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_ACROSS, _DOWN = 204, 196  # dots an inch (ITU-T T.4, fine)
_WIDTH = 1728  # dots of a scan line (ITU-T T.4)
_INCHES_HIGH = {"a4": 11.69, "letter": 11.0}
_MARGIN, _LINE, _SIZE = 160, 44, 32  # in dots of 1/204 inch: 11 points of type
_BAR, _BARS_HIGH, _BARS_TOP = 4, 80, 40  # half a millimetre a bar survives standard resolution and a second copy
_FONTS = (
    Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf"),
    Path("/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf"),
)


def to_pdf(message: Message, paper: Paper = "a4") -> bytes:
    """The message as a PDF of CCITT Group 4 pages; the same message gives the same bytes."""
    dated = _date(message).utctimetuple()
    return _saved(message, paper, "PDF", title=message.subject, creationDate=dated, modDate=dated)


def to_tiff(message: Message, paper: Paper = "a4") -> bytes:
    """The message as a TIFF of Group 3 pages (RFC 2301 profile S), which a fax server takes without making it over."""
    white_is_zero = {262: 0, 266: 2, 296: 2}  # photometric; bits from the right; inches
    return _saved(message, paper, "TIFF", compression="group3", tiffinfo=white_is_zero, strip_size=1 << 20)  # one strip a page


def writable(code: str) -> bool:
    """Whether this machine has a font for the language."""
    return _font(frozenset(str(language(code).words))) is not None


def _saved(message: Message, paper: Paper, form: str, **options: Any) -> bytes:
    pages = to_pages(message, paper)
    written = io.BytesIO()
    pages[0].save(written, form, save_all=True, append_images=pages[1:], dpi=(_ACROSS, _DOWN), **options)
    return written.getvalue()


def to_pages(message: Message, paper: Paper = "a4") -> list[Image.Image]:
    """Cover lines at the top of the first; the barcode, the reference and the page's number on each.

    Where no installed font has the letters of the reader's language, the English text goes alone.
    """
    height = round(_INCHES_HIGH[paper] * _ACROSS)
    room = (height - 3 * _MARGIN) // _LINE
    font = _font(frozenset(message.text)) if message.text != message.english else _font(frozenset())
    words = _words(message) if font else language("en").words["fax"]
    text = message.text if font else message.english
    lines = [*_cover(message, words), *text.splitlines()]
    sheets = list(_sheets(lines, room))
    reference = message.subject.partition(" ")[0]
    bars = _bars(reference.strip("[]"))
    return [
        _page(sheet, f"{reference}   {number} / {len(sheets)}", height, bars, font or _font(frozenset()))
        for number, sheet in enumerate(sheets, start=1)
    ]


def _sheets(lines: list[str], room: int) -> Iterator[list[str]]:
    """What stands on each page: a heading is never the last thing on one."""
    while len(lines) > room:
        end = room
        while end > room // 2 and (not lines[end - 1].strip() or _rules(lines[end - 1]) or _rules(lines[end])):
            end -= 1
        yield lines[:end]
        lines = lines[end + next((n for n, line in enumerate(lines[end:]) if line.strip()), 0) :]
    yield lines


def _rules(line: str) -> bool:
    """The line under a heading."""
    return bool(line) and set(line) <= set("-=")


def _cover(message: Message, words: Mapping[str, str]) -> Iterator[str]:
    """To whom, from whom, when, which case, and the notice; no patient data (R33)."""
    yield f"{words['to']}: {left_to_right(message.to) if _from_the_right(words['to']) else message.to}"
    yield f"{words['from']}: {' - '.join(parseaddr(dict(message.headers)['From']))}"
    yield f"{_date(message):%Y-%m-%d %H:%M} UTC"
    reference, _, title = message.subject.partition(" ")
    yield f"{title} {left_to_right(reference)}" if _from_the_right(title) else message.subject
    yield ""
    yield from fill(words["notice"]).splitlines()
    yield "_" * 72
    yield ""


def _bars(reference: str) -> Image.Image:
    """The reference as Code 128 with its quiet zones: what comes back by fax names its case."""
    code = zxingcpp.create_barcode(reference, zxingcpp.BarcodeFormat.Code128)
    row = np.array(code.to_image(scale=1))[:1]
    return Image.fromarray(np.repeat(np.repeat(row, _BAR, axis=1), _BARS_HIGH, axis=0))


def _page(lines: list[str], foot: str, height: int, bars: Image.Image, font: Font | None) -> Image.Image:
    """Drawn with square dots, then brought to the fax machine's, which are a little taller than wide."""
    sheet = Image.new("L", (_WIDTH, height), 255)
    sheet.paste(bars, (_WIDTH - _MARGIN // 2 - bars.width, _BARS_TOP))
    pen = ImageDraw.Draw(sheet)
    mirrored = False
    for number, line in enumerate(lines):
        mirrored = _from_the_right(line) if any(map(str.isalpha, line)) else mirrored  # a rule goes with its heading
        _write(pen, line, _MARGIN + number * _LINE, font, mirrored)
    _write(pen, foot, height - _MARGIN, font, False)
    fax = sheet.resize((_WIDTH, round(height * _DOWN / _ACROSS)), Image.Resampling.BICUBIC)
    return fax.convert("1", dither=Image.Dither.NONE)


def _write(pen: ImageDraw.ImageDraw, line: str, down: int, font: Font | None, mirrored: bool) -> None:
    """One line, from the side on which its script begins; without a font accents are left out rather than boxed."""
    if font is None:
        pen.text((_MARGIN, down), anyascii(line), font=ImageFont.load_default(_SIZE), fill=0)
    elif mirrored:
        pen.text((_WIDTH - _MARGIN, down), line, font=font, fill=0, anchor="ra", direction="rtl")
    else:
        pen.text((_MARGIN, down), line, font=font, fill=0)


def _from_the_right(text: str) -> bool:
    """Whether the first letter that has a direction is of a script written from right to left (UAX 9, P2)."""
    strong = (kind for mark in text if (kind := unicodedata.bidirectional(mark)) in ("L", "R", "AL"))
    return next(strong, "L") != "L"


@lru_cache(maxsize=16)
def _font(letters: frozenset[str]) -> Font | None:
    """The first installed font that has all of `letters`, and can set them."""
    if _from_the_right("".join(sorted(letters, key=unicodedata.bidirectional))) and not features.check("raqm"):
        return None
    installed = (ImageFont.truetype(path, _SIZE) for path in _FONTS if path.is_file())
    return next((font for font in installed if _covers(font, letters)), None)


def _covers(font: ImageFont.FreeTypeFont, letters: frozenset[str]) -> bool:
    """A letter that the font does not have is drawn as its box for unknown ones."""
    unknown = bytes(font.getmask("\U0010ffff"))
    return all(bytes(font.getmask(mark)) != unknown for mark in letters if not mark.isspace())


def _words(message: Message) -> Mapping[str, Any]:
    first = dict(message.headers)["Content-Language"].partition(",")[0]
    words: Mapping[str, Any] = language(first).words["fax"]
    return words


def _date(message: Message) -> datetime:
    return parsedate_to_datetime(dict(message.headers)["Date"])
