"""The way of an update out of the house, over a real ledger and real servers, by a clock that the test holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ics
import pytest

import daemon.deliver
import daemon.pipeline
from config.rules import Programme, Rules, Sending
from config.settings import MailboxSettings, Settings
from daemon.deliver import check_faxes, check_mails, finish, note_return, reschedule
from daemon.house import House
from daemon.main import prepare
from daemon.pipeline import Pipeline
from outbound.compose import compose
from outbound.faxing import HylaFax
from outbound.hours import next_opening
from outbound.mailer import SmtpCourier
from outbound.withhold import RESUMABLE
from records.errors import RefusedError
from records.model import (
    Case,
    CaseStatus,
    Decision,
    Event,
    Mail,
    Reading,
    Recipient,
    Update,
    UpdateStatus,
)
from tests.servers.dovecot import Dovecot
from tests.servers.hylafax import StandIn
from tests.servers.smtp import Fault, SmtpSink

SAN_DIEGO = ZoneInfo("America/Los_Angeles")
REF = "SOMRR-7F3K2-9ABCD-X"
NOW = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)  # a Tuesday, 10:00 in San Diego


def local(*parts: int) -> datetime:
    """A time on the office's wall."""
    return datetime(*parts, tzinfo=SAN_DIEGO).astimezone(UTC)  # type: ignore[arg-type,misc] # numbers, not a zone


@dataclass
class Clock:
    """The one clock of the house, held by the test."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    held = Clock()
    for module in (daemon.deliver, daemon.pipeline):
        monkeypatch.setattr(module, "now", held)
    return held


@pytest.fixture
def smtp() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


def house_of(home: Path, clock: Clock, smtp: SmtpSink | None = None, fax: StandIn | None = None, **sending: Any) -> House:
    """A house with these servers, its courier by the test's clock."""
    settings = Settings(home=home, rules=Rules(sending=Sending(**sending)))
    if fax:
        settings = settings.model_copy(update={"faxing": fax.settings()})
    house = House(settings)
    if smtp:
        house.__dict__["mailer"] = SmtpCourier(smtp.settings(), clock)
    return house


def owe(house: House, *updates: Update, ref: str = REF) -> None:
    """A case that owes these."""
    case = Case(ref, CaseStatus.OPEN, NOW, NOW, NOW, token="t")
    house.store.commit(Decision("made", case=case, new_case=True, updates=updates), NOW)


def update(name: str = "a" * 32, event: Event = Event.OPENED, **changes: Any) -> Update:
    base = Update(name, REF, event, Recipient.PHYSICIAN, "email", "physician@example.org", "en", NOW)
    return replace(base, message_id=f"<{name}@ucsd.edu>", **changes)


def drain(house: House) -> int:
    """Everything that is due now; how much that was."""
    pipeline, count = Pipeline(house), 0
    while pipeline.deliver_next():
        count += 1
    return count


def row(house: House, name: str = "a" * 32) -> Update:
    found = house.store.update(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("decided", "opens"),
    [
        (local(2026, 11, 20, 16, 31), local(2026, 11, 23, 8, 0)),  # Friday 16:31 is Monday
        (local(2026, 3, 6, 18, 0), local(2026, 3, 9, 8, 0)),  # the clocks go forward on Sunday
        (local(2026, 10, 30, 18, 0), local(2026, 11, 2, 8, 0)),  # and back
    ],
)
def test_what_waits_for_the_office_goes_out_at_its_first_second(
    tmp_path: Path, clock: Clock, smtp: SmtpSink, decided: datetime, opens: datetime
) -> None:
    """R31: not a second before, also over both clock changes, and a restart in between loses nothing."""
    house = house_of(tmp_path, clock, smtp)
    owe(house, update(due_at=next_opening(decided, house.settings.rules.hours)))
    clock.now = opens - timedelta(seconds=1)
    assert drain(house) == 0
    house.close()
    again = house_of(tmp_path, clock, smtp)
    prepare(again)
    assert drain(again) == 0
    clock.now = opens
    assert drain(again) == 1
    assert len(smtp.mails) == 1
    again.close()


