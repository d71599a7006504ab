"""Mails taken apart: bodies, attachments, nesting, headers, hostile shapes."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import UTC, datetime
from email.message import EmailMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from reading.mail import count_parts, words_of
from records.model import Role
from tests.servers.walking import walk


def pdf(words: str) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawString(72, 700, words)
    canvas.save()
    return out.getvalue()


def letter(**fields: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {"From": "Dr. Example Physician <doc@clinic.example>", "To": "intake@hospital.example", **fields}.items():
        message[name.replace("_", "-")] = value
    return message


def png(width: int = 60, height: int = 40) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, "PNG")
    return out.getvalue()


def test_a_mail_gives_its_body_and_attachments_with_their_own_paths() -> None:
    """Body, PDF and zip members come out in order under the paths of the contract."""
    message = letter(Subject="Synthetic packet")
    message.set_content("Please see https://viewer.example/study?1.\n")
    message.add_attachment(pdf("Synthetic report of a study"), maintype="application", subtype="pdf", filename="ct.pdf")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("lab/blood.pdf", pdf("Synthetic laboratory values"))
    message.add_attachment(archive.getvalue(), maintype="application", subtype="zip", filename="packet.zip")
    walked = walk(message.as_bytes())
    assert walked.paths == ["body.txt", "ct.pdf", "packet.zip/lab/blood.pdf"]
    assert [part.role for part in walked.parts] == [Role.BODY, Role.ATTACHMENT, Role.MEMBER]
    assert walked.part("body.txt").links == ("https://viewer.example/study?1",)
    assert "laboratory values" in walked.part("packet.zip/lab/blood.pdf").pages[0].text
    assert not walked.problems


def test_headers_are_read_as_claims() -> None:
    """Names, ids, dates and authentication results are decoded, bounded and lower-cased where they are keys."""
    message = letter(
        Subject="Müller – segunda opinión",
        Message_ID="<One@Mail.example>",
        In_Reply_To="<zero@mail.example>",
        References="<a@x.example> <b@x.example>",
        Date="Tue, 03 Mar 2026 10:00:00 +0300",
        Reply_To="Other <OTHER@clinic.example>",
        Return_Path="<bounce@clinic.example>",
    )
    message["Authentication-Results"] = "mx.hospital.example; dmarc=pass"
    message.set_content("x")
    mail = walk(message.as_bytes()).mail
    assert mail is not None
    assert (mail.from_address, mail.from_name) == ("doc@clinic.example", "Dr. Example Physician")
    assert mail.subject == "Müller – segunda opinión"
    assert (mail.message_id, mail.in_reply_to) == ("<One@Mail.example>", ("<zero@mail.example>",))
    assert mail.references == ("<a@x.example>", "<b@x.example>")
    assert mail.date == datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    assert (mail.reply_to, mail.return_path) == ("other@clinic.example", "bounce@clinic.example")
    assert mail.authentication == ("mx.hospital.example; dmarc=pass",)
    assert mail.unanswerable is None


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("Auto-Submitted", "auto-replied", "auto_submitted"),
        ("Auto-Submitted", "no", None),
        ("List-Id", "<news.example>", "list"),
        ("Precedence", "bulk", "bulk"),
        ("Return-Path", "<>", "null_sender"),
        ("X-Autoreply", "yes", "auto_submitted"),
        ("From", "MAILER-DAEMON@mx.example", "bounce"),
        ("From", "No Reply <no-reply@clinic.example>", "auto_submitted"),
        ("From", "postmaster@clinic.example", "auto_submitted"),
        ("Content-Type", 'multipart/report; report-type=delivery-status; boundary="b"', "bounce"),
    ],
)
def test_automatic_mail_is_never_to_be_answered(name: str, value: str, why: str | None) -> None:
    """RFC 3834: each sign of a robot has its name."""
    fields = {"From": "doc@clinic.example", "To": "x@hospital.example", "Subject": "s", name: value}
    mail = walk("".join(f"{key}: {text}\r\n" for key, text in fields.items()).encode() + b"\r\nhello\r\n").mail
    assert mail is not None
    assert mail.unanswerable == why


def test_a_forwarded_mail_is_walked_with_its_own_prefix() -> None:
    """An attached .eml's parts stand under its name."""
    inner = letter(Subject="inner")
    inner.set_content("inner words of the synthetic clinic\n")
    inner.add_attachment(pdf("Synthetic pathology"), maintype="application", subtype="pdf", filename="path.pdf")
    outer = letter(Subject="outer")
    outer.set_content("see attached\n")
    outer.add_attachment(inner)
    assert walk(outer.as_bytes()).paths == ["body.txt", "forwarded.eml/body.txt", "forwarded.eml/path.pdf"]


