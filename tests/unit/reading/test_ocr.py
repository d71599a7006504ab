"""Recognition: the same expectations of both engines, pages the wrong way round, other languages, hopeless pages."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from reading.bitmap import Bitmap
from reading.languages import iso, latin_language, likeness
from reading.limits import Unreadable
from reading.ocr import Engine, Orientation, Recognised, find_tessdata, installed, make_engine, recognised
from reading.prepare import turned
from reading.recognise import recognise
from reading.words import Word
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


@pytest.mark.parametrize("turn", [0, 90, 180])
def test_two_pages_on_one_sheet_are_read_one_after_the_other(resident: Engine, turn: int) -> None:
    """Left, then right, each in its own language, however the sheet lay; the page's language is that of most of it."""
    left, right = (paper.page(lines, width=1700, height=1000, repeat=1) for lines in (paper.ENGLISH * 2, paper.SPANISH))
    sheet = np.hstack([np.array(each) for each in (left, right)])
    seen = page(resident, Bitmap(turned(sheet, turn), 204))
    assert paper.error_rate(seen.text, "\n".join(paper.ENGLISH * 2 + paper.SPANISH)) < 0.02
    assert (seen.language, seen.rotation) == ("en", (360 - turn) % 360)


@pytest.mark.parametrize("change", ["negative", "sloping"])
def test_pages_are_put_right_before_they_are_read(resident: Engine, change: str) -> None:
    """White on black, and lines that slope by more than the engine takes."""
    sheet = paper.page(repeat=2, height=1000)
    wrong = 255 - np.array(sheet) if change == "negative" else np.array(sheet.rotate(6, fillcolor=255, expand=True))
    seen = page(resident, Bitmap(wrong, 204))
    assert paper.error_rate(seen.text, "\n".join(paper.ENGLISH * 2)) < 0.02


@pytest.mark.parametrize(("lines", "language"), [(paper.ENGLISH, "en"), (paper.SPANISH, "es"), (paper.RUSSIAN, "ru")])
def test_the_model_follows_the_page(resident: Engine, lines: tuple[str, ...], language: str) -> None:
    """Nobody says the language: the page does."""
    seen = page(resident, Bitmap(pixels(lines), 204, bilevel=True))
    assert seen.language == language
    assert paper.error_rate(seen.text, "\n".join(lines)) < 0.02


def test_a_sure_but_wrong_word_about_orientation_costs_no_page(resident: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise makes it say "upright" with a wide margin: what can not be read so is tried on its head."""
    monkeypatch.setattr(resident, "orientation", lambda *_: Orientation(0, 7.8, "Thai", 0.1))
    seen = page(resident, Bitmap(turned(pixels(), 180), 204, bilevel=True))
    assert paper.error_rate(seen.text, TRUTH) < 0.02
    assert seen.rotation == 180


class OneScript:
    """An engine before a page in one script under a Latin line: only `model` reads it, the others see garbage."""

    def __init__(self, model: str, said: str, script: str) -> None:
        self.model, self.said, self.script = model, said, script

    def recognise(
        self, image: np.ndarray[tuple[int, int], np.dtype[np.uint8]], _dpi: int, languages: tuple[str, ...]
    ) -> Recognised:
        head = image.shape[0] < 1000
        if languages == (self.model,):
            return self._of(self.said, 0.82)
        return self._of("FROM EXAMPLE CLINIC 2026-03-01 14:24", 0.93) if head else self._of("xq vv " * 24, 0.4)

    def orientation(self, _image: object, _dpi: int) -> Orientation:
        return Orientation(0, 5.0, self.script, 1.2)

    @staticmethod
    def _of(said: str, sure: float) -> Recognised:
        return Recognised(said, tuple(Word(word, 0.1, 0.1, 0.2, 0.2, sure) for word in said.split()), sure)


@pytest.mark.parametrize(
    ("model", "said", "script", "language"),
    [
        ("heb", "ממצאים באונה העליונה מימין נצפה גוש עם שוליים לא סדירים הלב בגודל תקין ללא תפליט פלאורלי", "Hebrew", "he"),
        ("chi_sim", "双 肺 纹 理 清 晰 未 见 结 节 影 心 影 不 大 双 侧 胸 腔 未 见 积 液", "Han", "zh"),
        ("kor", "우상엽에 종괴가 있으며 변연이 침상으로 보임 종격동 림프절 비대 있음 흉수는 없음", "Thai", "ko"),
    ],
    ids=["under a latin line", "few but wide letters", "a script nobody reads was guessed"],
)
def test_a_page_in_another_script_finds_its_model(model: str, said: str, script: str, language: str) -> None:
    """A fax machine's line in Latin letters, few signs, or a wrong guess of the script: the page is read in its own."""
    sheet = np.array(paper.page(paper.ENGLISH, height=2200))
    seen = recognise(Bitmap(sheet, 204), OneScript(model, said, script), ("eng",), MODELS, lambda *_: None)  # type: ignore[arg-type]  # reads no single lines
    assert (seen.language, seen.text) == (language, said)


@pytest.mark.parametrize(
    ("code", "text", "like"),
    [
        ("ara", "توجد كتلة في الفص العلوي من الرئة اليمنى مع تضخم العقد اللمفية", True),
        ("fas", "توجد كتلة في الفص العلوي من الرئة اليمنى مع تضخم العقد اللمفية", False),
        ("fas", "در بررسی به عمل آمده توده‌ای در لوب راست همراه با ادم اطراف مشاهده می‌شود", True),
        ("ara", "در بررسى به عمل آمده تودهاى در لوب راست همراه با ادم اطراف مشاهده مى شود", False),
        ("jpn", "右肺上葉に腫瘤を認めます。胸水はありません。", True),
        ("jpn", "右肺上葉見軟部組織腫塊。両側胸腔未見積液。", False),
        ("kor", "종격동 림프절 비대", True),
    ],
)
def test_languages_that_share_a_script_are_told_apart(code: str, text: str, like: bool) -> None:
    """Arabic by its articles, Japanese by its kana; where nothing is shared every text is alike."""
    assert (likeness(code, text) == 1.0) is like


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
        (
            "Seite: links rechts. Lokalisation: links rechts. Verschluss: nein ja. Blutung: nein ja. Geschlecht: weiblich",
            "deu",
        ),
        ("Sag akciger iist lobda kitle izlenmistir. Plevral efuzyon saptanmadi. Lenf nodlari mevcuttur", "tur"),
        ("Uygulanan tedavinin yararlari anlatilmistir; sorular cevaplandirilmistir ve rizasi alinmaktadir", "tur"),
        ("CT 12.3 mm", None),
    ],
)
def test_latin_languages_by_their_little_words(text: str, code: str | None) -> None:
    """A dozen words are enough, a handful are not."""
    assert latin_language(text, MODELS) == code


def test_models_have_languages() -> None:
    """ISO codes of the first known model."""
    assert (iso(("chi_tra",)), iso(("xyz",))) == ("zh", None)
