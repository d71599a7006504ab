"""Outlook's saved mails, old Word documents and the objects inside them, whole and damaged."""

from __future__ import annotations

import hashlib
import io
import random
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reading import kinds, lzfu, mapi
from reading.compound import Compound
from reading.limits import Unreadable
from records.model import Role
from tests.servers.compound import Tree, compound
from tests.servers.outlook import File, Letter, letter, msg, word
from tests.servers.outlook import lzfu as packed
from tests.servers.walking import damaged, walk

RICH = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\pard Synthetic rich words of the mail\par with a second line\par}"


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, "PNG")
    return out.getvalue()


def test_body_attachments_and_headers() -> None:
    """A saved mail reads like the mail it was: no folder of its own around its parts, headers filled in."""
    large = b"Synthetic words of a long file.\n" * 300  # in sectors of its own, not among the small streams
    walked = walk(msg(letter("Synthetic packet", "Look at https://viewer.example/7", File("résumé 中.txt", large))), "saved.msg")
    assert walked.paths == ["body.txt", "résumé 中.txt"]
    assert [part.role for part in walked.parts] == [Role.BODY, Role.ATTACHMENT]
    assert walked.parts[0].links == ("https://viewer.example/7",)
    assert walked.parts[1].size == len(large)
    assert walked.mail is not None
    assert (walked.mail.from_address, walked.mail.from_name) == ("doc@clinic.example", "Dr. Example Physician")
    assert (walked.mail.subject, walked.mail.message_id) == ("Synthetic packet", "<one@clinic.example>")
    assert (walked.mail.date, walked.mail.to) == (datetime(2026, 3, 3, 7, 0, tzinfo=UTC), ("intake@hospital.example",))
    assert not walked.codes


def test_headers_the_mail_travelled_with_win() -> None:
    """What the mail servers wrote outranks what Outlook noted."""
    travelled = "Return-Path: <>\r\nFrom: Other <other@clinic.example>\r\nSubject: Travelled\r\nAuto-Submitted: auto-replied\r\n"
    mail = walk(msg(letter(p007D=travelled))).mail
    assert mail is not None
    assert (mail.from_address, mail.subject, mail.unanswerable) == ("other@clinic.example", "Travelled", "null_sender")


@pytest.mark.parametrize(
    ("kind", "why"),
    [("REPORT.IPM.Note.NDR", "bounce"), ("IPM.Note.Rules.OofTemplate.Microsoft", "auto_submitted"), ("IPM.Note", None)],
)
def test_reports_and_absence_notes_are_never_to_be_answered(kind: str, why: str | None) -> None:
    """Outlook says it by the class of the message."""
    mail = walk(msg(letter(p001A=kind))).mail
    assert mail is not None
    assert mail.unanswerable == why


def test_rich_text_is_the_body_when_there_is_no_other() -> None:
    """Compressed rich text is unpacked and read; its links are listed."""
    linked = RICH.replace(b"a second", rb'{\*\htmltag <a href="https://viewer.example/9">}a second')
    walked = walk(msg(letter("s", "", p1009=packed(linked))))
    assert walked.part("body.txt").pages[0].text == "Synthetic rich words of the mail\nwith a second line"
    assert walked.part("body.txt").links == ("https://viewer.example/9",)
    assert not walked.notes
    damaged = packed(RICH)[:-3] + b"\0\0\0"
    assert walk(msg(letter("s", "", p1009=damaged))).notes == {"checksum"}
    assert walk(msg(letter("s", "", p1009=b"x" * 40))).codes == ["mail_malformed"]


def test_html_in_a_code_page_of_its_own() -> None:
    """The HTML body's bytes are decoded by the code page beside it."""
    body = "<p>Синтетическая больница</p><img src='cid:scan'>".encode("koi8-r")
    logo, scan = (
        File("logo.png", png(40, 40), {mapi.CONTENT_ID: "logo"}),
        File("scan.png", png(900, 900), {mapi.CONTENT_ID: "scan"}),
    )
    walked = walk(msg(letter("s", "", logo, scan, p1013=body, p3FDE=20866)))
    assert walked.part("body.html").pages[0].text == "Синтетическая больница"
    assert [part.role for part in walked.parts] == [Role.BODY, Role.ATTACHMENT, Role.ATTACHMENT]


def test_small_pictures_of_the_body_are_decoration() -> None:
    """Shown in the body, or hidden from the list of attachments, and small."""
    files = [File("a.png", png(40, 40), {mapi.CONTENT_ID: "<a>"}), File("b.png", png(41, 40), {mapi.HIDDEN: True})]
    walked = walk(msg(letter("s", "", *files, p1013=b"<p>words<img src='cid:a'></p>")))
    assert [part.role for part in walked.parts] == [Role.BODY, Role.INLINE, Role.INLINE]


