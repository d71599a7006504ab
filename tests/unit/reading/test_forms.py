"""Returned forms laid over their blanks: every state by every way, on forms of three looks that the code has never seen."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tesserocr
from reportlab.lib.pagesizes import LETTER
from reportlab.pdfgen.canvas import Canvas

from classifiers.forms import FormVerdict, judge
from reading.blanks import Blank, load_blanks, register
from reading.forms import looks_like_form, observe
from reading.sheet import Recognise
from reading.words import Word
from records.model import FormSeen, Kind, Page, TextSource
from tests.servers import signing
from tests.servers.signing import LOOKS, TESSDATA, TEXTS, Draw, Grey, Look, all_of, form_pdf

TODAY = date(2026, 11, 24)
WAYS: dict[str, Callable[[bytes, int], Grey]] = {
    "scan": signing.scanned,
    "fax": signing.faxed,
    "coarse fax": lambda pdf, seed: np.repeat(signing.faxed(pdf, seed, fine=False), 2, axis=0),
    "photo": signing.photographed,
}


@pytest.fixture(scope="module")
def blanks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Blank, ...]:
    """Nine blanks registered from their PDFs alone: three looks in three languages."""
    home = tmp_path_factory.mktemp("forms")
    for look in LOOKS:
        for language in TEXTS:
            register(home, f"{look.name}-{language}", form_pdf(look, language), "letter_of_agreement", "1", language)
    return load_blanks(home)


@pytest.fixture(scope="module")
def engine() -> Iterator[tesserocr.PyTessBaseAPI]:
    with tesserocr.PyTessBaseAPI(path=TESSDATA, lang="eng") as api:
        yield api


def written(look: Look, seed: int) -> Draw:
    return signing.signature(seed, look.signature)


def from_text(pdf: bytes, blanks: tuple[Blank, ...]) -> FormSeen | None:
    image, words = signing.rendered(pdf)
    return observe(image, words, blanks)


def from_picture(image: Grey, blanks: tuple[Blank, ...], engine: tesserocr.PyTessBaseAPI) -> FormSeen | None:
    return observe(image, signing.recognised(engine, image), blanks, partial(signing.read_line, engine))


def verdict(seen: FormSeen | None, source: TextSource = TextSource.LAYER) -> FormVerdict:
    return judge(Kind.LETTER_OF_AGREEMENT, [Page(1, "", source, form=seen)], "en", TODAY)


def codes(seen: FormSeen | None) -> set[str]:
    return {finding.code for finding in verdict(seen).findings}


def looks(seen: FormSeen | None) -> dict[str, str]:
    assert seen is not None
    return {zone.name: zone.look for zone in seen.zones}


@pytest.mark.parametrize("language", list(TEXTS))
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_a_complete_form_is_seen_as_filled_in(look: Look, language: str, blanks: tuple[Blank, ...]) -> None:
    """The right blank is found, the field's text read, the ink called a pen's, the date read, the witness's place left empty."""
    text = TEXTS[language]
    seen = from_text(form_pdf(look, language, text["replaced"], written(look.of(language), 11), date="14/03/2026"), blanks)
    assert seen is not None
    assert (seen.form, seen.kind, seen.page, seen.pages, seen.compared) == (
        f"{look.name}-{language}",
        "letter_of_agreement",
        1,
        1,
        9,
    )
    assert looks(seen) == {"patient": "print", "signature": "pen", "date": "print", "role": "empty", "witness": "empty"}
    assert {zone.text for zone in seen.zones if zone.kind in ("field", "date")} == {text["replaced"], "14/03/2026"}
    assert verdict(seen).findings == ()
    assert verdict(seen).fields["patient_name"] == text["name"]


