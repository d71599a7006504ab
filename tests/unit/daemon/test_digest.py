"""What the office is told once a day: exactly once, without anything of a patient; and what waits too long."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from structlog.testing import capture_logs

from config.rules import Rules
from config.settings import Settings, StaffSettings
from daemon.cli import main
from daemon.digest import DIED, MOST, Duty, due_day, gather, give
from daemon.house import House
from outbound.outgoing import Mark
from records import events
from records.daily import Daily, Turn
from records.model import Arrival, Channel, Delivery, Envelope, Kind, Message, Outcome
from routing.decide import decide
from tests.makers import NOW, document, incoming, packet, world

DAY = NOW.date()  # a Wednesday, at 10:00 of the office's clock
OFFICE = "office@clinic.example"
REF = "SOMRR-00000-00000-1"


class PowerCutError(Exception):
    """The named fault: the process ends at this very point."""


@dataclass
class Wire:
    """A mail server that may lose the line: it dies before or after the point of no return, or answers."""

    repeatable: bool = False
    dies: str = ""
    answers: list[Outcome] = field(default_factory=list)
    taken: list[Message] = field(default_factory=list)

    def send(self, message: Message, mark: Mark) -> Delivery:
        if self.dies == "before":
            raise PowerCutError
        mark()
        self.taken.append(message)
        if self.dies == "after":
            raise PowerCutError
        return Delivery(self.answers.pop(0) if self.answers else Outcome.SENT, "250", NOW)


def opened(home: Path, wire: Wire | None = None, **staff: Any) -> House:
    made = House(Settings(home=home, staff=StaffSettings(**{"digest_to": OFFICE, **staff})))
    if wire is not None:
        made.__dict__["mailer"] = wire
    return made


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One open case, and one whose letter waits in quarantine."""
    made = opened(tmp_path / "home", Wire())
    papers = {
        REF: packet(),
        "SOMRR-00000-00000-2": [
            document(Kind.LETTER_OF_AGREEMENT, doubtful=("loa_signature_unclear",), name="Amaranta <b>loa</b>")
        ],
    }
    for number, (ref, documents) in enumerate(papers.items()):
        kept = made.vault.keep([f"{number}".encode()])
        made.store.accept(Arrival("maildir", f"{number}", Envelope(Channel.EMAIL, NOW)), kept, NOW)
        claimed = made.store.claim(NOW)
        assert claimed is not None
        made.store.commit(decide(replace(incoming(documents), submission=claimed), (), world(ref=ref)), NOW)
    yield made
    made.close()


def wire_of(house: House) -> Wire:
    wire = house.mailer
    assert isinstance(wire, Wire)
    return wire


def test_one_mail_a_day_however_often_it_is_asked_and_restarted(house: House) -> None:
    """Ten looks of two daemons on two days are two mails, with two different ids."""
    for hours in (0, 1, 2, 24, 25):
        for duty in (Duty(house), Duty(house)):
            duty.look(NOW + timedelta(hours=hours))
    assert len(wire_of(house).taken) == 2
    assert len({message.message_id for message in wire_of(house).taken}) == 2


def test_a_kill_after_the_point_of_no_return_is_uncertain_and_never_sent_again(house: House) -> None:
    """The server may have it; the next day has its own."""
    wire = wire_of(house)
    wire.dies = "after"
    with pytest.raises(PowerCutError):
        give(house, NOW, DAY)
    wire.dies = ""
    assert give(house, NOW + timedelta(minutes=1), DAY) is None  # it may still be at it
    with capture_logs() as told:
        assert give(house, NOW + DIED, DAY) == "uncertain"
    assert [line["event"] for line in told] == [events.DIGEST_FAILED]
    assert give(house, NOW + 2 * DIED, DAY) is None
    assert len(wire.taken) == 1
    assert give(house, NOW + timedelta(days=1), DAY + timedelta(days=1)) == "sent"


@pytest.mark.parametrize(("dies", "repeatable"), [("before", False), ("before", True), ("after", True)])
def test_a_kill_that_lost_nothing_is_made_good(house: House, dies: str, repeatable: bool) -> None:
    """Before the point of no return, or into a file that is replaced: sent when the dead one's time is over."""
    wire = wire_of(house)
    wire.dies, wire.repeatable = dies, repeatable
    with pytest.raises(PowerCutError):
        give(house, NOW, DAY)
    wire.dies = ""
    assert give(house, NOW + DIED, DAY) == "sent"
    assert len({message.update for message in wire.taken}) == 1


def test_two_at_once_send_one(house: House) -> None:
    """Who finds the turn moved under them sends nothing."""
    daily = Daily(house.store, "digest")
    mine, other = Turn(DAY.isoformat(), "claimed", NOW, 1), Turn(DAY.isoformat(), "claimed", NOW, 2)
    assert daily.move(None, mine)
    assert not daily.move(None, other)
    assert daily.move(mine, other)
    assert not daily.move(mine, mine._replace(state="sending"))
    assert daily.last() == other
    assert give(house, NOW, DAY) is None


