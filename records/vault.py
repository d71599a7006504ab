"""The vault: every original, byte for byte, sealed, each under a data key of its own.

`keep` returns only when the bytes would survive a power cut: temporary file, every write's count
looped on, fsync, rename, fsync of the folder (R21: custody before acknowledgement).  Nothing unsealed
touches the disk.  An object's name is a keyed hash of its SHA-256: who steals the folder can not even
ask whether a document that they know is in it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from records.crypt import HEAD, SealError, key_of_stream, open_stream, seal_stream
from records.durable import sync_folder, write_all
from records.errors import PermanentError, TemporaryError
from records.keys import Keyring
from records.model import Kept

FULL = (errno.ENOSPC, errno.EDQUOT)
RESERVE = 1 << 28  # bytes left free for the ledger: below it nothing is taken in


class Vault:
    """A folder of immutable objects; safe for several processes."""

    def __init__(self, root: Path, keys: Keyring, reserve: int = RESERVE) -> None:
        self.root, self.keys, self.reserve = root, keys, reserve
        self._incoming = root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)

    def keep(self, chunks: Iterable[bytes]) -> Kept:
        """Store the bytes durably.  Raises TemporaryError (disk full, I/O) and leaves nothing behind."""
        if shutil.disk_usage(self.root).free < self.reserve:
            raise TemporaryError("disk_full", f"less than {self.reserve} bytes free")
        temporary = self._incoming / secrets.token_hex(16)
        try:
            kept = self._write(temporary, chunks, self.keys.mint())
            return self._settle(temporary, kept)
        except OSError as error:
            code = "disk_full" if error.errno in FULL else "vault_write"
            raise TemporaryError(code, os.strerror(error.errno or 0)) from None
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def path(self, digest: str) -> Path:
        """Where the sealed object lies (it may not exist)."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise PermanentError("bad_digest")
        return self.at(self.keys.blind("object", digest))

    def at(self, name: str) -> Path:
        """Where the object of this name lies."""
        return self.root / name[:2] / name

    def open(self, digest: str) -> Iterator[bytes]:
        """The object's bytes in chunks; PermanentError when it is missing, damaged, or its key was destroyed.

        Only when the last chunk has come are the earlier ones sure to be this object's.
        """
        try:
            yield from self._opened(self.path(digest), digest)
        except FileNotFoundError:
            raise PermanentError("vault_missing", digest[:12]) from None
        except OSError as error:
            raise TemporaryError("vault_read", os.strerror(error.errno or 0)) from None

    def names(self) -> Iterator[str]:
        """Every object held, by its name on disk."""
        for shelf in sorted(self.root.iterdir()):
            if len(shelf.name) == 2:
                yield from sorted(found.name for found in shelf.iterdir())

    def check(self, digest: str) -> None:
        """Read the object to its end; PermanentError when it is missing, does not open, or has another SHA-256."""
        sha = hashlib.sha256()
        for chunk in self.open(digest):
            sha.update(chunk)
        if sha.hexdigest() != digest:
            raise SealError("sealed_stream", "another digest")

    def intact(self, digest: str) -> bool:
        """True when the object is there, opens, and its bytes still have this SHA-256."""
        try:
            self.check(digest)
        except PermanentError:
            return False
        return True

    def remove(self, name: str) -> bool:
        """Take the object of this name on disk away for good; False when it was gone."""
        path = self.at(name)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        sync_folder(path.parent)
        return True

    def sweep(self) -> int:
        """Remove what a killed run left half-written; returns how many.  Only while no other process takes custody."""
        left = list(self._incoming.iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _write(self, temporary: Path, chunks: Iterable[bytes], key_id: str) -> Kept:
        plain = _Counted(chunks)
        written = 0
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            for sealed in seal_stream(self.keys.key(key_id), bytes.fromhex(key_id), plain, plain.sha.digest):
                write_all(descriptor, sealed)
                written += len(sealed)
            os.fsync(descriptor)
            if os.fstat(descriptor).st_size != written:
                raise TemporaryError("vault_write", "short write")
        finally:
            os.close(descriptor)
        return Kept(plain.sha.hexdigest(), plain.size, key_id)

    def _settle(self, temporary: Path, kept: Kept) -> Kept:
        """Give the object its name; the same bytes again leave it as it is, under its key, unless it is damaged."""
        final = self.path(kept.digest)
        if not final.parent.exists():
            final.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.root)
        there = self._key_there(final)
        if there is None:
            temporary.replace(final)
        else:
            if not self.intact(kept.digest):
                mended = temporary.with_suffix(".mended")
                self._write(mended, self._opened(temporary, kept.digest), there)
                mended.replace(final)
            kept = kept._replace(key=there)
        sync_folder(final.parent)
        return kept

    def _opened(self, path: Path, digest: str) -> Iterator[bytes]:
        with path.open("rb") as stored:
            yield from open_stream(lambda key_id: self.keys.key(key_id.hex()), stored.read, bytes.fromhex(digest))

    def _key_there(self, final: Path) -> str | None:
        """The key under which an object lies there already, if it is still in the keyring."""
        try:
            with final.open("rb") as stored:
                key_id = key_of_stream(stored.read(HEAD)).hex()
        except (FileNotFoundError, SealError):
            return None
        return key_id if self.keys.holds(key_id) else None


class _Counted:
    """Bytes on their way into an object: their size and hash."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self.size, self.sha = chunks, 0, hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.sha.update(chunk)
            self.size += len(chunk)
            yield chunk
