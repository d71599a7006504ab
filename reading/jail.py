"""The one door to child processes of ours: a worker under bubblewrap, with nothing to see but programs and its own memory.

It sees the interpreter, this project's code, Tesseract's models and the registered blanks, all read-only;
no network, no home, no state directory, no environment.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from config.settings import ReadingSettings
from reading.child import greet
from reading.limits import Limits
from reading.unit import unit_works
from reading.wire import Channel
from records.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent
CODE = ("config", "reading", "records")
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",  # noqa: S108 - the jail's own memory-backed folder
    "TMPDIR": "/tmp",  # noqa: S108 - the same
    "OMP_THREAD_LIMIT": "1",  # Tesseract's own threads make it 3.6 times slower (performance.md)
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": str(ROOT),
}
NO_ENVIRONMENT: dict[str, str] = {}  # for bubblewrap itself: its own would be seen as /proc/1/environ inside
SCRATCH_BYTES = 256 << 20


def inner_command() -> list[str]:
    return [sys.executable, "-P", "-m", "reading.worker"]


def bwrap_command(readable: Iterable[str]) -> list[str]:
    """Arguments of bubblewrap up to the command to run; `readable` are further folders, read-only."""
    found = shutil.which("bwrap")
    if found is None:
        raise ConfigurationError(
            "sandbox", 'bubblewrap is not installed: apt install bubblewrap, or set reading.sandbox = "rlimits"'
        )
    command = [found, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    command += ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
    command += ["--size", str(SCRATCH_BYTES), "--tmpfs", "/tmp", "--chdir", "/tmp"]  # noqa: S108 - inside the jail
    for name in ("bin", "lib", "lib64", "lib32", "sbin"):
        place = Path("/", name)
        if place.is_symlink():
            command += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            command += ["--ro-bind", str(place), str(place)]
    for seen in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/magic", "/etc/localtime"):
        command += ["--ro-bind-try", seen, seen]
    for seen in dict.fromkeys([*_interpreter(), *_code(), *readable]):
        if not f"{seen}/".startswith("/usr/"):
            command += ["--ro-bind-try", seen, seen]
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    return [*command, "--"]


def _interpreter() -> list[str]:
    """Where Python and its libraries lie: the environment, and the installation it was made from."""
    return [sys.prefix, sys.base_prefix, sys.exec_prefix, str(Path(sys.executable).resolve().parent.parent)]


def _code() -> list[str]:
    """The packages a worker imports, one by one: what lies beside them (the state directory, say) stays unseen."""
    return [str(ROOT / name) for name in CODE]


def way(settings: ReadingSettings) -> Literal["unit", "bwrap", "rlimits"]:
    """How readers are locked in here; ConfigurationError when they can not be, unless limits alone were asked for.

    "auto" takes the parser's unit where its socket is, else bubblewrap; never limits alone.
    """
    if settings.sandbox == "rlimits":
        return "rlimits"
    if settings.sandbox in ("auto", "unit"):
        sentence = unit_works(settings.socket)
        if sentence is None:
            return "unit"
        if settings.sandbox == "unit":
            raise ConfigurationError("sandbox", sentence)
    sentence = sandbox_works()
    if sentence:
        raise ConfigurationError("sandbox", sentence)
    return "bwrap"


def sandbox_works() -> str | None:
    """None when a worker can be jailed here, else one sentence for the operator."""
    try:
        command = [*bwrap_command([]), "/usr/bin/true"]
    except ConfigurationError as error:
        return error.detail
    try:
        done = subprocess.run(  # noqa: S603 - arguments are ours, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        done = None
    if done is not None and done.returncode == 0:
        return None
    return (
        "bubblewrap can not make a sandbox here (are user namespaces forbidden?): "
        "allow them (sysctl kernel.unprivileged_userns_clone=1, or an AppArmor profile for bwrap), or set "
        'reading.sandbox = "rlimits" where a hardened systemd unit confines the workers'
    )


class JailedChild:
    """`Child` as a process of ours, and the daemon's end of its pipes."""

    def __init__(self, limits: Limits, forms: str | None, jailed: bool, generation: str) -> None:
        self.generation, self.born = generation, time.monotonic()
        readable = [limits.tessdata, *([forms] if forms else [])]
        command = [*bwrap_command(readable), *inner_command()] if jailed else inner_command()
        self._process = subprocess.Popen(  # noqa: S603 - arguments are ours, no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=NO_ENVIRONMENT if jailed else ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin and self._process.stdout  # noqa: S101 - both are pipes, for the type checker
        self.channel = Channel(self._process.stdout.fileno(), self._process.stdin.fileno())
        greet(self, limits, forms=forms, parent=0 if jailed else os.getpid())

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        """Not after it has ended."""
        return self._process.poll() is None

    def how_it_ended(self) -> str:
        """Signal or status of a process that closed its pipe."""
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "its pipe closed"
        number = -code if code < 0 else code - 128  # bubblewrap passes a signal on as 128 + its number
        return f"signal {number}" if 0 < number < 65 else f"status {code}"

    def kill(self) -> None:
        """End it and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