def test_staff_can_send_before_the_office_opens(tmp_path: Path, clock: Clock, smtp: SmtpSink) -> None:
    """`outbox send-now`, with a name on record; a second time there is nothing to hurry."""
    house = house_of(tmp_path, clock, smtp)
    owe(house, update(due_at=NOW + timedelta(days=3)))
    assert house.store.hurry("a" * 32, "Staff", NOW)
    assert drain(house) == 1
    assert (row(house).status, row(house).urgent_by) == (UpdateStatus.SENT, "Staff")
    assert not house.store.hurry("a" * 32, "Staff", NOW)
    house.close()


def test_a_bounce_stops_further_mail_until_staff_have_spoken(tmp_path: Path, clock: Clock, smtp: SmtpSink) -> None:
    """Failed with its code, the next one withheld; a retry opens the way again, and a second bounce closes it."""
    house = house_of(tmp_path, clock, smtp)
    owe(house, update(), update("b" * 32, Event.CLOSED, due_at=NOW + timedelta(hours=1)))
    drain(house)
    assert [mail.sender for mail in smtp.mails] == [f"patientsintl+{'a' * 32}@ucsd.edu"]
    bounce = Mail("mailer-daemon@mx.example.org", "", "", (), (), "", None, (smtp.mails[0].sender,), "", "", "bounce")
    reading = Reading("", "", "", (), mail=bounce)
    note_return(house, reading)
    assert (row(house).status, row(house).reason) == (UpdateStatus.FAILED, "bounced")
    clock.now = NOW + timedelta(hours=2)
    drain(house)
    assert (row(house, "b" * 32).status, row(house, "b" * 32).reason) == (UpdateStatus.WITHHELD, "address_bounced")
    assert len(smtp.mails) == 1
    assert house.store.retry("a" * 32, clock.now, RESUMABLE)
    assert house.store.retry("b" * 32, clock.now, RESUMABLE)
    drain(house)
    assert len(smtp.mails) == 3
    note_return(house, reading)
    assert row(house).status is UpdateStatus.FAILED
    house.close()


def test_a_bounce_of_something_that_is_not_ours_changes_nothing(tmp_path: Path, clock: Clock) -> None:
    """An id that the ledger does not know, and a mail without one."""
    house = house_of(tmp_path, clock)
    owe(house, update())
    for to in (f"patientsintl+{'c' * 32}@ucsd.edu", "patientsintl@ucsd.edu"):
        note_return(house, Reading("", "", "", (), mail=Mail("x@y.example", "", "", (), (), "", None, (to,), "", "", "bounce")))
    assert row(house) == update()
    house.close()


def test_caps_make_an_update_wait_and_not_vanish(tmp_path: Path, clock: Clock, smtp: SmtpSink) -> None:
    """Over the cap of a case: what is left goes out when the window has moved, and no attempt is counted."""
    house = house_of(tmp_path, clock, smtp, case_day=2)
    names = [f"{n:032x}" for n in range(4)]
    owe(house, *(update(name, due_at=NOW + timedelta(seconds=n)) for n, name in enumerate(names)))
    clock.now = NOW + timedelta(minutes=1)
    drain(house)
    assert len(smtp.mails) == 2
    waiting = row(house, names[2])
    assert (waiting.status, waiting.reason, waiting.attempts) == (UpdateStatus.QUEUED, "case_cap", 0)
    clock.now = NOW + timedelta(hours=26)
    drain(house)
    assert len(smtp.mails) == 4
    assert row(house, names[2]).reason is None
    house.close()


def test_a_cap_that_never_frees_is_staff_s_after_two_days(tmp_path: Path, clock: Clock, smtp: SmtpSink) -> None:
    """Withheld with its reason; staff's word sends it past the cap."""
    house = house_of(tmp_path, clock, smtp, hour=1)
    owe(house, update(), update("b" * 32))
    drain(house)
    owe(house, replace(update("c" * 32), case_ref="SOMRR-00000-00000-0"), ref="SOMRR-00000-00000-0")
    clock.now = NOW + timedelta(minutes=30)
    drain(house)
    assert row(house, "c" * 32).reason == "breaker"
    stuck = row(house, "b" * 32)
    assert stuck.reason == "breaker"
    house.store.amend(replace(row(house), sent_at=NOW + timedelta(days=3)))
    clock.now = NOW + timedelta(days=3)
    drain(house)
    assert (row(house, "b" * 32).status, row(house, "b" * 32).reason) == (UpdateStatus.WITHHELD, "breaker")
    assert house.store.retry("b" * 32, clock.now, RESUMABLE)
    assert house.store.hurry("b" * 32, "Staff", clock.now)
    drain(house)
    assert row(house, "b" * 32).status is UpdateStatus.SENT
    house.close()


