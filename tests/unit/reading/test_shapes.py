"""Every shape in which people send things, end to end through the jailed workers: its words come out, or a named problem."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import libarchive
import pikepdf
import pillow_heif
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from reportlab.pdfgen.canvas import Canvas

from config.settings import ReadingSettings
from reading.reader import in_file
from reading.sandbox import WorkerPool
from records.model import Part, Reading, Role, TextSource
from tests.servers import paper
from tests.servers.old_office import ppt, word_6, xls
from tests.servers.outlook import File, letter, msg, tnef, word
from tests.servers.rar import locked_rar, rar

WORDS = "Synthetic report of SYNTHETIC PATIENT ALPHA"
TRUTH = "\n".join(paper.ENGLISH * 2)


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(ReadingSettings(workers=2), None) as pool:
        yield pool


class Read:
    """One reading, asked in short."""

    def __init__(self, pool: WorkerPool, folder: Path, raw: bytes, name: str) -> None:
        path = folder / "raw"
        path.write_bytes(raw)
        self.reading: Reading = pool.read(in_file(path), hashlib.sha256(raw).hexdigest(), name)

    def text(self, path: str, page: int = 1) -> str:
        return self.part(path).pages[page - 1].text

    def part(self, path: str) -> Part:
        return next(part for part in self.reading.parts if part.path == path)

    @property
    def paths(self) -> list[str]:
        return [part.path for part in self.reading.parts]

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.reading.problems]


def text_pdf(*lines: str) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    for number, line in enumerate(lines or (WORDS,)):
        canvas.drawString(72, 700 - 20 * number, line)
    canvas.save()
    return out.getvalue()


def mail(body: str = "see attached\n", *files: tuple[str, bytes], html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["Subject"] = "Dr. Example Physician <doc@clinic.example>", "Synthetic packet"
    message.set_content(html, subtype="html") if html else message.set_content(body)
    for name, raw in files:
        message.add_attachment(raw, maintype="application", subtype="octet-stream", filename=name)
    return message


# ---------------------------------------------------------------- pictures


def sheet() -> Image.Image:
    return paper.page(repeat=2, height=1100)


def heic(page: Image.Image, orientation: int) -> bytes:
    """As an iPhone writes it: the sensor's picture, and how the phone was held."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    pillow_heif.from_pillow(page.convert("RGB")).save(out, quality=80, exif=exif.tobytes())
    return out.getvalue()


@pytest.mark.parametrize(("orientation", "turn"), [(1, None), (6, Image.Transpose.ROTATE_90), (3, Image.Transpose.ROTATE_180)])
def test_heic_phone_photo(pool: WorkerPool, tmp_path: Path, orientation: int, turn: Image.Transpose | None) -> None:
    """A phone's HEIC, held upright, on its side, on its head."""
    page = sheet()
    read = Read(pool, tmp_path, heic(page.transpose(turn) if turn is not None else page, orientation), "IMG_0001.HEIC")
    assert read.part("IMG_0001.HEIC").media_type == "image/heic"
    assert paper.error_rate(read.text("IMG_0001.HEIC"), TRUTH) < 0.03
    assert not read.codes


def test_jpeg_phone_photo(pool: WorkerPool, tmp_path: Path) -> None:
    """Shadow, blur, and the sensor on its side."""
    read = Read(pool, tmp_path, paper.photo(paper.page(repeat=2)), "photo.jpg")
    assert paper.error_rate(read.text("photo.jpg"), TRUTH) < 0.03


@pytest.mark.parametrize("compression", ["group3", "group4", "jpeg", "tiff_lzw", None])
def test_tiff_of_two_pages(pool: WorkerPool, tmp_path: Path, compression: str | None) -> None:
    """Fax coding, and JPEG inside TIFF as office scanners write it."""
    page = sheet()
    frames = [paper.fax(page), paper.fax(page, seed=2)] if compression in ("group3", "group4") else [page, page.convert("RGB")]
    raw = paper.tiff(*frames, dpi=(204, 204), compression=compression)  # type: ignore[arg-type]  # None is no compression
    read = Read(pool, tmp_path, raw, "fax.tif")
    assert [paper.error_rate(page.text, TRUTH) < 0.03 for page in read.part("fax.tif").pages] == [True, True]


