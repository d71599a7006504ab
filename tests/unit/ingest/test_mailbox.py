"""The IMAP mailbox on a real Dovecot."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.typing import EventDict

from config.settings import MailboxSettings
from ingest.mailbox import Mailbox
from records import events
from records.errors import ConfigurationError, TemporaryError
from records.model import Channel
from tests.servers.dovecot import Dovecot
from tests.unit.ingest.conftest import Custody

Settings = Callable[..., MailboxSettings]


def _mail(number: int, size: int = 200) -> bytes:
    body = b"".join(b"line %06d of mail %d\r\n" % (line, number) for line in range(max(1, size // 25)))
    return b"Message-ID: <%d@sender.example>\r\nSubject: synthetic\r\n\r\n%b" % (number, body)


def _counts(logged: list[EventDict]) -> list[tuple[int, int, int, int]]:
    reconciled = [event for event in logged if event["event"] == events.MAILBOX_RECONCILED]
    return [(event["present"], event["known"], event["new"], event["missing"]) for event in reconciled]


def test_each_mail_comes_once_byte_for_byte_and_is_left_as_it_was(
    dovecot: Dovecot, folder: str, settings: Settings, custody: Custody, logged: list[EventDict]
) -> None:
    """Nothing is seen, flagged or moved, and the second poll finds nothing new."""
    mails = [_mail(1), _mail(2, 9000), _mail(3)]
    dovecot.append_all(mails, folder)
    dovecot.store(2, r"\Seen", folder)
    mailbox = Mailbox(settings(part_bytes=4096))
    assert custody.take(mailbox) == mails
    assert custody.take(mailbox) == []
    mailbox.close()
    assert dovecot.flags(folder) == {1: set(), 2: {r"\Seen"}, 3: set()}
    assert _counts(logged) == [(3, 0, 3, 0), (3, 3, 0, 0)]


def test_an_arrival_says_what_the_server_says(dovecot: Dovecot, folder: str, settings: Settings) -> None:
    """Key of UIDVALIDITY and UID, INTERNALDATE, size and Message-ID; a mail without one has none."""
    dovecot.append_all([_mail(1), b"Subject: x\r\n\r\nMessage-ID: <in.body@x>\r\n"], folder)
    mailbox = Mailbox(settings())
    first, second = list(mailbox.poll(lambda _keys: set()))
    mailbox.close()
    assert (first.source, first.envelope.channel) == (f"imap:{folder}", Channel.EMAIL)
    assert first.key == f"{dovecot.uidvalidity(folder)};1"
    assert first.size == len(_mail(1))
    assert abs(first.envelope.received_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert first.envelope.received_at.tzinfo is UTC
    assert first.envelope.message_id == "<1@sender.example>"
    assert second.envelope.message_id is None
    assert first.envelope.sender is None


@pytest.mark.parametrize("size", [4095, 4096, 4097, 8192, 12288, 20000])
def test_a_mail_is_whole_wherever_its_last_part_ends(
    dovecot: Dovecot, folder: str, settings: Settings, custody: Custody, size: int
) -> None:
    """On, before and after the border of a part."""
    head = b"Subject: x\r\n\r\n"
    mail = head + b"y" * (size - len(head) - 2) + b"\r\n"
    dovecot.append(mail, folder)
    mailbox = Mailbox(settings(part_bytes=4096))
    [arrival] = mailbox.poll(custody.known)
    parts = list(mailbox.fetch(arrival))
    mailbox.close()
    assert b"".join(parts) == mail
    assert max(map(len, parts)) <= 4096


def test_a_large_mail_is_streamed(dovecot: Dovecot, folder: str, settings: Settings) -> None:
    """24 MB cost a few parts of memory, not the mail."""
    mail = _mail(1, 24 << 20)
    dovecot.append(mail, folder)
    mailbox = Mailbox(settings())
    [arrival] = mailbox.poll(lambda _keys: set())
    tracemalloc.start()
    total = sum(map(len, mailbox.fetch(arrival)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    mailbox.close()
    assert total == len(mail)
    assert peak < 8 << 20


def test_keyword_marks_only_what_is_in_custody(dovecot: Dovecot, folder: str, settings: Settings, custody: Custody) -> None:
    """A mail yielded but not acknowledged bears no mark; one known from a killed run gets it at the next poll."""
    dovecot.append_all([_mail(1), _mail(2)], folder)
    mailbox = Mailbox(settings(after="keyword", keyword="SOMRR"))
    first, second = list(mailbox.poll(custody.known))
    assert dovecot.flags(folder) == {1: set(), 2: set()}
    mailbox.acknowledge(first)
    assert dovecot.flags(folder) == {1: {"SOMRR"}, 2: set()}
    custody.kept = {first.key: b"", second.key: b""}  # killed after custody, before the acknowledgement
    assert list(mailbox.poll(custody.known)) == []
    mailbox.close()
    assert dovecot.flags(folder) == {1: {"SOMRR"}, 2: {"SOMRR"}}


def test_move_takes_our_mails_only_and_expunges_nobody_elses(
    dovecot: Dovecot, folder: str, settings: Settings, custody: Custody, logged: list[EventDict]
) -> None:
    """A colleague's mail marked deleted, and mails not yet in custody, stay where they are."""
    dovecot.append_all([_mail(1), _mail(2), _mail(3), _mail(4)], folder)
    dovecot.store(3, r"\Deleted", folder)
    mailbox = Mailbox(settings(after="move", move_to="SOMRR"))
    before = dovecot.count("SOMRR")
    first, second, third, fourth = list(mailbox.poll(custody.known))
    mailbox.acknowledge(first)
    custody.kept = {second.key: b""}
    list(mailbox.poll(custody.known))
    assert dovecot.flags(folder) == {3: {r"\Deleted"}, 4: set()}
    assert dovecot.count("SOMRR") == before + 2
    mailbox.acknowledge(first)  # said twice: it is away already
    mailbox.close()
    assert dovecot.count("SOMRR") == before + 2
    assert _counts(logged)[-1] == (3, 1, 2, 0)
    assert (third.key, fourth.key) != (first.key, second.key)


