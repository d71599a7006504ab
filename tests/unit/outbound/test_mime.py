"""The bytes of a mail: safe on any relay, always the same, and no header that we did not write."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.mime import to_bytes
from records.errors import PermanentError
from records.model import Event, Message
from tests.unit.outbound.making import message, missing, update

GAP = (missing("loa_unsigned"),)
EVIL = "x\r\nBcc: victim@example.net\r\n\r\nbody"


def parsed(sent: Message) -> EmailMessage:
    read = email.message_from_bytes(to_bytes(sent), policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    assert [part.defects for part in read.walk()] == [[], [], []]
    return read


def unix(part: EmailMessage) -> str:
    content: str = part.get_content()
    return content.replace("\r\n", "\n")


@pytest.mark.parametrize("language", ["en", "es"])
def test_text_and_html_come_back_as_they_went(language: str) -> None:
    """multipart/alternative, the plain text first (RFC 2046 5.1.4)."""
    sent = message(update(Event.OPENED, language=language))
    read = parsed(sent)
    text, html = read.iter_parts()
    assert read.get_content_type() == "multipart/alternative"
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert unix(text) == sent.text
    assert unix(html) == sent.html


def test_the_bytes_are_ascii_with_short_lines_and_stay_the_same() -> None:
    """A relay without 8BITMIME changes nothing; the same message is the same bytes."""
    raw = to_bytes(message(language="es"))
    assert raw == to_bytes(message(language="es"))
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_the_headers_are_those_of_a_well_behaved_machine() -> None:
    """RFC 5322 and RFC 3834: who, to whom, when, which thread, and that nobody should answer by machine."""
    thread = ("<first@example.org>", "<second@example.org>")
    read = parsed(message(update(Event.REJECTED, in_reply_to=thread[1], references=thread, findings=GAP)))
    assert read["From"] == '"UC San Diego Health, SOMRR" <patientsintl@ucsd.edu>'
    assert read["To"] == "physician@example.org"
    assert read["Date"] == "Tue, 24 Nov 2026 18:00:00 +0000"
    assert read["Message-ID"] == "<u4f9a1c07@ucsd.edu>"
    assert read["In-Reply-To"] == thread[1]
    assert read["References"].split() == list(thread)
    assert read["Auto-Submitted"] == "auto-replied"
    assert read["X-Auto-Response-Suppress"] == "All"
    assert read["Content-Language"] == "en"
    assert read["Subject"] == "[SOMRR-7F3K2-9] Some documents are still needed"


def test_an_update_that_answers_nothing_says_so() -> None:
    """auto-generated, and no thread headers."""
    read = parsed(message(update(Event.OPENED)))
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["In-Reply-To"] is None
    assert read["References"] is None


def test_long_ids_are_never_folded_inside_or_encoded() -> None:
    """Threads break when an id is changed, so long ones stay whole on a line of their own."""
    ids = tuple(f"<{'a' * 150}{number}@example.org>" for number in range(5))
    raw = to_bytes(message(update(in_reply_to=ids[-1], references=ids)))
    for one in ids:
        assert one.encode() in raw
    assert b"=?" not in raw.partition(b"MIME-Version")[0]


@pytest.mark.parametrize("field", ["to", "subject", "message_id"])
def test_a_line_end_in_a_field_stops_the_mail(field: str) -> None:
    """Injection is refused, not repaired."""
    evil = replace(message(), **{field: EVIL})  # type: ignore[arg-type] # the named fields are strings
    with pytest.raises(PermanentError, match="bad_header"):
        to_bytes(evil)


@given(st.text(max_size=200))
def test_no_subject_adds_a_header(subject: str) -> None:
    """Property: whatever stands in the subject, the header fields are the same ones, once each."""
    names = [name for name, _ in parsed(message()).items()]
    try:
        raw = to_bytes(replace(message(), subject=subject))
    except PermanentError:
        return
    assert [name for name, _ in email.message_from_bytes(raw).items()] == names
