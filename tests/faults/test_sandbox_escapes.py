"""The escape suite: a parser that has been taken over tries every way out; none is open, and outside every one is."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config.settings import ReadingSettings
from reading import jail
from reading.reader import in_file
from reading.sandbox import WorkerPool
from tests.servers import escapes

# the probe instead of the reader of texts, inside the worker: after its limits, its jail and its filter
TAKEN_OVER = r"""
import json
from reading import text
def read(found, sheet):
    scope = {"__name__": "escapes"}
    exec(compile(SOURCE, "escapes", "exec"), scope)
    sheet.text_page(1, json.dumps(scope["attempt"](json.loads(found.load(1 << 20).partition(b"\n")[2]))))
text.read = read
from reading import worker
worker.main()
"""
# what limits and the filter alone do not keep from a reader: files of its own user, as the warning at the start says
FILES = {"environments", "key", "database", "home", "credentials", "write_outside", "shared_memory", "symlink"}


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[escapes.Plan]:
    """What there is to be had outside, all of it within reach of this process."""
    canary = f"canary-{uuid.uuid4().hex}"
    monkeypatch.setenv("SOMRR_CANARY", canary)
    for name in ("home/user", "credentials", "folder"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("master.key", "records.db", "credentials/imap_password", "home/user/notes"):
        (tmp_path / name).write_text(canary)
    with ExitStack() as stack:
        port = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        for address in ("\0" + canary, str(tmp_path / "socket")):
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(address)
            server.listen()
        victim = stack.enter_context(subprocess.Popen(["/usr/bin/sleep", "300"], env={"SOMRR_CANARY": canary}))
        stack.callback(victim.kill)
        shm = Path("/dev/shm", canary)  # noqa: S108 - a random name, removed below
        stack.callback(shm.unlink, missing_ok=True)
        yield {
            "port": port, "abstract": canary, "socket": str(tmp_path / "socket"), "victim": victim.pid, "canary": canary,
            "key": str(tmp_path / "master.key"), "database": str(tmp_path / "records.db"), "home": str(tmp_path / "home"),
            "credentials": str(tmp_path / "credentials"), "folder": str(tmp_path / "folder"), "shm": canary,
        }  # fmt: skip


def escaped(found: dict[str, str], plan: escapes.Plan) -> set[str]:
    """Names of the probes that got out; what was left in shared memory counts when it is seen out here."""
    assert set(found) == {probe.__name__ for probe in escapes.PROBES}, found
    names = {name for name, answer in found.items() if answer == "escaped"}
    seen = Path("/dev/shm", plan["shm"]).exists()  # noqa: S108 - the same
    return names - (set() if seen else {"shared_memory"})


def in_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: escapes.Plan, sandbox: str) -> dict[str, str]:
    code = f"SOURCE = {Path(escapes.__file__).read_text()!r}\n" + TAKEN_OVER
    monkeypatch.setattr(jail, "inner_command", lambda: [sys.executable, "-P", "-c", code])
    path = tmp_path / "raw"
    path.write_text("Dear colleague, these are my plans:\n" + json.dumps(plan))
    with WorkerPool(ReadingSettings.model_validate({"workers": 1, "sandbox": sandbox}), None) as pool:
        reading = pool.read(in_file(path), hashlib.sha256(path.read_bytes()).hexdigest(), "plan.txt")
    found: dict[str, str] = json.loads(reading.parts[0].pages[0].text)
    return found


def test_outside_every_probe_succeeds(plan: escapes.Plan) -> None:
    """Else the suite could not fail: what only root may do is asked of root only."""
    command = [sys.executable, escapes.__file__]
    done = subprocess.run(command, input=json.dumps(plan).encode(), capture_output=True, timeout=60, check=True)
    expected = {probe.__name__ for probe in escapes.PROBES} - (set() if os.geteuid() == 0 else escapes.ROOT_ONLY)
    assert len(expected) >= 20
    found = json.loads(done.stdout)
    assert escaped(found, plan) >= expected, {name: found[name] for name in expected if found[name] != "escaped"}


def test_no_probe_escapes_from_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: escapes.Plan) -> None:
    """0 of 25."""
    found = in_a_reader(tmp_path, monkeypatch, plan, "bwrap")
    assert escaped(found, plan) == set(), found


def test_limits_alone_leave_files_in_reach_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: escapes.Plan
) -> None:
    """No network, no program, no other process, no kernel; the daemon's own files are not kept from it."""
    found = in_a_reader(tmp_path, monkeypatch, plan, "rlimits")
    assert escaped(found, plan) <= FILES, found
    assert "key" in escaped(found, plan), "else the daemon need not warn of it"