def nested(levels: int) -> Letter:
    mail = letter("Innermost", "innermost words", File("deep.txt", b"Synthetic words far down"))
    for level in range(levels):
        mail = letter(f"Level {level}", "", File(f"Fwd 1/{level}", mail))
    return mail


def test_mails_within_mails_have_their_own_places_and_a_limit() -> None:
    """A forwarded mail is a file under its subject; deeper than allowed is said, once."""
    walked = walk(msg(nested(2)))
    assert walked.paths == ["Fwd 1 1.msg/Fwd 1 0.msg/body.txt", "Fwd 1 1.msg/Fwd 1 0.msg/deep.txt"]
    assert walk(msg(nested(19))).codes == []
    assert walk(msg(nested(21))).codes == ["mail_nesting"]
    assert walk(msg(nested(21)), max_nesting=30).codes == []


def test_two_copies_of_an_inner_mail_have_one_hash() -> None:
    """An inner mail has no bytes of its own: its hash is made of all its streams."""
    inner = letter("s", "", File("refused.xyz", b"\0\1\2\3" * 9))
    walked = walk(msg(letter("s", "", File("one", inner), File("two", inner))))
    assert walked.codes == ["unreadable_type", "unreadable_type"]
    assert len({problem.sha256 for problem in walked.problems}) == 1


def test_attachments_without_bytes_are_links_or_problems() -> None:
    """A cloud attachment's address is listed and never fetched; a pointer into the sender's disk is a problem."""
    cloud: Tree = {}
    cloud_file = File("big.pdf", cloud, {mapi.PLACES[0]: "https://cloud.example/big.pdf"})
    raw = msg(
        letter("s", "words", cloud_file, File("local.pdf", cloud, {mapi.PLACES[0]: r"C:\x\local.pdf"}), File("a.txt", b"words"))
    )
    raw = raw.replace("__substg1.0_3701000D".encode("utf-16-le"), "__substg1.0_9999000D".encode("utf-16-le"))
    walked = walk(raw, "m.msg")
    assert walked.part("m.msg").links == ("https://cloud.example/big.pdf",)
    assert walked.codes == ["mail_malformed"]
    assert "attachment 2" in walked.problems[0].detail
    assert "a.txt" in walked.paths


def test_objects_give_their_file() -> None:
    """A file dragged into the mail's text, a PDF object, an office package; what is none is a problem of its own."""
    dragged = b"Synthetic dragged words"
    native = struct.pack("<IH", 0, 2) + b"drag.txt\0C:\\drag.txt\0" + struct.pack("<II", 3, 4) + b"C:\\\0"
    native += struct.pack("<I", len(dragged)) + dragged
    walked = walk(
        msg(
            letter(
                "s",
                "words",
                File("1", {"\x01Ole10Native": native}),
                File("2", {"CONTENTS": b"Synthetic words in an object"}),
                File("3", {"Equation Native": b"x"}),
                File("4", {"\x01Ole10Native": native[:9]}),
                File("5", {"EncryptedPackage": b"x"}),
            )
        ),
        "m.msg",
    )
    assert walked.part("drag.txt").pages[0].text == "Synthetic dragged words"
    assert walked.part("2").pages[0].text == "Synthetic words in an object"
    assert walked.codes == ["unreadable_type", "unreadable_type", "encrypted"]


def test_locked_and_unknown_compound_files_are_named() -> None:
    """An office document with a password is `encrypted`; a broken workbook is damaged, a drawing can not be read."""
    locked = walk(compound({"EncryptedPackage": b"x" * 5000, "EncryptionInfo": b"y"}), "report.docx")
    assert (locked.codes, locked.parts[0].media_type) == (["encrypted"], kinds.OLE)
    assert walk(compound({"Workbook": b"x" * 5000}), "old.xls").codes == ["office_malformed"]
    assert walk(compound({"VisioDocument": b"x" * 5000}), "plan.vsd").codes == ["unreadable_type"]
    assert walk(compound({"CONTENTS": b"Synthetic words of an object"}), "oleObject1.bin").paths == ["oleObject1.bin/object"]


def test_old_word_documents() -> None:
    """Both sorts of pieces in order, fields by what they show, links listed, pictures as parts, macros noted."""
    text = 'Synthetic report\rsee \x13 HYPERLINK "https://viewer.example/3" \x14the viewer\x15 of\x07São Paulo\r'
    walked = walk(word(text, png(700, 800)), "old.doc")
    assert walked.part("old.doc").pages[0].text == "Synthetic report\nsee the viewer of\tSão Paulo"
    assert walked.part("old.doc").links == ("https://viewer.example/3",)
    assert (walked.part("old.doc/picture-1").width, walked.notes) == (700, {"macro"})
    assert walk(word(text, flags=0x0300)).codes == ["encrypted"]
    assert walk(word(text, version=0x65)).codes == ["unreadable_type"]
    assert walk(word(text, flags=0)).codes == ["office_malformed"]


