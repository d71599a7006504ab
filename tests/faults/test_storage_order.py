"""Nothing is acknowledged and nothing goes out while anything of ours would not survive a power cut, seen from outside.

`strace` records the real calls; whenever the world outside is changed (a fax removed, a mail moved in the mailbox, a
mail given to the post), every byte of the ledger, the vault and the keyring must be synced and every name durable.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from tests.faults import crashes
from tests.faults.test_storage_crashes import ROOT, begin
from tests.servers.imap import ImapServer, Line
from tests.servers.smtp import Received, SmtpSink


class Noting(ImapServer):
    """A mailbox that notes when it was asked to move a mail."""

    def __init__(self, *mails: bytes) -> None:
        super().__init__(*mails)
        self.moved: list[float] = []

    def move(self, line: Line) -> None:
        self.moved.append(time.time())
        super().move(line)


class Post(list[Received]):
    """The sink's mails, each with the time at which its text had come."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[float] = []

    def append(self, mail: Received) -> None:
        self.came.append(time.time())
        super().append(mail)


@pytest.fixture
def begun(tmp_path: Path, made: Path) -> tuple[Path, Path]:
    return begin(tmp_path, made)


def command(home: Path, outside: Path) -> list[str]:
    return [sys.executable, "-m", "tests.faults.errand", str(home), str(outside)]


def test_row_01_folders_change_only_when_all_is_durable(begun: tuple[Path, Path], tmp_path: Path) -> None:
    """Every removal from the fax folder and every file that appears in the post: 100 % of the traces."""
    home, outside = begun
    steps = crashes.record(command(home, outside), tmp_path / "log", ROOT)
    disk, seen = crashes.Disk(home), 0
    for step in steps:
        name = step.other or step.path
        if name.startswith(str(outside)) and (step.call == "rename" or (step.call == "unlink" and "/fax/" in name)):
            assert disk.unsafe() == [], f"before {step.call} {Path(name).name}"
            seen += 1
        disk.play(step)
    assert seen == 1 + 4  # one fax, four mails
    objects = [step for step in steps if step.call == "rename" and "/vault/" in step.other]
    assert len(objects) == 3


def test_row_01_servers_hear_of_it_only_when_all_is_durable(begun: tuple[Path, Path], tmp_path: Path) -> None:
    """Each MOVE in the mailbox, and the text of each mail given to the server."""
    home, outside = begun
    mails = [path.read_bytes() for path in sorted((home / "mail" / "new").iterdir())]
    post = Post()
    with Noting(*mails) as mailbox, SmtpSink() as smtp:
        smtp.mails = post
        known = {"host": mailbox.host, "port": mailbox.port, "user": "intake", "password": "throw-away", "after": "move"}
        sending = json.loads(smtp.settings(30).model_dump_json()) | {"password": ""}
        servers = {"mailbox": known | {"ca_file": str(mailbox.ca_file)}, "smtp": sending}
        (outside / "servers.json").write_text(json.dumps(servers))
        steps = crashes.record(command(home, outside), tmp_path / "log", ROOT)
    heard = sorted(mailbox.moved + post.came)
    assert (len(mailbox.moved), len(post.came)) == (2, 4)
    disk, rest = crashes.Disk(home), iter(steps)
    step = next(rest)
    for moment in heard:
        while step.when < moment:
            disk.play(step)
            step = next(rest)
        assert disk.unsafe() == [], f"{heard.index(moment)} of {len(heard)}"


def test_the_dropped_disk_has_only_what_was_synced(tmp_path: Path) -> None:
    """The judge itself: without its fsyncs the same run leaves nothing, and is called unsafe."""
    disk, path = crashes.Disk(tmp_path), str(tmp_path / "a")
    for step in (crashes.Step("openat", path), crashes.Step("write", path, data=b"bytes")):
        disk.play(step)
    assert disk.unsafe() == [path]
    disk.lay("dropped", tmp_path / "lost")
    disk.play(crashes.Step("fsync", path))
    assert disk.unsafe() == [path]  # its name is not durable yet
    disk.lay("named", tmp_path / "named")
    disk.play(crashes.Step("fsync", str(tmp_path)))
    assert disk.unsafe() == []
    disk.lay("dropped", tmp_path / "kept")
    assert [sorted(p.name for p in (tmp_path / n).iterdir()) for n in ("lost", "named", "kept")] == [[], ["a"], ["a"]]
