"""PDF: text layers trusted or not, fields, embedded files, encryption, hostile page shapes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pytest
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from reading.limits import Limits
from reading.pdf import MAX_LOOKED, in_reading_order, layer_words
from reading.quality import plausible
from reading.unpack import Found, Walk
from reading.words import Word
from records.model import FormSeen, Role, TextSource
from tests.servers import paper
from tests.servers.walking import Walked, walk

LINES = [
    "Synthetic radiology report of the example hospital",
    "The lungs are clear and there is no effu-",
    "sion on either side.",
]


@dataclass
class Looking(Walked):
    """A walk whose forms are found on every page: a registered one of this `name`, or one of unknown make."""

    name: str | None = None
    looks: int = 0

    def form(self, *asked: Any, **_: Any) -> FormSeen:  # type: ignore[override]  # only the page is asked for
        asked[2]()
        self.looks += 1
        return FormSeen(self.name, "letter_of_agreement" if self.name else None, "1", 1, 1, 0.9)


def text_pdf(*pages: list[str], rotate: int = 0) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    for lines in pages:
        canvas.setPageRotation(rotate)
        for number, line in enumerate(lines):
            canvas.drawString(72, 760 - 20 * number, line)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def test_the_text_layer_is_read_page_by_page() -> None:
    """Text, page numbers and source; nothing is offered for recognition."""
    walked = walk(text_pdf(LINES, ["Second page of the synthetic report"]), "ct.pdf")
    pages = walked.parts[0].pages
    assert [page.number for page in pages] == [1, 2]
    assert all(page.source is TextSource.LAYER for page in pages)
    assert pages[0].text.splitlines()[0] == LINES[0]
    assert "effu-" in pages[0].text
    assert not walked.bitmaps


def test_a_blank_page_is_blank_and_a_drawn_one_is_recognised() -> None:
    """No text and no ink is paper; no text but lines is a picture."""
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.showPage()
    canvas.line(100, 100, 400, 500)
    canvas.showPage()
    canvas.save()
    walked = walk(out.getvalue(), "a.pdf")
    assert [page.blank for page in walked.parts[0].pages] == [True, False]
    assert len(walked.bitmaps) == 1


def test_a_fax_page_gives_its_exact_pixels() -> None:
    """The scanned picture is taken out, not drawn again."""
    sheet = paper.fax(paper.page())
    walked = walk(paper.fax_pdf(sheet), "fax.pdf")
    assert walked.bitmaps[0].bilevel
    assert np.array_equal(walked.bitmaps[0].pixels > 0, np.array(sheet))


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_scan_is_drawn_as_it_is_shown(turn: int) -> None:
    """/Rotate counts: the pixels offered are those that a reader sees."""
    sheet = paper.page().resize((864, 1100))
    with pikepdf.open(io.BytesIO(paper.fax_pdf(sheet))) as document:
        document.pages[0].rotate(turn, relative=False)
        out = io.BytesIO()
        document.save(out)
    pixels = walk(out.getvalue(), "fax.pdf").bitmaps[0].pixels
    expected = np.rot90(np.array(sheet), -turn // 90)
    assert (pixels.shape[0] > pixels.shape[1]) == (expected.shape[0] > expected.shape[1])
    shown = np.array(Image.fromarray(pixels).resize((expected.shape[1], expected.shape[0])))
    assert np.abs(shown.astype(int) - expected).mean() < 25


def test_a_header_line_over_a_scan_does_not_pass_as_its_text() -> None:
    """A stamp of few characters over a full-page picture: the page is recognised."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    canvas.drawImage(ImageReader(paper.page().convert("RGB")), 0, 0, *A4)
    canvas.drawString(40, 820, "FAX 12:00  p. 1/3")
    canvas.save()
    walked = walk(out.getvalue(), "a.pdf")
    assert len(walked.bitmaps) == 1
    assert walked.parts[0].pages[0].source is TextSource.NONE


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("The patient was seen in the clinic and the findings were discussed with the family.", True),
        ("El hígado es de tamaño normal y la vesícula biliar ha sido extirpada.", True),
        ("Печень нормальных размеров, желчный пузырь удален без осложнений.", True),
        ("肝臓の大きさは正常です。胆嚢は摘出されています。", True),
        ("12.3 mg/dl 4.5 g/l 140 mmol/l", True),
        ("\ufffd\ufffd\ufffd\ufffd\ufffd text \ufffd\ufffd\ufffd", False),
        ("\ue001\ue002\ue003\ue004 \ue005\ue006\ue007", False),
        ("#$%& '()* +,-./ :;<=> ?@[]^ _`{|} ~!# $%&' ()*+", False),
        ("Wkh sdwlhqw zdv vhhq lq wkh folqlf dqg wkh ilqglqjv zhuh glvfxvvhg zlwk wkh idplob dqg qr iudfwxuh lv vhhq", False),
        ("Hanorosas AeKnapaVIVIs no HaJIory ynnaIVIBaeMoMy CBS4VI npVIMeHeHVIeM ynpo~eHHOH CVICTeMbl HanorO6nOs " * 4, False),
        ("PSMA-PET/CT: SUVmax 8.4, pT2bN0M0, HbA1c 6.1 %, IgG4, T1w and T2w sequences, mTOR, rhabdoid features, EGFR " * 4, True),
        ("ٱĴǎƶơǎƹŎķ 㩈اور ƼǎاĴ ٱĴǎƶơاƹŎķ ٳ㶜اǎƼ اوķŎƹ ǎƹƃơŃا ٱĴǎƶơا اĴǎƶơǎ ķŎƹاو ٱĴاǎ", False),
        ("胸部CT检查 未见异常 CT扫描 T2加权 MRI检查 腹部B超 心电图ECG PET显像 X线片 CT平扫 MR增强", True),
        ("Signature ____________________________ Date ______________ Place ....................... Name . . . . . . . .", True),
        ("Chapter 1 ................................................ 2", True),
    ],
)
def test_rubbish_layers_are_told_from_text(text: str, good: bool) -> None:
    """Mojibake, private glyphs, punctuation soup and shifted alphabets are no text; any language is."""
    assert plausible(text) is good