UNSIGNED: dict[str, Callable[[Look], Draw | None]] = {
    "nothing": lambda _: None,
    "a witness": lambda look: signing.signature(21, look.witness),
    "a fax line": lambda look: signing.across(look.signature),
}
DOUBTFUL: dict[str, Callable[[Look], Draw | None]] = {
    "a smudge": lambda look: signing.smudge(look.signature),
    "a tick": lambda look: signing.tick(look.signature),
    "a straight line": lambda look: signing.stroke(look.signature),
    "a stamp": lambda look: signing.stamp(look.signature),
    "a round seal": lambda look: signing.seal(look.signature),
}


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
@pytest.mark.parametrize("what", UNSIGNED)
def test_what_leaves_a_form_unsigned(what: str, look: Look, blanks: tuple[Blank, ...]) -> None:
    """An empty place, a witness's signature and a scanner's line are no signature of the patient."""
    pdf = form_pdf(look, "en", TEXTS["en"]["replaced"], UNSIGNED[what](look), date="14 March 2026")
    assert codes(from_text(pdf, blanks)) == {"loa_unsigned"}


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
@pytest.mark.parametrize("what", DOUBTFUL)
def test_what_might_be_a_signature_is_doubtful(what: str, look: Look, blanks: tuple[Blank, ...]) -> None:
    """Ink that is not surely writing goes to staff."""
    pdf = form_pdf(look, "en", TEXTS["en"]["replaced"], DOUBTFUL[what](look), date="14 March 2026")
    assert codes(from_text(pdf, blanks)) == {"loa_signature_unclear"}


def test_a_line_of_type_is_no_signature(blanks: tuple[Blank, ...]) -> None:
    """A typed name in the signature's place is doubtful."""
    pdf = form_pdf(LOOKS[0], "en", TEXTS["en"]["replaced"], typed="Synthetic Patient Alpha", date="14 March 2026")
    seen = from_text(pdf, blanks)
    assert looks(seen)["signature"] == "print"
    assert codes(seen) == {"loa_signature_unclear"}


def test_writing_beside_an_empty_place_is_doubtful(blanks: tuple[Blank, ...]) -> None:
    """A signature that missed its line by a centimetre is neither a signature nor its absence."""
    look = LOOKS[0]
    astray = replace(look.signature, y=look.signature.y + 50)
    pdf = form_pdf(look, "en", TEXTS["en"]["replaced"], signing.signature(3, astray), date="14 March 2026")
    assert codes(from_text(pdf, blanks)) == {"loa_signature_unclear"}


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_field_and_date_states(look: Look, blanks: tuple[Blank, ...]) -> None:
    """R7, R10: untouched, emptied, undated, and written over by hand."""
    sign, name = written(look, 5), TEXTS["en"]["replaced"]
    assert codes(from_text(form_pdf(look, "en", None, sign, date="14 March 2026"), blanks)) == {"loa_field_unreplaced"}
    assert codes(from_text(form_pdf(look, "en", "", sign, date="14 March 2026"), blanks)) == {"loa_field_blank"}
    assert codes(from_text(form_pdf(look, "en", name, sign), blanks)) == {"loa_undated"}
    hand = all_of(sign, signing.signature(8, signing.Spot(80, 645, 200)))
    assert codes(from_text(form_pdf(look, "en", "", hand, date="14 March 2026"), blanks)) == {"loa_field_unclear"}


def test_edited_text_may_flow_on(blanks: tuple[Blank, ...]) -> None:
    """A longer text in the field pushed everything below it down: places follow their labels."""
    look, longer = LOOKS[1], TEXTS["en"]["replaced"] + ", of legal age"
    seen = from_text(form_pdf(look, "en", longer, written(look, 9), date="14 March 2026", flow=26), blanks)
    assert verdict(seen).findings == ()
    assert next(z.text for z in seen.zones if z.kind == "field") == longer if seen else False