def test_a_folder_numbered_anew_loses_nothing(dovecot: Dovecot, folder: str, settings: Settings, custody: Custody) -> None:
    """After a UIDVALIDITY change each mail is another arrival with the same bytes, and an old UID is never used."""
    mails = [_mail(1), _mail(2)]
    dovecot.append_all(mails, folder)
    mailbox = Mailbox(settings())
    old = list(mailbox.poll(custody.known))
    assert custody.take(mailbox) == mails
    dovecot.recreate(folder)
    with pytest.raises(TemporaryError):
        custody.take(mailbox)  # the connection broke
    assert custody.take(mailbox) == mails
    with pytest.raises(TemporaryError, match="uidvalidity_changed"):
        next(mailbox.fetch(old[0]))
    mailbox.close()
    assert len(custody.kept) == 4


def test_a_restarted_server_is_found_again(dovecot: Dovecot, folder: str, settings: Settings, custody: Custody) -> None:
    """A lost connection is a temporary fault, and the next poll takes what came meanwhile."""
    dovecot.append(_mail(1), folder)
    mailbox = Mailbox(settings())
    assert custody.take(mailbox) == [_mail(1)]
    dovecot.kill()
    for _ in range(2):
        with pytest.raises(TemporaryError):
            custody.take(mailbox)
    dovecot.start()
    dovecot.append(_mail(2), folder)
    assert custody.take(mailbox) == [_mail(2)]
    mailbox.close()


def test_a_server_killed_in_the_middle_of_a_mail_costs_a_second_fetch(
    dovecot: Dovecot, folder: str, settings: Settings, custody: Custody
) -> None:
    """The first ends in a temporary fault with nothing kept."""
    mail = _mail(1, 3 << 20)
    dovecot.append(mail, folder)
    mailbox = Mailbox(settings(part_bytes=1 << 16))
    parts = mailbox.fetch(next(mailbox.poll(custody.known)))
    next(parts)
    dovecot.kill()
    with pytest.raises(TemporaryError, match="mailbox_disconnected"):
        list(parts)
    dovecot.start()
    began = time.monotonic()
    while not (taken := custody.take(mailbox)) and time.monotonic() - began < 10:
        mailbox.wait(60, threading.Event())  # no longer than until the mail is due again
    assert taken == [mail]
    mailbox.close()


def test_a_server_that_goes_away_in_idle_ends_no_more_than_the_wait(
    dovecot: Dovecot, folder: str, settings: Settings, custody: Custody
) -> None:
    """The wait returns soon, and the next poll connects again."""
    mailbox = Mailbox(settings())
    custody.take(mailbox)
    timer = threading.Timer(0.3, dovecot.restart)
    timer.start()
    began = time.monotonic()
    mailbox.wait(60, threading.Event())
    assert time.monotonic() - began < 5
    timer.join()
    dovecot.append(_mail(1), folder)
    assert custody.take(mailbox) == [_mail(1)]
    mailbox.close()


