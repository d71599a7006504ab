"""Office documents, rich text, plain text and HTML: words, links, pictures inside, nothing external."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reading import rtf
from reading.text import decode, from_html
from tests.servers.walking import walk

TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def packed(**members: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    return out.getvalue()


def docx(body: str, **more: str | bytes) -> bytes:
    return packed(
        **{"[Content_Types].xml": TYPES, "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>", **more}
    )


def test_docx_words_paragraphs_and_tables() -> None:
    """Runs are joined, paragraphs and cells kept apart, deleted text left out."""
    body = (
        "<w:p><w:r><w:t>Synthetic </w:t></w:r><w:r><w:t>report</w:t></w:r></w:p>"
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Name</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>ALPHA</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
        "<w:p><w:r><w:delText>gone</w:delText></w:r></w:p>"
    )
    walked = walk(docx(body), "letter.docx")
    assert walked.parts[0].pages[0].text.split() == ["Synthetic", "report", "Name", "ALPHA"]
    assert walked.parts[0].pages[0].text.startswith("Synthetic report\n")


def test_pictures_pasted_into_a_document_are_parts() -> None:
    """A scanned report in a Word file is looked at like any scan; links are listed."""
    out = io.BytesIO()
    Image.new("RGB", (800, 900), "white").save(out, "PNG")
    rels = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="1" Type="x/hyperlink" Target="https://viewer.example/7" TargetMode="External"/>'
        '<Relationship Id="2" Type="x/attachedTemplate" Target="http://evil.example/t.dotm" TargetMode="External"/>'
        "</Relationships>"
    )
    more: dict[str, str | bytes] = {"word/media/image1.png": out.getvalue(), "word/_rels/document.xml.rels": rels}
    walked = walk(docx("<w:p/>", **more), "a.docx")
    assert set(walked.paths) == {"a.docx", "a.docx/word/media/image1.png"}
    assert walked.part("a.docx").links == ("https://viewer.example/7", "http://evil.example/t.dotm")
    assert walked.notes == {"remote_template"}
    assert len(walked.bitmaps) == 1


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        "<!DOCTYPE x>",
    ],
)
def test_document_types_and_entities_are_refused(declaration: str) -> None:
    """Case 28: XXE and billion laughs have no chance to begin."""
    raw = packed(**{"[Content_Types].xml": TYPES, "word/document.xml": f"<?xml version='1.0'?>{declaration}<w:document {W}/>"})
    assert walk(raw, "a.docx").codes == ["xml_entities"]


def test_spreadsheets_and_open_documents() -> None:
    """Shared strings and numbers of xlsx; paragraphs of odt."""
    xlsx = packed(
        **{
            "[Content_Types].xml": TYPES,
            "xl/sharedStrings.xml": "<sst><si><t>Hemoglobin</t></si><si><t>g/dl</t></si></sst>",
            "xl/worksheets/sheet1.xml": '<worksheet><row><c t="s"><v>0</v></c><c><v>13.5</v></c></row></worksheet>',
        }
    )
    walked = walk(xlsx, "lab.xlsx")
    assert walked.parts[0].pages[0].text.split() == ["Hemoglobin", "13.5"]
    odt = packed(
        mimetype="application/vnd.oasis.opendocument.text",
        **{"content.xml": '<d xmlns:text="u"><text:h>Title</text:h><text:p>Synthetic <text:span>words</text:span></text:p></d>'},
    )
    walked = walk(odt, "a.odt")
    assert walked.parts[0].media_type == "application/vnd.oasis.opendocument.text"
    assert walked.parts[0].pages[0].text == "Title\nSynthetic words"


def test_cells_show_dates_and_shared_words() -> None:
    """By the cell's style, built in or of the workbook's own; pronunciations are left out; days may count from 1904."""
    styles = (
        '<s><numFmts><numFmt numFmtId="170" formatCode="dd.mm.yyyy"/>'
        '<numFmt numFmtId="171" formatCode="0.0&quot;day&quot;"/></numFmts>'
        '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="171"/><xf numFmtId="22"/></cellXfs></s>'
    )
    cells = '<c t="s"><v>0</v></c><c><v>46073</v></c>' + "".join(f'<c s="{style}"><v>46073</v></c>' for style in (1, 2, 3))
    members = {
        "[Content_Types].xml": TYPES,
        "xl/styles.xml": styles,
        "xl/sharedStrings.xml": "<sst><si><t>検査</t><rPh><t>ケンサ</t></rPh></si></sst>",
        "xl/worksheets/sheet1.xml": f'<w><row>{cells}<c s="4"><v>46073.5</v></c></row></w>',
    }
    shown = "検査\t46073\t2026-02-20\t2026-02-20\t46073\t2026-02-20 12:00:00"
    assert walk(packed(**members), "a.xlsx").parts[0].pages[0].text == shown
    members["xl/workbook.xml"] = '<w><workbookPr date1904="1"/></w>'
    assert "2030-02-21" in walk(packed(**members), "a.xlsx").parts[0].pages[0].text


def test_a_damaged_part_costs_no_other() -> None:
    """The words before the damage, and all of the other parts."""
    footer = f"<w:ftr {W}><w:p><w:r><w:t>Synthetic footer</w:t></w:r></w:p>"
    more: dict[str, str | bytes] = {"word/footer1.xml": footer, "word/_rels/document.xml.rels": "<broken"}
    walked = walk(docx("<w:p><w:r><w:t>Synthetic report</w:t></w:r></w:p>", **more), "a.docx")
    assert walked.parts[0].pages[0].text == "Synthetic report\nSynthetic footer"
    assert walked.codes == ["office_malformed"] * 2


def test_broken_documents_are_named() -> None:
    """Cut XML is a problem of the document."""
    raw = packed(**{"[Content_Types].xml": TYPES, "word/document.xml": "<w:document"})
    assert walk(raw, "a.docx").codes == ["office_malformed"]


def test_rich_text() -> None:
    """Code pages, Unicode escapes, groups that hold no words."""
    raw = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator Riched20;}\f0 Se\'f1or \u1055?\u1086?\par "
        rb"second\tab line \{kept\}{\pict 89504e47}}"
    )
    assert rtf.words(raw).strip() == "Señor По\nsecond\tline {kept}"
    walked = walk(raw, "a.rtf")
    assert (walked.parts[0].media_type, walked.codes) == ("text/rtf", [])


@given(st.binary(max_size=400))
def test_rich_text_never_fails(noise: bytes) -> None:
    """Any bytes give text."""
    assert isinstance(rtf.words(b"{\\rtf1" + noise), str)


@pytest.mark.parametrize(
    ("raw", "charset", "words"),
    [
        ("Señor".encode(), None, "Señor"),
        ("Señor".encode("latin-1"), "iso-8859-1", "Señor"),
        ("Заключение врача, печень без изменений".encode("koi8-r"), "koi8-r", "Заключение врача, печень без изменений"),
        ("病理報告".encode("utf-16"), None, "病理報告"),
        (b"plain", "zip", "plain"),
        (b"plain", "no-such-charset", "plain"),
    ],
)
def test_characters_from_bytes(raw: bytes, charset: str | None, words: str) -> None:
    """The named charset, or what the bytes say."""
    assert decode(raw, charset) == words


@given(st.binary(max_size=300), st.sampled_from([None, "utf-7", "base64", "idna", "punycode", "utf-16", "\x00"]))
def test_decoding_is_total(raw: bytes, charset: str | None) -> None:
    """Any bytes under any name give text."""
    assert isinstance(decode(raw, charset), str)


def test_clinical_documents_in_xml() -> None:
    """Every element's words stand apart, titles among them."""
    raw = (
        b'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Synthetic report</title><name>'
        b"<given>SYNTHETIC</given><family>ALPHA</family></name><text><table><tr><td>CT</td><td>2026</td></tr></table></text></ClinicalDocument>"
    )
    assert walk(raw, "report.xml").parts[0].pages[0].text.split() == ["Synthetic", "report", "SYNTHETIC", "ALPHA", "CT", "2026"]


def test_html_words_and_links() -> None:
    """Blocks become lines, entities characters, links are listed."""
    words, links = from_html(
        "<html><head><title>t</title></head><p>Fish &amp; <b>chips</b><br>two<td>cell</td><a href=' https://x.example/ '>go</a>"
    )
    assert words == "Fish & chips\ntwo cell" + "go" or words.startswith("Fish & chips\ntwo")
    assert links == ["https://x.example/"]