def test_coarse_fax_is_stretched(pool: WorkerPool, tmp_path: Path) -> None:
    """204 by 98 dots an inch: half the lines of a fine fax."""
    page = paper.page(repeat=2)
    coarse = paper.fax(page.resize((1728, 1078)), specks=100)
    read = Read(pool, tmp_path, paper.tiff(coarse, dpi=(204, 98)), "coarse.tif")
    assert paper.error_rate(read.text("coarse.tif"), TRUTH) < 0.1


# ---------------------------------------------------------------- PDF


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_scanned_pdf_any_way_round(pool: WorkerPool, tmp_path: Path, turn: int) -> None:
    """A page fed on its side or on its head comes out upright, and says how it lay."""
    scan = paper.fax(paper.page(repeat=2, height=2000), specks=200).rotate(-turn, expand=True)
    read = Read(pool, tmp_path, paper.fax_pdf(scan), "scan.pdf")
    page = read.part("scan.pdf").pages[0]
    assert page.source is TextSource.OCR
    assert paper.error_rate(page.text, TRUTH) < 0.03
    assert page.rotation == (360 - turn) % 360


def test_pages_turned_by_the_document(pool: WorkerPool, tmp_path: Path) -> None:
    """/Rotate on text and on scans."""
    document = pikepdf.new()
    for raw in (text_pdf(), paper.fax_pdf(paper.fax(sheet(), specks=100).rotate(90, expand=True))):
        with pikepdf.open(io.BytesIO(raw)) as source:
            source.pages[0].rotate(90, relative=False)
            document.pages.append(source.pages[0])
    out = io.BytesIO()
    document.save(out)
    read = Read(pool, tmp_path, out.getvalue(), "turned.pdf")
    assert read.text("turned.pdf") == WORDS
    assert paper.error_rate(read.text("turned.pdf", 2), TRUTH) < 0.03


def test_two_pages_on_one_sheet(pool: WorkerPool, tmp_path: Path) -> None:
    """Two-up: every word of both pages is there (in which order is not promised)."""
    spread = Image.new("L", (3600, 2200), 255)
    spread.paste(paper.page(repeat=2), (0, 0))
    spread.paste(paper.page(tuple(reversed(paper.ENGLISH)), repeat=2), (1872, 0))
    scan = paper.fax(spread.resize((2400, 1467), Image.Resampling.LANCZOS), specks=200)
    text = Read(pool, tmp_path, paper.tiff(scan, dpi=(204, 204)), "spread.tif").text("spread.tif")
    truth = (TRUTH + " " + TRUTH).split()
    missing = Counter(truth) - Counter(text.split())
    assert missing.total() < 0.03 * len(truth)


def test_mixed_pdf(pool: WorkerPool, tmp_path: Path) -> None:
    """A text page, a scan, an empty page: each its own source."""
    document = pikepdf.new()
    for raw in (text_pdf(), paper.fax_pdf(paper.fax(sheet(), specks=100))):
        with pikepdf.open(io.BytesIO(raw)) as source:
            document.pages.append(source.pages[0])
    document.add_blank_page()
    out = io.BytesIO()
    document.save(out)
    pages = Read(pool, tmp_path, out.getvalue(), "mixed.pdf").part("mixed.pdf").pages
    assert [page.source for page in pages] == [TextSource.LAYER, TextSource.OCR, TextSource.NONE]
    assert [page.blank for page in pages] == [False, False, True]


def test_pdf_form_and_embedded_file(pool: WorkerPool, tmp_path: Path) -> None:
    """What was typed into fields is text of the page; a file carried inside is a part."""
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawString(72, 700, "Name:")
    canvas.acroForm.textfield(name="n", value="SYNTHETIC PATIENT ALPHA", x=120, y=690, width=250, height=20)
    canvas.acroForm.checkbox(name="c", checked=True, x=72, y=640)
    canvas.save()
    with pikepdf.open(io.BytesIO(out.getvalue())) as document:
        document.attachments["inside.pdf"] = text_pdf()
        packed = io.BytesIO()
        document.save(packed)
    read = Read(pool, tmp_path, packed.getvalue(), "form.pdf")
    assert "SYNTHETIC PATIENT ALPHA" in read.text("form.pdf")
    assert read.text("form.pdf/inside.pdf") == WORDS


