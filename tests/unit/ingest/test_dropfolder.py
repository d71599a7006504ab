"""The fax and courier folders."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.typing import EventDict

from config.settings import FolderSettings
from ingest.dropfolder import DropFolder
from records import events
from records.errors import TemporaryError
from records.model import Channel
from tests.unit.ingest.conftest import Custody

PDF = b"%PDF-1.4\n" + b"% page\n" * 300 + b"startxref\n9\n%%EOF\n"
OLD = 1_790_000_000

Make = Callable[..., DropFolder]


class Clock:
    """The test's own time, monotonic and wall alike."""

    def __init__(self) -> None:
        self.now = time.time()

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("ingest.dropfolder.time", clock)
    return clock


@pytest.fixture
def fax(drop: Path) -> Make:
    return lambda **settings: DropFolder("fax", Channel.FAX, FolderSettings(**settings), drop)


@pytest.fixture
def courier(drop: Path) -> Make:
    return lambda **settings: DropFolder("courier", Channel.COURIER, FolderSettings(**settings), drop)


def _codes(logged: list[EventDict], event: str) -> list[str]:
    return sorted(line["code"] for line in logged if line["event"] == event)


def test_a_file_is_taken_when_it_was_quiet_and_then_moved_to_taken(
    drop: Path, fax: Make, clock: Clock, custody: Custody, logged: list[EventDict]
) -> None:
    """Not while it may still grow; once, byte for byte; the folder is empty afterwards."""
    source = fax(quiet_seconds=5)
    assert custody.take(source) == []
    (drop / "scan.pdf").write_bytes(PDF)
    assert custody.take(source) == []
    clock.now += 4
    assert custody.take(source) == []
    clock.now += 2
    assert custody.take(source) == [PDF]
    assert [path.name for path in drop.iterdir()] == ["taken"]
    assert (drop / "taken" / "scan.pdf").read_bytes() == PDF
    assert custody.take(source) == []
    assert [(line["present"], line["known"], line["new"], line["unfinished"], line["missing"]) for line in logged] == [
        (0, 0, 0, 0, 0),
        (1, 0, 0, 1, 0),
        (1, 0, 0, 1, 0),
        (1, 0, 1, 0, 0),
        (0, 0, 0, 0, 0),
    ]


def test_a_growing_file_waits_until_it_rests(drop: Path, fax: Make, clock: Clock, custody: Custody) -> None:
    """Each write starts the quiet time anew, even when every state looks whole."""
    source = fax(quiet_seconds=5)
    custody.take(source)
    for chunk in range(1, 6):
        (drop / "scan.pdf").write_bytes(b"%PDF-1.4\n" + b"x" * chunk + b"\n%%EOF\n")
        clock.now += 4
        assert custody.take(source) == []
    clock.now += 6
    assert len(custody.take(source)) == 1


def test_it_is_told_what_a_little_patience_would_bring(drop: Path, fax: Make, clock: Clock, custody: Custody) -> None:
    """What only has to rest counts as unfinished; what is broken, empty or has a temporary name does not."""
    source = fax(quiet_seconds=5)
    (drop / "scan.pdf").write_bytes(PDF)
    (drop / "scan.pdf.part").write_bytes(PDF)
    custody.take(source)
    assert source.unfinished == 1
    clock.now += source.patience
    assert custody.take(source) == [PDF]
    (drop / "broken.pdf").write_bytes(PDF[:100])
    custody.take(source)
    clock.now += source.patience
    custody.take(source)
    assert source.unfinished == 0


def test_what_lay_there_before_the_start_is_taken_in_the_first_scan(
    drop: Path, fax: Make, clock: Clock, custody: Custody
) -> None:
    """Its own age counts, but only then: a file that comes later with an old time must rest before our eyes."""
    source = fax(quiet_seconds=60)
    (drop / "old.pdf").write_bytes(PDF)
    clock.now += 61
    assert custody.take(source) == [PDF]
    (drop / "copied.pdf").write_bytes(PDF)
    os.utime(drop / "copied.pdf", (OLD, OLD))
    assert custody.take(source) == []
    clock.now += 61
    assert custody.take(source) == [PDF]


