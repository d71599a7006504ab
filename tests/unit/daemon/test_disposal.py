"""The end of a case: steps, questions, what is destroyed, and a kill at any point of it (R38-R41)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from daemon import disposal
from daemon.cli import main
from daemon.house import House
from records.backup import Home, make
from records.errors import PermanentError, RefusedError, TemporaryError
from records.model import Arrival, CaseStatus, Channel, Envelope, Event, Kept, SubmissionState, UpdateStatus
from records.verify import verify
from routing.acts import Act, act
from routing.decide import decide
from tests.makers import NOW, incoming, packet, world

REF = "SOMRR-00000-00000-1"
CANARY = b"SYNTHETIC PATIENT ALPHA and all that was sent"
LATER = NOW + timedelta(days=200)


class PowerCutError(Exception):
    """The named fault: the process ends in the midst of disposal."""


def opened(home: Path) -> House:
    made = House(Settings(home=home))
    for name in ("fax", "courier"):
        (home / name).mkdir(parents=True, exist_ok=True)
    return made


def arrives(house: House, raw: bytes, key: str, now: datetime = NOW) -> Kept:
    kept = house.vault.keep([raw])
    house.store.accept(Arrival("maildir", key, Envelope(Channel.EMAIL, now)), kept, now)
    return kept


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One open case whose fax lies in taken/ too, and a mail that was no packet."""
    made = opened(tmp_path / "home")
    arrives(made, CANARY, "1")
    claimed = made.store.claim(NOW)
    assert claimed is not None
    came = incoming(packet())
    decision = decide(replace(came, submission=claimed), (), world(ref=REF))
    made.store.commit(decision, NOW)
    taken = made.home / "fax" / "taken"
    taken.mkdir()
    (taken / "fax.pdf").write_bytes(CANARY)
    (taken / "other.pdf").write_bytes(b"somebody else's")
    yield made
    made.close()


def listed_and_due(house: House) -> list[disposal.Judged]:
    """The case after its list and its grace."""
    day = LATER
    assert disposal.run(house, list(disposal.plan(house, day)), "machine", day, None) == 0
    return list(disposal.plan(house, day + timedelta(days=15)))


