"""Outlook's wrapped mails (winmail.dat): bodies, attachments with names of every sort, damage that is said."""

from __future__ import annotations

import random
import struct
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reading import kinds, mapi
from records.model import Role
from tests.servers.outlook import File, attribute, letter, tnef
from tests.servers.outlook import lzfu as packed
from tests.servers.walking import damaged, walk

START = struct.pack("<IH", 0x223E9F78, 1)
RICH = rb"{\rtf1\ansi\ansicpg1252\pard Synthetic rich words\par}"


def test_a_wrapped_mail_inside_a_mail() -> None:
    """The attachments that only Outlook sees come out, with the names their properties give."""
    message = EmailMessage()
    message["From"], message["Subject"] = "doc@clinic.example", "packet"
    message.set_content("see attached\n")
    files = File("обследование.txt", b"Synthetic words of a report"), File("b.txt", b"Synthetic words, too")
    message.add_attachment(
        tnef(letter("s", "", *files, p1009=packed(RICH))), maintype="application", subtype="ms-tnef", filename="winmail.dat"
    )
    walked = walk(message.as_bytes())
    assert walked.paths == ["body.txt", "winmail.dat/body.txt", "winmail.dat/обследование.txt", "winmail.dat/b.txt"]
    assert [part.role for part in walked.parts] == [Role.BODY, Role.BODY, Role.ATTACHMENT, Role.ATTACHMENT]
    assert walked.part("winmail.dat/body.txt").pages[0].text == "Synthetic rich words"
    assert walked.mail is not None
    assert walked.mail.from_address == "doc@clinic.example"
    assert (walked.codes, walked.notes) == ([], set())


def test_a_body_that_is_repeated_inside_is_kept_once() -> None:
    """The same words in another spelling of lines and blanks; other words are kept beside them."""
    for inner, kept in (("Please  review\r\n\r\nmy case.", ""), ("Please review my other case.", "Please review my other case.")):
        message = EmailMessage()
        message["From"], message["Subject"] = "doc@clinic.example", "packet"
        message.set_content("Please review my case.\n")
        message.add_attachment(tnef(letter("s", inner)), maintype="application", subtype="ms-tnef", filename="winmail.dat")
        walked = walk(message.as_bytes())
        assert [part.pages[0].text for part in walked.parts] == ["Please review my case.", kept]
        assert walked.codes == []


def test_a_wrapped_mail_by_itself_has_headers() -> None:
    """Dropped as a file, it says who wrote it and to whom."""
    mail = walk(tnef(letter("Synthetic packet"))).mail
    assert mail is not None
    assert (mail.from_address, mail.subject, mail.to) == ("doc@clinic.example", "Synthetic packet", ("intake@hospital.example",))


def test_wrapped_mails_nest_and_objects_open() -> None:
    """A forwarded mail and an OLE object stand in the properties of their attachments; the depth is counted."""
    inner = letter("inner", "inner words", File("deep.txt", b"Synthetic words far down"))
    walked = walk(
        tnef(letter("s", "words", File("Fwd 1/2", inner), File("o", {"Package": b"Synthetic packaged words"}))), "w.dat"
    )
    assert walked.paths == ["w.dat/body.txt", "w.dat/Fwd 1 2.dat/body.txt", "w.dat/Fwd 1 2.dat/deep.txt", "w.dat/o"]
    for _ in range(19):
        inner = letter("s", "", File("fwd", inner))
    assert walk(tnef(inner)).codes == []
    assert walk(tnef(letter("s", "", File("fwd", letter("s", "", File("fwd", inner)))))).codes == ["mail_nesting"]


