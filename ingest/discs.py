"""A dropped folder (a disc's content) as one run of bytes: a plain tar that depends on nothing but names and contents.

The same content gives the same bytes and so the same SHA-256, whatever the folder is called, whoever copied it and when.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.files import Mark, listed, read_whole, refusal
from ingest.source import ArrivalError

MOST_FILES = 100_000
MOST_DEPTH = 40
UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")


@dataclass(frozen=True, slots=True)
class Tree:
    """The regular files below a folder, sorted by name; links, pipes and devices are left out and counted."""

    top: Path
    files: tuple[tuple[str, Mark], ...]  # path below `top`, with `/`
    newest: float  # the latest change anywhere below, seconds since the epoch
    left_out: int = 0  # links, pipes, devices
    unfinished: bool = False  # a file is named as one still being written
    too_large: bool = False

    @property
    def state(self) -> str:
        """Changes when any file below is added, taken away, renamed or written."""
        lines = (f"{name}\0{mark.inode}\0{mark.size}\0{mark.mtime_ns}\n" for name, mark in self.files)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def survey(top: Path) -> Tree:
    """Look at the whole folder; raises `TemporaryError` when a part of it can not be listed."""
    files: dict[str, Mark] = {}
    newest, folders = 0.0, [(top, "", 0)]
    left_out, unfinished, too_large = 0, False, False
    while folders and not too_large:
        folder, prefix, depth = folders.pop()
        for name, seen in listed(folder):
            newest = max(newest, seen.st_mtime, seen.st_ctime)
            code = refusal(seen)
            if code == "directory":
                folders.append((folder / name, f"{prefix}{name}/", depth + 1))
                too_large = too_large or depth >= MOST_DEPTH
            elif code is None:
                files[prefix + name] = Mark.of(seen)
                unfinished = unfinished or name.lower().endswith(UNFINISHED)
            else:
                left_out += 1
        too_large = too_large or len(files) > MOST_FILES
    ordered = tuple(sorted(files.items(), key=lambda each: os.fsencode(each[0])))
    return Tree(top, ordered, newest, left_out, unfinished, too_large)


def tar(tree: Tree) -> Iterator[bytes]:
    """The folder as an uncompressed GNU tar in parts; raises `ArrivalError` unless it stays as surveyed."""
    total = 0
    for name, mark in tree.files:
        member = tarfile.TarInfo(name)
        member.size = mark.size
        member.mode = 0o600
        header = member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
        yield header
        yield from read_whole(tree.top / name, mark, tree.top)
        padding = -mark.size % tarfile.BLOCKSIZE
        if padding:
            yield bytes(padding)
        total += len(header) + mark.size + padding
    yield bytes(2 * tarfile.BLOCKSIZE + -(total + 2 * tarfile.BLOCKSIZE) % tarfile.RECORDSIZE)
    if survey(tree.top).state != tree.state:
        raise ArrivalError("file_changed")
