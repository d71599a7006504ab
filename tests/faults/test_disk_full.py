"""A disk that fills up: nothing is acknowledged that is not in custody, it is told once, and work goes on when there is room.

The disk is a real one of a few megabytes, mounted in a name space of its own, so that no root is needed.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from daemon import logs, main
from daemon.house import House
from daemon.pipeline import Pipeline
from daemon.room import AGAIN
from records.model import Channel

MIB = 1 << 20
DISK = 24 * MIB
MIN_FREE = 8 * MIB
ROOT = Path(__file__).parents[2]


def letter(number: int, size: int) -> bytes:
    head = f"From: a@clinic.example\r\nMessage-ID: <{number}@clinic.example>\r\nSubject: {number}\r\n\r\n"
    return head.encode() + b"x" * size


def ballast(home: Path, left: int) -> Path:
    """A file that leaves so many bytes free."""
    file = home / "ballast"
    with file.open("wb") as out:
        while (free := shutil.disk_usage(home).free) > left:
            out.write(bytes(min(free - left, MIB)))
            out.flush()
    return file


def scenario(home: Path, whole: bool) -> dict[str, Any]:
    """Run on the small disk: fill it, let mails come, make room.  `whole`: to the last byte, unseen beforehand."""
    said = io.StringIO()
    logs.configure("json", said)
    house = House(Settings(home=home, min_free=MIN_FREE))
    pipeline, source = Pipeline(house), house.sources[0]
    assert source.channel is Channel.EMAIL
    new = home / "mail" / "new"
    (new / "1").write_bytes(letter(1, 1000))
    first = pipeline.receive(source)
    (new / "2").write_bytes(letter(2, MIB))
    (new / "3").write_bytes(letter(3, 1000))
    filled = ballast(home, 200_000 if whole else MIN_FREE + MIB // 2)
    if whole:
        house.vault.reserve = 0
        pipeline.room.min_free = -DISK  # nobody looks beforehand: the write itself meets the end
    during = [pipeline.receive(source) for _ in range(3)]
    held = (len(house.store.submissions()), len(list(house.vault.names())), len(list((home / "vault" / "incoming").iterdir())))
    mails = sorted(path.name for path in new.iterdir())
    filled.unlink()
    after = pipeline.receive(source)
    digests = [house.vault.intact(submission.digest) for submission in house.store.submissions()]
    house.close()
    told = [line["event"] for line in map(json.loads, said.getvalue().splitlines()) if "disk" in json.dumps(line)]
    return {"first": first, "during": during, "held": held, "mails": mails, "after": after, "intact": digests, "told": told}


@pytest.fixture(scope="module", params=[False, True], ids=["below-min-free", "to-the-last-byte"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home, bwrap = tmp_path_factory.mktemp("disk"), shutil.which("bwrap") or "bwrap"
    mount = (bwrap, "--dev-bind", "/", "/", "--size", str(DISK), "--tmpfs", str(home))
    script = (sys.executable, "-m", "tests.faults.test_disk_full", str(home), "whole" if request.param else "")
    done = subprocess.run((*mount, *script), cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "whole": request.param}


def test_a_full_disk_acknowledges_nothing_and_loses_nothing(story: dict[str, Any]) -> None:
    """What fits still comes in, what does not stays where it is, nothing half-written is left, and room brings the rest."""
    assert story["first"] == 1
    small = [0, 0, 0] if story["whole"] else [1, 0, 0]  # with the limit watched, the small mail still has room
    assert story["during"] == small
    in_custody = 1 + sum(small)
    assert story["held"] == [in_custody, in_custody, 0]
    assert story["mails"] == ["1", "2", "3"]
    assert story["after"] == 3 - in_custody
    assert story["intact"] == [True] * 3


def test_a_full_disk_is_told_once_and_its_end_once(story: dict[str, Any]) -> None:
    """Three polls, one alarm."""
    assert story["told"] == ["daemon.disk.ran_low", "daemon.alarm.ended"]


class Waiting:
    """A source that notes how long it was asked to wait."""

    name, channel, unfinished, patience = "maildir", Channel.EMAIL, 0, 0.0

    def __init__(self, stop: threading.Event) -> None:
        self.stop, self.waits = stop, list[float]()

    def poll(self, _known: object) -> Iterator[Any]:
        return iter(())

    def wait(self, seconds: float, _stop: threading.Event) -> None:
        self.waits.append(seconds)
        self.stop.set()

    def close(self) -> None: ...


@pytest.mark.parametrize(("min_free", "expected"), [(MIB, 3600.0), (1 << 60, AGAIN)])
def test_room_is_noticed_within_a_minute(tmp_path: Path, min_free: int, expected: float) -> None:
    """However rarely a source is polled, without room it is looked at again after sixty seconds."""
    polled = {"poll_seconds": 3600}
    house = House(Settings.model_validate({"home": tmp_path, "min_free": min_free, "mailbox": polled, "fax": polled}))
    stop = threading.Event()
    source = Waiting(stop)
    house.__dict__["sources"] = (source, *house.sources[1:])
    loop = main._loops(Pipeline(house), stop)[0]
    began = time.monotonic()
    loop.start()
    loop.join(10)
    house.close()
    assert source.waits == [expected], time.monotonic() - began


if __name__ == "__main__":
    print(json.dumps(scenario(Path(sys.argv[1]), bool(sys.argv[2]))))
