"""Office files as they were before 2007, files of other makers' programs, and files that only point elsewhere."""

from __future__ import annotations

import io
import random
import zipfile
from datetime import date

import pytest
from PIL import Image

from reading import kinds
from records.model import Role
from tests.servers.compound import Tree, compound
from tests.servers.old_office import ppt, records, word_6, xls
from tests.servers.walking import damaged, walk

ROWS: list[list[str | float | date]] = [["Name", "Wert"], ["Hämoglobin", 13.5, 7.0], ["Datum", date(2026, 2, 20)]]
SHOWN = "Labor\nName\tWert\nHämoglobin\t13.5\t7\nDatum\t2026-02-20"


def png(width: int = 800) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, 600), "white").save(out, "PNG")
    return out.getvalue()


def test_a_workbook_is_read_row_by_row() -> None:
    """Words, numbers without needless fractions, dates as dates."""
    walked = walk(xls("Labor", ROWS), "labor.xls")
    assert (walked.parts[0].media_type, walked.parts[0].pages[0].text, walked.codes) == (kinds.XLS, SHOWN, [])


def test_a_workbook_of_one_stream_and_one_inside_a_document() -> None:
    """As the programs before compound files wrote them; and as an object of a mail or a text."""
    alone = walk(records("Labor", ROWS), "old.xls")
    assert alone.parts[0].pages[0].text == SHOWN
    pool: Tree = {"_1": {"Workbook": records("Labor", ROWS)}}
    text = word_6("Synthetic words of a letter")
    from reading.compound import Compound

    stream = Compound(text, lambda _: None).root.read("WordDocument") or b""
    walked = walk(compound({"WordDocument": stream, "ObjectPool": pool}), "letter.doc")
    assert [part.pages[0].text for part in walked.parts] == [SHOWN, "Synthetic words of a letter"]


@pytest.mark.parametrize(
    ("raw", "name"), [(xls("x", [], locked=True), "a.xls"), (ppt("x", locked=True), "a.ppt"), (word_6("x", flags=0x100), "a.doc")]
)
def test_locked_ones_are_named(raw: bytes, name: str) -> None:
    """`encrypted`, whichever program locked it."""
    assert walk(raw, name).codes == ["encrypted"]


def test_a_presentation_gives_its_words_and_pictures() -> None:
    """Each text once, in order; a scan on a slide is a part of its own."""
    walked = walk(ppt("Первый слайд", "Second slide", "Первый слайд", picture=png()), "talk.ppt")
    assert walked.part("talk.ppt").pages[0].text == "Первый слайд\nSecond slide"
    assert walked.part("talk.ppt/picture-1").media_type == "image/png"
    assert not walked.codes


def test_word_before_97() -> None:
    """Its text in one run is read; saved in a hurry it is in pieces, and said to be unreadable."""
    assert walk(word_6("Old words\rof a report"), "old.doc").parts[0].pages[0].text == "Old words\nof a report"
    assert walk(word_6("Old words", flags=4), "old.doc").codes == ["unreadable_type"]


def test_damage_gets_an_answer() -> None:
    """Words or a named problem, whatever is changed."""
    chance = random.Random(11)  # noqa: S311 - the same damage every time
    for original in (xls("Labor", ROWS), ppt("First", "Second", picture=png(200)), word_6("Old words")):
        for _ in range(60):
            walked = walk(damaged(original, chance), "file")
            assert walked.parts
            assert walked.codes or any(page.text for part in walked.parts for page in part.pages)


def package(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "<x/>")
    return out.getvalue()


@pytest.mark.parametrize(
    ("names", "kind", "code"),
    [
        (("[Content_Types].xml", "xl/workbook.bin", "xl/worksheets/sheet1.bin"), kinds.XLSB, "unreadable_type"),
        (("[Content_Types].xml", "Documents/1/Pages/1.fpage"), kinds.XPS, "unreadable_type"),
        (("Index/Document.iwa", "preview.jpg"), kinds.IWORK, "unreadable_type"),
        (("index.apxl", "QuickLook/Preview.pdf"), kinds.IWORK, "unreadable_type"),
        (("[Content_Types].xml", "ppt/presentation.xml"), kinds.SLIDES, "holds_nothing"),
    ],
)
def test_packages_of_other_programs_are_one_named_part(names: tuple[str, ...], kind: str, code: str) -> None:
    """Not a heap of their inner files."""
    walked = walk(package(*names), "file.bin")
    assert ([part.media_type for part in walked.parts], walked.codes) == ([kind], [code])


def test_previews_in_a_document_are_not_parts() -> None:
    """A metafile beside words is a preview or a logo; where it is all there is, staff are told."""
    words = "<w:document xmlns:w='w'><w:p><w:t>words</w:t></w:p></w:document>"
    for text, codes in ((words, []), (words.replace("words", ""), ["unreadable_type"])):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr("word/document.xml", text)
            archive.writestr("word/media/image1.emf", b"\1\0\0\0" + bytes(60) + b" EMF" + bytes(40))
        assert walk(out.getvalue(), "a.docx").codes == codes


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("Scans.url", b"[InternetShortcut]\r\nURL=https://cloud.example/share/7\r\n"),
        (
            "Scans.webloc",
            b'<?xml version="1.0"?><plist><dict><key>URL</key><string>https://cloud.example/share/7</string></dict>',
        ),
        ("Scans.webloc", b"bplist00\xd1\x01\x02SURL_\x10\x1dhttps://cloud.example/share/7\x08\x0b\x0f"),
    ],
)
def test_shortcuts_are_listed_and_never_followed(name: str, raw: bytes) -> None:
    """One that somebody sends is a part with a link; one on a disc belongs to the viewer."""
    sent = walk(raw, name)
    assert (sent.parts[0].links[0].startswith("https://cloud.example/share/7"), sent.parts[0].role) == (True, Role.ATTACHMENT)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, raw)
    on_disc = walk(out.getvalue(), "disc.zip").parts[0]
    assert (on_disc.role, bool(on_disc.links)) == (Role.PROGRAM, True)