def test_a_time_set_back_does_not_make_a_fresh_file_old(drop: Path, fax: Make, custody: Custody) -> None:
    """`cp -p` keeps the time of the original; when the file last changed here counts."""
    source = fax(quiet_seconds=60)
    (drop / "copied.pdf").write_bytes(PDF)
    os.utime(drop / "copied.pdf", (OLD, OLD))
    assert custody.take(source) == []


def test_a_half_written_fax_waits_and_after_half_an_hour_is_shown_to_staff(
    drop: Path, fax: Make, clock: Clock, custody: Custody, logged: list[EventDict]
) -> None:
    """Reported once, taken as it is so that it reaches quarantine, left in place; when its writer goes on, it comes whole."""
    source = fax(quiet_seconds=5, stalled_seconds=1800)
    custody.take(source)
    path = drop / "scan.pdf"
    path.write_bytes(PDF[:900])
    custody.take(source)
    clock.now += 1799
    assert custody.take(source) == []
    clock.now += 2
    assert custody.take(source) == [PDF[:900]]
    assert custody.take(source) == []
    assert _codes(logged, events.FILE_STALLED) == ["incomplete"]
    assert path.read_bytes() == PDF[:900]
    with path.open("ab") as writer:
        writer.write(PDF[900:])
    assert custody.take(source) == []
    clock.now += 6
    assert custody.take(source) == [PDF]
    assert not path.exists()


def test_names_of_files_in_the_making_are_not_taken(
    drop: Path, fax: Make, clock: Clock, custody: Custody, logged: list[EventDict]
) -> None:
    """Temporary, hidden and back-up names; a temporary one that stays is reported and left."""
    source = fax(quiet_seconds=0, stalled_seconds=1800)
    for name in ("scan.pdf.part", "scan.TMP", "scan.filepart", "scan.crdownload", ".scan.pdf", "~scan.pdf", "scan.pdf~"):
        (drop / name).write_bytes(PDF)
    assert custody.take(source) == []
    clock.now += 1900
    assert custody.take(source) == []
    assert _codes(logged, events.FILE_STALLED) == ["temporary_name"] * 4
    (drop / "scan.pdf.part").rename(drop / "scan.pdf")
    assert custody.take(source) == [PDF]


def test_what_is_no_regular_file_is_refused_once_and_left(
    drop: Path, fax: Make, clock: Clock, custody: Custody, logged: list[EventDict], tmp_path: Path
) -> None:
    """Links, pipes, folders and empty files; the event names the reason and no file name."""
    source = fax(quiet_seconds=0)
    secret = tmp_path / "secret.pdf"
    secret.write_bytes(PDF)
    (drop / "link.pdf").symlink_to(secret)
    (drop / "hard.pdf").hardlink_to(secret)
    os.mkfifo(drop / "pipe.pdf")
    (drop / "folder.pdf").mkdir()
    (drop / "empty.pdf").touch()
    before = sorted(path.name for path in drop.iterdir())
    for _ in range(3):
        assert custody.take(source) == []
        clock.now += 60
    assert sorted(path.name for path in drop.iterdir()) == before
    assert _codes(logged, events.FILE_REFUSED) == ["directory", "empty", "fifo", "linked", "symlink"]
    assert ".pdf" not in repr(logged)
    secret.unlink()  # the second name is gone: now it is a file like any other
    assert custody.take(source) == [PDF]


@pytest.mark.parametrize("name", ["scan.pdf.json", "scan.json"])
def test_a_sidecar_tells_caller_and_time_and_goes_along(drop: Path, fax: Make, custody: Custody, name: str) -> None:
    """It is no arrival itself."""
    source = fax(quiet_seconds=0)
    (drop / "scan.pdf").write_bytes(PDF)
    (drop / name).write_text('{"caller_id": "+52 55 5555 0100", "received_at": "2026-11-20T12:00:00Z"}')
    [arrival] = source.poll(custody.known)
    assert arrival.envelope.channel is Channel.FAX
    assert arrival.envelope.sender == "+52 55 5555 0100"
    assert arrival.envelope.received_at == datetime(2026, 11, 20, 12, tzinfo=UTC)
    source.acknowledge(arrival)
    assert sorted(path.name for path in (drop / "taken").iterdir()) == sorted(["scan.pdf", name])


