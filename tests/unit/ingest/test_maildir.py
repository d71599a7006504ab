"""The Maildir of the embedded default."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.typing import EventDict

from ingest.maildir import Maildir
from records import events
from records.errors import TemporaryError
from tests.unit.ingest.conftest import Custody

MAIL = b"Message-ID: <1@sender.example>\nSubject: x\n\nhello\n"


def _deliver(path: Path, name: str, raw: bytes = MAIL, folder: str = "new") -> Path:
    written = path / "tmp" / name
    written.write_bytes(raw)
    return written.rename(path / folder / name)


def test_a_missing_maildir_is_made_for_us_alone(tmp_path: Path, custody: Custody) -> None:
    """With its three folders, and empty is no fault."""
    assert custody.take(Maildir(tmp_path / "var" / "mail")) == []
    for part in ("new", "cur", "tmp"):
        assert (tmp_path / "var" / "mail" / part).stat().st_mode & 0o777 == 0o700


def test_mails_come_once_oldest_first_and_stay(drop: Path, custody: Custody, logged: list[EventDict]) -> None:
    """From `new` and `cur`; a move between them or another flag makes no second arrival."""
    source = Maildir(drop)
    os.utime(_deliver(drop, "2.b.host:2,S", b"second", "cur"), (2000, 2000))
    os.utime(_deliver(drop, "1.a.host"), (1000, 1000))
    assert custody.take(source) == [MAIL, b"second"]
    (drop / "new" / "1.a.host").rename(drop / "cur" / "1.a.host:2,RS")
    assert custody.take(source) == []
    assert sorted(path.name for path in drop.rglob("*.host*")) == ["1.a.host:2,RS", "2.b.host:2,S"]
    assert [(line["present"], line["known"], line["new"], line["missing"]) for line in logged] == [(2, 0, 2, 0), (2, 2, 0, 0)]


def test_an_arrival_has_message_id_time_and_size_and_a_key_without_the_name(drop: Path) -> None:
    """Somebody may save a mail under a patient's name; the ledger's keys are in clear."""
    source = Maildir(drop)
    os.utime(_deliver(drop, "SYNTHETIC PATIENT ALPHA.eml"), (1_790_000_000, 1_790_000_000))
    [arrival] = source.poll(lambda _keys: set())
    assert arrival.envelope.message_id == "<1@sender.example>"
    assert arrival.envelope.received_at == datetime.fromtimestamp(1_790_000_000, UTC)
    assert arrival.size == len(MAIL)
    assert "SYNTHETIC" not in arrival.key


def test_another_mail_under_a_used_name_is_another_arrival(drop: Path, custody: Custody) -> None:
    """`packet.eml` saved, taken away, and a different `packet.eml` saved."""
    source = Maildir(drop)
    _deliver(drop, "packet.eml", b"one")
    assert custody.take(source) == [b"one"]
    (drop / "new" / "packet.eml").unlink()
    _deliver(drop, "packet.eml", b"other")
    assert custody.take(source) == [b"other"]


def test_what_is_no_regular_file_is_refused_once(drop: Path, custody: Custody, logged: list[EventDict], tmp_path: Path) -> None:
    """A link, a pipe, a folder, a second name of a file and nothing at all: reported, left, never opened."""
    source = Maildir(drop)
    secret = tmp_path / "secret"
    secret.write_bytes(b"not ours to read")
    (drop / "new" / "link").symlink_to(secret)
    (drop / "new" / "hard").hardlink_to(secret)
    os.mkfifo(drop / "new" / "pipe")
    (drop / "new" / "folder").mkdir()
    (drop / "new" / "empty").touch()
    (drop / "new" / ".hidden").write_bytes(b"x")
    assert custody.take(source) == []
    assert custody.take(source) == []
    refused = [line["code"] for line in logged if line["event"] == events.FILE_REFUSED]
    assert sorted(refused) == ["directory", "empty", "fifo", "linked", "symlink"]


def test_a_mail_replaced_after_the_listing_is_not_mixed_up(drop: Path, tmp_path: Path) -> None:
    """What is fetched is what was listed, or nothing: a link put in its place is not followed."""
    source = Maildir(drop)
    path = _deliver(drop, "1.a.host")
    [arrival] = source.poll(lambda _keys: set())
    path.unlink()
    with pytest.raises(TemporaryError, match="file_gone"):
        list(source.fetch(arrival))
    (tmp_path / "secret").write_bytes(MAIL)
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(TemporaryError):
        list(source.fetch(arrival))
    path.unlink()
    path.write_bytes(MAIL + b"more")
    with pytest.raises(TemporaryError, match="file_changed"):
        list(source.fetch(arrival))


def test_a_delivery_ends_the_wait(drop: Path, custody: Custody) -> None:
    """By inotify, long before the next poll."""
    source = Maildir(drop)
    source.wait(1, threading.Event())  # begins to watch, and says look at once
    timer = threading.Timer(0.3, _deliver, (drop, "1.a.host"))
    timer.start()
    began = time.monotonic()
    source.wait(30, threading.Event())
    assert time.monotonic() - began < 3
    assert custody.take(source) == [MAIL]
    timer.join()
    source.close()


def test_a_folder_that_goes_away_is_a_temporary_fault(drop: Path, custody: Custody) -> None:
    """An unmounted share is not an empty mailbox."""
    source = Maildir(drop)
    (drop / "new").rmdir()
    with pytest.raises(TemporaryError, match="folder_unavailable"):
        custody.take(source)
