"""What stands in the place for a signature and is none: marks of people, of machines and of the paper's other side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
import tesserocr
from reportlab.pdfgen.canvas import Canvas

from reading.blanks import Blank, load_blanks, register
from reading.forms import observe
from tests.servers import signing
from tests.servers.signing import LETTER, LOOKS, TESSDATA, TEXTS, Draw, Spot

LOOK = LOOKS[1]


def struck(text: str, face: str, size: float, rise: float) -> Callable[[Spot], Draw]:
    """Type with a line through or under it."""

    def make(spot: Spot) -> Draw:
        def draw(canvas: Canvas) -> None:
            canvas.setFont(face, size)
            canvas.drawString(spot.x + 6, spot.y + 4, text)
            canvas.line(spot.x + 2, spot.y + 4 + rise, spot.x + 10 + canvas.stringWidth(text, face, size), spot.y + 4.7 + rise)

        return draw

    return make


def waved(text: str, face: str, size: float) -> Callable[[Spot], Draw]:
    """Type with a pen's wave through it, which makes one long winding shape of all."""

    def make(spot: Spot) -> Draw:
        def draw(canvas: Canvas) -> None:
            canvas.setFont(face, size)
            canvas.drawString(spot.x + 6, spot.y + 4, text)
            steps = range(int(canvas.stringWidth(text, face, size) / 3) + 3)
            with signing.pen(canvas, 1.0):
                signing.polyline(canvas, [(spot.x + 4 + 3 * i, spot.y + 9 + 2 * math.sin(i)) for i in steps])

        return draw

    return make


def arrow(spot: Spot) -> Draw:
    """A pen's arrow that says where to sign."""

    def draw(canvas: Canvas) -> None:
        with signing.pen(canvas, 1.6):
            signing.polyline(canvas, [(spot.x + 90, spot.y + 9), (spot.x + 20, spot.y + 9)])
            signing.polyline(canvas, [(spot.x + 30, spot.y + 15), (spot.x + 20, spot.y + 9), (spot.x + 30, spot.y + 3)])

    return draw


def rims(spot: Spot) -> Draw:
    """The shadows in two punched holes."""

    def draw(canvas: Canvas) -> None:
        canvas.setStrokeGray(0.25)
        canvas.setLineWidth(1.2)
        for x in (20, 75):
            canvas.arc(spot.x + x - 8, spot.y + 1, spot.x + x + 8, spot.y + 17, 20, 250)

    return draw


def staple(spot: Spot) -> Draw:
    def draw(canvas: Canvas) -> None:
        canvas.translate(spot.x + 30, spot.y + 8)
        canvas.rotate(25)
        for grey, y, tall in ((0.1, 0, 1.6), (0.55, -2.6, 2.2)):
            canvas.setFillGray(grey)
            canvas.roundRect(0, y, 32, tall, 0.8, stroke=0, fill=1)

    return draw


def fold(spot: Spot) -> Draw:
    """A soft shadow over the whole width, sharp on one side."""

    def draw(canvas: Canvas) -> None:
        for step in range(14):
            canvas.setFillGray(0.55 + 0.03 * step)
            canvas.rect(0, spot.y + 4 + step * 0.7, LETTER[0], 0.7, stroke=0, fill=1)

    return draw


def through(spot: Spot) -> Draw:
    """Print of the page's other side, in the mirror."""

    def draw(canvas: Canvas) -> None:
        canvas.translate(2 * spot.x + 160, 0)
        canvas.scale(-1, 1)
        canvas.setFillGray(0.6)
        canvas.setFont("Helvetica", 11)
        for row in range(3):
            canvas.drawString(spot.x, spot.y - 4 + 13 * row, "the opinion rests only upon documents")

    return draw


def sender(spot: Spot) -> Draw:
    """The line of a fax machine on a page that was fed late."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Courier", 9)
        canvas.drawString(10, spot.y + 5, "2026-11-20 10:42  FROM: EXAMPLE CLINIC  +1 555 0101  TO: +1 555 0199  P. 01/02")

    return draw


HOSTILE: dict[str, Callable[[Spot], Draw]] = {
    "struck initials": struck("S.P.A.", "Helvetica-Bold", 18, 6),
    "a struck large name": struck("Synthetic Alpha", "Times-Italic", 20, 6),
    "an underlined large name": struck("Synthetic Alpha", "Helvetica-Bold", 18, -1.2),
    "a large name under a wave": waved("Synthetic Patient Alpha", "Times-Italic", 15),
    "an arrow": arrow,
    "rims of holes": rims,
    "a staple": staple,
    "a fold": fold,
    "print of the other side": through,
    "a fax machine's line": sender,
}


@pytest.fixture(scope="module")
def blanks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Blank, ...]:
    home = tmp_path_factory.mktemp("forms")
    register(home, "under-en", signing.form_pdf(LOOK), "letter_of_agreement", "1", "en")
    return load_blanks(home)


@pytest.fixture(scope="module")
def engine() -> Iterator[tesserocr.PyTessBaseAPI]:
    with tesserocr.PyTessBaseAPI(path=TESSDATA, lang="eng") as api:
        yield api


@pytest.mark.parametrize("way", [signing.faxed, signing.photographed])
@pytest.mark.parametrize("what", HOSTILE)
def test_no_such_mark_is_called_a_signature(
    what: str, way: Callable[[bytes, int], signing.Grey], blanks: tuple[Blank, ...], engine: tesserocr.PyTessBaseAPI
) -> None:
    """Whatever it is called, it is not a pen's writing."""
    page = way(signing.form_pdf(LOOK, "en", TEXTS["en"]["replaced"], HOSTILE[what](LOOK.signature), date="14 March 2026"), 4)
    seen = observe(
        page, signing.recognised(engine, page), blanks, lambda line, digits=False: signing.read_line(engine, line, digits)
    )
    assert seen is not None
    assert {zone.look for zone in seen.zones if zone.name == "signature"} <= {"empty", "print", "line", "smudge", "unclear"}