def test_a_date_in_pen_is_read_again_by_itself(blanks: tuple[Blank, ...], engine: tesserocr.PyTessBaseAPI) -> None:
    """A text PDF with a date drawn by hand: nothing is in its text layer, so the place alone is recognised."""
    look = LOOKS[1]
    ink = all_of(written(look, 6), signing.handwritten(4, look.date, "2026-03-14"))
    image, words = signing.rendered(form_pdf(look, "en", TEXTS["en"]["replaced"], ink))
    unread = observe(image, words, blanks)
    assert codes(unread) == {"loa_date_unclear"}
    seen = observe(image, words, blanks, partial(signing.read_line, engine))
    assert verdict(seen).fields["date"] == "2026-03-14"
    assert codes(seen) == set()


@pytest.mark.parametrize("way", WAYS)
def test_complete_forms_pass_by_every_way(way: str, blanks: tuple[Blank, ...], engine: tesserocr.PyTessBaseAPI) -> None:
    """Scanned, faxed fine and coarse, photographed: nothing to say, and the signer's words are read."""
    look = LOOKS[1]
    pdf = form_pdf(look, "en", TEXTS["en"]["replaced"], written(look, 12), role="Mother", date="14 March 2026")
    seen = from_picture(WAYS[way](pdf, 5), blanks, engine)
    said = verdict(seen, TextSource.OCR)
    assert said.findings == ()
    assert (said.fields["date"], said.fields["signer_role"]) == ("2026-03-14", "representative")


@pytest.mark.parametrize("way", WAYS)
def test_unsigned_forms_never_pass(way: str, blanks: tuple[Blank, ...], engine: tesserocr.PyTessBaseAPI) -> None:
    """A witness signed, the patient did not: unsigned by every way."""
    look = LOOKS[2]
    ink = signing.signature(31, look.witness)
    seen = from_picture(WAYS[way](form_pdf(look, "en", TEXTS["en"]["replaced"], ink, date="14 March 2026"), 6), blanks, engine)
    assert codes(seen) == {"loa_unsigned"}


def test_a_struck_out_name_is_not_pen_ink(blanks: tuple[Blank, ...], engine: tesserocr.PyTessBaseAPI) -> None:
    """A typed name with a line through it is one wide shape on a fax, and still no signature."""
    look = LOOKS[0]

    def line(canvas: object) -> None:
        spot = look.signature
        with signing.pen(canvas, 0.9):
            signing.polyline(canvas, [(spot.x, spot.y + 6), (spot.x + 150, spot.y + 7.5)])

    pdf = form_pdf(look, "en", TEXTS["en"]["replaced"], line, typed="Synthetic Patient Alpha", date="14 March 2026")
    assert "loa_signature_unclear" in codes(from_picture(signing.faxed(pdf, 2), blanks, engine))


def test_a_date_with_a_line_through_it_is_not_surely_read(blanks: tuple[Blank, ...], engine: tesserocr.PyTessBaseAPI) -> None:
    """A scanner's line through the letters of the date: OCR may be sure of a wrong figure, so staff look."""
    look = LOOKS[0]
    ink = all_of(written(look, 12), signing.across(look.date))
    pdf = form_pdf(look, "en", TEXTS["en"]["replaced"], ink, date="14 March 2026")
    for way in WAYS:
        assert codes(from_picture(WAYS[way](pdf, 3), blanks, engine)) & {"loa_date_unclear", "loa_date_implausible"}, way


def reads(text: str) -> Recognise:
    """An engine that surely reads this and nothing else."""

    def recognise(_line: Grey, digits: bool = False) -> Iterator[tuple[str, float]]:
        yield text if digits else "", 0.95

    return recognise


def test_a_date_that_two_readings_give_with_other_figures_is_doubtful(blanks: tuple[Blank, ...]) -> None:
    """The page says 14, the place by itself 11, both surely: neither is believed; an agreeing reading is."""
    look = LOOKS[1]
    image, words = signing.rendered(form_pdf(look, "en", TEXTS["en"]["replaced"], written(look, 12), date="14 March 2026"))
    sure = [replace(word, confidence=0.95) for word in words]
    assert "loa_date_unclear" in codes(observe(image, sure, blanks, reads("11 March 2026")))
    seen = observe(image, sure, blanks, reads("14 March 2026"))
    assert verdict(seen).fields["date"] == "2026-03-14"