def test_one_person_s_addresses_share_one_cap(tmp_path: Path, clock: Clock, smtp: SmtpSink) -> None:
    """Plus-tags and capitals make no other reader of a mailbox: a forged sender can not multiply it."""
    house = house_of(tmp_path, clock, smtp, address_day=2)
    for n in range(5):
        ref = f"SOMRR-0000{n}-00000-0"
        owed = update(f"{n:032x}", address=f"{'Victim' if n % 2 else 'victim'}+{n}@example.org")
        owe(house, replace(owed, case_ref=ref), ref=ref)
    drain(house)
    assert len(smtp.mails) == 2
    assert {row(house, f"{n:032x}").reason for n in range(2, 5)} == {"address_cap"}
    house.close()


def test_a_call_is_proposed_where_the_physician_wishes_one(tmp_path: Path, clock: Clock) -> None:
    """R32: a summary and a dated proposal for staff; another time and a cancellation keep its name; done is on record."""
    house = house_of(tmp_path, clock)
    owe(house, update(channel="teleconference", zone="America/Mexico_City"))
    drain(house)
    owed = row(house)
    assert (owed.status, owed.reason, owed.meeting_at) == (UpdateStatus.WITHHELD, "by_staff", NOW + timedelta(days=1))
    summary = (house.tasks / f"{owed.id}.txt").read_text()
    assert "The packet is complete" in summary

    def proposal() -> Any:
        (event,) = ics.Calendar((house.tasks / f"{owed.id}.ics").read_text()).events
        return event

    first = proposal()
    moved = reschedule(house, owed.id, "Staff", datetime(2026, 12, 1, 9, 0))  # noqa: DTZ001 - by the office's clock
    assert (moved.sequence, moved.meeting_at) == (1, datetime(2026, 12, 1, 17, 0, tzinfo=UTC))
    assert proposal().uid == first.uid
    reschedule(house, owed.id, "Staff", None)
    cancelled = (house.tasks / f"{owed.id}.ics").read_text()
    assert "METHOD:CANCEL" in cancelled
    assert "SEQUENCE:2" in cancelled
    finish(house, owed.id, "Staff")
    assert (row(house).status, row(house).reason) == (UpdateStatus.SENT, "by_staff")
    with pytest.raises(RefusedError):
        finish(house, owed.id, "Staff")
    house.close()


def test_a_full_disk_lets_a_call_wait(tmp_path: Path, clock: Clock) -> None:
    """The folder can not be written: tried again like any other way out."""
    house = house_of(tmp_path, clock)
    owe(house, update(channel="teleconference"))
    house.tasks.touch()
    drain(house)
    assert (row(house).status, row(house).reason) == (UpdateStatus.QUEUED, "disk")
    house.tasks.unlink()
    clock.now += timedelta(minutes=30)
    drain(house)
    assert (row(house).status, row(house).reason) == (UpdateStatus.WITHHELD, "by_staff")
    house.close()


def test_a_call_without_a_common_hour_is_staff_s_to_arrange(tmp_path: Path, clock: Clock) -> None:
    """The summary is there, no time is invented; a cancellation of none is refused."""
    house = house_of(tmp_path, clock)
    owe(house, update(channel="teleconference", zone="Asia/Kolkata"))
    drain(house)
    assert row(house).reason == "no_common_hour"
    assert [path.suffix for path in house.tasks.iterdir()] == [".txt"]
    with pytest.raises(RefusedError):
        reschedule(house, "a" * 32, "Staff", None)
    house.close()


def test_a_fax_is_followed_to_its_end(tmp_path: Path, clock: Clock) -> None:
    """Taken: sent, with the server's number; done: noted; given up: failed, and staff's retry is a new job."""
    with StandIn() as server:
        house = house_of(tmp_path, clock, fax=server)
        names = ["a" * 32, "b" * 32]
        owe(house, *(update(name, channel="fax", address="+52 55 5555 0100") for name in names))
        drain(house)
        assert [row(house, name).job for name in names] == ["1", "2"]
        check_faxes(house)
        assert row(house).returned is None
        server.end(names[0], "D")
        server.end(names[1], "F", "Busy signal detected")
        check_faxes(house)
        assert (row(house).status, row(house).returned) == (UpdateStatus.SENT, "delivered")
        assert (row(house, names[1]).status, row(house, names[1]).reason) == (UpdateStatus.FAILED, "fax_failed")
        assert house.store.retry(names[1], clock.now)
        drain(house)
        assert (row(house, names[1]).status, row(house, names[1]).job) == (UpdateStatus.SENT, "3")
        assert len(server.jobs()) == 3
        house.close()


