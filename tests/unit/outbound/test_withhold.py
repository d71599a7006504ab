"""What must not go out: loops, strangers, floods; and what must not be held back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.rules import Sending
from outbound.withhold import RESUMABLE, WAITS, Traffic, answerable, withhold
from records.model import Event, Mail, Update, UpdateStatus
from tests.unit.outbound.making import PROGRAMME, update

OWN = (PROGRAMME.mailbox, PROGRAMME.fax, "somrr@example.net")


def mail(**changes: object) -> Mail:
    """A mail from an invented sender, as the reader saw it."""
    base = Mail("sender@example.org", "", "<m1@example.org>", (), (), "", None, return_path="sender@example.org")
    return replace(base, **changes)  # type: ignore[arg-type] # the changes are fields of Mail


def test_a_person_is_answered() -> None:
    """The ordinary case, and the one that a mail program makes without a Return-Path."""
    assert answerable(mail(), OWN, None) is None
    assert answerable(mail(return_path=None), OWN, None) is None
    assert withhold(update(address="sender@example.org"), OWN, mail()) is None


@pytest.mark.parametrize("reason", ["auto_submitted", "list", "bulk", "bounce", "null_sender"])
def test_what_the_reader_found_unanswerable_is_not_answered(reason: str) -> None:
    """RFC 3834 section 2: no answer to an automatic mail, whatever our rule says."""
    assert answerable(mail(unanswerable=reason), OWN, None) == reason
    assert withhold(update(), OWN, mail(unanswerable=reason)) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"return_path": ""}, "null_sender"),
        ({"from_address": ""}, "no_address"),
        ({"from_address": "no address"}, "bad_address"),
        ({"from_address": "patientsintl@ucsd.edu"}, "own_address"),
        ({"from_address": "PatientsIntl+SOMRR-7F3K2-9@UCSD.edu"}, "own_address"),
        ({"from_address": "somrr@example.net"}, "own_address"),
        ({"from_address": "MAILER-DAEMON@example.org"}, "machine_address"),
        ({"from_address": "postmaster@example.org"}, "machine_address"),
        ({"from_address": "no-reply@example.org"}, "machine_address"),
        ({"from_address": "bounce+token=1@example.org"}, "machine_address"),
        ({"from_address": "owner-oncology@example.org"}, "machine_address"),
        ({"from_address": "oncology-request@example.org"}, "machine_address"),
    ],
)
def test_nobody_answers_machines_or_ourselves(changes: dict[str, str], reason: str) -> None:
    """Addresses that no person reads, and our own, however written."""
    assert answerable(mail(**changes), OWN, None) == reason


@pytest.mark.parametrize("address", ["noreen@example.org", "listman@example.org", "post@example.org", "bouncer.club@example.org"])
def test_people_with_such_names_are_people(address: str) -> None:
    """The patterns take whole names only."""
    assert answerable(mail(from_address=address), OWN, None) is None


PASS = "mx.ucsd.example; spf=fail smtp.mailfrom=x; dmarc=pass (p=none) header.from=example.org"


@pytest.mark.parametrize(
    ("fields", "trusted"),
    [
        ((PASS,), True),
        (("MX.UCSD.EXAMPLE 1;\r\n dmarc = pass header.from=Example.org",), True),
        (("other.example; dmarc=fail", PASS), True),  # another server's opinion is no opinion
        ((), False),
        (("mx.ucsd.example; none",), False),
        (("mx.ucsd.example; dmarc=fail header.from=example.org", PASS), False),  # the topmost is ours, the other forged
        (("mx.ucsd.example; dmarc=none", PASS), False),
        (("other.example; dmarc=pass header.from=example.org",), False),
        (("mx.ucsd.example.evil.example; dmarc=pass",), False),
        (("(mx.ucsd.example;) evil.example; dmarc=pass",), False),
        (('mx.ucsd.example; spf=fail smtp.mailfrom="a; dmarc=pass"',), False),
        (("mx.ucsd.example; spf=fail (x; dmarc=pass (y) ; dmarc=pass)",), False),
        (('mx.ucsd.example; spf=fail (\\) ; dmarc=pass ) smtp.mailfrom="\\"; dmarc=pass"',), False),
        (("mx.ucsd.example; dmarc=pass header.from=other.example",), False),
        (("mx.ucsd.example; dmarc=pass; dmarc=fail",), False),
        (('mx.ucsd.example; spf=fail ("(" ) ; dmarc=pass )',), False),
        (('mx.ucsd.example; spf=fail smtp.mailfrom="x; dmarc=pass',), False),
        (("mx.ucsd.example; spf=fail (never closed; dmarc=pass",), False),
        (('mx.ucsd.example; spf=pass (5" disc) smtp.mailfrom="a\\"b"; dmarc=pass header.from=example.org',), True),
        (("mx.ucsd.example; dmarc=passed",), False),
        (("mx.ucsd.example; xdmarc=pass",), False),
        (("",), False),
        ((";",), False),
    ],
)
def test_our_own_mail_server_says_who_is_who(fields: tuple[str, ...], trusted: bool) -> None:
    """RFC 8601: only the topmost field with our server's own id, comments and quoted strings not believed."""
    verdict = answerable(mail(authentication=fields), OWN, "mx.ucsd.example")
    assert verdict == (None if trusted else "unauthenticated")