def test_a_place_that_is_not_on_the_picture_is_unclear(blanks: tuple[Blank, ...]) -> None:
    """A transmission that broke off above the signature is no unsigned form."""
    look = LOOKS[0]
    image, words = signing.rendered(form_pdf(look, "en", TEXTS["en"]["replaced"]))
    keep = 0.5
    cut = image[: round(image.shape[0] * keep)]
    scaled = [replace(w, top=w.top / keep, bottom=w.bottom / keep) for w in words if w.bottom < keep]
    seen = observe(cut, scaled, blanks)
    assert {looks(seen)["signature"], looks(seen)["date"]} == {"unclear"}
    assert codes(seen) == {"loa_signature_unclear", "loa_date_unclear"}


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_without_a_blank_the_labels_must_do(look: Look) -> None:
    """No form is registered: places are found by labels and lines, in text and on a scan."""
    name = TEXTS["en"]["replaced"]
    signed = from_text(form_pdf(look, "en", name, written(look, 14), date="14 March 2026"), ())
    assert signed is not None
    assert (signed.form, signed.compared, looks(signed)["signature"], looks(signed)["date"]) == (None, 0, "pen", "print")
    unsigned = from_text(form_pdf(look, "en", name), ())
    assert (looks(unsigned)["signature"], looks(unsigned)["date"]) == ("empty", "empty")
    untouched = from_text(form_pdf(look, "en"), ())
    assert untouched is not None
    assert [z.text for z in untouched.zones if z.kind == "field"] == [TEXTS["en"]["placeholder"]]


def test_another_form_is_near_no_blank(blanks: tuple[Blank, ...]) -> None:
    """A page of other words with a signature line is compared, found near none, and judged by its labels."""
    words = [
        Word(w, 0.1 + 0.12 * i, 0.3, 0.2 + 0.12 * i, 0.31) for i, w in enumerate(("quite", "another", "form", "of", "words"))
    ]
    words += [Word("Signature:", 0.1, 0.6, 0.2, 0.612), Word("Date:", 0.6, 0.6, 0.65, 0.612)]
    seen = observe(np.full((1100, 850), 255, np.uint8), words, blanks)
    assert seen is not None
    assert (seen.form, seen.compared, looks(seen)) == (None, 9, {"signature": "empty", "date": "empty"})


def test_a_page_without_labels_is_no_form(blanks: tuple[Blank, ...]) -> None:
    """Nothing is seen where nothing is asked for."""
    words = [Word("The", 0.1, 0.1, 0.14, 0.11), Word("lungs", 0.15, 0.1, 0.2, 0.11), Word("clear.", 0.21, 0.1, 0.26, 0.11)]
    assert observe(np.full((1100, 850), 255, np.uint8), words, blanks) is None
    assert observe(np.full((1100, 850), 255, np.uint8), (), blanks) is None


def test_looks_like_form_is_cheap_and_catholic(blanks: tuple[Blank, ...]) -> None:
    """Signature beside agreement, consent or date in many languages, or the words of a blank; not a report."""
    for text in (
        "Signature ____ Date ____",
        "CONSENTIMIENTO INFORMADO … Firma",
        "Einwilligung … Unterschrift",
        "同意书 签名",
        "توقيع … موافقة",
    ):
        assert looks_like_form(text, ()), text
    first_page = " ".join(w.text for w in blanks[0].words[:60])
    assert looks_like_form(first_page, blanks)
    assert not looks_like_form("CT of the chest. Findings: the lungs are clear. Impression: normal.", blanks)


def test_the_same_page_gives_the_same_reading(blanks: tuple[Blank, ...]) -> None:
    """A reading is a pure function of the bytes, whatever was read before."""
    pdf = form_pdf(LOOKS[0], "en", TEXTS["en"]["replaced"], written(LOOKS[0], 2), date="14 March 2026")
    first = from_text(pdf, blanks)
    from_text(form_pdf(LOOKS[2], "es"), blanks)
    assert from_text(pdf, blanks) == first


