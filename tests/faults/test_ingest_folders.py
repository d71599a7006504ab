"""What writers, disks and neighbours can do to a drop folder, one named fake a fault (hostile cases 46-49)."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.settings import FolderSettings
from ingest.dropfolder import DropFolder
from ingest.source import ArrivalError
from records import events
from records.errors import TemporaryError
from records.model import Channel

READ = os.read
PDF = b"%PDF-1.4\n" + b"% page\n" * 30_000 + b"startxref\n9\n%%EOF\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "fax"


@pytest.fixture
def fax(folder: Path) -> Iterator[DropFolder]:
    source = DropFolder("fax", Channel.FAX, FolderSettings(quiet_seconds=0.3, poll_seconds=0.1), folder)
    yield source
    source.close()


def _nothing(_keys: Sequence[str]) -> set[str]:
    return set()


def _take(source: DropFolder, kept: dict[str, bytes]) -> None:
    for arrival in source.poll(lambda keys: kept.keys() & set(keys)):
        try:
            kept[arrival.key] = b"".join(source.fetch(arrival))
        except ArrivalError:
            continue
        source.acknowledge(arrival)


def _slow_writer(path: Path, chunks: int, pause: float) -> None:
    """A fax server that writes straight into the folder, with pauses longer than the quiet time."""
    with path.open("wb", buffering=0) as file:
        step = len(PDF) // chunks + 1
        for start in range(0, len(PDF), step):
            file.write(PDF[start : start + step])
            time.sleep(pause)


def test_a_fax_written_in_chunks_is_taken_whole_and_once(fax: DropFolder, folder: Path) -> None:
    """Though it rests between the chunks for longer than the quiet time: its end is not there yet."""
    writer = threading.Thread(target=_slow_writer, args=(folder / "scan.pdf", 5, 0.5))
    writer.start()
    kept: dict[str, bytes] = {}
    began = time.monotonic()
    while not kept and time.monotonic() - began < 20:
        _take(fax, kept)
        fax.wait(0.1, threading.Event())
    writer.join()
    _take(fax, kept)
    assert list(kept.values()) == [PDF]


class GrowsWhileRead:
    """A writer that comes back between the listing and the last byte."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.times = 1

    def read(self, opened: int, size: int) -> bytes:
        part = READ(opened, size)
        if self.times:
            self.times -= 1
            with self._path.open("ab") as file:
                file.write(b"\n%%EOF\n")
        return part


