"""What comes back: bounces of several kinds of servers, delays, receipts, absences; and forgeries of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.returned import Returned, judged, read
from records.model import Event, Mail, UpdateStatus
from tests.unit.outbound.making import NOW, update

ID = "0123456789abcdef0123456789abcdef"
BOX = "patientsintl@ucsd.edu"
VERP = f"patientsintl+{ID}@ucsd.edu"
REPORT = (
    "Reporting-MTA: dns; mx.example.org\n{more}\n\n"
    "Final-Recipient: rfc822; physician@example.org\nAction: {action}\nStatus: {status}"
)


def mail(**changes: object) -> Mail:
    """A bounce to our tagged address."""
    base = Mail(
        "mailer-daemon@mx.example.org", "", "<b@mx.example.org>", (), (), "", None, (VERP,), return_path="", unanswerable="bounce"
    )
    return replace(base, **changes)  # type: ignore[arg-type] # the changes are fields of Mail


@pytest.mark.parametrize(
    ("action", "status", "what"),
    [
        ("failed", "5.1.1", "bounced 5.1.1"),
        ("Failed", "4.4.7", "bounced 4.4.7"),  # the server has given up, whatever it was that kept it
        ("delayed", "4.2.0", "delayed"),
        ("delivered", "2.0.0", "delivered"),
        ("relayed", "2.0.0", "delivered"),
    ],
)
def test_a_report_says_what_became_of_the_mail(action: str, status: str, what: str) -> None:
    """RFC 3464, with CRLF as with LF."""
    text = REPORT.format(action=action, status=status, more="")
    assert read(mail(), [text.replace("\n", "\r\n")], BOX) == Returned((ID,), what)


@pytest.mark.parametrize(
    ("found", "texts"),
    [
        (mail(), []),
        (mail(to=(BOX,)), [REPORT.format(action="failed", status="5.1.1", more=f"Original-Envelope-Id: {ID}")]),
        (mail(to=(BOX,)), [REPORT.format(action="failed", status="5.1.1", more=""), f"Message-ID: <{ID}@ucsd.edu>"]),
        (mail(to=(BOX,), in_reply_to=(f"<{ID}@ucsd.edu>",)), ["550 no such user"]),
        (mail(to=(BOX,), references=("<x@y.example>", f"<{ID}@ucsd.edu>")), []),
    ],
)
def test_an_update_is_known_by_address_envelope_id_quoted_id_or_thread(found: Mail, texts: list[str]) -> None:
    """Each alone is enough, for servers keep what they like."""
    told = read(found, texts, BOX)
    assert told is not None
    assert told.updates == (ID,)
    assert told.what.startswith("bounced")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("550 5.1.1 The email account does not exist", "bounced 5.1.1"),
        ("Remote host said: 552 mailbox full", "bounced 552"),
        ("I was not able to deliver your message.", "bounced"),
        ("call 1-555-0100 for help", "bounced"),
    ],
)
def test_older_servers_use_words(words: str, what: str) -> None:
    """No report in a fixed form, but from the mail system and to our token."""
    assert read(mail(), [words], BOX) == Returned((ID,), what)


@pytest.mark.parametrize("reason", ["auto_submitted", "null_sender"])
def test_an_absence_is_no_bounce(reason: str) -> None:
    """RFC 3834: it comes to the envelope's sender, from a person's address, and whatever figures it holds."""
    away = mail(from_address="physician@example.org", unanswerable=reason)
    assert read(away, ["I am away until 5.12.2026. Ref 550 1234"], BOX) == Returned((ID,), "out_of_office")


@pytest.mark.parametrize(
    "found",
    [
        None,
        mail(unanswerable=None, from_address="physician@example.org"),
        mail(unanswerable="list"),
        mail(to=(BOX,)),
        mail(to=(f"patientsintl+{ID}@evil.example",)),
        mail(to=(f"patientsintl+{ID}0@ucsd.edu",)),
        mail(to=("patientsintl+SOMRR-7F3K2-9@ucsd.edu",)),
    ],
)
def test_what_names_none_of_ours_or_comes_from_a_person_is_left(found: Mail | None) -> None:
    """A person's answer is material for the case, not news of the mail."""
    assert read(found, ["nothing"], BOX) is None


def test_an_automatic_mail_of_a_person_s_address_can_not_quote_its_way_to_a_bounce() -> None:
    """Only what the mail system itself sends is believed for what it quotes."""
    assert (
        read(mail(from_address="x@example.org", unanswerable="auto_submitted", to=(BOX,)), [f"Message-ID: <{ID}@ucsd.edu>"], BOX)
        is None
    )


def test_a_bounce_fails_what_was_sent_and_nothing_else() -> None:
    """Withheld, queued and failed updates stay as they are; an absence is noted; a receipt settles a doubt."""
    sent = update(Event.OPENED, status=UpdateStatus.SENT, sent_at=NOW)
    failed = judged(sent, "bounced 5.1.1")
    assert (failed.status, failed.reason, failed.returned, failed.sent_at) == (
        UpdateStatus.FAILED,
        "bounced",
        "bounced 5.1.1",
        None,
    )
    assert judged(sent, "out_of_office") == replace(sent, returned="out_of_office")
    assert judged(sent, "delayed").status is UpdateStatus.SENT
    assert judged(update(status=UpdateStatus.UNCERTAIN, reason="timeout"), "delivered").status is UpdateStatus.SENT
    assert judged(update(status=UpdateStatus.UNCERTAIN), "bounced").status is UpdateStatus.FAILED
    for status in (UpdateStatus.QUEUED, UpdateStatus.WITHHELD, UpdateStatus.FAILED):
        assert judged(update(status=status), "bounced 5.1.1").status is status
    assert judged(failed, "bounced 5.1.1") == failed


@given(st.text(max_size=300), st.text(max_size=60), st.sampled_from(["bounce", "null_sender", "auto_submitted"]))
def test_nothing_from_outside_gets_into_what_is_said(text: str, sender: str, reason: str) -> None:
    """Property: a word of a fixed list, and at most a status code."""
    told = read(mail(from_address=sender, unanswerable=reason), [text], BOX)
    assert told is not None
    word, _, code = told.what.partition(" ")
    assert word in {"bounced", "delayed", "delivered", "out_of_office"}
    assert set(code) <= set("0123456789.")