def test_returned_text_forms_of_the_fixtures_are_judged_as_expected(made: Path) -> None:
    """Every state of the fixtures' own forms, as text: the findings beside each file, and no unsafe pass."""
    import json

    from reading.pdf import flattened, layer_words, opened, render

    registered = load_blanks(made / "forms")
    beside = sorted((made / "forms" / "returned").glob("*-loa-*-text*.json"))
    assert len(beside) > 15
    for expectation in beside:
        expected = json.loads(expectation.read_text())
        pages = []
        with opened((expectation.parent / expectation.name.replace(".expect.json", ".pdf")).read_bytes()) as document:
            for number in range(1, len(document) + 1):
                with flattened(document, number) as page:
                    seen = observe(render(page, 150), layer_words(page), registered)
                    pages.append(Page(number, "", TextSource.LAYER, form=seen))
        said = {f.code for f in judge(Kind(expected["kind"]), pages, expected["language"], TODAY).findings}
        assert set(expected["finding_codes"]) <= said or expected["doubt_allowed"], expectation.name
        assert all(said & set(some) for some in expected["finding_any"]), expectation.name
        if not expected["finding_any"] and not expected["doubt_allowed"]:
            assert said == set(expected["finding_codes"]), expectation.name


def lonely_field(placeholder: str) -> bytes:
    """A letter whose field stands far from every other word, signed and dated."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=LETTER, invariant=1)
    canvas.drawString(72, 720, "Example Programme - Letter of Agreement for a Second Opinion")
    canvas.drawString(72, 700, "This letter of agreement is entered into by the hospital and the patient named here.")
    canvas.setFillColorRGB(1, 1, 0)
    canvas.rect(70, 590, 470, 30, stroke=0, fill=1)
    canvas.setFillColorRGB(0, 0, 0)
    canvas.drawString(74, 600, placeholder)
    for row, line in enumerate(signing.BODY["en"]):
        canvas.drawString(72, 520 - 18 * row, line)
    for x, label in ((72, TEXTS["en"]["signature"]), (400, TEXTS["en"]["date"])):
        canvas.line(x, 200, x + 140, 200)
        canvas.drawString(x, 186, label)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def test_an_emptied_field_far_from_other_words_is_blank(tmp_path: Path) -> None:
    """What the sender was asked to replace is no sign that the place was lost."""
    register(
        tmp_path,
        "lonely",
        lonely_field("[WRITE HERE FULL NAME, DATE OF BIRTH AND COUNTRY OF THE PATIENT]"),
        "letter_of_agreement",
        "1",
        "en",
    )
    seen = from_text(lonely_field(""), load_blanks(tmp_path))
    assert looks(seen)["patient"] == "empty"
    assert "loa_field_blank" in codes(seen)


def test_a_latin_name_on_an_arabic_form_is_read_by_models_for_its_letters(
    blanks: tuple[Blank, ...], engine: tesserocr.PyTessBaseAPI
) -> None:
    """The page's own model made other letters of it, and was not sure: the place is read again."""
    name = "SYNTHETIC PATIENT ALPHA, born 1961-04-03"
    image, words = signing.rendered(form_pdf(LOOKS[0], "ar", name, written(LOOKS[0].of("ar"), 11), date="14/03/2026"), dpi=300)
    garbled = [replace(w, text="وعمعم" if w.text in name else w.text, confidence=0.3 if w.text in name else 0.95) for w in words]

    def recognise(line: Grey, digits: bool = False) -> Iterator[tuple[str, float]]:
        yield from signing.read_line(engine, line, digits) if digits else [("وعمعم", 0.3)]

    seen = observe(image, garbled, blanks, recognise)
    assert seen is not None
    (field,) = [zone for zone in seen.zones if zone.kind == "field"]
    assert (field.text, field.look) == (name, "print")
    assert field.confidence is not None
    assert field.confidence >= 0.8