def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(house: House) -> None:
    """Later, not at once; a refusal stands for the day."""
    wire = wire_of(house)
    wire.answers = [Outcome.DEFERRED, Outcome.FAILED]
    assert give(house, NOW, DAY) == "deferred"
    assert give(house, NOW + timedelta(seconds=1), DAY) is None
    assert give(house, NOW + timedelta(hours=1), DAY) == "failed"
    assert give(house, NOW + timedelta(hours=2), DAY) is None


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 3, 4, 15, 29, tzinfo=UTC), None),  # 7:29 in San Diego
        (datetime(2026, 3, 4, 15, 30, tzinfo=UTC), date(2026, 3, 4)),
        (datetime(2026, 3, 5, 0, 30, tzinfo=UTC), date(2026, 3, 4)),  # 16:30, the daemon was away all day
        (datetime(2026, 3, 5, 0, 31, tzinfo=UTC), None),
        (datetime(2026, 3, 7, 18, 0, tzinfo=UTC), None),  # a Saturday
        (datetime(2026, 11, 26, 18, 0, tzinfo=UTC), None),  # Thanksgiving
        (datetime(2026, 3, 9, 14, 30, tzinfo=UTC), date(2026, 3, 9)),  # the Monday after the clocks went forward
    ],
)
def test_on_days_when_the_office_is_open_and_from_its_hour_on(moment: datetime, day: date | None) -> None:
    """By the office's clock and calendar."""
    assert due_day(moment, Rules(), time(7, 30)) == day


def test_nothing_waits_nothing_is_sent_unless_wished(tmp_path: Path) -> None:
    """An empty day is over all the same; `digest_empty` makes it a mail."""
    quiet, wire = opened(tmp_path / "one", Wire()), Wire()
    assert give(quiet, NOW, DAY) == "empty"
    assert give(quiet, NOW, DAY) is None
    wished = opened(tmp_path / "two", wire, digest_empty=True)
    assert give(wished, NOW, DAY) == "sent"
    assert wire.taken[0].subject == "SOMRR: nothing waits for you"
    for one in (quiet, wished):
        one.close()


def test_nobody_is_written_to_where_nobody_is_named_or_the_address_is_none(house: House, tmp_path: Path) -> None:
    """No address, no mail; a broken one fails aloud once."""
    Duty(House(Settings(home=house.home))).look(NOW)
    assert Daily(house.store, "digest").last() is None
    broken = opened(tmp_path / "broken", Wire(), digest_to="office@clinic.example\r\nBcc: x@y.example", digest_empty=True)
    assert give(broken, NOW, DAY) == "failed"
    broken.close()


def test_it_says_what_waits_and_nothing_of_any_patient(house: House) -> None:
    """References, ages, reasons and commands; no name, date, file name, address, and marks are escaped."""
    assert give(house, NOW + timedelta(hours=5), DAY) == "sent"
    (message,) = wire_of(house).taken
    assert message.subject == "SOMRR: 2 things wait for you"
    for form in (message.text, message.html):
        assert f"somrr case approve {REF} --by NAME" in form
        assert "1 x loa_signature_unclear" in form
        assert "5 h" in form
        for canary in ("Amaranta", "loa</b>", "SYNTHETIC", "ALPHA", "1961", "physician@clinic.example", "Dr. Example", ".pdf"):
            assert canary not in form
    ET.fromstring(message.html.replace("<!DOCTYPE html>", ""))  # noqa: S314 - our own text; a fault here is a bad escape
    assert max(map(len, message.text.splitlines())) <= 130


def test_in_the_embedded_default_it_is_a_file(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """`digest` prints it, `digest --send` writes it once, with the programme's own address as sender."""
    home = str(house.home)
    config = house.home / "somrr.toml"
    config.write_text(f'[staff]\ndigest_to = "{OFFICE}"\n')
    main(["--config", str(config), "--home", home, "digest"])
    assert REF in capsys.readouterr().out
    main(["--config", str(config), "--home", home, "digest", "--send"])
    (file,) = (house.home / "outgoing").glob("digest-*.eml")
    sent = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert (sent["To"], sent["Auto-Submitted"]) == (OFFICE, "auto-generated")
    with pytest.raises(SystemExit, match="65"):
        main(["--config", str(config), "--home", home, "digest", "--send"])


def test_a_long_list_is_cut_and_counted(house: House) -> None:
    """Nobody reads a hundred lines; how many are left out is said."""
    for number in range(MOST + 5):
        ref = f"SOMRR-00000-{number:05}-3"
        kept = house.vault.keep([f"more {number}".encode()])
        house.store.accept(Arrival("maildir", f"more {number}", Envelope(Channel.EMAIL, NOW)), kept, NOW)
        claimed = house.store.claim(NOW)
        assert claimed is not None
        papers = [replace(one, id=f"{number:04}{one.id}"[:24]) for one in packet()]
        house.store.commit(decide(replace(incoming(papers), submission=claimed), (), world(ref=ref)), NOW)
    first = gather(house, NOW).sections[0]
    assert (len(first.entries), first.left) == (MOST, 7)


def test_what_waits_too_long_is_an_alarm_once_a_day(house: House) -> None:
    """Not before its time, then once a day, with count and age; no mail has to be configured."""
    duty = Duty(House(Settings(home=house.home)))
    with capture_logs() as told:
        for hours in (0, 47, 49, 50, 51, 80):
            duty.look(NOW + timedelta(hours=hours))
    alarms = [line for line in told if line["event"] == events.QUARANTINE_AGEING]
    assert [(line["count"], line["oldest_hours"]) for line in alarms] == [(1, 49), (1, 80)]
