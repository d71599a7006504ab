"""What fuzzing begins from: one small and whole example of each format, made here."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Sequence
from datetime import date
from email.message import EmailMessage

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from fixtures import bombs, dicom, hostile
from fixtures.people import Calendar
from fixtures.studies import STUDIES
from tests.servers import old_office, outlook, rar, sealing
from tests.servers.compound import compound

WORDS = b"Synthetic words of a report"
HEAD = len(b"%PDF-1.7\n")


def containers() -> Sequence[bytes]:
    packed, taped = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/report.txt", WORDS)
        archive.writestr("b.zip", bombs.bare_zip([bombs.stored(b"c.txt")]))
    with tarfile.open(fileobj=taped, mode="w") as tape:
        tape.addfile(tarfile.TarInfo("empty"))
    letter = outlook.letter("Synthetic packet", "Synthetic words", outlook.File("a.txt", WORDS))
    small = (
        bombs.bare_zip([bombs.stored(b"../x.txt"), bombs.stored(b"y.txt")]),
        outlook.tnef(letter),
        outlook.msg(letter),
        old_office.xls("Sheet", [["Patient", "ALPHA"]]),
        old_office.ppt("Synthetic slide"),
        outlook.word("Synthetic words"),
        compound({"a": b"1"}),
        rar.rar({"a.txt": WORDS}),
        bombs.office(""),
        rb"{\rtf1\ansi Synthetic \u1234? words}",
        b"<html><body><p>Synthetic <a href='http://clinic.example'>words</a></body></html>",
        b"[InternetShortcut]\nURL=http://clinic.example/",
    )
    return [packed.getvalue(), taped.getvalue(), gzip.compress(WORDS, mtime=0), *small]


def mails() -> Sequence[bytes]:
    whole = EmailMessage()
    whole["Subject"], whole["To"] = "Synthetic packet é", "intake@hospital.example"
    whole["Authentication-Results"] = "mx.hospital.example; dmarc=pass header.from=clinic.example"
    whole.set_content("Synthetic words")
    whole.add_alternative("<p>Synthetic <b>words</b></p>", subtype="html")
    whole.add_attachment(WORDS, maintype="text", subtype="plain", filename="résumé.txt")
    inner = EmailMessage()
    inner.set_content("within")
    whole.add_attachment(inner)
    bare = b"Subject: =?utf-8?b?U3ludGhldGlj?=\r\nDate: Tue, 24 Nov 2026 09:00:00 -0800\r\n\r\nwords\r\n"
    uu = b"Subject: x\r\n\r\nbegin 644 a.txt\r\n#86)C\r\n`\r\nend\r\n"
    return [whole.as_bytes(), bare, uu]


def pdfs() -> Sequence[bytes]:
    plain = hostile.bare_pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", _PAGE])
    return [raw[HEAD:] for raw in (plain, _drawn(), bombs.acting_pdf(WORDS))]


_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]>>]>>"


def _drawn() -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, pageCompression=0)
    canvas.drawString(72, 700, "Synthetic words of a report that are long enough to be believed")
    canvas.acroForm.textfield(name="patient", value="SYNTHETIC PATIENT", x=300, y=690, width=220, height=20)
    canvas.linkURL("http://clinic.example", (72, 600, 200, 620))
    canvas.save()
    return out.getvalue()


def forms() -> Sequence[bytes]:
    signed = sealing.sealed(_drawn(), (50, 50, 150, 80))
    return [_drawn()[HEAD:], signed[HEAD:]]


def images() -> Sequence[bytes]:
    whole = dicom.series(STUDIES["ct-chest", "en"], Calendar.of(date(2026, 11, 1)))[0]
    header = whole[132 : bombs.meta_end(whole) + 600]  # facts and no pixels: most of a file tells nothing new
    return [header, whole[132:4000], bombs.outward_directory(whole)[132:]]


def pages() -> Sequence[bytes]:
    texts = (
        "RADIOLOGY REPORT\nPatient: SYNTHETIC, ALPHA  DOB: 03/04/1961  MRN: 123456\nCT chest 14 March 2026\nImpression: none",
        "Informe de radiología\nPaciente: ALFA SINTÉTICO\nFecha de nacimiento: 3 de abril de 1961\nConclusión: normal",
        "病理診断報告書\n氏名：合成患者\n生年月日：昭和36年4月3日\n診断：なし",
        "تقرير الأشعة\nاسم المريض: مريض تجريبي\nتاريخ الميلاد: ٠٣/٠٤/١٩٦١",
        "LETTER OF AGREEMENT\nI, ______ , agree\nSignature: ____ Date: ____\nSOMRR-00000-00000-0",
        "P<UTOSYNTHETIC<<ALPHA<<<<<<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
        "Commercial invoice: human tissue blocks, kidney, not infectious, no commercial value\nVisa 4111 1111 1111 1111",
    )
    return [text.encode() for text in texts]


def references() -> Sequence[bytes]:
    return [b"re: SOMRR-00000-00000-0", b"S0MRR 7F3K2 ILOU0 X somrr.ABCDE.FGHJK.L", "SOMRR–00000—00000–0".encode()]


def days() -> Sequence[bytes]:
    texts = (
        "03/04/1961, 14 March 2026; March 14th, 2026",
        "2026-03-14 14.3.26",
        "令和8年3月14日 R8.3.14 民國115年3月14日",
        "١٤٠٤/٠١/٢٥",
        "3 de abril de 1961; 3. April 1961; 3 апреля 1961 г.",
        "2569/04/03",
    )
    return [text.encode() for text in texts]


def verdicts() -> Sequence[bytes]:
    return [
        b"mx.hospital.example; dmarc=pass header.from=clinic.example; spf=pass",
        b'mx.hospital.example 1; (a (b) c) dmarc = fail "q; dmarc=pass" reason="x\\"y"\nmx.evil.example; dmarc=pass',
        b"mx.hospital.exam\\\\ple; dmarc=pass",
    ]


def bounces() -> Sequence[bytes]:
    name = b"0123456789abcdef" * 2
    return [
        b"<"
        + name
        + b"@hospital.example>\nReporting-MTA: dns; mx.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550",
        b"patientsintl+" + name + b"@hospital.example\nAction: delayed\nStatus: 4.4.1",
        b"550 5.1.1 unknown user\n" + name,
    ]


def drops() -> Sequence[bytes]:
    return [
        bombs.long_fax(2),
        b"%PDF-1.4\nstartxref\n9\n%%EOF\n",
        b'{"caller_id": "+1 555 0100", "received": "2026-11-24T09:00:00Z"}',
        b"Caller: +1 555 0100\nDate: 24.11.2026 09:00\n",
    ]


def answers() -> Sequence[bytes]:
    head = b'1 (UID 5 RFC822.SIZE 99 INTERNALDATE "24-Nov-2026 01:02:03 -0800" BODY[HEADER.FIELDS (MESSAGE-ID)] {21}'
    return [
        head + b"\n" + head + b"\nMessage-ID: <a@b>\n)",
        b'1 (UID 1 BODY[]<0> "quoted \\" text")\n2 (FLAGS (\\Seen))',
        b"Message-ID:\r\n <a@b.example>\r\nSubject: x\r\n\r\n",
    ]
