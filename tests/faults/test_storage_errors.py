"""A disk that says no: the N-th write is refused for want of space, the N-th fsync fails, in the ledger or in the vault.

`strace` makes one call of the real process fail.  The run may end there; nothing may be acknowledged that is not in
custody, and the next run, the disk well again, must end where one without any fault does.  The tests take one call
of each sort, `make disk-sweep` many (DISK_SWEEP=all).
"""

from __future__ import annotations

import collections
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from daemon import logs
from tests.faults import errand
from tests.faults.test_storage_crashes import ROOT, begin

ALL = os.environ.get("DISK_SWEEP") == "all"
STEPS = 12  # calls of each sort that the long form takes, evenly over the run


class Sort(NamedTuple):
    """Which calls fail, and with what."""

    call: str
    error: str


SORTS = (
    Sort("write", "ENOSPC"),  # vault, keys, quarantine
    Sort("pwrite64", "ENOSPC"),  # the ledger
    Sort("pwrite64", "EIO"),
    Sort("fsync", "EIO"),
    Sort("fdatasync", "EIO"),
)

SHORT = (SORTS[0], SORTS[2], SORTS[4])

pytestmark = pytest.mark.xdist_group("storage-errors")  # the runs without faults are made once


class Sweep:
    """The same beginning again and again, and the end that a run without faults has."""

    def __init__(self, folder: Path, made: Path) -> None:
        self.folder, self.log = folder, folder / "strace.log"
        logs.configure("json", (folder / "log.jsonl").open("w"))
        begin(folder / "before", made)
        calls = sorted({sort.call for sort in SORTS})
        # the faults do happen: without space for any write nothing is taken in, and nothing is taken away
        assert self.run("none", "-e", "trace=write", "-e", "inject=write:error=ENOSPC:when=1+") != 0
        assert list((folder / "none" / "outside" / "fax").iterdir()) != []
        assert self.run("whole", "-e", f"trace={','.join(calls)}") == 0
        self.counts = collections.Counter(re.findall(r"^(\w+)\(", self.log.read_text(errors="replace"), re.MULTILINE))
        self.expected = self.again("whole")

    def run(self, name: str, *options: str) -> int:
        """A fresh state directory and one run on it; its exit code."""
        place = self.folder / name
        shutil.copytree(self.folder / "before", place)
        errand_ = [sys.executable, "-m", "tests.faults.errand", str(place / "home"), str(place / "outside")]
        command = ["strace", "-o", str(self.log), *options, *errand_]
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, timeout=120, check=False).returncode

    def again(self, name: str) -> errand.End:
        """The next run, on a disk that is well."""
        place = self.folder / name
        office = errand.Office(place / "home", place / "outside")
        try:
            office.work()
            return office.seen()
        finally:
            office.house.close()
            shutil.rmtree(place)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory, made: Path) -> Sweep:
    return Sweep(tmp_path_factory.mktemp("errors"), made)


@pytest.mark.parametrize("sort", SORTS if ALL else SHORT, ids=lambda sort: f"{sort.call}-{sort.error}")
@pytest.mark.timeout(7200)
def test_one_failing_call_loses_and_doubles_nothing(sort: Sort, sweep: Sweep) -> None:
    """Cases 43 and 44, wherever it fails: the run ends or goes on, and the next one makes it good."""
    count, ended = sweep.counts[sort.call], 0
    points = sorted({1 + number * (count - 1) // (STEPS - 1) for number in range(STEPS)}) if ALL else [1 + count // 3]
    for point in points:
        name = f"{sort.call}-{sort.error}-{point}"
        ended += sweep.run(name, "-e", f"trace={sort.call}", "-e", f"inject={sort.call}:error={sort.error}:when={point}") != 0
        assert sweep.again(name) == sweep.expected, name
    print(f"{sort.call} {sort.error}: {len(points)} of {count} calls failed, {ended} runs ended at it; 0 lost, 0 doubled")