def test_a_file_that_grows_while_it_is_read_is_not_believed(
    fax: DropFolder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fetch raises, and the file comes in later as it is then."""
    path = folder / "scan.pdf"
    path.write_bytes(PDF)
    kept: dict[str, bytes] = {}
    _take(fax, kept)
    time.sleep(0.4)
    monkeypatch.setattr(os, "read", GrowsWhileRead(path).read)
    _take(fax, kept)
    assert kept == {}
    time.sleep(0.4)
    _take(fax, kept)  # sees the change
    time.sleep(0.4)
    _take(fax, kept)
    assert [len(raw) for raw in kept.values()] == [len(PDF) + 7]


class BadDisk:
    """Every read fails as a broken disk or a share that went away does."""

    def read(self, _opened: int, _size: int) -> bytes:
        raise OSError(errno.EIO, "no more")


def test_an_unreadable_file_is_one_arrivals_fault(fax: DropFolder, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as missing, is not moved, and comes in when it can be read again."""
    (folder / "scan.pdf").write_bytes(PDF)
    kept: dict[str, bytes] = {}
    _take(fax, kept)
    time.sleep(0.4)
    with monkeypatch.context() as broken, capture_logs() as logged:
        broken.setattr(os, "read", BadDisk().read)
        _take(fax, kept)
        assert (kept, (folder / "scan.pdf").exists()) == ({}, True)
        assert (logged[-1]["event"], logged[-1]["missing"]) == (events.FOLDER_RECONCILED, 1)
    _take(fax, kept)
    assert list(kept.values()) == [PDF]


def test_a_link_put_in_the_place_of_a_listed_file_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """Between the listing and the opening, for the file itself and for the folder above it."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "scan.pdf").write_bytes(PDF)
    source = DropFolder("courier", Channel.COURIER, FolderSettings(quiet_seconds=0), folder)
    case = folder / "SOMRR-7F3K2-9"
    case.mkdir()
    for path in (folder / "scan.pdf", case / "scan.pdf"):
        path.write_bytes(PDF)
    arrivals = list(source.poll(_nothing))
    assert len(arrivals) == 2
    (folder / "scan.pdf").unlink()
    (folder / "scan.pdf").symlink_to(secret / "scan.pdf")
    (case / "scan.pdf").unlink()
    case.rmdir()
    case.symlink_to(secret)
    for arrival in arrivals:
        with pytest.raises(ArrivalError):
            list(source.fetch(arrival))
    source.close()


def test_a_pipe_put_in_the_place_of_a_listed_file_does_not_block_us(folder: Path) -> None:
    """Nobody is at its other end: it is opened without waiting, noticed as another thing and left."""
    source = DropFolder("fax", Channel.FAX, FolderSettings(quiet_seconds=0), folder)
    path = folder / "scan.pdf"
    path.write_bytes(PDF)
    [arrival] = source.poll(_nothing)
    path.unlink()
    os.mkfifo(path)
    began = time.monotonic()
    with pytest.raises(ArrivalError, match="file_changed"):
        list(source.fetch(arrival))
    assert time.monotonic() - began < 1
    source.close()


class NoMoreWatches:
    """inotify's limit is reached: `max_user_watches` is often used up by other programs."""

    def __init__(self, *_arguments: object, **_more: object) -> None: ...

    def schedule(self, *_arguments: object, **_more: object) -> None: ...

    def start(self) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    def stop(self) -> None: ...

    def join(self, _timeout: float) -> None: ...


def test_without_notices_the_timed_rescan_finds_everything(
    fax: DropFolder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said once; the wait just lasts its time."""
    monkeypatch.setattr("ingest.watch.Observer", NoMoreWatches)
    kept: dict[str, bytes] = {}
    with capture_logs() as logged:
        fax.wait(0.1, threading.Event())
        (folder / "scan.pdf").write_bytes(PDF)
        for _ in range(5):
            _take(fax, kept)
            fax.wait(0.2, threading.Event())
    assert list(kept.values()) == [PDF]
    assert [line["event"] for line in logged].count(events.FOLDER_UNWATCHED) == 1


def test_twenty_thousand_files_at_once_are_all_found_by_one_scan(folder: Path) -> None:
    """However many notices were lost; each once, none missing; the next look at them all takes seconds, of sixty allowed."""
    source = DropFolder("fax", Channel.FAX, FolderSettings(quiet_seconds=0, after="leave"), folder)
    count = 20_000
    for number in range(count):
        (folder / f"{number}.pdf").write_bytes(b"%PDF-1.4 " + b"%d" % number + b"\n%%EOF\n")
    kept: dict[str, bytes] = {}
    began = time.process_time()
    with capture_logs() as logged:
        _take(source, kept)
        _take(source, kept)
    assert time.process_time() - began < 60
    assert len(kept) == len(set(kept.values())) == count
    counts = [(line["present"], line["known"], line["new"], line["missing"]) for line in logged]
    assert counts == [(count, 0, count, 0), (count, count, 0, 0)]
    source.close()


def test_a_share_that_vanishes_and_comes_back_loses_and_doubles_nothing(folder: Path, tmp_path: Path) -> None:
    """Away, empty as a mount point is, and back: a fault of the moment, and what lies there is taken once."""
    folder.mkdir()
    source = DropFolder("fax", Channel.FAX, FolderSettings(quiet_seconds=0, after="leave", path=folder), folder)
    kept: dict[str, bytes] = {}
    (folder / "one.pdf").write_bytes(PDF)
    _take(source, kept)
    away = folder.rename(tmp_path / "away")
    with pytest.raises(TemporaryError, match="folder_unavailable"):
        _take(source, kept)
    folder.mkdir()  # the bare mount point: nothing there says that anything was removed
    _take(source, kept)
    folder.rmdir()
    (away / "two.pdf").write_bytes(PDF + b"%")
    away.rename(folder)
    _take(source, kept)
    _take(source, kept)
    assert sorted(map(len, kept.values())) == [len(PDF), len(PDF) + 1]
    source.close()


def test_a_share_that_vanishes_while_a_file_is_read_costs_only_that_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stale handle in the middle (ESTALE): not kept, not moved, and taken when the share is back."""
    source = DropFolder("fax", Channel.FAX, FolderSettings(quiet_seconds=0, after="remove"), folder)
    (folder / "scan.pdf").write_bytes(PDF)
    kept: dict[str, bytes] = {}

    def stale(_opened: int, _size: int) -> bytes:
        folder.rename(tmp_path / "away")
        raise OSError(errno.ESTALE, "stale file handle")

    with monkeypatch.context() as broken:
        broken.setattr(os, "read", stale)
        _take(source, kept)
    assert kept == {}
    (tmp_path / "away").rename(folder)
    _take(source, kept)
    assert (list(kept.values()), list(folder.glob("*.pdf"))) == ([PDF], [])
    source.close()