def test_a_sidecar_still_being_written_is_waited_for(drop: Path, fax: Make, clock: Clock, custody: Custody) -> None:
    """A change of either starts the quiet time anew."""
    source = fax(quiet_seconds=5)
    custody.take(source)
    (drop / "scan.pdf").write_bytes(PDF)
    custody.take(source)
    clock.now += 4
    (drop / "scan.json").write_text('{"caller_id": "+52 55 5555 0100"}')
    custody.take(source)
    clock.now += 4
    assert custody.take(source) == []
    clock.now += 2
    [arrival] = source.poll(custody.known)
    assert arrival.envelope.sender == "+52 55 5555 0100"


def test_without_a_good_sidecar_the_files_own_time_stands(drop: Path, fax: Make, custody: Custody, tmp_path: Path) -> None:
    """A malformed sidecar says nothing, and one that is a link is not read."""
    source = fax(quiet_seconds=0)
    (tmp_path / "elsewhere").write_text('{"caller_id": "x"}')
    for name in ("one", "two"):
        (drop / f"{name}.pdf").write_bytes(PDF)
        os.utime(drop / f"{name}.pdf", (OLD, OLD))
    (drop / "one.json").write_bytes(b"{")
    (drop / "two.json").symlink_to(tmp_path / "elsewhere")
    for arrival in source.poll(custody.known):
        assert arrival.envelope.sender is None
        assert arrival.envelope.received_at == datetime.fromtimestamp(OLD, UTC)


def test_nothing_in_taken_is_overwritten(drop: Path, fax: Make, custody: Custody) -> None:
    """The same name twice is kept twice."""
    source = fax(quiet_seconds=0)
    for number in range(3):
        (drop / "scan.pdf").write_bytes(PDF + b"%d" % number)
        custody.take(source)
    taken = {path.name: path.read_bytes() for path in (drop / "taken").iterdir()}
    assert taken == {"scan.pdf": PDF + b"0", "scan~2.pdf": PDF + b"1", "scan~3.pdf": PDF + b"2"}


def test_left_in_place_each_file_comes_once_and_a_changed_one_again(drop: Path, fax: Make, custody: Custody) -> None:
    """With `after = "leave"` the ledger alone remembers."""
    source = fax(quiet_seconds=0, after="leave")
    (drop / "scan.pdf").write_bytes(PDF)
    assert custody.take(source) == [PDF]
    assert custody.take(source) == []
    assert custody.take(fax(quiet_seconds=0, after="leave")) == []
    (drop / "scan.pdf").write_bytes(PDF + b"\n")
    assert custody.take(source) == [PDF + b"\n"]
    assert sorted(path.name for path in drop.iterdir()) == ["scan.pdf"]


def test_removed_is_what_is_in_custody_and_nothing_else(drop: Path, fax: Make, custody: Custody) -> None:
    """With `after = "remove"` no copy in clear stays; a file that changed meanwhile comes whole first."""
    source = fax(quiet_seconds=0, after="remove")
    (drop / "scan.pdf").write_bytes(PDF)
    [arrival] = source.poll(custody.known)
    (drop / "scan.pdf").write_bytes(PDF + b"\n")
    source.acknowledge(arrival)
    assert (drop / "scan.pdf").read_bytes() == PDF + b"\n"
    assert custody.take(source) == [PDF + b"\n"]
    assert list(drop.iterdir()) == []


def test_a_killed_runs_move_is_made_up_for(drop: Path, fax: Make, custody: Custody) -> None:
    """A file in custody that was not moved is moved at the next scan, and not taken again."""
    (source := fax(quiet_seconds=0)).close()
    (drop / "scan.pdf").write_bytes(PDF)
    [arrival] = source.poll(custody.known)
    custody.kept[arrival.key] = PDF
    assert custody.take(fax(quiet_seconds=0)) == []
    assert (drop / "taken" / "scan.pdf").exists()


def test_a_file_that_grew_after_it_was_read_is_not_moved(drop: Path, fax: Make, custody: Custody) -> None:
    """It is another file by now, and comes in as such."""
    source = fax(quiet_seconds=0)
    path = drop / "scan.pdf"
    path.write_bytes(PDF)
    [arrival] = source.poll(custody.known)
    custody.kept[arrival.key] = b"".join(source.fetch(arrival))
    path.write_bytes(PDF + b"\n")
    source.acknowledge(arrival)
    assert path.exists()
    assert custody.take(source) == [PDF + b"\n"]


