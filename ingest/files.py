"""Reading what others put into a shared folder: regular files only, never through a link, and unchanged while read."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.source import PART_BYTES, ArrivalError
from records.errors import TemporaryError


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells one state of one file from every other: it changes when the file is written, replaced or renamed over."""

    device: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, seen: os.stat_result) -> Mark:
        return cls(seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns)


def name_key(name: str) -> str:
    """A name as it may stand in the ledger and the log: names of files tell of patients, so they are hashed (16 hex digits)."""
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]


def refusal(seen: os.stat_result) -> str | None:
    """Why this thing is no file to take (a code), or None; a directory is answered `directory`."""
    if not stat.S_ISREG(seen.st_mode):
        words = {stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket", stat.S_IFDIR: "directory"}
        return words.get(stat.S_IFMT(seen.st_mode), "device")
    if seen.st_nlink != 1:
        return "linked"
    return None


def listed(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Name and status (of a link itself) of each entry; raises `TemporaryError` when the folder can not be listed."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # moved away meanwhile
                    yield entry.name, entry.stat(follow_symlinks=False)
    except OSError as fault:
        raise TemporaryError("folder_unavailable", str(fault.errno)) from None


def open_regular(path: Path, mark: Mark, root: Path) -> int:
    """A descriptor of the regular file that was seen as `mark`, no link followed below `root`.

    Raises `ArrivalError` when it is gone, may not be read or is another file by now.
    """
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            *between, name = path.relative_to(root).parts
            for step in between:
                deeper = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                os.close(folder)
                folder = deeper
            # a FIFO put in its place must not block us
            opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        finally:
            os.close(folder)
    except FileNotFoundError:
        raise ArrivalError("file_gone") from None
    except OSError as fault:
        raise ArrivalError("file_unreadable", str(fault.errno)) from None
    seen = os.fstat(opened)
    if refusal(seen) is not None or Mark.of(seen) != mark:
        os.close(opened)
        raise ArrivalError("file_changed")
    return opened


def read_whole(path: Path, mark: Mark, root: Path) -> Iterator[bytes]:
    """The file's bytes in parts; raises `ArrivalError` unless it is, before and after, the file seen as `mark`."""
    opened = open_regular(path, mark, root)
    try:
        total = 0
        while part := os.read(opened, PART_BYTES):
            total += len(part)
            yield part
        if total != mark.size or Mark.of(os.fstat(opened)) != mark:
            raise ArrivalError("file_changed")
    except OSError as fault:
        raise ArrivalError("file_unreadable", str(fault.errno)) from None
    finally:
        os.close(opened)


def sha256(pieces: Iterable[bytes]) -> str:
    """Of all of them together, hexadecimal."""
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def read_head(path: Path, root: Path, most: int) -> bytes | None:
    """At most `most` bytes from the start of a regular file, or None when it can not be had."""
    try:
        mark = Mark.of(path.lstat())
        opened = open_regular(path, mark, root)
    except (OSError, ArrivalError):
        return None
    try:
        return os.read(opened, most)
    except OSError:
        return None
    finally:
        os.close(opened)


def sync_folder(path: Path) -> None:
    """Make renames in this folder durable."""
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