def test_a_fax_program_that_is_not_there_holds_the_fax_for_staff(tmp_path: Path, clock: Clock) -> None:
    """No endless tries, no stop of the daemon; a retry goes out once the program is there."""
    with StandIn() as server:
        house = house_of(tmp_path, clock, fax=server)
        (server.folder / "faxstat").rename(server.folder / "away")
        owe(house, update(channel="fax", address="+52 55 5555 0100"))
        drain(house)
        assert (row(house).status, row(house).reason) == (UpdateStatus.WITHHELD, "fax_program")
        (server.folder / "away").rename(server.folder / "faxstat")
        assert house.store.retry("a" * 32, clock.now, RESUMABLE)
        drain(house)
        assert row(house).status is UpdateStatus.SENT
        house.close()


def test_a_fax_of_a_killed_run_is_looked_up_by_its_tag(tmp_path: Path, clock: Clock) -> None:
    """Killed after the server took it: `uncertain` at the start, sent as soon as the server knows the job; not sent again."""
    with StandIn() as server:
        house = house_of(tmp_path, clock, fax=server)
        owe(house, update(channel="fax", address="+52 55 5555 0100"))
        owed = house.store.due(NOW)
        assert owed is not None
        house.store.sending(owed.id, owed.message_id or "", NOW)
        HylaFax(server.settings()).send(compose(owed, Programme(), NOW))  # the server has it, our ledger does not know
        prepare(house)
        assert (row(house).status, row(house).reason) == (UpdateStatus.UNCERTAIN, "interrupted")
        assert drain(house) == 0
        assert (row(house).status, row(house).job) == (UpdateStatus.SENT, "1")
        assert len(server.jobs()) == 1
        house.close()


def test_a_mail_whose_answer_was_lost_is_not_sent_again_by_itself(tmp_path: Path, clock: Clock, smtp: SmtpSink) -> None:
    """Uncertain stays so over restarts; a receipt settles it, staff may retry it under the same Message-ID."""
    smtp.fault = Fault("DOT", "close")
    house = house_of(tmp_path, clock, smtp)
    owe(house, update())
    drain(house)
    smtp.fault = None
    prepare(house)
    clock.now = NOW + timedelta(days=3)
    assert drain(house) == 0
    assert row(house).status is UpdateStatus.UNCERTAIN
    assert house.store.retry("a" * 32, clock.now)
    drain(house)
    (mail,) = smtp.mails
    assert mail.message()["Message-ID"] == f"<{'a' * 32}@ucsd.edu>"
    house.close()


def test_a_mail_whose_answer_was_lost_is_found_among_the_sent_ones(tmp_path: Path, clock: Clock, smtp: SmtpSink) -> None:
    """A copy in the folder of sent mail settles the doubt; without one it stays staff's, and so it does without the server."""
    smtp.fault = Fault("DOT", "close")
    with Dovecot() as server:
        server.create("Sent")
        house = house_of(tmp_path, clock, smtp)
        told = {"host": "localhost", "port": server.port, "user": server.user, "password": server.password}
        told |= {"ca_file": server.ca_file, "sent_folder": "Sent"}
        mailbox = MailboxSettings.model_validate(told)
        house = replace(house, settings=house.settings.model_copy(update={"mailbox": mailbox}))
        house.__dict__["mailer"] = SmtpCourier(smtp.settings(), clock)
        owe(house, update(), update("b" * 32))
        drain(house)
        assert {row(house, name * 32).status for name in "ab"} == {UpdateStatus.UNCERTAIN}
        server.append(f"Message-ID: <{'a' * 32}@ucsd.edu>\nSubject: copy\n\ntext\n".encode(), "Sent")
        drain(house)
        assert [row(house, name * 32).status for name in "ab"] == [UpdateStatus.SENT, UpdateStatus.UNCERTAIN]
        server.stop()
        check_mails(house)
        assert row(house, "b" * 32).status is UpdateStatus.UNCERTAIN
        house.close()
