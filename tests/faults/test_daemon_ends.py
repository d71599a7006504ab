"""How the daemon ends, or is ended: refused at the start, hung, stopped under load, killed at its work, killed by a packet."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.test_reading_workers import descendants
from tests.scenarios.hospital import Hospital
from tests.servers import paper

STOP = 45.0  # seconds that systemd allows (TimeoutStopSec=)


@pytest.fixture
def embedded(tmp_path: Path, made: Path) -> Hospital:
    return Hospital(tmp_path, made / "forms")


def test_a_daemon_that_can_not_lock_its_readers_in_does_not_start(embedded: Hospital, tmp_path: Path) -> None:
    """Neither socket nor bubblewrap: exit 78 and one sentence, and nothing has been taken; in so many words it starts."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tesseract").symlink_to(str(shutil.which("tesseract")))
    environ = {**os.environ, "PATH": str(tmp_path / "bin"), "SOMRR_READING__SOCKET": str(tmp_path / "none")}
    for way, code in (("auto", 78), ("unit", 78), ("bwrap", 78), ("rlimits", 0)):
        done = subprocess.run(
            embedded.command("once"), env={**environ, "SOMRR_READING__SANDBOX": way}, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, (way, done.stderr[-500:])
        assert code == 0 or ("somrr-read.socket" if way == "unit" else "bubblewrap") in done.stderr.splitlines()[-1]


HANGS = """
import sys, time
from daemon import main, pipeline
main.STUCK = -119.0  # a reader may be silent for 120 s: one second is left
pipeline.Pipeline.decide_next = lambda self, settled=False: time.sleep(60)
from daemon.cli import main
sys.argv = ["somrr", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("hung", [True, False])
def test_a_daemon_whose_loop_hangs_is_silent_to_the_watchdog(embedded: Hospital, tmp_path: Path, hung: bool) -> None:
    """It says WATCHDOG=1 while its loops turn; when one has hung too long it does not, and systemd starts it anew."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        environ = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        command = embedded.command("run")
        if hung:
            command = [sys.executable, "-c", HANGS, *command[3:]]
        with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
            try:
                words = {manager.recv(100) for _ in range(3)}
                assert words == {b"READY=1", b"WATCHDOG=1"}
                time.sleep(2)
                manager.setblocking(False)
                assert heard(manager), "it spoke while it was well"
                time.sleep(1)
                assert bool(heard(manager)) is not hung
            finally:
                daemon.kill()


def heard(manager: socket.socket) -> int:
    """Words that wait, taken."""
    count = 0
    while True:
        try:
            manager.recv(100)
        except BlockingIOError:
            return count
        count += 1


def fax_of(pages: int, seed: int = 0) -> bytes:
    return paper.tiff(*[paper.fax(paper.page(repeat=2), seed=seed + number) for number in range(pages)])


def events(hospital: Hospital, name: str) -> int:
    return sum(row["event"] == name for row in hospital.log)


def test_case_62_sigterm_under_load(embedded: Hospital, made: Path) -> None:
    """Stops within 45 s with exit 0; every mail is decided once, now or at the next start."""
    for name in ("complete-en", "loa-unsigned", "missing-consent", "bill"):
        embedded.post(made / "packets" / f"{name}.eml")
    with embedded.running() as daemon:
        embedded.until(lambda: events(embedded, "ingest.submission.accepted") >= 3, "it takes what came")
        daemon.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert daemon.wait(STOP) == 0
        assert time.monotonic() - began < STOP
    embedded.once()
    arrivals = embedded.rows("arrivals")
    assert len(arrivals) == 4
    assert {row["state"] for row in arrivals} <= {"decided", "quarantined"}


def test_case_61_sigkill_while_it_reads(embedded: Hospital, tmp_path: Path) -> None:
    """No process is left and no plaintext: neither in the state directory nor in memory-backed or temporary folders."""
    fax = fax_of(6)
    (tmp_path / "fax.tif").write_bytes(fax)
    began = time.time()
    embedded.fax(tmp_path / "fax.tif")
    with embedded.running() as daemon:
        embedded.until(lambda: events(embedded, "ingest.submission.accepted") == 1, "the fax is taken")
        time.sleep(1)
        family = descendants(daemon.pid)
        assert family
        daemon.kill()
        daemon.wait()
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in family) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists()]
    found = plaintext(fax, began, Path("/tmp"), Path("/dev/shm"), embedded.home)  # noqa: S108 - looking for what was left
    assert found == {embedded.home / "fax" / "taken" / "fax.tif"}, "the operator's own copy, and no other"
    embedded.once()
    assert [row["state"] for row in embedded.rows("arrivals")] == ["decided"]


def plaintext(raw: bytes, since: float, *folders: Path) -> set[Path]:
    """Files written since then that hold a piece of these bytes, or of a page's picture."""
    piece, found = raw[len(raw) // 2 :][:64], set()
    for folder in folders:
        near = folder.rglob("*") if folder.name == "var" else (*folder.glob("*"), *folder.glob("*/*"))
        for path in near:
            try:
                if path.is_file() and path.stat().st_mtime >= since - 1 and "pytest-of" not in str(path.relative_to(folder)):
                    content = path.read_bytes()
                    if piece in content or (path.name.startswith(("tess", "somrr")) and content[:4] in (b"\x89PNG", b"II*\0")):
                        found.add(path)
            except OSError:  # it was somebody else's, and is gone
                continue
    return found


POISON = """
import os, signal, sys
from reading.sandbox import WorkerPool
WorkerPool.read = lambda self, *_, **__: os.kill(os.getpid(), signal.SIGKILL)
from daemon.cli import main
sys.argv = ["somrr", *sys.argv[1:]]
main()
"""


def test_a_packet_that_kills_the_daemon_is_quarantined(embedded: Hospital, made: Path) -> None:
    """Row 4: attempts are counted before reading; killed three times, the next start holds it unread, and goes on."""
    embedded.post(made / "packets" / "bill.eml")
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", POISON, *embedded.command("once")[3:]], check=False, capture_output=True)
        assert done.returncode == -signal.SIGKILL
        assert embedded.quarantine() == []
    embedded.post(made / "packets" / "complete-en.eml")
    embedded.once()
    assert [row["reason"] for row in embedded.quarantine()] == ["crashed"]
    assert embedded.only_case()["status"] == "open"
