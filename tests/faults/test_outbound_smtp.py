"""Every fault of the way to the mail server, each played by a real server, and what we make of it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from outbound.mailer import SmtpCourier
from records.model import Outcome
from tests.servers.smtp import Fault, SmtpSink
from tests.unit.outbound.making import message

QUICK = 0.5  # seconds until we lose patience


@pytest.mark.parametrize(
    ("fault", "outcome", "code"),
    [
        (Fault("MAIL", "451 4.3.0 later"), Outcome.DEFERRED, "451 4.3.0"),
        (Fault("MAIL", "553 5.7.1 not you"), Outcome.FAILED, "553 5.7.1"),
        (Fault("RCPT", "450 4.2.0 greylisted physician@example.org"), Outcome.DEFERRED, "450 4.2.0"),
        (Fault("RCPT", "421 too busy"), Outcome.DEFERRED, "421"),
        (Fault("RCPT", "550 5.1.1 physician@example.org unknown"), Outcome.FAILED, "550 5.1.1"),
        (Fault("DATA", "452 4.3.1 disk"), Outcome.DEFERRED, "452 4.3.1"),
        (Fault("DATA", "554 no"), Outcome.FAILED, "554"),
        (Fault("DOT", "451 4.7.1 scanning"), Outcome.DEFERRED, "451 4.7.1"),
        (Fault("DOT", "552 5.2.2 full"), Outcome.FAILED, "552 5.2.2"),
        (Fault("GREETING", "421 shutting down"), Outcome.DEFERRED, "421"),
        (Fault("GREETING", "554 no service for you"), Outcome.DEFERRED, "554"),
    ],
    ids=lambda value: value.stage if isinstance(value, Fault) else None,
)
def test_an_answer_is_taken_at_its_word(fault: Fault, outcome: Outcome, code: str) -> None:
    """4xx waits, 5xx goes to staff, a server that refuses us altogether waits; the code kept holds no address."""
    with SmtpSink(fault=fault) as sink:
        delivery = SmtpCourier(sink.settings()).send(message())
    assert (delivery.outcome, delivery.code) == (outcome, code)
    assert sink.mails == []


@pytest.mark.parametrize("stage", ["GREETING", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("does", "code"), [("close", {"disconnected", "connect"}), ("silent", {"timeout"})])
def test_a_break_before_the_text_was_asked_for_is_tried_again(stage: str, does: str, code: set[str]) -> None:
    """Nothing was given, so nothing can have been sent."""
    with SmtpSink(fault=Fault(stage, does)) as sink:  # type: ignore[arg-type] # the parameters are stages
        delivery = SmtpCourier(sink.settings(timeout=QUICK)).send(message())
    assert delivery.outcome is Outcome.DEFERRED
    assert delivery.code in code


@pytest.mark.parametrize(("does", "code"), [("close", "disconnected"), ("silent", "timeout")])
def test_a_lost_answer_to_the_dot_is_uncertain(does: str, code: str) -> None:
    """RFC 1047: the server may have the mail; only people may decide to send it again."""
    with SmtpSink(fault=Fault("DOT", does)) as sink:
        delivery = SmtpCourier(sink.settings(timeout=3 * QUICK)).send(message())
    assert (delivery.outcome, delivery.code) == (Outcome.UNCERTAIN, code)


def test_the_ledger_is_marked_only_at_the_point_of_no_return() -> None:
    """Marked when the text is about to be given, not at a refusal before: a kill until then leaves no doubt about the mail."""
    marks: list[str] = []
    with SmtpSink(fault=Fault("RCPT", "450 4.2.0 later")) as sink:
        SmtpCourier(sink.settings()).send(message(), lambda: marks.append("refused"))
        sink.fault = None
        SmtpCourier(sink.settings()).send(message(), lambda: marks.append("sent"))
    assert marks == ["sent"]


def test_when_the_ledger_can_not_be_marked_nothing_is_sent() -> None:
    """The text stays with us, the fault goes to the caller."""

    def failing() -> None:
        raise LookupError

    with SmtpSink() as sink, pytest.raises(LookupError):
        SmtpCourier(sink.settings()).send(message(), failing)
    assert sink.mails == []


def test_gibberish_after_the_dot_is_uncertain_too() -> None:
    """An answer that is none says nothing about the mail."""
    with SmtpSink(fault=Fault("DOT", "300 what")) as sink:
        assert SmtpCourier(sink.settings()).send(message()).outcome is Outcome.UNCERTAIN


def test_a_slow_server_is_left_in_time() -> None:
    """The time limit is for the whole attempt."""
    with SmtpSink(fault=Fault("RCPT", "silent")) as sink:
        started = time.monotonic()
        SmtpCourier(sink.settings(timeout=QUICK)).send(message())
        assert time.monotonic() - started < 4 * QUICK


def test_nothing_is_said_in_clear_to_a_server_without_starttls() -> None:
    """No STARTTLS, no mail: of the address, the password and the text not one byte leaves us."""
    with SmtpSink(tls="none", login=("intake", "throw-away")) as sink:
        delivery = SmtpCourier(sink.settings()).send(message())
    assert (delivery.outcome, delivery.code) == (Outcome.DEFERRED, "tls")
    assert sink.mails == []
    verbs = {line.split()[0].upper() for line in bytes(sink.in_clear).splitlines()}
    assert verbs <= {b"EHLO", b"QUIT"}


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(
    "fault", [{"name": "wrong.example"}, {"trusted": False}, {"expired": True}], ids=["another's", "unknown", "expired"]
)
def test_a_certificate_that_does_not_hold_gets_no_mail(tls: str, fault: dict[str, Any]) -> None:
    """Another host's certificate, one of an authority that we do not know, one of yesterday: no login, no mail, tried later."""
    with SmtpSink(tls=tls, login=("intake", "throw-away"), **fault) as sink:  # type: ignore[arg-type] # a parameter
        delivery = SmtpCourier(sink.settings()).send(message())
    assert (delivery.outcome, delivery.code) == (Outcome.DEFERRED, "tls")
    assert sink.mails == []
    assert b"throw-away" not in bytes(sink.in_clear)


def test_a_refused_login_waits_for_staff_and_costs_no_update() -> None:
    """A wrong password is our trouble, not the reader's: the update stays owed."""
    with SmtpSink(login=("intake", "throw-away")) as sink:
        wrong = sink.settings().model_copy(update={"user": "somebody-else"})
        delivery = SmtpCourier(wrong).send(message())
    assert (delivery.outcome, delivery.code) == (Outcome.DEFERRED, "auth")
    assert sink.mails == []


def test_an_outage_defers_and_the_same_courier_sends_afterwards() -> None:
    """The server goes away and comes back on the same port: deferred, then sent, once."""
    with SmtpSink() as sink:
        courier = SmtpCourier(sink.settings())
        sink.stop()
        down = courier.send(message())
        sink.start()
        up = courier.send(message())
    assert (down.outcome, down.code) == (Outcome.DEFERRED, "connect")
    assert up.outcome is Outcome.SENT
    assert len(sink.mails) == 1