def test_a_taken_folder_that_leads_elsewhere_is_not_used(
    drop: Path, fax: Make, custody: Custody, logged: list[EventDict], tmp_path: Path
) -> None:
    """The file stays, it is in custody, and the fault is reported."""
    source = fax(quiet_seconds=0)
    (tmp_path / "elsewhere").mkdir()
    (drop / "taken").symlink_to(tmp_path / "elsewhere")
    (drop / "scan.pdf").write_bytes(PDF)
    assert custody.take(source) == [PDF]
    assert (drop / "scan.pdf").exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert len(_codes(logged, events.FILE_LEFT)) == 1


def test_a_key_tells_nothing_of_the_name(drop: Path, courier: Make, custody: Custody) -> None:
    """File names may hold patients' names, and keys stand in the ledger in clear."""
    source = courier(quiet_seconds=0)
    (drop / "SYNTHETIC PATIENT ALPHA.iso").write_bytes(b"x")
    (drop / "SYNTHETIC PATIENT BETA").mkdir()
    (drop / "SYNTHETIC PATIENT BETA" / "1.dcm").write_bytes(b"x")
    arrivals = list(source.poll(custody.known))
    assert len(arrivals) == 2
    assert "SYNTHETIC" not in repr(arrivals)


def test_a_discs_folder_is_one_arrival(
    drop: Path, courier: Make, clock: Clock, custody: Custody, logged: list[EventDict]
) -> None:
    """When its whole tree rests; it is moved as a whole."""
    source = courier(quiet_seconds=30)
    custody.take(source)
    disc = drop / "disc"
    (disc / "CT").mkdir(parents=True)
    for number in range(3):
        (disc / "CT" / f"{number}.dcm").write_bytes(b"dicom %d" % number)
        clock.now += 20
        assert custody.take(source) == []
    (disc / "CT" / "link").symlink_to("/etc")
    clock.now += 31
    [raw] = custody.take(source)
    assert all(b"dicom %d" % number in raw for number in range(3))
    assert not disc.exists()
    assert len(list((drop / "taken" / "disc" / "CT").iterdir())) == 4
    assert custody.take(source) == []
    assert _codes(logged, events.FILE_REFUSED) == ["left_out"]


def test_a_disc_still_being_copied_waits(drop: Path, courier: Make, clock: Clock, custody: Custody) -> None:
    """A file with a temporary name in it says so; after half an hour it is taken as it is and left in place."""
    source = courier(quiet_seconds=0, stalled_seconds=1800)
    custody.take(source)
    (drop / "disc").mkdir()
    (drop / "disc" / "1.dcm.part").write_bytes(b"x")
    assert custody.take(source) == []
    clock.now += 1801
    assert len(custody.take(source)) == 1
    assert (drop / "disc" / "1.dcm.part").exists()


def test_what_lies_under_a_case_belongs_to_it(drop: Path, courier: Make, custody: Custody) -> None:
    """Files and folders in a folder named by a case reference; a look-alike is an ordinary folder."""
    source = courier(quiet_seconds=0)
    (drop / "SOMRR-7F3K2-9" / "disc").mkdir(parents=True)
    (drop / "SOMRR-7F3K2-9" / "disc" / "1.dcm").write_bytes(b"x")
    (drop / "SOMRR-7F3K2-9" / "report.pdf").write_bytes(PDF)
    (drop / "somrr notes").mkdir()
    (drop / "somrr notes" / "a.txt").write_bytes(b"x")
    refs = []
    for arrival in source.poll(custody.known):
        refs.append(arrival.envelope.case_ref)
        custody.kept[arrival.key] = b"".join(source.fetch(arrival))
        source.acknowledge(arrival)
    assert sorted(map(str, refs)) == ["None", "SOMRR-7F3K2-9", "SOMRR-7F3K2-9"]
    assert sorted(path.name for path in (drop / "taken" / "SOMRR-7F3K2-9").iterdir()) == ["disc", "report.pdf"]


