"""The keyring: a data key for each case and each submission, wrapped by the master key, outside of the database.

A case is disposed of by destroying its keys: what a backup still holds of it can then not be read by anybody.
So keys live apart from what they open, in a folder of their own, and a backup never holds both.

    keys/master.key              the master key, made at first start where none is configured
    keys/<batch>.keys            up to 64 wrapped data keys of random ids, one a line: number, master's id, key
    keys/0000000000000000.keys   the house's own key: names of vault objects, look-ups that must not tell what they seek

A key is durable before anything is sealed under it.  Files are only ever replaced whole, so a crash leaves the old
or the new one.  A process makes keys ahead (1, 2, 4 … 64 at a time): taking custody then costs no further fsync.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from records.crypt import KEY, field_cipher, key_of_field, open_field, seal_field
from records.durable import sync_folder, write_all, write_file
from records.errors import ConfigurationError, PermanentError, TemporaryError
from records.master import MASTER_FILE, Master, Wrapped, master_in, master_of, pending

BATCH = 64
REMEMBERED = 1024  # batches in memory at a time: a list of all cases opens keys of every batch, in any order
HOUSE = "00" * 9
ID = re.compile(r"[0-9a-f]{18}")
Batch = dict[int, Wrapped]
Mark = tuple[int, int, int]  # inode, time, size


@dataclass(frozen=True, slots=True)
class _Opened:
    """A batch in memory: its file when it was read, the wrapped keys, and what was unwrapped of them."""

    mark: Mark | None
    wrapped: Batch
    keys: dict[int, bytes] = field(default_factory=dict)
    ciphers: dict[int, AESGCM] = field(default_factory=dict)


class KeyGoneError(PermanentError):
    """The data key was destroyed, or was never here: what is sealed under it can not be read."""


class Keyring:
    """Safe for several threads and processes: a batch is read again when its file is not the one that was read.

    So what another process destroyed opens nothing here from that moment on.
    """

    def __init__(self, folder: Path, file: Path | None = None, given: str = "", *, found: bool = True) -> None:
        """`given` is a configured master key; else it is in `file`, by default in the folder itself.

        `found`: a keyring that is not there may be made; not so where records are that another one must open.
        """
        self.folder = folder
        self.file = None if given else file or folder / MASTER_FILE
        self._given = master_of(given, "keys.master") if given else None
        self._guard = threading.RLock()
        self._masters: dict[str, Master] = {}
        self._batches: dict[str, _Opened] = {}
        self._where = str(folder)
        self._spare: list[str] = []
        self._ahead = 1
        if not found and not self._path(HOUSE).exists():
            told = f"the records are here, their keys are not in {folder}: bring them back from their copy (somrr restore --help)"
            raise ConfigurationError("keys", told)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._master = self._first()
        if not self._path(HOUSE).exists():
            self._found()

    # --- what the ledger and the vault ask

    def mint(self) -> str:
        """The id of a fresh data key, durable already."""
        with self._guard:
            if not self._spare:
                self._spare = self._make(self._ahead)
                self._ahead = min(2 * self._ahead, BATCH)
            return self._spare.pop()

    def key(self, key_id: str) -> bytes:
        """The data key; KeyGoneError when it was destroyed."""
        name, number = _place(key_id)
        return self._key_in(self._current(name), number, key_id)

    def _key_in(self, batch: _Opened, number: int, key_id: str) -> bytes:
        found = batch.keys.get(number)
        if found is None:
            with self._guard:
                found = batch.keys[number] = self._unwrapped(key_id, number, batch)
        return found

    def seal(self, key_id: str, plain: str, place: str) -> bytes:
        """A field of the ledger, bound to its place (`table.column/row`)."""
        return seal_field(self._cipher(key_id), bytes.fromhex(key_id), plain.encode(), place)

    def unseal(self, sealed: bytes, place: str) -> str:
        return open_field(self._cipher(key_of_field(sealed).hex()), sealed, place).decode()

    def unseal_all(self, fields: Iterable[tuple[bytes, str]]) -> Iterator[str]:
        """The same for many at a time: the file of each batch is looked at once, not for each of its keys."""
        looked: dict[str, _Opened] = {}
        for sealed, place in fields:
            key_id = key_of_field(sealed).hex()
            name = key_id[:16]
            if name not in looked:
                looked[name] = self._current(name)
            yield open_field(self._cipher_in(looked[name], int(key_id[16:], 16), key_id), sealed, place).decode()

    def blind(self, kind: str, value: str) -> str:
        """What stands in the ledger, or on disk, for a value that must be found again and not be guessed by a thief."""
        return hmac.digest(self._blinding, f"{kind}\0{value}".encode(), "sha256").hex()

    def forget(self) -> None:
        """Drop from memory what other processes destroyed; from time to time, for keys that nobody asks for."""
        for name in list(self._batches):
            self._current(name)

    def holds(self, key_id: str) -> bool:
        """Is this key there, and does it open?"""
        try:
            self.key(key_id)
        except PermanentError:
            return False
        return True

    # --- what disposal, rotation and backup ask

    def destroy(self, key_ids: Iterable[str]) -> int:
        """Remove keys for good; returns how many were there.  Again does nothing.

        The old file's bytes are overwritten as well, for file systems that write in place.
        """
        wanted: dict[str, set[int]] = {}
        for key_id in set(key_ids) - {HOUSE}:
            wanted.setdefault(key_id[:16], set()).add(int(key_id[16:], 16))
        gone = 0
        with self._guard, self._locked(fcntl.LOCK_EX):
            for name, numbers in sorted(wanted.items()):
                batch = self._read(name)
                left = {number: wrapped for number, wrapped in batch.items() if number not in numbers}
                if len(left) < len(batch):
                    gone += len(batch) - len(left)
                    self._replace(name, left)
                self._current(name)
        return gone

    def rotate(self, old: Master | None = None) -> int:
        """Wrap every key anew; returns how many were.  Killed anywhere, it can be run again.

        Where the master key is a file of ours a new one is made, and the old stays until all is done; where it is
        given, the given one is the new, and `old` is what it replaces.
        """
        with self._guard, self._locked(fcntl.LOCK_EX):
            new, waiting = self._next(old)
            known = {master.id: master for master in (*self._load().values(), new, *([old] if old else []))}
            count = 0
            for path in sorted(self.folder.glob("*.keys")):
                batch = self._read(path.stem)
                again = {n: self._rewrapped(f"{path.stem}{n:02x}", wrapped, known, new) for n, wrapped in batch.items()}
                if again != batch:
                    count += sum(again[n] != batch[n] for n in batch)
                    self._replace(path.stem, again)
            if waiting is not None and self.file is not None:
                with _overwritten(self.file):  # from here on only the new master key counts
                    waiting.replace(self.file)
                    sync_folder(self.file.parent)
            self._master, self._batches = new, {}
            self._masters = {new.id: new}
        return count

    def sweep(self) -> int:
        """Remove what killed runs left half-written; returns how many."""
        with self._guard, self._locked(fcntl.LOCK_EX):
            left = [path for path in self.folder.glob(".*") if path.is_file()]
            for path in left:
                path.unlink(missing_ok=True)
        return len(left)

    def ids(self) -> Iterator[str]:
        """Every key on disk, used or made ahead; the house's own left out."""
        for path in sorted(self.folder.glob("*.keys")):
            if path.stem != HOUSE[:16]:
                yield from (f"{path.stem}{number:02x}" for number in sorted(self._read(path.stem)))

    @property
    def master_id(self) -> str:
        return self._master.id

    # --- master keys

    def _first(self) -> Master:
        """The master key in force; made where there is none and none is missed."""
        if not any(self._load()):
            if any(self.folder.glob("*.keys")) or self.file is None:
                raise ConfigurationError("master_key", f"{self.file} is not there, but keys that it wraps are: put it back")
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                write_file(self.file, f"{secrets.token_hex(KEY)}\n".encode(), fresh=True)
            except FileExistsError:
                pass  # another process was quicker
            except OSError as fault:
                raise ConfigurationError("master_key", f"{self.file} can not be made ({fault.strerror})") from None
            self._load()
        return self._in_force()

    def _load(self) -> dict[str, Master]:
        if self._given:
            self._masters = {self._given.id: self._given}
        elif self.file:
            found = (master_in(file) for file in (self.file, pending(self.file)))
            self._masters = {master.id: master for master in found if master}
        return self._masters

    def _in_force(self) -> Master:
        master = self._given or (master_in(self.file) if self.file else None)
        if master is None:
            raise ConfigurationError("master_key", f"{self.file} is not there, but keys that it wraps are: put it back")
        return master

    def _next(self, old: Master | None) -> tuple[Master, Path | None]:
        """The master key to wrap under, and where it lies until all is done."""
        if old is not None or self.file is None:
            return self._in_force(), None
        waiting = pending(self.file)
        new = master_in(waiting)
        if new is None:
            write_file(waiting, f"{secrets.token_hex(KEY)}\n".encode(), fresh=True)
            new = master_in(waiting)
        if new is None:
            raise TemporaryError("keys_write", "the new master key vanished")
        return new, waiting

    # --- batches on disk

    def _found(self) -> None:
        """The house's own key, once."""
        if any(self.folder.glob("*.keys")):
            raise ConfigurationError("keys", f"{self._path(HOUSE)} is missing: put the whole keyring back from its backup")
        with suppress(FileExistsError):  # another process was quicker
            self._write(HOUSE[:16], {0: self._master.wrap(HOUSE, secrets.token_bytes(KEY))}, fresh=True)

    def _make(self, count: int) -> list[str]:
        name = secrets.token_hex(8)
        keys = {f"{name}{number:02x}": secrets.token_bytes(KEY) for number in range(count)}
        with self._locked(fcntl.LOCK_SH):
            self._master = self._in_force()  # another process may have changed it
            batch = {int(key_id[16:], 16): self._master.wrap(key_id, key) for key_id, key in keys.items()}
            self._write(name, batch, fresh=True)
        mark = self._mark(name)
        self._remember(name, _Opened(mark, batch, {int(key_id[16:], 16): key for key_id, key in keys.items()}))
        return sorted(keys, reverse=True)

    def _unwrapped(self, key_id: str, number: int, batch: _Opened) -> bytes:
        wrapped = batch.wrapped.get(number)
        if wrapped is None:
            raise KeyGoneError("key_gone", key_id)
        if wrapped.master not in self._masters:
            self._load()  # another process may have made a new one
        return self._open(key_id, wrapped, self._masters)

    def _open(self, key_id: str, wrapped: Wrapped, masters: dict[str, Master]) -> bytes:
        master = masters.get(wrapped.master)
        if master is None:
            known = ", ".join(masters) or "none"
            raise ConfigurationError(
                "master_key",
                f"the keys in {self.folder} are wrapped by master key {wrapped.master}, at hand is {known}: put the right one"
                " back, or if it was replaced on purpose: somrr keys rotate --old FILE-WITH-THE-OLD-ONE",
            )
        return master.unwrap(key_id, wrapped)

    def _rewrapped(self, key_id: str, wrapped: Wrapped, known: dict[str, Master], new: Master) -> Wrapped:
        return wrapped if wrapped.master == new.id else new.wrap(key_id, self._open(key_id, wrapped, known))

    def _current(self, name: str) -> _Opened:
        """A batch as it is on disk; when its file was replaced or removed, the keys that are gone are forgotten."""
        mark, known = self._mark(name), self._batches.get(name)
        if known is not None and known.mark == mark:
            return known
        with self._guard:
            fresh = _Opened(mark, self._read(name))  # the mark was taken before the file was read
            if known is not None:
                fresh.keys.update({number: key for number, key in known.keys.items() if number in fresh.wrapped})
            return self._remember(name, fresh)

    def _remember(self, name: str, batch: _Opened) -> _Opened:
        """All are forgotten when there are many."""
        if len(self._batches) >= REMEMBERED:
            self._batches.clear()
        self._batches[name] = batch
        return batch

    def _mark(self, name: str) -> Mark | None:
        """What another file of the same name has not; None when there is none."""
        try:
            found = os.stat(f"{self._where}/{name}.keys")  # noqa: PTH116 - asked for each field: a Path costs three times the call
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise TemporaryError("keys_read", fault.strerror or "") from None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _cipher(self, key_id: str) -> AESGCM:
        name, number = _place(key_id)
        return self._cipher_in(self._current(name), number, key_id)

    def _cipher_in(self, batch: _Opened, number: int, key_id: str) -> AESGCM:
        found = batch.ciphers.get(number)
        if found is None:
            found = batch.ciphers[number] = field_cipher(self._key_in(batch, number, key_id))
        return found

    @cached_property
    def _blinding(self) -> bytes:
        return hmac.digest(self.key(HOUSE), b"somrr blind", "sha256")

    def _path(self, key_id: str) -> Path:
        return self.folder / f"{key_id[:16]}.keys"

    def _read(self, name: str) -> Batch:
        """A batch as it is on disk; empty when there is none."""
        try:
            lines = self._path(name).read_text("ascii").splitlines()
            return {int(n, 16): Wrapped(master, key) for n, master, key in (line.split(" ") for line in lines)}
        except FileNotFoundError:
            return {}
        except OSError as fault:
            raise TemporaryError("keys_read", fault.strerror or "") from None
        except ValueError:
            raise PermanentError("key_damaged", f"batch {name}") from None

    def _write(self, name: str, batch: Batch, *, fresh: bool = False) -> None:
        lines = [f"{number:02x} {w.master} {w.key}\n" for number, w in sorted(batch.items())]
        try:
            write_file(self._path(name), "".join(lines).encode(), fresh=fresh)
        except FileExistsError:
            raise
        except OSError as fault:
            raise TemporaryError("keys_write", fault.strerror or "") from None

    def _replace(self, name: str, batch: Batch) -> None:
        """A batch made smaller or wrapped anew; what stood there before is overwritten once the new one is durable."""
        path = self._path(name)
        with _overwritten(path):
            if batch:
                self._write(name, batch)
            else:
                path.unlink()
                sync_folder(self.folder)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Keys are made side by side; rotation and destruction are alone."""
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)


def _place(key_id: str) -> tuple[str, int]:
    """In which batch a key is, and its number there."""
    if not ID.fullmatch(key_id):
        raise KeyGoneError("key_gone", "no id of a key")
    return key_id[:16], int(key_id[16:], 16)


@contextmanager
def _overwritten(file: Path) -> Iterator[None]:
    """When the file was replaced or removed, its old bytes are overwritten; for file systems that write in place."""
    old = os.open(file, os.O_WRONLY)
    try:
        yield
        write_all(old, bytes(os.fstat(old).st_size))
        os.fsync(old)
    finally:
        os.close(old)