def test_signed_pdf(pool: WorkerPool, tmp_path: Path) -> None:
    """A digital signature's field and bytes do not disturb reading."""
    with pikepdf.open(io.BytesIO(text_pdf())) as document:
        value = document.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.Sig, Filter=pikepdf.Name("/Adobe.PPKLite"), ByteRange=[0, 10, 20, 10],
                               SubFilter=pikepdf.Name("/adbe.pkcs7.detached"), Contents=pikepdf.String(b"\x30\x82" + bytes(200)))
        )  # fmt: skip
        field = document.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Sig, T="Signature1", V=value,
                               Rect=[0, 0, 0, 0], F=132, P=document.pages[0].obj)
        )  # fmt: skip
        document.pages[0].Annots = pikepdf.Array([field])
        document.Root.AcroForm = pikepdf.Dictionary(Fields=[field], SigFlags=3)
        out = io.BytesIO()
        document.save(out)
    read = Read(pool, tmp_path, out.getvalue(), "signed.pdf")
    assert (read.text("signed.pdf"), read.codes) == (WORDS, [])


LOCKS = ("zipcrypt", "aes128", "aes256")


def locked(user: str) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(text_pdf())) as document:
        document.save(out, encryption=pikepdf.Encryption(owner="synthetic-owner", user=user))
    return out.getvalue()


def test_encrypted_pdf(pool: WorkerPool, tmp_path: Path) -> None:
    """An empty user password opens; a real one is a problem, and the rest of the mail goes on."""
    read = Read(
        pool,
        tmp_path,
        mail("words\n", ("free.pdf", locked("")), ("locked.pdf", locked("x1")), ("b.pdf", text_pdf())).as_bytes(),
        "m",
    )
    assert read.text("free.pdf") == WORDS
    assert read.text("b.pdf") == WORDS
    assert [(problem.code, problem.part) for problem in read.reading.problems] == [("encrypted", "locked.pdf")]


def test_a_password_in_the_mail_opens_its_files(pool: WorkerPool, tmp_path: Path) -> None:
    """PDF and both sorts of zip; what stays locked is a problem, and the password stands in no answer but the mail's words."""
    zips = [(f"{way}.zip", packed("zip", {"ct.pdf": text_pdf()}, None, f"zip:encryption={way}", "Alpha-2026")) for way in LOCKS]
    other = ("other.zip", packed("zip", {"ct.pdf": text_pdf()}, None, "zip:encryption=aes256", "another"))
    message = mail("The password is Alpha-2026.\n", ("a.pdf", locked("Alpha-2026")), *zips, other)
    read = Read(pool, tmp_path, message.as_bytes(), "m")
    assert [read.text(path) for path in ("a.pdf", *(f"{way}.zip/ct.pdf" for way in LOCKS))] == [WORDS] * 4
    assert [(problem.code, problem.part) for problem in read.reading.problems] == [("needs_password", "other.zip")]
    assert read.reading.notes == ("password_from_mail",)
    assert "Alpha-2026" not in repr(read.reading.problems)


# ---------------------------------------------------------------- archives and discs


