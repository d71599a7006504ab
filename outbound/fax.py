"""An outgoing fax (R32): the message's text as one-bit pages of a Group 3 machine, 204 × 196 dots an inch.

The courier is the same small protocol as for mail (`mailer.Courier`), so that a fax server is one more driver.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parseaddr, parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from anyascii import anyascii
from PIL import Image, ImageDraw, ImageFont

from outbound.markup import fill
from outbound.outgoing import Clock, Mark, deliver_file, no_mark, utc_now
from outbound.wording import language
from records.model import Delivery, Message

Paper = Literal["a4", "letter"]
_ACROSS, _DOWN = 204, 196  # dots an inch (ITU-T T.4, fine)
_WIDTH = 1728  # dots of a scan line (ITU-T T.4)
_INCHES_HIGH = {"a4": 11.69, "letter": 11.0}
_MARGIN, _LINE, _SIZE = 120, 44, 32  # in dots of 1/204 inch: 11 points of type
_FONTS = tuple(
    Path("/usr/share/fonts/truetype") / name
    for name in ("dejavu/DejaVuSans.ttf", "noto/NotoSans-Regular.ttf", "liberation/LiberationSans-Regular.ttf")
)


class FileFax:
    """Writes `<update>.pdf` into a folder: the embedded default, where no fax server is configured."""

    repeatable = True

    def __init__(self, outgoing: Path, paper: Paper = "a4", clock: Clock = utc_now) -> None:
        self._outgoing = outgoing
        self._paper = paper
        self._clock = clock

    def send(self, message: Message, mark: Mark = no_mark) -> Delivery:
        pdf = to_pdf(message, self._paper)
        mark()
        return deliver_file(self._outgoing, f"{message.update}.pdf", pdf, self._clock)


def to_pdf(message: Message, paper: Paper = "a4") -> bytes:
    """The message as a PDF of CCITT Group 4 pages; the same message gives the same bytes."""
    pages = to_pages(message, paper)
    dated = _date(message).utctimetuple()
    written = io.BytesIO()
    pages[0].save(
        written,
        "PDF",
        save_all=True,
        append_images=pages[1:],
        dpi=(_ACROSS, _DOWN),
        title=message.subject,
        creationDate=dated,
        modDate=dated,
    )
    return written.getvalue()


def to_pages(message: Message, paper: Paper = "a4") -> list[Image.Image]:
    """One-bit pages: cover lines at the top of the first, the reference and the page's number under each."""
    height = round(_INCHES_HIGH[paper] * _ACROSS)
    room = (height - 3 * _MARGIN) // _LINE
    words = _words(message)
    lines = [*_cover(message, words), *message.text.splitlines()]
    sheets = [lines[start : start + room] for start in range(0, len(lines), room)]
    reference = message.subject.partition(" ")[0]
    return [
        _page(sheet, f"{reference}   {words['page']} {number} / {len(sheets)}", height)
        for number, sheet in enumerate(sheets, start=1)
    ]


def _cover(message: Message, words: Mapping[str, str]) -> Iterator[str]:
    """To whom, from whom, when, which case, and the notice; no patient data (R33)."""
    yield f"{words['to']}: {message.to}"
    yield f"{words['from']}: {' - '.join(parseaddr(dict(message.headers)['From']))}"
    yield f"{_date(message):%Y-%m-%d %H:%M} UTC"
    yield message.subject
    yield ""
    yield from fill(words["notice"]).splitlines()
    yield "_" * 72
    yield ""


def _page(lines: list[str], foot: str, height: int) -> Image.Image:
    """Drawn with square dots, then brought to the fax machine's, which are a little taller than wide."""
    sheet = Image.new("L", (_WIDTH, height), 255)
    pen = ImageDraw.Draw(sheet)
    font, covers = _font()
    for number, line in enumerate(lines):
        pen.text((_MARGIN, _MARGIN + number * _LINE), line if covers else anyascii(line), font=font, fill=0)
    pen.text((_MARGIN, height - _MARGIN), foot if covers else anyascii(foot), font=font, fill=0)
    fax = sheet.resize((_WIDTH, round(height * _DOWN / _ACROSS)), Image.Resampling.BICUBIC)
    return fax.convert("1", dither=Image.Dither.NONE)


@lru_cache(maxsize=1)
def _font() -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    """The first installed font, and whether it has letters beyond ASCII: Pillow's own does not, so that accents are
    written without (`anyascii`) rather than as empty boxes."""
    for path in _FONTS:
        if path.is_file():
            return ImageFont.truetype(path, _SIZE), True
    return ImageFont.load_default(_SIZE), False


def _words(message: Message) -> Mapping[str, Any]:
    words: Mapping[str, Any] = language(dict(message.headers)["Content-Language"]).words["fax"]
    return words


def _date(message: Message) -> datetime:
    return parsedate_to_datetime(dict(message.headers)["Date"])
