"""Files that survive a power cut: every write's count looped on, fsync, rename, fsync of the folder."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make renames, creations and removals in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, chunk: bytes) -> None:
    """A nearly full disk writes short without an error: loop on the count."""
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


def write_file(path: Path, content: bytes, *, fresh: bool = False) -> None:
    """Put `content` at `path` whole or not at all, readable by its owner alone.

    With `fresh` an existing file is never replaced: FileExistsError.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if fresh:
            path.hardlink_to(temporary)
        else:
            temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    sync_folder(path.parent)