def test_one_unreadable_folder_keeps_nothing_else_from_coming_in(
    drop: Path, courier: Make, custody: Custody, logged: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused with its reason."""

    def unreadable(_top: Path) -> object:
        raise TemporaryError("folder_unavailable", "13")

    source = courier(quiet_seconds=0)
    (drop / "disc").mkdir()
    (drop / "scan.pdf").write_bytes(PDF)
    monkeypatch.setattr("ingest.dropfolder.survey", unreadable)
    assert custody.take(source) == [PDF]
    assert _codes(logged, events.FILE_REFUSED) == ["unreadable"]


def test_an_absent_configured_folder_is_a_fault_and_is_not_made(drop: Path, fax: Make, custody: Custody) -> None:
    """An unmounted share must not be taken for an empty one; when it is there again, its files come in."""
    source = fax(path=drop, quiet_seconds=0)
    with pytest.raises(TemporaryError, match="folder_unavailable"):
        custody.take(source)
    source.wait(0.1, threading.Event())
    assert not drop.exists()
    drop.mkdir()
    (drop / "scan.pdf").write_bytes(PDF)
    assert custody.take(source) == [PDF]
    source.close()


@pytest.mark.parametrize("watch", ["events", "polling"])
def test_a_drop_ends_the_wait(drop: Path, fax: Make, custody: Custody, watch: str) -> None:
    """By inotify or by listing; and the wait then lasts no longer than until the file can be finished."""
    source = fax(watch=watch, quiet_seconds=0.3)
    source.wait(1, threading.Event())
    custody.take(source)
    timer = threading.Timer(0.3, (drop / "scan.pdf").write_bytes, (PDF,))
    timer.start()
    began = time.monotonic()
    taken: list[bytes] = []
    while not taken and time.monotonic() - began < 20:
        source.wait(30, threading.Event())
        taken = custody.take(source)
    assert taken == [PDF]
    assert time.monotonic() - began < 8
    timer.join()
    source.close()


def test_a_stop_ends_the_wait(fax: Make) -> None:
    """Within a second."""
    source = fax()
    source.wait(0.1, threading.Event())
    stop = threading.Event()
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    began = time.monotonic()
    source.wait(60, stop)
    assert time.monotonic() - began < 1.2
    timer.join()
    source.close()


def test_a_replaced_folder_is_watched_anew(drop: Path, fax: Make, tmp_path: Path) -> None:
    """A share that was mounted again is another folder under the same name."""
    source = fax()
    source.wait(1, threading.Event())
    drop.rename(tmp_path / "away")
    drop.mkdir()
    source.wait(1, threading.Event())
    timer = threading.Timer(0.3, (drop / "scan.pdf").write_bytes, (PDF,))
    timer.start()
    began = time.monotonic()
    source.wait(30, threading.Event())
    assert time.monotonic() - began < 3
    timer.join()
    source.close()


def test_taken_is_no_second_archive(drop: Path, courier: Make, clock: Clock, custody: Custody, logged: list[EventDict]) -> None:
    """After its days a copy goes, file and folder, under a case and not; what a link points to stays, and 0 days keep all."""
    (drop / "SOMRR-7F3K2-9").mkdir(parents=True)
    (drop / "SOMRR-7F3K2-9" / "scan.pdf").write_bytes(PDF)
    (drop / "disc").mkdir()
    (drop / "disc" / "IM1").write_bytes(b"image")
    source = courier(quiet_seconds=0, taken_days=14)
    custody.take(source)
    outside = drop.parent / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"not ours")
    (drop / "taken" / "link").symlink_to(outside)
    assert len(list((drop / "taken").rglob("*"))) == 5
    clock.now += 13 * 86400
    custody.take(source)
    assert len(list((drop / "taken").rglob("*"))) == 5
    clock.now += 2 * 86400
    custody.take(courier(quiet_seconds=0, taken_days=0))
    assert len(list((drop / "taken").rglob("*"))) == 5
    custody.take(source)
    assert [path.name for path in (drop / "taken").rglob("*")] == ["SOMRR-7F3K2-9"]
    assert (outside / "file").exists()
    assert [line["files"] for line in logged if line["event"] == events.FOLDER_EMPTIED] == [3]
