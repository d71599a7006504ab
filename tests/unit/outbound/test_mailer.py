"""Handing over a mail: over verified TLS to a real server, or into a folder."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from config.settings import SmtpSettings
from outbound.compose import compose
from outbound.mailer import FileCourier, SmtpCourier
from outbound.mime import to_bytes
from records.errors import ConfigurationError, PermanentError
from records.model import Event, Outcome
from tests.servers.smtp import SmtpSink
from tests.unit.outbound.making import NOW, PROGRAMME, message, update


def test_a_mail_arrives_encrypted_and_byte_for_byte() -> None:
    """Over STARTTLS the server gets exactly our bytes, for our reader, with the mailbox as the place for bounces."""
    with SmtpSink() as sink:
        sent = message(update(Event.OPENED))
        delivery = SmtpCourier(sink.settings(), clock=lambda: NOW).send(sent)
    assert (delivery.outcome, delivery.code, delivery.at) == (Outcome.SENT, "250 2.0.0", NOW)
    (mail,) = sink.mails
    assert mail.encrypted
    assert mail.content == to_bytes(sent)
    assert mail.recipients == ("physician@example.org",)
    assert mail.sender == "patientsintl@ucsd.edu"


def test_implicit_tls_and_a_login_work() -> None:
    """The other way of TLS (RFC 8314), with a user name."""
    with SmtpSink(tls="implicit", login=("intake", "throw-away")) as sink:
        delivery = SmtpCourier(sink.settings()).send(message())
    assert delivery.outcome is Outcome.SENT
    assert [mail.encrypted for mail in sink.mails] == [True]


def test_an_acknowledgement_has_the_null_sender() -> None:
    """RFC 3834: nothing may come back to an automatic answer; other updates want their bounces."""
    with SmtpSink() as sink:
        SmtpCourier(sink.settings()).send(message(update(Event.ACKNOWLEDGED)))
    assert [mail.sender for mail in sink.mails] == [""]


def test_a_server_that_reports_is_asked_to_name_the_update_and_quote_no_body() -> None:
    """RFC 3461: failures come back with the update's id and headers alone; an acknowledgement wants none (RFC 3834)."""
    with SmtpSink(dsn=True) as sink:
        courier = SmtpCourier(sink.settings())
        courier.send(message(update(Event.OPENED)))
        courier.send(message(update(Event.ACKNOWLEDGED)))
    assert [mail.asked for mail in sink.mails] == [
        ("RET=HDRS", "ENVID=u4f9a1c07", "NOTIFY=FAILURE"),
        ("RET=HDRS", "ENVID=u4f9a1c07", "NOTIFY=NEVER"),
    ]


def test_a_server_that_allows_one_sender_gets_the_plain_one() -> None:
    """The token for bounces is left out rather than the mail; another refusal stays one."""
    tagged = compose(update(Event.OPENED), PROGRAMME, NOW, "+")
    assert tagged.return_path == "patientsintl+u4f9a1c07@ucsd.edu"
    with SmtpSink(only_sender="patientsintl@ucsd.edu") as sink:
        assert SmtpCourier(sink.settings()).send(tagged).outcome is Outcome.SENT
    assert [mail.sender for mail in sink.mails] == ["patientsintl@ucsd.edu"]
    with SmtpSink(only_sender="somebody@ucsd.edu") as sink:
        refused = SmtpCourier(sink.settings()).send(tagged)
    assert (refused.outcome, refused.code) == (Outcome.FAILED, "550 5.7.60")
    with SmtpSink() as sink:
        SmtpCourier(sink.settings()).send(tagged)
    assert [mail.sender for mail in sink.mails] == ["patientsintl+u4f9a1c07@ucsd.edu"]


def test_a_line_that_begins_with_a_dot_arrives_as_it_was() -> None:
    """RFC 5321 4.5.2 transparency, which we do ourselves."""
    with SmtpSink() as sink:
        base = message()
        dotted = type(base)(
            base.update, base.message_id, base.to, base.subject, ".\r\n..dots\r\n.", base.html, base.headers, base.return_path
        )
        SmtpCourier(sink.settings()).send(dotted)
    assert sink.mails[0].content == to_bytes(dotted)


def test_the_same_update_twice_is_one_file(tmp_path: Path) -> None:
    """The embedded default is idempotent: same name, same bytes, nothing left over, readable by nobody else."""
    outgoing = tmp_path / "outgoing"
    courier = FileCourier(outgoing, clock=lambda: NOW)
    sent = message()
    first = courier.send(sent)
    before = (outgoing / f"{sent.update}.eml").read_bytes()
    second = courier.send(sent)
    assert first == second
    assert first.outcome is Outcome.SENT
    assert [entry.name for entry in outgoing.iterdir()] == [f"{sent.update}.eml"]
    assert (outgoing / f"{sent.update}.eml").read_bytes() == before == to_bytes(sent)
    assert stat.S_IMODE(outgoing.stat().st_mode) & 0o077 == 0


def test_an_update_id_is_never_a_way_out_of_the_folder(tmp_path: Path) -> None:
    """A name with a path in it is refused before anything is written."""
    base = message()
    evil = type(base)("../x", base.message_id, base.to, base.subject, base.text, base.html, base.headers)
    with pytest.raises(PermanentError, match="bad_id"):
        FileCourier(tmp_path / "outgoing").send(evil)
    assert list(tmp_path.iterdir()) == []


def test_a_courier_without_a_server_or_a_readable_authority_does_not_start(tmp_path: Path) -> None:
    """Configuration faults show at the start, not with the first mail."""
    with pytest.raises(ConfigurationError, match="smtp_host"):
        SmtpCourier(SmtpSettings())
    empty = tmp_path / "empty.pem"
    empty.touch()
    for ca_file in (tmp_path / "absent.pem", empty):
        with pytest.raises(ConfigurationError, match="smtp_ca_file"):
            SmtpCourier(SmtpSettings(host="127.0.0.1", ca_file=ca_file))
