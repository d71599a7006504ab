"""Recognition: the same expectations of both engines, pages the wrong way round, other languages, hopeless pages."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from reading.bitmap import Bitmap
from reading.languages import iso, latin_language
from reading.limits import Unreadable
from reading.ocr import Engine, find_tessdata, installed, make_engine, recognised
from reading.prepare import turned
from reading.recognise import recognise
from records.model import Page, TextSource
from tests.servers import paper

TESSDATA = find_tessdata(None) or ""
MODELS = installed(TESSDATA)
TRUTH = "\n".join(paper.ENGLISH)


@pytest.fixture(scope="module")
def resident() -> Engine:
    return make_engine("tesserocr", TESSDATA, 60)


def pixels(lines: tuple[str, ...] = paper.ENGLISH) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    sheet = paper.fax(paper.page(lines, repeat=1, height=700), specks=300)
    return np.array(sheet).astype(np.uint8) * np.uint8(255)


def page(engine: Engine, bitmap: Bitmap) -> Page:
    return recognise(bitmap, engine, ("eng", "spa"), MODELS, lambda *_: None)


@pytest.mark.parametrize("name", ["tesserocr", "pytesseract"])
def test_both_engines_read_a_fax(name: str) -> None:
    """Words, their places and a confidence, from either engine alike."""
    engine = make_engine(name, TESSDATA, 60)
    read = engine.recognise(pixels(), 204, ("eng",))
    assert paper.error_rate(read.text, TRUTH) < 0.02
    assert read.confidence > 0.85
    first = read.words[0]
    assert first.text == "The"
    assert first.left == pytest.approx(110 / 1728, abs=0.01)
    assert first.top == pytest.approx(133 / 700, abs=0.03)
    assert engine.line(pixels()[120:175], 204, ("eng",)).text.startswith("The patient was seen")


@pytest.mark.parametrize("name", ["tesserocr", "pytesseract"])
def test_both_engines_tell_orientation(name: str) -> None:
    """Upside down is seen, with a margin; an empty page has none."""
    engine = make_engine(name, TESSDATA, 60)
    facing = engine.orientation(turned(pixels(), 180), 204)
    assert facing is not None
    assert (facing.rotation, facing.script) == (180, "Latin")
    assert facing.rotation_margin > 1
    empty = engine.orientation(np.full((600, 600), 255, np.uint8), 204)
    assert empty is None or empty.rotation_margin < 1


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_pages_come_out_upright(resident: Engine, turn: int) -> None:
    """However the sheet lay, its text is read and the turn that was taken out is said."""
    seen = page(resident, Bitmap(turned(pixels(), turn), 204, bilevel=True))
    assert paper.error_rate(seen.text, TRUTH) < 0.02
    assert seen.rotation == (360 - turn) % 360
    assert seen.source is TextSource.OCR


@pytest.mark.parametrize(("lines", "language"), [(paper.ENGLISH, "en"), (paper.SPANISH, "es"), (paper.RUSSIAN, "ru")])
def test_the_model_follows_the_page(resident: Engine, lines: tuple[str, ...], language: str) -> None:
    """Nobody says the language: the page does."""
    seen = page(resident, Bitmap(pixels(lines), 204, bilevel=True))
    assert seen.language == language
    assert paper.error_rate(seen.text, "\n".join(lines)) < 0.02


def test_no_page_learns_from_another(resident: Engine) -> None:
    """The same pixels give the same page, whatever was read in between."""
    bitmap = Bitmap(pixels(), 204, bilevel=True)
    first = page(resident, bitmap)
    page(resident, Bitmap(pixels(paper.RUSSIAN), 204, bilevel=True))
    assert page(resident, bitmap) == first


def test_hopeless_print_is_illegible_and_a_picture_is_no_text(resident: Engine) -> None:
    """Print that was destroyed is a problem; a grey picture without words is a page without text."""
    chance = np.random.default_rng(7)
    ruined = pixels(paper.ENGLISH * 2)
    ruined[chance.random(ruined.shape) < 0.35] = 0
    ruined[chance.random(ruined.shape) < 0.35] = 255
    try:
        seen = page(resident, Bitmap(ruined, 204, bilevel=True))
    except Unreadable as error:
        assert error.code == "illegible"
    else:
        assert seen.source is TextSource.NONE
    cloud = Image.fromarray(chance.integers(60, 200, (12, 12), np.uint8)).resize((900, 900), Image.Resampling.BICUBIC)
    picture = page(resident, Bitmap(np.array(cloud), 100, photo=True))
    assert (picture.source, picture.text) == (TextSource.NONE, "")


def test_blank_pages_are_not_recognised() -> None:
    """Paper alone never reaches an engine."""
    assert page(None, Bitmap(np.full((2200, 1728), 255, np.uint8), 204, bilevel=True)).blank  # type: ignore[arg-type]  # never asked


def test_words_of_a_tsv() -> None:
    """Lines are joined, blocks kept apart, empty cells left out, confidence weighted by length."""
    row = "5\t1\t{}\t1\t{}\t1\t10\t20\t30\t10\t{}\t{}"
    tsv = "\n".join(
        ["4\t1\t1\t1\t1\t0\t0\t0\t0\t0\t-1\t", row.format(1, 1, 90, "ab"), row.format(1, 2, 50, "cdef"), row.format(2, 1, 0, " ")]
    )
    read = recognised(tsv, 100, 100)
    assert read.text == "ab\ncdef"
    assert read.confidence == pytest.approx((2 * 0.9 + 4 * 0.5) / 6)
    assert (read.words[0].left, read.words[0].bottom) == (0.1, 0.3)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("\n".join(paper.ENGLISH), "eng"),
        ("\n".join(paper.SPANISH), "spa"),
        (
            "O paciente foi atendido na consulta com a familia e nao ha evidencia de fratura; os pulmoes estao limpos",
            "por",
        ),
        (
            "Le patient a ete vu en consultation et les resultats ont ete discutes avec la famille; pas de fracture",
            "fra",
        ),
        (
            "Der Patient wurde in der Klinik gesehen und die Befunde sind mit der Familie besprochen",
            "deu",
        ),
        ("CT 12.3 mm", None),
    ],
)
def test_latin_languages_by_their_little_words(text: str, code: str | None) -> None:
    """A dozen words are enough, a handful are not."""
    assert latin_language(text, MODELS) == code


def test_models_have_languages() -> None:
    """ISO codes of the first known model."""
    assert (iso(("chi_tra",)), iso(("xyz",))) == ("zh", None)