def test_of_two_equal_bodies_the_plain_one_is_kept_with_the_links_of_both() -> None:
    """multipart/alternative gives one body; a plain text that only points to the HTML loses."""
    message = letter(Subject="s")
    message.set_content("Dear colleagues, the images are in the viewer of our hospital.\n")
    message.add_alternative(
        '<p>Dear colleagues, the images are in <a href="https://pacs.example/1">the viewer</a>.</p>', subtype="html"
    )
    walked = walk(message.as_bytes())
    assert walked.paths == ["body.txt"]
    assert walked.parts[0].links == ("https://pacs.example/1",)
    poor = letter(Subject="s")
    poor.set_content("HTML only\n")
    poor.add_alternative("<p>" + "The synthetic patient asks for a second opinion. " * 5 + "</p>", subtype="html")
    assert walk(poor.as_bytes()).paths == ["body.html"]


def test_html_loses_scripts_and_styles() -> None:
    """Only words that a reader would see are kept, and nothing is fetched."""
    message = letter(Subject="s")
    message.set_content(
        "<html><head><style>p{color:red}</style></head><body><script>alert(1)</script><p>Visible words</p>"
        '<img src="http://tracker.example/p.gif"></body></html>',
        subtype="html",
    )
    part = walk(message.as_bytes()).part("body.html")
    assert part.pages[0].text == "Visible words"


def test_small_pictures_of_the_body_are_inline_and_large_ones_are_attachments() -> None:
    """A logo is decoration; a phone photo that the mail program shows in the text is a document."""
    message = letter(Subject="s")
    message.set_content("words\n")
    message.add_alternative('<p>words <img src="cid:logo"><img src="cid:scan"></p>', subtype="html")
    html = message.get_payload()[1]  # type: ignore[index]  # the alternative just added
    html.add_related(png(), "image", "png", cid="<logo>")  # type: ignore[union-attr]  # it is a message
    html.add_related(png(1200, 900), "image", "png", cid="<scan>")  # type: ignore[union-attr]  # it is a message
    walked = walk(message.as_bytes())
    assert [part.role for part in walked.parts] == [Role.BODY, Role.INLINE, Role.ATTACHMENT]
    assert len(walked.bitmaps) == 1


def test_names_are_data_and_never_paths() -> None:
    """Traversal, drive letters and control characters are taken out and noted; equal names are told apart."""
    message = letter(Subject="s")
    message.set_content("words\n")
    for name in ("../../etc/passwd.pdf", "scan.pdf", "scan.pdf"):
        message.add_attachment(pdf("Synthetic"), maintype="application", subtype="pdf", filename=name)
    walked = walk(message.as_bytes())
    assert walked.paths[1:] == ["etc/passwd.pdf", "scan.pdf", "scan (2).pdf"]
    assert walked.notes == {"unsafe_name"}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"Content-Type: text/plain; charset=no-such-charset\r\n\r\nSe\xc3\xb1or Ejemplo\r\n", "Señor Ejemplo"),
        (b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nSe\xf1or Ejemplo\r\n", "Señor Ejemplo"),
        (b"Content-Transfer-Encoding: base64\r\n\r\nU3ludGhldGljIHdvcmRz=*=*\r\n", "Synthetic words"),
        (b"Content-Type: multipart/mixed; boundary=missing\r\n\r\nwords without any boundary\r\n", "words without any boundary"),
    ],
)
def test_damaged_mails_give_what_is_readable(raw: bytes, words: str) -> None:
    """Unknown charset, 8-bit body, bad base64 and a missing boundary: the words come out, no fault escapes."""
    walked = walk(b"From: doc@clinic.example\r\nSubject: \xf1 raw\r\n" + raw)
    assert words in walked.part("body.txt").pages[0].text
    assert not walked.problems