def dicom(modality: str = "CT", sop_class: str = "1.2.840.10008.5.1.4.1.1.2", **more: Any) -> bytes:
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID, dataset.Modality = "SYNTHETIC^ALPHA", "S-1", modality
    dataset.SOPClassUID, dataset.SOPInstanceUID = UID(sop_class), generate_uid(entropy_srcs=[modality, str(sorted(more))])
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = UID("1.2.3.4"), UID("1.2.3.4.5")
    dataset.StudyDate, dataset.InstanceNumber = "20260220", 1
    for name, value in more.items():
        setattr(dataset, name, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def pixels(**more: Any) -> dict[str, Any]:
    layout = {"Rows": 8, "Columns": 8, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    return {**layout, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PixelData": bytes(64), **more}


def directory(*names: str) -> bytes:
    """A DICOMDIR that lists these files."""
    records = []
    for name in names:
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", name.split("/")
        records.append(record)
    return dicom("OT", "1.2.840.10008.1.3.10", DirectoryRecordSequence=pydicom.Sequence(records))


def packed(
    form: str, members: dict[str, bytes], filter_name: str | None = None, options: str = "", password: str | None = None
) -> bytes:
    out = bytearray()

    def write(piece: bytes) -> int:
        out.extend(piece)
        return len(piece)

    with libarchive.custom_writer(write, form, filter_name, options=options, passphrase=password) as archive:
        for name, raw in members.items():
            archive.add_file_from_memory(name, len(raw), raw)
    return bytes(out)


DISC = {
    "DICOMDIR": directory("IMAGES/I1", "IMAGES/I2"),
    "IMAGES/I1": dicom(**pixels()),
    "IMAGES/I2": dicom(**pixels(InstanceNumber=2)),
    "REPORT.PDF": text_pdf(),
    "VIEWER.EXE": b"MZ" + bytes(200),
    "AUTORUN.INF": b"[autorun]\r\nopen=viewer.exe\r\n",
    "VIEWER/HELP.CHM": b"ITSF" + bytes(100),
}


def test_iso_image_of_a_disc(pool: WorkerPool, tmp_path: Path) -> None:
    """Images and reports come out, the directory is listed, the viewer is told from them and never run."""
    read = Read(pool, tmp_path, packed("iso9660", DISC), "disc.iso")
    roles = {part.path.removeprefix("disc.iso/"): part.role for part in read.reading.parts}
    assert {name for name, role in roles.items() if role is Role.PROGRAM} == {"VIEWER.EXE", "AUTORUN.INF", "VIEWER/HELP.CHM"}
    assert {name for name, role in roles.items() if role is Role.MEMBER} == {"DICOMDIR", "IMAGES/I1", "IMAGES/I2", "REPORT.PDF"}
    assert all(read.part(f"disc.iso/IMAGES/I{n}").dicom for n in (1, 2))
    assert read.text("disc.iso/REPORT.PDF") == WORDS
    assert read.text("disc.iso/DICOMDIR").startswith("files listed: 2")
    assert not read.codes


@pytest.mark.parametrize(
    ("form", "filter_name", "name"),
    [
        ("7zip", None, "a.7z"),
        ("gnutar", "gzip", "a.tar.gz"),
        ("ustar", "xz", "a.txz"),
        ("pax", "bzip2", "a.tbz"),
        ("zip", None, "a.zip"),
    ],
)
def test_archives(pool: WorkerPool, tmp_path: Path, form: str, filter_name: str | None, name: str) -> None:
    """What people pack with: files in folders, names in any script."""
    read = Read(pool, tmp_path, packed(form, {"scan/ct.pdf": text_pdf(), "scan/I1": dicom(**pixels())}, filter_name), name)
    assert read.paths == [f"{name}/scan/ct.pdf", f"{name}/scan/I1"]
    assert read.text(f"{name}/scan/ct.pdf") == WORDS
    assert not read.codes


def test_rar(pool: WorkerPool, tmp_path: Path) -> None:
    """As Windows users pack; a locked one is named."""
    read = Read(pool, tmp_path, rar({"снимки/ct.pdf": text_pdf(), "I1": dicom(**pixels())}), "a.rar")
    assert read.paths == ["a.rar/снимки/ct.pdf", "a.rar/I1"]
    assert (read.text("a.rar/снимки/ct.pdf"), read.codes) == (WORDS, [])
    assert Read(pool, tmp_path, locked_rar(), "locked.rar").codes == ["needs_password"]


def test_nested_zips_with_names_in_other_scripts(pool: WorkerPool, tmp_path: Path) -> None:
    """A zip of zips inside a mail; deeper than three is said, the rest goes on."""
    raw = b""
    for level in range(4):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(f"отчёт {level}.pdf", text_pdf())
            if raw:
                archive.writestr("inner.zip", raw)
        raw = out.getvalue()
    read = Read(pool, tmp_path, mail("words\n", ("outer.zip", raw)).as_bytes(), "m")
    assert read.text("outer.zip/inner.zip/inner.zip/отчёт 1.pdf") == WORDS
    assert [(problem.code, problem.part) for problem in read.reading.problems] == [
        ("archive_depth", "outer.zip/inner.zip/inner.zip/inner.zip")
    ]


# ---------------------------------------------------------------- office documents


def zipped(**members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return out.getvalue()


def zipped_raw(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    return out.getvalue()


TYPES = {"[Content_Types].xml": "<Types/>"}
TEXT_DOCUMENT = "application/vnd.oasis.opendocument.text"
OFFICE = {
    "a.docx": zipped(**TYPES, **{"word/document.xml": f"<w:d xmlns:w='w'><w:p><w:t>{WORDS}</w:t></w:p></w:d>"}),
    "a.odt": zipped(mimetype=TEXT_DOCUMENT, **{"content.xml": f"<o:t xmlns:o='o'><o:p>{WORDS}</o:p></o:t>"}),
    "a.xlsx": zipped(
        **TYPES,
        **{
            "xl/sharedStrings.xml": f"<sst><si><t>{WORDS}</t></si></sst>",
            "xl/worksheets/sheet1.xml": "<w><row><c t='s'><v>0</v></c></row></w>",
        },
    ),
    "a.rtf": rb"{\rtf1\ansi " + WORDS.encode() + b"}",
    "a.doc": word(WORDS),
    "b.doc": word_6(WORDS),
    "a.xls": xls("Sheet", [[WORDS, 7.0]]),
    "a.ppt": ppt(WORDS),
    "a.pptx": zipped(**TYPES, **{"ppt/slides/slide1.xml": f"<p:s xmlns:p='p'><p:t>{WORDS}</p:t></p:s>"}),
    "a.ods": zipped(
        mimetype=TEXT_DOCUMENT.replace("text", "spreadsheet"), **{"content.xml": f"<o xmlns:t='t'><t:p>{WORDS}</t:p></o>"}
    ),
    "a.txt": WORDS.encode("utf-16"),
    "a.html": f"<html><body><p>{WORDS}</p></body></html>".encode(),
    "a.csv": f"name;value\n{WORDS};7\n".encode(),
}


@pytest.mark.parametrize("name", OFFICE)
def test_office_documents(pool: WorkerPool, tmp_path: Path, name: str) -> None:
    """Words of each kind."""
    read = Read(pool, tmp_path, OFFICE[name], name)
    assert WORDS in read.text(name)
    assert not read.codes


# ---------------------------------------------------------------- mails


def test_forwarded_chain(pool: WorkerPool, tmp_path: Path) -> None:
    """A mail in a mail in a mail, as attachments."""
    inner = mail("innermost words\n", ("ct.pdf", text_pdf()))
    for words in ("second words\n", "first words\n"):
        outer = mail(words)
        outer.add_attachment(inner)
        inner = outer
    read = Read(pool, tmp_path, inner.as_bytes(), "m")
    assert read.text("forwarded.eml/forwarded.eml/ct.pdf") == WORDS
    assert (read.text("body.txt"), read.text("forwarded.eml/forwarded.eml/body.txt")) == ("first words", "innermost words")


def test_html_body_with_links(pool: WorkerPool, tmp_path: Path) -> None:
    """Addresses behind words are listed; pictures from outside are not."""
    html = '<p>The images are <a href="https://pacs.example/study/7">here</a>.</p><img src="https://tracker.example/p.gif">'
    part = Read(pool, tmp_path, mail(html=html).as_bytes(), "m").part("body.html")
    assert (part.pages[0].text, part.links, part.role) == ("The images are here.", ("https://pacs.example/study/7",), Role.BODY)


def test_outlook_msg(pool: WorkerPool, tmp_path: Path) -> None:
    """A saved mail with a forwarded one in it, dropped as a file: its headers count."""
    inner = letter("Inner", "inner words", File("ct.pdf", text_pdf()))
    read = Read(
        pool, tmp_path, msg(letter("Outer", "outer words", File("Fwd: scan", inner), File("I1", dicom(**pixels())))), "saved.msg"
    )
    assert read.paths == ["body.txt", "Fwd: scan.msg/body.txt", "Fwd: scan.msg/ct.pdf", "I1"]
    assert read.text("Fwd: scan.msg/ct.pdf") == WORDS
    assert read.reading.mail is not None
    assert (read.reading.mail.subject, read.reading.mail.from_address) == ("Outer", "doc@clinic.example")
    assert not read.codes


def test_winmail_dat_in_a_mail_in_a_zip(pool: WorkerPool, tmp_path: Path) -> None:
    """A forwarded chain: the wrapped body that repeats its mail's is kept once, the file at the bottom comes out."""
    wrapped = tnef(letter("Inner", "Please  review\r\nthis case", File("ct.pdf", text_pdf())))
    chain = zipped_raw({"forwarded.eml": mail("Please review this case\n", ("winmail.dat", wrapped)).as_bytes()})
    read = Read(pool, tmp_path, mail("see the zip\n", ("mails.zip", chain)).as_bytes(), "m")
    inside = "mails.zip/forwarded.eml"
    assert read.paths == ["body.txt", f"{inside}/body.txt", f"{inside}/winmail.dat/body.txt", f"{inside}/winmail.dat/ct.pdf"]
    assert read.text(f"{inside}/body.txt") == "Please review this case"
    assert read.text(f"{inside}/winmail.dat/body.txt") == ""
    assert (read.text(f"{inside}/winmail.dat/ct.pdf"), read.codes) == (WORDS, [])


def test_links_are_listed_wherever_they_stand(pool: WorkerPool, tmp_path: Path) -> None:
    """In words, behind words, in a PDF, a document and a shortcut; none is fetched."""
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawString(72, 700, WORDS)
    canvas.linkURL("https://pacs.example/pdf", (72, 690, 200, 710))
    canvas.save()
    rels = "<r><Relationship Id='1' Type='x/hyperlink' Target='https://pacs.example/docx' TargetMode='External'/></r>"
    document = zipped(**TYPES, **{"word/document.xml": "<d><p><t>words</t></p></d>", "word/_rels/document.xml.rels": rels})
    shortcut = b"[InternetShortcut]\r\nURL=https://pacs.example/url\r\n"
    files = ("a.pdf", out.getvalue()), ("a.docx", document), ("a.url", shortcut)
    read = Read(pool, tmp_path, mail("images: https://pacs.example/body.\n", *files).as_bytes(), "m")
    for path, ending in (("body.txt", "body"), ("a.pdf", "pdf"), ("a.docx", "docx"), ("a.url", "url")):
        assert read.part(path).links == (f"https://pacs.example/{ending}",)
    assert not read.codes


def test_winmail_dat(pool: WorkerPool, tmp_path: Path) -> None:
    """Inside a mail; the mail's own headers stay."""
    wrapped = tnef(letter("Inner", "wrapped words", File("отчёт.pdf", text_pdf())))
    read = Read(
        pool, tmp_path, mail("words\n", ("winmail.dat", wrapped), ("x.msg", msg(letter("I", "more words")))).as_bytes(), "m"
    )
    assert read.paths == ["body.txt", "winmail.dat/body.txt", "winmail.dat/отчёт.pdf", "x.msg/body.txt"]
    assert read.text("winmail.dat/отчёт.pdf") == WORDS
    assert read.reading.mail is not None
    assert read.reading.mail.subject == "Synthetic packet"
    assert not read.codes


# ---------------------------------------------------------------- DICOM


def test_structured_report(pool: WorkerPool, tmp_path: Path) -> None:
    """A report as a tree of coded words."""
    name, value = Dataset(), Dataset()
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = "121076", "DCM", "Conclusion"
    value.ValueType, value.ConceptNameCodeSequence, value.TextValue = "TEXT", pydicom.Sequence([name]), "No evidence of disease"
    raw = dicom("SR", "1.2.840.10008.5.1.4.1.1.88.11", ContentSequence=pydicom.Sequence([value]))
    read = Read(pool, tmp_path, raw, "sr.dcm")
    assert read.text("sr.dcm") == "Conclusion: No evidence of disease"
    facts = read.part("sr.dcm").dicom
    assert facts is not None
    assert (facts.modality, facts.has_pixels) == ("SR", False)


def test_encapsulated_pdf(pool: WorkerPool, tmp_path: Path) -> None:
    """A PDF in a DICOM wrapper is a part that is read like any PDF."""
    pdf = text_pdf()
    raw = dicom("DOC", "1.2.840.10008.5.1.4.1.1.104.1", MIMETypeOfEncapsulatedDocument="application/pdf",
                EncapsulatedDocument=pdf + b"\0" * (len(pdf) % 2))  # fmt: skip
    read = Read(pool, tmp_path, raw, "report.dcm")
    assert read.text("report.dcm/document.pdf") == WORDS


def test_secondary_capture_is_told_from_a_series(pool: WorkerPool, tmp_path: Path) -> None:
    """Its class and image type are there for the pairing to see."""
    capture = dicom("OT", "1.2.840.10008.5.1.4.1.1.7", ImageType=["DERIVED", "SECONDARY"], **pixels())
    facts = Read(pool, tmp_path, capture, "capture.dcm").part("capture.dcm").dicom
    assert facts is not None
    assert (facts.sop_class, facts.image_type, facts.has_pixels) == ("1.2.840.10008.5.1.4.1.1.7", ("DERIVED", "SECONDARY"), True)
