"""A trouble is told once when it begins and once when it is over, and the alarm names the right one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import update

from config.settings import AlarmSettings, FolderSettings, MailboxSettings, Settings
from daemon import health as room
from daemon.health import Health
from daemon.house import House, now
from daemon.room import Room
from records import events
from records import tables as t
from records.model import Arrival, Channel, Envelope

HOUR = timedelta(hours=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    settings = Settings(
        home=tmp_path / "home",
        min_free=1 << 20,
        mailbox=MailboxSettings(silent_hours=48),
        fax=FolderSettings(silent_hours=24),
        alarms=AlarmSettings(waiting_minutes=60),
    )
    made = House(settings)
    made.store.head()
    yield made
    made.close()


class Watch:
    """Looks, at any time of day."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.health = Health(house, Room(house.home, 1 << 20), {}, ())
        self._patch, self._start = monkeypatch, now()

    def look(self, hours: float = 0) -> list[dict[str, Any]]:
        """What is told so many hours after the start."""
        at = self._start + timedelta(hours=hours)
        self._patch.setattr(room, "now", lambda: at)
        with structlog.testing.capture_logs() as lines:
            self.health.look()
        return [dict(line) for line in lines]


@pytest.fixture
def watch(house: House, monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(house, monkeypatch)


def accept(house: House, key: str = "1", source: str = "maildir", ago: timedelta = timedelta()) -> str:
    at = now() - ago
    kept = house.vault.keep([key.encode()])
    return house.store.accept(Arrival(source, key, Envelope(Channel.EMAIL, at)), kept, at).submission.id


def decided(house: House) -> None:
    with house.store.engine.connect() as c, c.begin():
        c.execute(update(t.submissions).values(state="decided"))


def told(lines: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [(line["event"], line.get("source") or line.get("code")) for line in lines]


def test_on_a_good_day_nothing_is_told(house: House, watch: Watch) -> None:
    """New arrivals, decided in time; looked at again and again."""
    accept(house)
    assert [watch.look(hours) for hours in (0, 0.5, 0.9)] == [[], [], []]


def test_what_waits_too_long_is_told_once(house: House, watch: Watch) -> None:
    """From the first look after the hour until it is decided, and anew for the next that waits."""
    accept(house)
    assert watch.look(0.99) == []
    (line,) = watch.look(1.01)
    assert (line["event"], line["log_level"], line["seconds"]) == (events.WORK_LATE, "warning", pytest.approx(3636, abs=30))
    assert [watch.look(hours) for hours in (1.1, 5)] == [[], []]
    decided(house)
    (line,) = watch.look(5.1)
    assert (line["event"], line["code"]) == (events.ALARM_ENDED, "waiting")
    accept(house, "2")
    assert told(watch.look(6)) == [(events.WORK_LATE, None)]


def test_each_source_falls_silent_by_its_own_measure(house: House, watch: Watch) -> None:
    """Fax after a day, mail after two, courier never; whatever comes ends only its own alarm."""
    accept(house, "m", "maildir")
    accept(house, "f", "fax")
    decided(house)
    assert watch.look(23.9) == []
    assert told(watch.look(24.1)) == [(events.SOURCE_SILENT, "fax")]
    assert told(watch.look(48.1)) == [(events.SOURCE_SILENT, "maildir")]
    assert watch.look(1000) == []
    accept(house, "f2", "fax", ago=-1000 * HOUR)
    decided(house)
    (line,) = watch.look(1001)
    assert (line["event"], line["code"], line["source"]) == (events.ALARM_ENDED, "silent", "fax")


def test_silence_counts_from_the_last_arrival_over_restarts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that is restarted every day still notices; one that never had anything counts from its start."""
    accept(house, "m", "maildir", ago=50 * HOUR)
    decided(house)
    assert told(Watch(house, monkeypatch).look(0)) == [(events.SOURCE_SILENT, "maildir")]


def test_a_key_file_that_is_gone_or_open_is_told(house: House, watch: Watch) -> None:
    """The daemon runs on with what it has in memory; the next start would not."""
    file = house.keys.file
    assert file is not None
    file.chmod(0o644)
    assert told(watch.look()) == [(events.KEYS_UNFIT, "open_to_others")]
    file.chmod(0o600)
    assert told(watch.look()) == [(events.ALARM_ENDED, "keys")]
    file.rename(file.with_suffix(".away"))
    assert told(watch.look()) == [(events.KEYS_UNFIT, "missing")]
    file.with_suffix(".away").rename(file)
    assert told(watch.look()) == [(events.ALARM_ENDED, "keys")]


@pytest.mark.parametrize("entries", [1, 5])
def test_a_trail_whose_end_was_changed_is_told(house: House, watch: Watch, entries: int) -> None:
    """The newest entry is looked at each time; the whole trail is for `somrr audit verify`."""
    for _ in range(entries):
        house.store.note("A Person", "view", "SOMRR-00000-00000-0", now())
    assert watch.look() == []
    with house.store.engine.connect() as c, c.begin():
        c.execute(update(t.trail).where(t.trail.c.seq == entries).values(body=b"another"))
    assert told(watch.look()) == [(events.AUDIT_BROKEN, None)]


def test_a_key_that_was_given_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential: nothing to look at, nothing to tell."""
    made = House(Settings.model_validate({"home": tmp_path / "home", "keys": {"master": "ab" * 32}}))
    made.store.head()
    assert Watch(made, monkeypatch).look() == []
    made.close()


def test_readers_that_can_not_be_started_are_found(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The real question to the real sandbox: fine here, and not without bubblewrap."""
    assert room._reading_works(house) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert room._reading_works(house) == "no reader can be started"