def killed(house: House, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends where `point` would begin."""
    due = listed_and_due(house)
    room, name = point.split(".")

    def cut(*_: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as patched:
        patched.setattr(getattr(house, room), name, cut)
        with pytest.raises(PowerCutError):
            disposal.run(house, due, "machine", LATER + timedelta(days=15), None)


def steps(judged: list[disposal.Judged]) -> list[str]:
    return [one.retention.step.value for one in judged]


def test_a_case_ends_in_a_tombstone_that_tells_nothing(house: House, tmp_path: Path) -> None:
    """Keys, original, derived text, the copy in taken/ gone; reference, counts, hashes, dates and actor stay."""
    digest = house.store.submissions()[0].digest
    keys = house.store.data_keys(REF)
    make(Home(house.database, house.home / "vault", house.home / "forms"), tmp_path / "yesterday", NOW)
    due = listed_and_due(house)
    assert steps(due) == ["dispose"]
    assert disposal.run(house, due, "Example Staff", LATER + timedelta(days=15), None) == 1
    record = house.store.record(REF)
    assert record is not None
    assert record.case.status is CaseStatus.DISPOSED
    assert (record.documents, record.held, record.updates, record.case.contacts) == ((), (), (), ())
    facts = {name: fact.value for name, fact in record.case.facts.items()}
    assert facts["disposed_documents"] == len(packet())
    assert facts["disposed_sha256"] == digest
    assert {fact.by for fact in record.case.facts.values()} == {"Example Staff"}
    assert not any(house.keys.holds(key) for key in keys)
    assert not list(house.vault.names())
    assert {path.name for path in (house.home / "fax" / "taken").iterdir()} == {"other.pdf"}
    assert verify(house.store, house.vault).faults == []
    backup = next((tmp_path / "yesterday").rglob(house.vault.path(digest).name))
    house.vault.path(digest).parent.mkdir(exist_ok=True)
    house.vault.path(digest).write_bytes(backup.read_bytes())
    with pytest.raises(PermanentError, match="key_gone"):
        b"".join(house.vault.open(digest))


def test_staff_are_warned_once_before_the_time_comes(house: House) -> None:
    """R41: a task for staff, nothing to anybody else, and not again at the next run."""
    for day in (172, 173):
        moment = NOW + timedelta(days=day)
        judged = list(disposal.plan(house, moment))
        assert steps(judged) == ["warn"]
        disposal.run(house, judged, "machine", moment, None)
    record = house.store.record(REF)
    assert record is not None
    assert [(u.event, u.status) for u in record.updates if u.event is Event.DISPOSAL_NEAR] == [
        (Event.DISPOSAL_NEAR, UpdateStatus.WITHHELD)
    ]


def test_a_second_run_does_nothing(house: House) -> None:
    """R40: idempotent."""
    due = listed_and_due(house)
    moment = LATER + timedelta(days=15)
    disposal.run(house, due, "machine", moment, None)
    head = house.store.head()
    again = list(disposal.plan(house, moment))
    assert set(steps(again)) == {"keep"}
    assert disposal.run(house, again, "machine", moment, None) == 0
    assert house.store.head() == head


@pytest.mark.parametrize("point", ["keys.destroy", "vault.remove", "store.erased"])
def test_killed_midway_the_next_run_goes_on(house: House, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before keys, before originals, before the end is written down."""
    killed(house, point, monkeypatch)
    house.close()
    again = opened(house.home)
    try:
        assert disposal.finish(again) > 0
        assert (list(again.vault.names()), again.store.erasures()) == ([], [])
        assert not (again.home / "fax" / "taken" / "fax.pdf").exists()
        assert disposal.finish(again) == 0
    finally:
        again.close()


@pytest.mark.parametrize("point", ["keys.destroy", "vault.remove", "store.erased"])
def test_the_same_bytes_that_come_meanwhile_are_kept_afterwards(
    house: House, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Custody is not taken of bytes that are about to be destroyed, and once they are it is taken of the whole."""
    killed(house, point, monkeypatch)
    arrival, kept = Arrival("fax", "again", Envelope(Channel.FAX, LATER)), house.vault.keep([CANARY])
    with pytest.raises(TemporaryError, match="erasing"):
        house.store.accept(arrival, kept, LATER)
    disposal.finish(house)
    if not house.keys.holds(kept.key):  # kept before the end under a key that went with it
        with pytest.raises(TemporaryError, match="erasing"):
            house.store.accept(arrival, kept, LATER)
    accepted = house.store.accept(arrival, house.vault.keep([CANARY]), LATER)
    assert accepted.new
    assert b"".join(house.vault.open(accepted.submission.digest)) == CANARY


def test_what_happens_after_the_list_saves_the_case(house: House) -> None:
    """An act of staff between the list and the moment itself: judged again, nothing goes."""
    due = listed_and_due(house)
    record = house.store.record(REF)
    assert record is not None
    house.store.commit(act(record, Act("note", "Example Staff", "called"), world(LATER)), LATER)
    assert disposal.run(house, due, "machine", LATER + timedelta(days=15), None) == 0
    assert house.store.erasures() == []


def test_a_hold_blocks_and_is_named(house: House) -> None:
    """R39."""
    record = house.store.record(REF)
    assert record is not None
    house.store.commit(act(record, Act("hold", "Example Staff", "", {"hold": True}), world()), NOW)
    assert [one.retention.blockers for one in disposal.plan(house, LATER)] == [("hold",)]


def test_mail_that_was_no_packet_ends_too(tmp_path: Path) -> None:
    """A submission without a case, after the same time."""
    house = opened(tmp_path)
    try:
        arrives(house, b"a newsletter", "1")
        claimed = house.store.claim(NOW)
        assert claimed is not None
        came = replace(incoming([]), submission=claimed)
        house.store.commit(decide(came, (), world()), NOW)
        due = list(disposal.plan(house, LATER))
        assert steps(due) == ["dispose"]
        assert disposal.run(house, due, "machine", LATER, len(due)) == 1
        assert list(house.vault.names()) == []
        assert house.store.submissions()[0].state is SubmissionState.DISPOSED
        assert house.store.known("maildir", ["1"]) == {"1"}  # still in the mailbox, and not new
        assert list(disposal.plan(house, LATER)) == []  # once
    finally:
        house.close()


def test_the_same_bytes_sent_again_are_a_new_arrival(house: House) -> None:
    """What was disposed of can not be read, so who sends it again is not told that we have it."""
    disposal.run(house, listed_and_due(house), "machine", LATER + timedelta(days=15), None)
    kept = arrives(house, CANARY, "2", LATER + timedelta(days=20))
    claimed = house.store.claim(LATER + timedelta(days=20))
    assert claimed is not None
    assert claimed.digest == kept.digest
    assert b"".join(house.vault.open(kept.digest)) == CANARY


@pytest.mark.parametrize(("shift", "code"), [(timedelta(days=-1), "clock_behind"), (timedelta(days=400), "clock_ahead")])
def test_a_clock_that_jumped_is_a_question(house: House, shift: timedelta, code: str) -> None:
    """Behind the newest record, or far beyond it: nothing goes until somebody says that it is right."""
    due = listed_and_due(house)
    moment = LATER + shift
    with pytest.raises(RefusedError, match=code):
        disposal.run(house, due, "machine", moment, None)
    assert house.store.erasures() == []


def test_too_many_at_once_are_a_question(house: House) -> None:
    """More than a handful and more than one in a hundred."""
    one = listed_and_due(house)[0]
    many = [one] * 6
    with pytest.raises(RefusedError, match="too_many"):
        disposal.run(house, many, "machine", LATER + timedelta(days=15), None)


def test_the_command_lists_in_a_dry_run_and_touches_nothing(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--dry-run --json`: one object a case whose time is near; then the run itself."""
    monkeypatch.setattr("daemon.house.now", lambda: LATER)

    def said(*arguments: str) -> list[dict[str, Any]]:
        main(["--config", "/dev/null", "--home", str(house.home), "dispose", "--json", *arguments])
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    told = {"subject": REF, "what": "case", "step": "list", "due": "2026-09-04", "blockers": []}
    assert said("--dry-run") == [told]
    assert said("--dry-run") == [told]
    assert said() == [told]
    assert [row["step"] for row in said("--dry-run")] == ["listed"]
