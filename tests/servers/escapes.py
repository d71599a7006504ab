"""Twenty-four ways out of a jail, tried one after the other: a probe that runs where a parser would, and outside to compare.

Only the standard library, and one file: its text is run inside a reader, and as the program of the readers' unit.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Plan = dict[str, Any]  # what lies outside: port, abstract, socket, victim, key, database, home, folder, shm, credentials, canary
FORKS = 64
PTRACE_ATTACH, PTRACE_DETACH = 16, 17
NEW_USER = 0x10000000
ROOT_ONLY = {"mount", "chroot", "setuid", "device", "hostname"}  # outside, too, only root can do these


def _call(name: str, *arguments: Any) -> int:
    """A C function that answers -1 for no."""
    libc = ctypes.CDLL(None, use_errno=True)
    answer = int(getattr(libc, name)(*arguments))
    if answer == -1:
        raise OSError(ctypes.get_errno(), name)
    return answer


def inet(plan: Plan) -> bool:
    socket.create_connection(("127.0.0.1", plan["port"]), timeout=2).close()
    return True


def unix_abstract(plan: Plan) -> bool:
    with socket.socket(socket.AF_UNIX) as to:
        to.connect("\0" + plan["abstract"])
    return True


def unix_path(plan: Plan) -> bool:
    with socket.socket(socket.AF_UNIX) as to:
        to.connect(plan["socket"])
    return True


def new_program(_plan: Plan) -> bool:
    """A program that it brought along is run."""
    with tempfile.TemporaryDirectory() as folder:
        program = shutil.copy("/usr/bin/true", Path(folder, "brought"))
        Path(program).chmod(0o700)
        return subprocess.run([program], check=False, timeout=10).returncode == 0


def known_program(_plan: Plan) -> bool:
    """One that is there already."""
    return subprocess.run(["/usr/bin/id"], check=False, timeout=10, stdout=subprocess.DEVNULL).returncode == 0


def environments(plan: Plan) -> bool:
    """Another process's environment is read."""
    return any(plan["canary"].encode() in _bytes(path) for path in Path("/proc").glob("[0-9]*/environ"))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def key(plan: Plan) -> bool:
    return bool(Path(plan["key"]).read_bytes())


def database(plan: Plan) -> bool:
    return bool(Path(plan["database"]).read_bytes())


def home(plan: Plan) -> bool:
    return bool(list(Path(plan["home"]).iterdir()))


def credentials(plan: Plan) -> bool:
    return bool([path.read_bytes() for path in Path(plan["credentials"]).iterdir()])


def fork_bomb(_plan: Plan) -> bool:
    children: list[int] = []
    try:
        while len(children) < FORKS:
            pid = os.fork()
            if not pid:
                signal.pause()
                os._exit(0)
            children.append(pid)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return len(children) == FORKS


def trace(plan: Plan) -> bool:
    """Another process's memory and registers."""
    _call("ptrace", PTRACE_ATTACH, plan["victim"], None, None)
    os.waitpid(plan["victim"], 0x40000000)  # __WALL
    _call("ptrace", PTRACE_DETACH, plan["victim"], None, None)
    return True


def signals(plan: Plan) -> bool:
    """Any process but its own is signalled: the victim, its parent, whatever it sees."""
    seen = {int(path.name) for path in Path("/proc").glob("[0-9]*")} - {os.getpid()}
    return any(_signalled(pid) for pid in (plan["victim"], os.getppid(), *sorted(seen)) if pid)


def _signalled(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def mount(_plan: Plan) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        _call("mount", b"none", folder.encode(), b"tmpfs", 0, None)
        _call("umount2", folder.encode(), 2)
    return True


def chroot(_plan: Plan) -> bool:
    _call("chroot", b"/")
    return True


def user_namespace(_plan: Plan) -> bool:
    """A namespace of its own, in which it would be root."""
    _call("unshare", NEW_USER)
    return True


def write_outside(plan: Plan) -> bool:
    """A file where others will find it: in a folder of the host, or beside the programs."""
    return any(_written(Path(folder)) for folder in (plan["folder"], "/usr/lib", "/opt"))


def _written(folder: Path) -> bool:
    path = folder / "escaped"
    try:
        path.write_bytes(b"x")
        path.unlink()
    except OSError:
        return False
    return True


def shared_memory(plan: Plan) -> bool:
    """Something that outlives it; whether it does is looked up outside."""
    Path("/dev/shm", plan["shm"]).write_bytes(b"x")  # noqa: S108 - of a name that the test chose
    return True


def setuid(_plan: Plan) -> bool:
    os.setreuid(12345, -1)
    return True


def keyring(plan: Plan) -> bool:
    """A key of the kernel's that another process could find."""
    return _call("syscall", 248, b"user", plan["shm"].encode(), b"x", 1, -4) > 0


def limits(_plan: Plan) -> bool:
    """More memory than it was given."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, most))
    return True


def symlink(plan: Plan) -> bool:
    """A link in its own folder that leads out."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "link").symlink_to(plan["key"])
        return bool(Path(folder, "link").read_bytes())


def device(_plan: Plan) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        os.mknod(Path(folder, "node"), 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    return True


def hostname(_plan: Plan) -> bool:
    name = socket.gethostname().encode()
    _call("sethostname", name, len(name))
    return True


def written_code(_plan: Plan) -> bool:
    """Memory that it writes and then runs."""
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    return True


# those that change the process itself come last
PROBES: tuple[Callable[[Plan], bool], ...] = (
    inet, unix_abstract, unix_path, new_program, known_program, environments, key, database, home, credentials, fork_bomb,
    trace, signals, mount, chroot, write_outside, shared_memory, keyring, limits, symlink, device, hostname, written_code,
    setuid, user_namespace,
)  # fmt: skip


def attempt(plan: Plan) -> dict[str, str]:
    """Name of each probe → "escaped", or what stopped it."""
    found = {}
    for probe in PROBES:
        try:
            found[probe.__name__] = "escaped" if probe(plan) else "nothing found"
        except BaseException as fault:  # whatever stops a probe is the answer
            found[probe.__name__] = f"{type(fault).__name__} {getattr(fault, 'errno', '') or ''}".strip()
    return found


if __name__ == "__main__":
    order = json.loads(os.read(0, 1 << 16))
    if order.get("filter"):  # as reading.worker does before the first byte from outside
        from reading import seccomp

        seccomp.refuse(children=False)
    os.write(1, json.dumps(attempt(order)).encode() + b"\n")
    sys.exit(0)