def test_limits_are_named() -> None:
    """Too large, too many attachments, too much unpacked: each its own problem."""
    mail = msg(letter("s", "words", *[File(f"{n}.txt", b"Synthetic words") for n in range(30)]))
    assert walk(mail, max_mail_bytes=100).codes == ["mail_size"]
    assert walk(mail, max_parts=29).codes == ["mail_parts"]
    assert walk(mail, max_parts=30).codes == []
    assert walk(mail, max_archive_bytes=3000).codes == ["archive_bytes"]
    assert walk(msg(letter(p007D="From: a@x.example\r\nX: " + "y" * 9000)), max_header_bytes=8000).codes == ["mail_headers"]


def test_a_file_cut_short_gives_what_is_there_and_says_so() -> None:
    """The last kilobytes of a saved mail are missing."""
    raw = msg(letter("s", "words", File("a.txt", b"Synthetic words\n" * 4000)))
    assert set(walk(raw).codes) == set()
    # the writer puts large streams first and the directory last, so cutting is imitated by a chain that ends early
    short = bytearray(raw)
    table = int.from_bytes(raw[76:80], "little")
    struct.pack_into("<I", short, (table + 1) * 512 + 4 * 20, 0xFFFFFFFE)
    assert "mail_malformed" in walk(bytes(short)).codes


def test_streams_that_share_sectors_are_paid_for() -> None:
    """A directory that names one stream a thousand times can not multiply it for nothing."""
    compound_file = Compound(compound({"a": b"x" * 100_000}), spend := _Purse(250_000))
    entry = compound_file.root.streams["a"]
    compound_file.content(entry)
    compound_file.content(entry)
    with pytest.raises(Unreadable):
        compound_file.content(entry)
    assert spend.left < 0


class _Purse:
    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise Unreadable("archive_bytes", "spent")


def test_a_file_larger_than_the_header_can_name() -> None:
    """Above seven megabytes the table of chains has a list of its own; an inner mail's large attachment comes out whole."""
    large = random.Random(5).randbytes(9 << 20)  # noqa: S311 - noise, no secret
    walked = walk(msg(letter("s", "words", File("fwd", letter("i", "inner", File("a.bin", large))))))
    part = walked.part("fwd.msg/a.bin")
    assert (part.size, part.sha256) == (len(large), hashlib.sha256(large).hexdigest())


@given(st.dictionaries(st.text("abcXYZ", min_size=1, max_size=9), st.binary(max_size=9000), max_size=6))
def test_a_compound_file_gives_back_what_was_put_in(streams: dict[str, bytes]) -> None:
    """Small and large streams, at the top and in a folder."""
    unique = {name.upper(): raw for name, raw in streams.items()}
    root = Compound(compound({**unique, "folder-": dict(unique)}), lambda _: None).root
    assert {name: root.read(name) for name in root.streams} == unique
    assert {name: root.storages["folder-"].read(name) for name in root.storages["folder-"].streams} == unique


@given(st.binary(max_size=6000))
def test_rich_text_gives_back_what_was_put_in(rich: bytes) -> None:
    """The compressed form of any bytes."""
    assert lzfu.unpacked(packed(rich), 10_000) == (rich, True)


def test_rich_text_of_the_standard() -> None:
    """MS-OXRTFCP 4.1: a copy out of the window, the window's first words, the end."""
    raw = bytes.fromhex("2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0")
    assert lzfu.unpacked(raw, 1000) == (b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n", True)
    assert lzfu.unpacked(bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0"), 1000) == (
        b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}",
        True,
    )
    with pytest.raises(Unreadable, match="text_size"):
        lzfu.unpacked(raw, 20)
    assert lzfu.unpacked(struct.pack("<II4sI", 12 + 5, 5, b"MELA", 0) + b"words", 100) == (b"words", True)


def test_no_damage_escapes() -> None:
    """Eight hundred changed copies of a saved mail and a Word document: an answer each, and soon."""
    chance = random.Random(7)  # noqa: S311 - noise, no secret
    object_ = File("obj", {"\x01Ole10Native": struct.pack("<IH", 0, 2) + b"a\0b\0" + bytes(20)})
    inner = letter("inner", "inner words", File("b.txt", b"Synthetic words\n" * 400), object_, p1009=packed(RICH))
    mail = msg(letter("s", "words", File("fwd", inner), File("a.doc", word("Synthetic words\r" * 9)), p1013=b"<p>words</p>"))
    document = word("Synthetic words of a document\r" * 20, png(200, 200))
    for raw in (mail, document):
        for _ in range(400):
            walked = walk(damaged(raw, chance), max_archive_bytes=4 << 20)
            assert not [problem for problem in walked.problems if problem.detail.endswith("in the parser")]