def test_without_a_known_server_no_authentication_is_expected() -> None:
    """The setting is optional; what a field says then counts neither way."""
    assert answerable(mail(authentication=("x.example; dmarc=fail",)), OWN, None) is None


@pytest.mark.parametrize(
    ("owed", "reason"),
    [
        (update(address=None), "no_address"),
        (update(address=""), "no_address"),
        (update(address="two@example.org, three@example.org"), "bad_address"),
        (update(address="patientsintl@ucsd.edu"), "own_address"),
        (update(channel="fax", address="+52 55 5555 0100"), None),
        (update(channel="fax", address=None), "no_address"),
        (update(channel="fax", address="physician@example.org"), "bad_address"),
        (update(channel="fax", address="+1 (619) 543 5282"), "own_address"),
        (update(channel="teleconference", address=None), None),
        (update(channel="other", address=None), None),
        (update(channel="staff", address=None), "staff_channel"),
        (update(Event.STILL_IN_REVIEW), None),
    ],
)
def test_an_update_needs_an_address_of_its_channel(owed: Update, reason: str | None) -> None:
    """R32: the channel never changes silently; what can not be sent goes to staff with its reason."""
    assert withhold(owed, OWN) == reason


def test_an_update_that_answers_a_stranger_is_held_back() -> None:
    """The mail server's word counts at delivery as it did at the decision."""
    assert withhold(update(), OWN, mail(), "mx.ucsd.example") == "unauthenticated"
    assert withhold(update(), OWN, mail(authentication=(PASS,)), "mx.ucsd.example") is None


def test_caps_hold_to_the_last_mail() -> None:
    """One below the cap goes out, at the cap it does not; address before case before the breaker."""
    caps = Sending(address_day=5, case_day=10, hour=200)
    assert withhold(update(), OWN, traffic=Traffic(4, 9, 199), caps=caps) is None
    assert withhold(update(), OWN, traffic=Traffic(5, 0, 0), caps=caps) == "address_cap"
    assert withhold(update(), OWN, traffic=Traffic(0, 10, 0), caps=caps) == "case_cap"
    assert withhold(update(), OWN, traffic=Traffic(0, 0, 200), caps=caps) == "breaker"


def test_ten_thousand_looped_mails_stay_within_the_cap() -> None:
    """A loop that shows no mark of one still ends: the case's own cap is met first."""
    sent = 0
    for _ in range(10_000):
        sent += withhold(update(), OWN, mail(), traffic=Traffic(sent, sent, sent)) is None
    assert sent == min(Sending().address_day, Sending().case_day)


def test_an_address_that_bounced_gets_nothing_more_until_staff_have_spoken() -> None:
    """A bounce stops further mail to that address of the case, and to no other."""
    dead = update(id="u0", address="gone@example.org", status=UpdateStatus.FAILED, reason="bounced")
    assert withhold(update(address="gone@example.org"), OWN, others=[dead]) == "address_bounced"
    assert withhold(update(), OWN, others=[dead]) is None
    assert withhold(dead, OWN, others=[dead]) is None, "staff's retry of the bounced one itself goes out"
    retried = replace(dead, status=UpdateStatus.SENT, reason=None)
    assert withhold(update(address="gone@example.org"), OWN, others=[retried]) is None
    assert "address_bounced" in RESUMABLE


def test_what_staff_send_themselves_passes_the_caps_and_nothing_else() -> None:
    """`outbox send-now` is a person's word against a counter, not against a loop."""
    full = Traffic(1000, 1000, 1000)
    assert withhold(update(urgent_by="Staff"), OWN, traffic=full) is None
    assert withhold(update(urgent_by="Staff", address="mailer-daemon@example.org"), OWN, traffic=full) == "machine_address"
    assert set(WAITS) <= set(RESUMABLE)
