"""The disk after a crash before every single write, for the whole life of three arrivals: nothing lost, nothing doubled.

One run is recorded and its disk laid out as it would be before each step, in three ways (tests.faults.crashes); a fresh
errand on that disk must end where the first one did.  The tests take a few points of each way, `make crash-sweep` every
point before something becomes durable and every twelfth write (CRASH_SWEEP=all).
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon import logs
from tests.faults import crashes, errand

ROOT = Path(__file__).parents[2]
ALL = os.environ.get("CRASH_SWEEP") == "all"
SHORT = 4  # points of each way
ARRIVALS = ("loa-unsigned.eml", "encrypted.eml", "bill.eml")  # the last one by fax


pytestmark = pytest.mark.xdist_group("storage-crashes")  # the run is recorded once


@dataclass(frozen=True)
class Story:
    """The recorded run: what there was before it, its steps, and its two ends."""

    before: Path
    home: Path
    outside: Path
    steps: list[crashes.Step]
    settled: errand.End
    ended: errand.End


def begin(root: Path, made: Path) -> tuple[Path, Path]:
    """A state directory that has never been run, and the world outside of it."""
    home, outside = root / "home", root / "outside"
    (home / "mail" / "new").mkdir(parents=True)
    (outside / "fax").mkdir(parents=True)
    raws = [(made / "packets" / name).read_bytes() for name in ARRIVALS]
    errand.remember(raws, outside / "readings.json")
    for number, raw in enumerate(raws[:-1]):
        path = home / "mail" / "new" / f"{number}.test"
        path.write_bytes(raw)
        os.utime(path, (1_700_000_000 + number,) * 2)
    (outside / "fax" / "scan.eml").write_bytes(raws[-1])
    return home, outside


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, made: Path) -> Story:
    root = tmp_path_factory.mktemp("crash")
    begin(root / "before", made)
    shutil.copytree(root / "before", root / "now")
    home, outside = root / "now" / "home", root / "now" / "outside"
    command = [sys.executable, "-m", "tests.faults.errand", str(home), str(outside)]
    steps = crashes.record([*command, "end"], root / "log", ROOT)
    shutil.copytree(root / "before", root / "whole")
    logs.configure("json", (root / "log.jsonl").open("w"))
    office = errand.Office(root / "whole" / "home", root / "whole" / "outside")
    office.work()
    settled = office.seen()
    office.end()
    ended = office.seen()
    office.house.close()
    return Story(root / "before", home, outside, steps, settled, ended)


def test_the_errand_goes_the_whole_way(story: Story) -> None:
    """What the sweep below sweeps: papers kept, held, released, discarded, told about, and disposed of."""
    assert len(story.settled.originals) == len(ARRIVALS)
    assert {state for _, state in story.settled.held} == {"released", "discarded"}
    assert story.settled.sent == len(story.settled.updates) == 4
    assert (story.ended.originals, set(story.ended.states), story.ended.sent) == ((), {"disposed"}, 4)
    calls = {step.call for step in story.steps}
    assert {"fsync", "fdatasync", "rename", "link", "write", "unlink"} <= calls


def points(steps: list[crashes.Step], way: int) -> list[int]:
    ours = [n for n, step in enumerate(steps) if not step.path.startswith("pipe:")]
    if ALL:
        return [n for n in ours if steps[n].durable or n % 12 == way]
    return [ours[(2 * number + 1) * len(ours) // (2 * SHORT) + way] for number in range(SHORT)]


@pytest.mark.parametrize("disk", crashes.DISKS)
@pytest.mark.timeout(7200)
def test_nothing_is_lost_or_doubled_by_a_crash_before_any_write(disk: str, story: Story, tmp_path: Path) -> None:
    """Cases 41 and 42: killed, or the power cut with all unsynced bytes or only their names; each end is the same end."""
    swept = 0
    for point, office in left(story, disk, tmp_path):
        step = story.steps[point]
        told = f"{disk} disk before step {point}: {step.call} {Path(step.path).name}"
        office.work()
        if not office.ending:
            assert office.seen() == story.settled, told
        office.end()
        assert office.seen() == story.ended, told
        office.house.close()
        swept += 1
    print(f"{disk}: {swept} of {len(story.steps)} steps, 0 lost, 0 doubled")


def left(story: Story, how: str, folder: Path) -> Iterator[tuple[int, errand.Office]]:
    """What is found after each crash: our own disk as it is laid, the world outside as it was then."""
    inside, outside = crashes.Disk(story.home), crashes.Disk(story.outside)
    wanted = set(points(story.steps, crashes.DISKS.index(how)))
    for number, step in enumerate(story.steps):
        if number in wanted:
            place = folder / str(number)
            shutil.copytree(story.before, place)
            inside.lay(how, place / "home")
            for gone in outside.gone:
                (place / "outside" / Path(gone).relative_to(story.outside)).unlink(missing_ok=True)
            outside.lay("kept", place / "outside")
            yield number, errand.Office(place / "home", place / "outside")
            shutil.rmtree(place)
            gc.collect()
        inside.play(step)
        outside.play(step)