def test_filled_fields_and_comments_are_part_of_the_page() -> None:
    """AcroForm values and typed comments are read where they stand."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    canvas.drawString(72, 700, "Patient name of this synthetic agreement:")
    canvas.acroForm.textfield(name="patient", value="SYNTHETIC PATIENT ALPHA", x=300, y=690, width=220, height=20)
    canvas.save()
    page = walk(out.getvalue(), "form.pdf").parts[0].pages[0]
    assert "SYNTHETIC PATIENT ALPHA" in page.text


@pytest.mark.parametrize("value", ["SYNTHETIC PATIENT ALPHA", "СИНТЕТИЧЕСКИЙ ПАЦИЕНТ", "مريض تجريبي", "合成患者"])
def test_fields_that_come_without_a_drawing(value: str) -> None:
    """Many programs fill fields in and leave the drawing to the reader: the value is the page's text all the same."""
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawString(72, 700, "Name of the patient:")
    canvas.acroForm.textfield(name="n", value="x", x=120, y=650, width=250, height=20)
    canvas.acroForm.choice(name="d", value="Second", options=["First", "Second"], x=120, y=620, width=150, height=20)
    canvas.save()
    with pikepdf.open(io.BytesIO(out.getvalue())) as document:
        for widget in document.pages[0].Annots:
            del widget["/AP"]
        document.pages[0].Annots[0].V = value
        filled = io.BytesIO()
        document.save(filled)
    text = walk(filled.getvalue(), "form.pdf").parts[0].pages[0].text
    assert text.startswith("Name of the patient:")
    assert text.count(value) == text.count("Second") == 1


def test_a_long_record_is_not_searched_for_forms_for_ever() -> None:
    """After so many pages looked at in vain no more are, and it is noted; pages of registered forms do not count."""
    for name, looked, notes in ((None, MAX_LOOKED, {"forms_not_sought"}), ("letter", MAX_LOOKED + 6, set[str]())):
        walked = Looking(Limits(), name=name)
        raw = text_pdf(*[[f"Synthetic page {number} with a signature and a date"] for number in range(MAX_LOOKED + 6)])
        Walk(walked).visit(Found("0", "a.pdf", Role.ATTACHMENT, raw, size=len(raw)))
        assert (walked.looks, walked.notes, walked.codes) == (looked, notes, [])