def test_attributes_of_old_writers() -> None:
    """Without properties: the body and the titles are 8-bit text of the declared code page; names are no paths."""
    raw = START + attribute(1, 0x9007, struct.pack("<II", 1251, 0))
    raw += attribute(1, 0x800C, "Синтетические слова".encode("cp1251") + b"\0")
    raw += attribute(2, 0x800F, b"Synthetic words") + attribute(2, 0x8010, "..\\..\\доклад.txt".encode("cp1251") + b"\0")
    raw += attribute(2, 0x9002, bytes(14)) + attribute(2, 0x800F, b"") + attribute(2, 0x8010, b"none.txt\0") + bytes(7)
    walked = walk(raw, "w.dat")
    assert walked.part("w.dat/body.txt").pages[0].text == "Синтетические слова"
    assert walked.part("w.dat/доклад.txt").pages[0].text == "Synthetic words"
    assert (walked.codes, walked.notes) == (["empty_file"], {"unsafe_name"})


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (tnef(letter("s", "words", File("a.txt", b"Synthetic words")))[:-40], "cut short within attribute 9005"),
        (tnef(letter("s", "words", File("a.txt", b"Synthetic words"))) + b"garbage", "7 bytes after the last attribute"),
        (
            START + attribute(1, 0x9003, b"\1\0\0\0\x99\0\1\0") + attribute(2, 0x800F, b"Synthetic words"),
            "attribute 9003 is damaged",
        ),
        (START + attribute(1, 0x9003, b"\1\0\0\0\x1f\0\1\0\1\0\0\0\xff\xff\xff\xff"), "attribute 9003 is damaged"),
    ],
)
def test_what_comes_before_damage_is_read_and_the_damage_is_said(raw: bytes, detail: str) -> None:
    """Cut short, garbage at the end, a property of an unknown type or length."""
    walked = walk(raw, "w.dat")
    assert (walked.codes, walked.problems[0].detail) == (["mail_malformed"], detail)
    assert any("Synthetic words" in page.text for part in walked.parts for page in part.pages) == (b"Synthetic" in raw)


def test_a_wrong_checksum_is_noted_and_no_more() -> None:
    """Some writers never get it right: the content is read all the same."""
    raw = bytearray(tnef(letter("s", "words", File("a.txt", b"Synthetic words"))))
    raw[raw.index(b"Synthetic words")] ^= 0x20
    walked = walk(bytes(raw), "w.dat")
    assert (walked.notes, walked.codes) == ({"checksum"}, [])
    assert walked.part("w.dat/a.txt").pages[0].text == "synthetic words"


def test_limits_are_named() -> None:
    """Too large, too many attachments, too many attributes."""
    raw = tnef(letter("s", "words", *[File(f"{n}.txt", b"Synthetic words") for n in range(30)]))
    assert walk(raw, max_mail_bytes=100).codes == ["mail_size"]
    assert walk(raw, max_parts=29).codes == ["mail_parts"]
    assert walk(raw, max_parts=30).codes == []
    assert walk(START + attribute(1, 0x8006, b"") * 20_001).codes == ["mail_parts"]


def test_attachments_without_bytes() -> None:
    """A web address is listed, a pointer into the sender's disk is a problem."""
    web = mapi.PLACES[0], "https://cloud.example/a.pdf"
    raw = b"".join(
        attribute(2, 0x9002, bytes(14)) + attribute(2, 0x9005, struct.pack("<IHHII", 1, mapi.TEXT, web[0], 1, len(place)) + place)
        for place in (web[1].encode("utf-16-le"), "C:\\x".encode("utf-16-le"))
    )
    walked = walk(START + raw, "w.dat")
    assert (walked.codes, walked.part("w.dat").links) == (["mail_malformed"], (web[1],))
    assert walked.part("w.dat").media_type == kinds.TNEF


def test_no_damage_escapes() -> None:
    """Six hundred changed copies: an answer each, no fault in the parser."""
    chance = random.Random(11)  # noqa: S311 - noise, no secret
    inner = letter("inner", "", File("b.txt", b"Synthetic words\n" * 40), p1009=packed(RICH))
    raw = tnef(letter("s", "words", File("fwd", inner), File("o", {"Package": b"x" * 5000}), p1013=b"<p>words</p>"))
    for _ in range(600):
        walked = walk(damaged(raw, chance), max_archive_bytes=4 << 20)
        assert not [problem for problem in walked.problems if problem.detail.endswith("in the parser")]


@given(st.binary(max_size=400))
def test_any_attributes_get_an_answer(raw: bytes) -> None:
    """Whatever follows the signature."""
    assert not [problem for problem in walk(START + raw).problems if problem.detail.endswith("in the parser")]


@given(st.binary(max_size=300))
def test_any_properties_get_an_answer(raw: bytes) -> None:
    """Whatever stands in the lists of properties of mail, recipients and attachment."""
    whole = START + attribute(1, 0x9003, raw) + attribute(1, 0x9004, raw) + attribute(2, 0x9005, raw)
    assert not [problem for problem in walk(whole).problems if problem.detail.endswith("in the parser")]
