"""Cases 26-34 and 39: mails, Outlook's and Word's files."""

from __future__ import annotations

import select
import socket

import pytest

from fixtures import bombs
from outbound.addresses import is_address
from outbound.mime import to_bytes
from records.errors import PermanentError
from records.model import Message
from tests.hostile.bench import Bench
from tests.servers.outlook import File, letter, msg, tnef


def test_case_26_names_in_a_winmail_dat(bench: Bench) -> None:
    """Cleaned and noted, as in every container."""
    raw = tnef(letter("s", "", File(r"..\..\x.txt", b"Synthetic words inside")))
    seen = bench.judge(raw, "winmail.dat")
    assert seen.part("winmail.dat/x.txt").pages[0].text == "Synthetic words inside"
    assert "unsafe_name" in seen.reading.notes


def test_case_27_saved_mails_within_each_other(bench: Bench) -> None:
    """Twenty-one deep: `mail_nesting`."""
    mail = letter("Innermost", "innermost words")
    for level in range(21):
        mail = letter(f"Level {level}", "", File(f"Fwd {level}", mail))
    assert bench.judge(msg(mail), "a.msg").codes == {"mail_nesting"}


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
)
def test_case_28_a_word_file_with_entities_and_a_template_elsewhere(bench: Bench, declaration: str) -> None:
    """`xml_entities`; the template is noted and not fetched."""
    seen = bench.judge(bombs.office(declaration), "a.docx")
    assert seen.codes == {"xml_entities"}
    assert "root:" not in seen.words()
    clean = bench.judge(bombs.office(""), "a.docx")
    assert "remote_template" in clean.reading.notes


def test_case_29_a_mail_of_a_hundred_thousand_parts(bench: Bench) -> None:
    """`mail_parts`, by counting."""
    assert bench.alone(bombs.many_parts()).codes == {"mail_parts"}


def test_case_30_two_thousand_multiparts_within_each_other(bench: Bench) -> None:
    """`mail_nesting`."""
    assert bench.alone(bombs.deep_mail(2000)).codes == {"mail_nesting"}


def test_case_31_a_sender_of_two_thousand_comments(bench: Bench) -> None:
    """`mail_headers`, before a parser recurses into it."""
    assert bench.alone(bombs.commented_sender()).codes == {"mail_headers"}


def test_case_32_a_megabyte_of_recipients(bench: Bench) -> None:
    """`mail_headers`."""
    assert bench.alone(bombs.crowded_group()).codes == {"mail_headers"}


@pytest.mark.parametrize("rest", bombs.DAMAGED_MAILS.values(), ids=bombs.DAMAGED_MAILS)
def test_case_33_a_damaged_mail(bench: Bench, rest: bytes) -> None:
    """What is readable is read."""
    seen = bench.alone(b"From: doc@clinic.example\r\nSubject: \xf1 raw\r\n" + rest)
    assert "synthetic words" in seen.part("body.txt").pages[0].text
    assert seen.reading.mail is not None


def test_case_34_a_subject_that_smuggles_a_header(bench: Bench) -> None:
    """One line it stays; a recipient with a line end is refused before it reaches a server."""
    mail = bench.alone(bombs.smuggling_subject()).reading.mail
    assert mail is not None
    assert mail.from_address == "doc@clinic.example"
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject
    lured = f"{mail.from_address}\r\nBcc: evil@else.example"
    assert not is_address(lured)
    for to, subject in ((lured, "s"), (mail.from_address, "s\r\nBcc: evil@else.example")):
        with pytest.raises(PermanentError):
            to_bytes(Message("u1", "<u1@somrr.example>", to, subject, "text", "", ()))


def test_case_39_html_that_would_fetch_and_run(bench: Bench) -> None:
    """Words and links as text, and not one connection."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        seen = bench.alone(bombs.luring_mail(canary.getsockname()[1]))
        assert select.select([canary], [], [], 0)[0] == []
    (page,) = seen.part("body.html").pages
    assert page.text.split("\n")[0] == "Synthetic words"
    assert "fetch" not in page.text
    assert "root:" not in page.text
    assert "http://169.254.169.254/latest/" in seen.part("body.html").links