def bomb(parts: int) -> bytes:
    return b"From: a@x.example\nSubject: s\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n\n" * parts + b"--b--\n"


def deep(levels: int) -> bytes:
    head = b"From: a@x.example\nSubject: s\n"
    return (
        head + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(levels)) + b"\n\nend\n"
    )


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (bomb(100_000), "mail_parts"),
        (bomb(1000), "mail_parts"),
        (deep(2000), "mail_nesting"),
        (deep(21), "mail_nesting"),
        (b"From: " + b"(" * 2000 + b"\nSubject: s\n\nx\n", "mail_headers"),
        (b"From: a@x.example\nSubject: s\nTo: group:" + b"a@b.example," * 90_000 + b";\n\nx\n", "mail_headers"),
        (b"From: a@x.example\nSubject: s\n" + b"Content-Type: message/rfc822\n\n" * 2000 + b"x\n", "mail_nesting"),
    ],
)
def test_hostile_shapes_are_refused_by_counting(raw: bytes, code: str) -> None:
    """Part bombs, deep nesting and comment bombs get their code within a second."""
    began = time.perf_counter()
    walked = walk(raw)
    assert time.perf_counter() - began < 1
    assert walked.codes == [code]
    assert walked.parts[0].sha256


def test_a_limit_is_met_exactly() -> None:
    """L parts pass, L+1 do not; twenty levels pass."""
    assert walk(bomb(998)).codes == ["holds_nothing"]
    assert walk(deep(20)).codes == []


def test_a_digest_of_many_mails_is_not_nesting() -> None:
    """Thirty forwarded mails side by side are one level deep."""
    outer = MIMEMultipart()
    outer["From"], outer["Subject"] = "doc@clinic.example", "digest"
    for number in range(30):
        inner = letter(Subject=f"n{number}")
        inner.set_content(f"words {number}\n")
        outer.attach(MIMEMessage(inner))
    walked = walk(outer.as_bytes())
    assert len(walked.parts) == 30
    assert walked.codes == []


@given(st.binary(max_size=400))
def test_any_bytes_after_a_header_get_an_answer(body: bytes) -> None:
    """Nothing escapes, whatever follows the header."""
    walk(b"From: a@x.example\nSubject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\n" + body)


@given(st.binary(max_size=300))
def test_counting_is_total(raw: bytes) -> None:
    """The counters answer for every input."""
    parts, depth = count_parts(raw)
    assert parts >= 1
    assert depth >= 0


@given(st.text(max_size=200))
def test_header_words_hold_no_line_breaks(value: str) -> None:
    """Whatever a header decodes to, it is one line."""
    assert not {"\r", "\n"} & set(words_of(value))
    assert "\n" not in words_of("=?utf-8?b?eA0KQmNjOiBldmls?=")


def test_a_refused_mail_still_says_who_sent_it() -> None:
    """The header is read before the shape is judged: staff must know whose bomb it is."""
    walked = walk(bomb(5000))
    assert walked.mail is not None
    assert walked.mail.from_address == "a@x.example"
    assert walk(bomb(5), max_mail_bytes=50).codes == ["mail_size"]