def test_a_mail_that_a_colleague_deletes_under_our_hands_keeps_nothing_back(
    dovecot: Dovecot, folder: str, settings: Settings, custody: Custody, logged: list[EventDict]
) -> None:
    """Its fetch fails for itself alone; the mails after it come in on the same connection."""
    dovecot.append_all([_mail(1), _mail(2), _mail(3)], folder)
    mailbox = Mailbox(settings())
    arrivals = mailbox.poll(custody.known)
    first = next(arrivals)
    dovecot.expunge(1, folder)
    mailbox.wait(0.1, threading.Event())  # the server may tell us only now
    with pytest.raises(TemporaryError, match="mail_gone"):
        list(mailbox.fetch(first))
    assert [b"".join(mailbox.fetch(arrival)) for arrival in arrivals] == [_mail(2), _mail(3)]
    assert _counts(logged) == [(3, 0, 2, 1)]
    mailbox.close()


def test_idle_ends_the_wait_when_a_mail_comes(dovecot: Dovecot, folder: str, settings: Settings, custody: Custody) -> None:
    """Within two seconds, though the poll is minutes away; a flag set by a colleague is no mail."""
    dovecot.append(_mail(1), folder)
    mailbox = Mailbox(settings())
    custody.take(mailbox)
    came: list[float] = []

    def deliver() -> None:
        dovecot.append(_mail(2), folder)
        came.append(time.monotonic())

    timer = threading.Timer(0.5, deliver)
    timer.start()
    mailbox.wait(60, threading.Event())
    assert time.monotonic() - came[0] < 2
    timer.join()
    assert custody.take(mailbox) == [_mail(2)]
    mailbox.close()


def test_a_mail_that_came_between_poll_and_idle_is_not_waited_for(
    dovecot: Dovecot, folder: str, settings: Settings, custody: Custody
) -> None:
    """The server tells of it in its first answer to IDLE."""
    mailbox = Mailbox(settings())
    custody.take(mailbox)
    dovecot.append(_mail(1), folder)
    began = time.monotonic()
    mailbox.wait(60, threading.Event())
    assert time.monotonic() - began < 2
    assert custody.take(mailbox) == [_mail(1)]
    mailbox.close()


@pytest.mark.parametrize("idle", [True, False])
def test_a_stop_ends_the_wait_within_a_second(settings: Settings, custody: Custody, idle: bool) -> None:
    """In IDLE as in sleep, and the connection is good afterwards."""
    mailbox = Mailbox(settings(idle=idle))
    custody.take(mailbox)
    stop = threading.Event()
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    began = time.monotonic()
    mailbox.wait(60, stop)
    assert time.monotonic() - began < 1.2
    assert custody.take(mailbox) == []
    timer.join()
    mailbox.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [("folder", "INBOX\r\nA1 DELETE x"), ("move_to", "x\ny"), ("user", "a\r\nb"), ("keyword", "a b"), ("keyword", r"\Deleted")],
)
def test_settings_that_could_smuggle_a_command_are_refused(name: str, value: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match=name):
        Mailbox(MailboxSettings.model_validate({"host": "localhost", name: value}))


def test_a_missing_authority_file_is_a_fault_of_the_configuration(settings: Settings, tmp_path: Path) -> None:
    """It is told at the start, not as a connection that fails for ever."""
    with pytest.raises(ConfigurationError, match="ca_file"):
        Mailbox(settings(ca_file=tmp_path / "absent.pem"))


def test_a_wrong_password_is_named_without_repeating_it(settings: Settings) -> None:
    """The fault holds a code, neither the password nor the server's words."""
    mailbox = Mailbox(settings(password=SecretStr("not the password"), login_timeout=10))
    with pytest.raises(TemporaryError) as fault:
        list(mailbox.poll(lambda _keys: set()))
    assert fault.value.code == "login_refused"
    assert "not the password" not in repr(fault.value)
    assert fault.value.__cause__ is None


def test_a_folder_outside_ascii_is_found(dovecot: Dovecot, settings: Settings, custody: Custody) -> None:
    """Folder names travel in modified UTF-7 (RFC 3501 5.1.3)."""
    dovecot.create("&ZeVnLIqe-")
    dovecot.append(_mail(1), "&ZeVnLIqe-")
    mailbox = Mailbox(settings(folder="日本語"))
    assert custody.take(mailbox) == [_mail(1)]
    mailbox.close()
