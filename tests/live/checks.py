"""What is looked at while the units run, in order; each answers whether it is as it should be, and one line of figures."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from tests.servers import escapes

STATE = Path("/var/lib/somrr")
MADE = Path("fixtures/made")
WATCHDOG = 60


def run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120).stdout


def shown(unit: str, name: str) -> str:
    return run("/usr/bin/systemctl", "show", "--value", "-p", name, unit).strip()


def daemon() -> int:
    return int(shown("somrr.service", "MainPID") or 0)


def readers() -> list[int]:
    """Process ids of the readers' units; one that systemd is still preparing is none yet."""
    listed = run("/usr/bin/systemctl", "list-units", "--plain", "--no-legend", "somrr-read@*")
    pids = [int(shown(line.split()[0], "MainPID") or 0) for line in listed.splitlines()]
    return [pid for pid in pids if pid and started(pid)]


def started(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("python")
    except OSError:
        return False


def until(true: Callable[[], object], patience: float) -> float | None:
    """Seconds it took, None when it never was."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > patience:
            return None
        time.sleep(0.1)
    return time.monotonic() - began


def journal(unit: str = "somrr.service") -> str:
    return run("/usr/bin/journalctl", "-u", unit, "-o", "cat", "--no-pager")


def post(packet: Path) -> None:
    """A mail into the embedded mailbox, as the daemon's user would find it."""
    for name in ("tmp", "cur", "new"):
        folder = STATE / "mail" / name
        folder.mkdir(parents=True, exist_ok=True)
    path = STATE / "mail" / "new" / f"{time.time_ns()}.live"
    path.write_bytes(packet.read_bytes())
    owner = STATE.stat()
    for place in (STATE / "mail", *(STATE / "mail").rglob("*")):
        os.chown(place, owner.st_uid, owner.st_gid)


def starts() -> tuple[bool, str]:
    took = until(lambda: shown("somrr.service", "ActiveState") == "active", 60)
    return took is not None, f"ready after {took} s" if took is not None else journal()[-1500:]


def locked_in() -> tuple[bool, str]:
    """Its readers run as other users, without rights, under filters, in namespaces of their own."""
    until(readers, 30)
    found = readers()
    ours = Path(f"/proc/{daemon()}")
    for pid in found:
        status = dict(re.findall(r"(?m)^(\w+):\s+(.*)$", Path(f"/proc/{pid}/status").read_text()))
        same = [kind for kind in ("net", "mnt", "ipc", "user") if same_namespace(pid, int(ours.name), kind)]
        if status["Seccomp"] != "2" or int(status["CapEff"], 16) or status["NoNewPrivs"] != "1" or same:
            return False, f"{status['Seccomp']=} {status['CapEff']=} {same=}"
        if status["Uid"].split()[0] == str(ours.stat().st_uid):
            return False, "a reader runs as the daemon's user"
    return bool(found), f"{len(found)} readers"


def same_namespace(one: int, other: int, kind: str) -> bool:
    return Path(f"/proc/{one}/ns/{kind}").readlink() == Path(f"/proc/{other}/ns/{kind}").readlink()


def reads() -> tuple[bool, str]:
    """A mail with scans and registered forms: decided, nothing unread."""
    post(MADE / "packets" / "complete-en.eml")
    took = until(lambda: "submission.read" in journal(), 120)
    lines = [json.loads(line) for line in journal().splitlines() if line.startswith("{") and "submission.read" in line]
    return took is not None and lines[-1]["problems"] == 0 and lines[-1]["pages"] > 0, str(lines[-1:] or journal()[-800:])


def no_escape() -> tuple[bool, str]:
    """The escape suite as the program of the reader's unit."""
    canary = uuid.uuid4().hex
    Path("/run/outside").mkdir(mode=0o777)
    Path("/run/outside/file").write_text(canary)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0" + canary)
        abstract.listen()
        plan = {
            "port": server.getsockname()[1], "abstract": canary, "socket": "/run/systemd/notify", "victim": daemon(),
            "canary": "SOMRR_HOME", "key": str(STATE / "keys/master.key"), "database": str(STATE / "records.db"),
            "home": str(Path.home()),
            "credentials": "/run/credentials/somrr.service", "folder": "/run/outside", "shm": canary, "filter": True,
        }  # fmt: skip
        answers = {}
        for own_filter in (True, False):
            with socket.socket(socket.AF_UNIX) as to:
                to.settimeout(60)
                to.connect("/run/somrr-probe.socket")
                to.sendall(json.dumps({**plan, "filter": own_filter}).encode())
                answers[own_filter] = json.loads(to.makefile().readline())
    seen = Path("/dev/shm", canary).exists()  # noqa: S108 - where a probe may have left it
    escaped = {
        own: sorted(n for n, a in found.items() if a == "escaped" and (n != "shared_memory" or seen))
        for own, found in answers.items()
    }
    # without the worker's own filter the unit still allows programs that are there, and processes up to its task limit
    return not escaped[True] and set(escaped[False]) <= {"known_program", "fork_bomb", "limits"}, (
        f"of {len(escapes.PROBES)}: {escaped[True]}; by the unit alone: {escaped[False]}"
    )


def killed() -> tuple[bool, str]:
    """SIGKILL of the daemon while it reads: no reader is left, it starts again."""
    before = set(readers())
    post(MADE / "packets" / "complete-es.eml")
    time.sleep(1)
    before |= set(readers())
    old = daemon()
    os.kill(old, signal.SIGKILL)
    took = until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in before), 10)
    again = until(lambda: daemon() not in (0, old) and shown("somrr.service", "ActiveState") == "active", 30)
    return took is not None and again is not None and bool(
        before
    ), f"{len(before)} readers gone after {took} s, ready after {again} s"


def hung() -> tuple[bool, str]:
    """A daemon that does not answer is restarted by the watchdog."""
    old = daemon()
    os.kill(old, signal.SIGSTOP)
    took = until(lambda: daemon() not in (0, old), WATCHDOG + 40)
    return took is not None and took <= WATCHDOG, f"restarted after {took} s"


def stops() -> tuple[bool, str]:
    """SIGTERM under load."""
    until(lambda: shown("somrr.service", "ActiveState") == "active", 60)
    for _ in range(5):
        post(MADE / "packets" / "complete-en.eml")
    time.sleep(3)
    began = time.monotonic()
    run("/usr/bin/systemctl", "stop", "somrr.service")
    took = time.monotonic() - began
    result = shown("somrr.service", "Result")
    left = until(lambda: not readers(), 5)
    return took <= 45 and result == "success" and left is not None, f"{took:.1f} s, {result}, no reader left after {left} s"


CHECKS: tuple[tuple[str, Callable[[], tuple[bool, str]]], ...] = (
    ("the daemon starts", starts),
    ("readers are locked in", locked_in),
    ("a packet is read", reads),
    ("no probe escapes", no_escape),
    ("SIGKILL leaves nothing", killed),
    ("a hung daemon is restarted", hung),
    ("SIGTERM under load", stops),
)
