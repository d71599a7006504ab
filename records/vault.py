"""The vault: every original, byte for byte, under the SHA-256 of its bytes.

`keep` returns only when the bytes would survive a power cut: temporary file, every write's count
looped on, fsync, rename, fsync of the folder (R21: custody before acknowledgement).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from records.errors import PermanentError, TemporaryError
from records.model import Kept

RESERVE = 1 << 28  # bytes left free for the ledger: below it nothing is taken in


class Vault:
    """A folder of immutable objects; safe for several processes."""

    def __init__(self, root: Path, reserve: int = RESERVE) -> None:
        self.root = root
        self.reserve = reserve
        self._incoming = root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)

    def keep(self, chunks: Iterable[bytes]) -> Kept:
        """Store the bytes durably.  Raises TemporaryError (disk full, I/O) and leaves nothing behind."""
        if shutil.disk_usage(self.root).free < self.reserve:
            raise TemporaryError("disk_full", f"less than {self.reserve} bytes free")
        temporary = self._incoming / secrets.token_hex(16)
        try:
            kept = self._write(temporary, chunks)
            self._settle(temporary, self.path(kept.digest))
        except OSError as error:
            raise TemporaryError("vault_write", os.strerror(error.errno or 0)) from None
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        return kept

    def path(self, digest: str) -> Path:
        """Where the object lies (it may not exist)."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise PermanentError("bad_digest")
        return self.root / digest[:2] / digest

    def open(self, digest: str, part: int = 1 << 20) -> Iterator[bytes]:
        """The object's bytes in parts; PermanentError("vault_missing") when there is none."""
        try:
            with self.path(digest).open("rb") as stored:
                while chunk := stored.read(part):
                    yield chunk
        except FileNotFoundError:
            raise PermanentError("vault_missing", digest[:12]) from None

    def digests(self) -> Iterator[str]:
        """Every object held."""
        for shelf in sorted(self.root.iterdir()):
            if len(shelf.name) == 2:
                yield from sorted(found.name for found in shelf.iterdir())

    def intact(self, digest: str) -> bool:
        """True when the object is there and its bytes still have this SHA-256."""
        sha = hashlib.sha256()
        try:
            for chunk in self.open(digest):
                sha.update(chunk)
        except PermanentError:
            return False
        return sha.hexdigest() == digest

    def sweep(self) -> int:
        """Remove what a killed run left half-written; returns how many.  Only while no other process takes custody."""
        left = list(self._incoming.iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _write(self, temporary: Path, chunks: Iterable[bytes]) -> Kept:
        sha, size = hashlib.sha256(), 0
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            for chunk in chunks:
                sha.update(chunk)
                size += len(chunk)
                _write_all(descriptor, chunk)
            os.fsync(descriptor)
            if os.fstat(descriptor).st_size != size:
                raise TemporaryError("vault_write", "short write")
        finally:
            os.close(descriptor)
        return Kept(sha.hexdigest(), size)

    def _settle(self, temporary: Path, final: Path) -> None:
        if not final.parent.exists():
            final.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.root)
        temporary.replace(final)  # the same bytes again replace themselves
        sync_folder(final.parent)


def _write_all(descriptor: int, chunk: bytes) -> None:
    """A nearly full disk writes short without an error: loop on the count."""
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make renames and creations in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
