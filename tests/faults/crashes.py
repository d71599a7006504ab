"""What a disk would hold after a crash: a run is recorded once, system call by system call, and played up to any point.

Three disks.  `kept`: all that was asked for is there, as after a SIGKILL.  `dropped`: only what an fsync of the file, and
of the folder that names it, made durable, as after a power cut.  `named`: the journal of a file system saved every name,
but a file has only the bytes that were synced.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

CALLS = "openat,write,pwrite64,fsync,fdatasync,rename,link,unlink,unlinkat,mkdir,rmdir,ftruncate,symlink"
DISKS = ("kept", "dropped", "named")
_LINE = re.compile(r"^(?P<when>\d+\.\d+) (?P<call>\w+)\((?P<arguments>.*)\) = (?P<value>-?\d+)(?P<rest>.*)$", re.DOTALL)
_FILE = re.compile(r"^\d+<([^>]*)>(?P<deleted>\(deleted\))?")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(?!\.\.\.)')


@dataclass(frozen=True, slots=True)
class Step:
    """One call that changed something, or made it durable."""

    call: str
    path: str
    other: str = ""  # the second name, or the flags of an opening
    data: bytes = b""
    at: int = -1  # -1: at the end of what was written so far
    when: float = 0.0  # by the machine's clock, so that servers elsewhere on it can say what came before what

    @property
    def durable(self) -> bool:
        return self.call in ("fsync", "fdatasync", "rename", "link")


@dataclass(slots=True)
class File:
    """An inode: its bytes now, and those of its last fsync."""

    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""


def record(command: Sequence[str], log: Path, cwd: Path) -> list[Step]:
    """Run the command to its end under strace."""
    strace = ["strace", "-o", str(log), "-ttt", "-xx", "-y", "-s", "1000000", "-e", f"trace={CALLS}"]
    done = subprocess.run([*strace, *command], cwd=cwd, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = (m for line in log.read_text("latin-1").splitlines() if (m := _LINE.match(line)) and int(m["value"]) >= 0)
    return [replace(step, when=float(m["when"])) for m in lines if (step := _step(m))]


def _step(m: re.Match[str]) -> Step | None:
    call, said = m["call"], m["arguments"]
    strings = [bytes.fromhex(text.replace("\\x", "")) for text in _STRING.findall(said)]
    named = [os.fsdecode(text) for text in strings[:2]]
    held = _FILE.match(said)
    path = _plain(held[1]) if held else ""
    if held and (held["deleted"] or path.endswith(" (deleted)")):
        return None  # nobody will ever find it by a name again
    if call == "openat":
        opened = _plain(m["rest"].strip()[1:-1]) if m["rest"].strip().startswith("<") else ""
        made = "O_CREAT" in said or "O_TRUNC" in said
        return Step(call, opened, "O_TRUNC" if "O_TRUNC" in said else "") if made and opened else None
    if call in ("write", "pwrite64"):
        at = int(said.rsplit(", ", 1)[1]) if call == "pwrite64" else -1
        assert strings or int(m["value"]) == 0, said[:200]
        return Step("write", path, data=strings[0][: int(m["value"])] if strings else b"", at=at)
    if call == "ftruncate":
        return Step(call, path, at=int(said.rsplit(", ", 1)[1]))
    if call in ("fsync", "fdatasync"):
        return Step(call, path)
    if call == "unlinkat":
        base = _plain(said[said.index("<") + 1 : said.index(">")]) if "<" in said else ""
        return Step("unlink", str(Path(base, named[0])))
    return Step(call, named[0], named[1] if call in ("rename", "link", "symlink") else "")


def _plain(text: str) -> str:
    """strace writes the paths of descriptors in hexadecimal, too."""
    if text.startswith("\\x"):
        return os.fsdecode(bytes.fromhex(text.replace("\\x", "")))
    return text


class Disk:
    """The files below `home`, played step by step."""

    def __init__(self, home: Path) -> None:
        self.home = str(home)
        self.names: dict[str, File | str | None] = {}  # None: a folder; a text: a symbolic link
        self.durable: dict[str, File | str | None] = {}
        self.gone: set[str] = set()  # removed, though we never saw it made

    def play(self, step: Step) -> None:
        """Steps elsewhere are not this disk's."""
        path = step.path
        if not self._ours(path):
            return
        found = self.names.get(path)
        match step.call:
            case "openat":
                if not isinstance(found, File):
                    self.names[path] = File()
                elif step.other:
                    found.data.clear()
            case "mkdir":
                self.names[path] = None
            case "symlink":
                self.names[step.other] = path
            case "write" if isinstance(found, File):
                at = len(found.data) if step.at < 0 else step.at
                found.data.extend(bytes(max(0, at - len(found.data))))
                found.data[at : at + len(step.data)] = step.data
            case "ftruncate" if isinstance(found, File):
                size = len(found.data)
                found.data[step.at :] = bytes(max(0, step.at - size))
            case "fsync" | "fdatasync":
                self._sync(path, found)
            case "rename":
                self.names[step.other] = self.names.pop(path)
            case "link":
                self.names[step.other] = found
            case "unlink" | "rmdir":
                if path not in self.names:
                    self.gone.add(path)
                self.names.pop(path, None)

    def _ours(self, path: str) -> bool:
        return path.startswith(self.home)

    def _sync(self, path: str, found: File | str | None) -> None:
        if isinstance(found, File):
            found.synced = bytes(found.data)
            return
        for names, other in ((self.durable, self.names), (self.names, self.durable)):
            for name in [name for name in names if os.path.dirname(name) == path]:  # noqa: PTH120 - texts, not files
                if names is self.durable and name not in other:
                    del self.durable[name]
                elif names is self.names:
                    self.durable[name] = self.names[name]

    def unsafe(self) -> list[str]:
        """What a power cut would take: files with bytes that were not synced, and names that are not durable.

        Shared memory and half-written files under their temporary names are nobody's loss.
        """
        files = {name: thing for name, thing in self.names.items() if isinstance(thing, File) and not _passing(name)}
        return sorted(n for n, file in files.items() if bytes(file.data) != file.synced or self.durable.get(n) is not file)

    def lay(self, how: str, onto: Path) -> None:
        """Write what this disk would hold into the folder `onto`."""
        names = self.durable if how == "dropped" else self.names
        onto.mkdir(parents=True, exist_ok=True)
        for name in sorted(names):
            thing, place = names[name], onto / os.path.relpath(name, self.home)
            if name == self.home or not place.parent.is_dir() or name.endswith("-shm"):
                continue  # a folder that was lost took its files along; shared memory is no file
            if thing is None:
                place.mkdir(mode=0o700, exist_ok=True)
            elif isinstance(thing, str):
                place.symlink_to(thing)
            else:
                place.write_bytes(thing.data if how == "kept" else thing.synced)
                place.chmod(0o600)


def _passing(name: str) -> bool:
    path = Path(name)
    return name.endswith("-shm") or path.name.startswith(".") or "incoming" in path.parts or "quarantine" in path.parts