def test_words_cut_away_are_not_the_pages() -> None:
    """What lies outside the crop nobody sees; printers' trimming of a few points does not matter."""
    for box, seen in (((0, 400, 595, 842), False), ((5, 5, 590, 837), True)):
        with pikepdf.open(io.BytesIO(text_pdf(["Synthetic words within", *[""] * 32, "words far below"]))) as document:
            document.pages[0].CropBox = list(box)
            out = io.BytesIO()
            document.save(out)
        text = walk(out.getvalue(), "a.pdf").parts[0].pages[0].text
        assert text.startswith("Synthetic words within")
        assert ("far below" in text) is seen


def test_words_have_places_on_the_shown_page() -> None:
    """Fractions of the page, origin top left, also when the page is rotated."""
    for turn, place in ((0, (72 / 595, 1 - 760 / 842)), (180, (1 - 72 / 595, 760 / 842))):
        document = pdfium.PdfDocument(text_pdf(["Synthetic words here"], rotate=turn))
        words = layer_words(document[0])
        document.close()
        assert [word.text for word in words] == ["Synthetic", "words", "here"]
        near = (words[0].left, words[0].bottom) if turn == 0 else (words[0].right, words[0].top)
        assert near == pytest.approx(place, abs=0.01)


def test_embedded_files_are_parts_of_their_own() -> None:
    """Case 24: the file inside is read, the script is noted and never run."""
    with pikepdf.open(io.BytesIO(text_pdf(LINES))) as document:
        document.attachments["inner.pdf"] = text_pdf(["Synthetic words of the inner file"])
        document.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        document.Root.Names.JavaScript = pikepdf.Dictionary(
            Names=["a", pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")]
        )
        out = io.BytesIO()
        document.save(out)
    walked = walk(out.getvalue(), "outer.pdf")
    assert set(walked.paths) == {"outer.pdf", "outer.pdf/inner.pdf"}
    assert "inner file" in walked.part("outer.pdf/inner.pdf").pages[0].text
    assert walked.notes == {"javascript"}


@pytest.mark.parametrize(("password", "codes"), [("", []), ("secret", ["encrypted"])])
def test_encryption(password: str, codes: list[str]) -> None:
    """Case 25: an empty user password opens, a real one is asked for."""
    with pikepdf.open(io.BytesIO(text_pdf(LINES))) as document:
        out = io.BytesIO()
        document.save(out, encryption=pikepdf.Encryption(owner="owner", user=password))
    walked = walk(out.getvalue(), "a.pdf")
    assert walked.codes == codes
    assert bool(walked.parts[0].pages) is not bool(codes)


def test_files_pinned_to_a_page_and_files_that_can_not_be_taken_out() -> None:
    """A paper clip's file is a part; of two attachments a damaged one does not cost the other."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(text_pdf(["Synthetic words of the page"]))) as document:
        document.attachments["good.txt"] = b"Synthetic attached words"
        document.attachments["gone.txt"] = b"x"
        clip = pikepdf.AttachedFileSpec(document, b"Synthetic pinned words", filename="pinned.txt").obj
        note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FileAttachment, FS=clip, Rect=[10, 10, 30, 30])
        document.pages[0].Annots = pikepdf.Array([document.make_indirect(note)])
        del document.attachments["gone.txt"].obj["/EF"]
        document.save(out)
    walked = walk(out.getvalue(), "a.pdf")
    assert walked.part("a.pdf/good.txt").pages[0].text == "Synthetic attached words"
    assert walked.part("a.pdf/pinned.txt").pages[0].text == "Synthetic pinned words"
    assert walked.codes == ["pdf_malformed"]


@pytest.mark.parametrize(
    ("words", "dynamic", "codes"),
    [
        ("Please wait... If this message is not eventually replaced, get Adobe Reader.", False, ["pdf_xfa"]),
        ("Any words", True, ["pdf_xfa"]),
        ("Name: SYNTHETIC PATIENT ALPHA", False, []),
    ],
)
def test_forms_that_only_adobe_can_show_are_named(words: str, dynamic: bool, codes: list[str]) -> None:
    """XFA: a static form's pages are there and read; a dynamic one's are not."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(text_pdf([words]))) as document:
        document.Root.AcroForm = pikepdf.Dictionary(Fields=[], XFA=pikepdf.Stream(document, b"<xdp:xdp/>"))
        if dynamic:
            document.Root.NeedsRendering = True
        document.save(out)
    walked = walk(out.getvalue(), "form.pdf")
    assert walked.codes == codes
    assert walked.parts[0].pages[0].text == words


def test_broken_documents_are_named() -> None:
    """No structure at all, and too many pages."""
    assert walk(b"%PDF-1.7\nnothing here", "a.pdf").codes == ["pdf_malformed"]
    many = text_pdf(*[["x"]] * 5)
    assert walk(many, "a.pdf", max_pages=4).codes == ["page_count"]
    assert walk(many, "a.pdf", max_pages=5).codes == []


def test_a_page_of_absurd_size_is_drawn_small_or_refused() -> None:
    """Case 17: a media box of two million points asks for no more pixels than any page."""
    with pikepdf.open(io.BytesIO(text_pdf([]))) as document:
        document.pages[0].MediaBox = [0, 0, 2_000_000, 2_000_000]
        document.pages[0].Contents = document.make_stream(b"0 0 1000000 1000000 re f")
        out = io.BytesIO()
        document.save(out)
    walked = walk(out.getvalue(), "a.pdf")
    assert walked.codes in (["image_pixels"], ["pdf_malformed"], [])
    assert all(bitmap.pixels.size <= 12_000_000 for bitmap in walked.bitmaps)


def test_links_are_listed_and_never_followed() -> None:
    """Addresses in the text and behind link areas, each once."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    canvas.drawString(72, 700, "The images of this synthetic study are at https://viewer.example/share/1 for you.")
    canvas.linkURL("https://pacs.example/study?2", (72, 600, 200, 620))
    canvas.save()
    assert set(walk(out.getvalue(), "a.pdf").parts[0].links) == {"https://viewer.example/share/1", "https://pacs.example/study?2"}


def test_a_scan_cut_into_strips_is_one_page() -> None:
    """Several pictures that fill the page together are drawn as they are seen."""
    sheet = paper.page().convert("RGB")
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    for number in range(4):
        strip = sheet.crop((0, number * 550, 1728, (number + 1) * 550))
        canvas.drawImage(ImageReader(strip), 0, A4[1] * (3 - number) / 4, A4[0], A4[1] / 4)
    canvas.drawString(40, 820, "FAX FROM EXAMPLE CLINIC  03/03/2026 10:00  P.001/004")
    canvas.save()
    walked = walk(out.getvalue(), "a.pdf")
    assert len(walked.bitmaps) == 1
    assert walked.bitmaps[0].pixels.shape[0] > 3000


def test_a_cut_document_is_restored_as_far_as_it_goes_and_said() -> None:
    """The pages that a broken transmission left are read; that some may be missing is a problem."""
    raw = text_pdf(*[[f"Synthetic page {number} of the report"] for number in range(1, 9)])
    walked = walk(raw[: raw.rfind(b"xref")], "a.pdf")
    pages = walked.parts[0].pages
    assert "page 1" in pages[0].text
    assert walked.codes in ([], ["pdf_malformed"])
    kept = walk(raw[:-400], "a.pdf")
    assert kept.parts[0].pages or kept.codes == ["pdf_malformed"]


def drawn(*lines: str) -> tuple[Word, ...]:
    """Words of a page (unicode, in reading order) where their script puts them: Arabic from the right, figures from the left."""
    found = []
    for row, line in enumerate(lines):
        right = 0.9
        for text in line.split():
            found.append(Word(text, right - 0.02 * len(text), 0.1 * row, right, 0.1 * row + 0.02))
            right -= 0.02 * len(text) + 0.01
    return tuple(found)


def test_right_to_left_words_that_pdfium_turned_are_laid_out_anew() -> None:
    """Browsers write Arabic so that PDFium turns most words round; where the words stand tells how they are read."""
    words = drawn("اسم المريض سلمى", "تاريخ الميلاد 14/10/1951")
    assert in_reading_order("ىملس ضيرملا مسا\nخيرات الميلاد 14/10/1951", words) == "اسم المريض سلمى\nتاريخ الميلاد 14/10/1951"


def test_right_to_left_text_that_is_right_stays_as_it_is() -> None:
    """Its gaps and lines are PDFium's."""
    text = "اسم المريض   سلمى"
    assert in_reading_order(text, drawn("اسم المريض سلمى")) == text
