"""Copies that survive the loss of the state directory: records and vault in one folder, keys in another.

A backup needs no key and holds none: everything in it is sealed.  It is a mirror of the newest state: what was
disposed of goes from it with the next run, and so do destroyed keys from their copy.  Its manifest is replaced
last and in one step, so that a broken-off run leaves the backup before it whole.

    DIR/manifest.json        what belongs to it, each with size and SHA-256
    DIR/records-<hash>.db    the ledger as it was at one moment
    DIR/vault/…, DIR/forms/… originals and registered blanks
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from records.durable import sync_folder, write_all, write_file
from records.errors import RefusedError, TemporaryError
from records.keys import HOUSE
from records.master import MASTER_FILE

MANIFEST = "manifest.json"
FORMAT = 1
TRIES = 3
Entry = tuple[int, str]  # size, SHA-256
Manifest = dict[str, Any]
HOUSE_FILE = f"{HOUSE[:16]}.keys"
_ALWAYS = {HOUSE_FILE, MASTER_FILE}


class Made(NamedTuple):
    """What a backup holds, and how much of it had to be copied."""

    objects: int
    copied: int
    size: int


class Home(NamedTuple):
    """Where the things lie that are copied."""

    records: Path
    vault: Path
    forms: Path


def make(home: Home, folder: Path, now: datetime) -> Made:
    """Bring the backup in `folder` up to date, while the daemon works on.

    The ledger is copied first: every row of it has its object in the vault already.  A case that is disposed of
    meanwhile takes its objects away; then the ledger is copied again.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = manifest_of(folder) if (folder / MANIFEST).exists() else {"files": {}}
    for _ in range(TRIES):
        snapshot = _snapshot(home.records, folder)
        files, copied = dict[str, Entry](), 0
        try:
            for name, path in _wanted(home, snapshot):
                entry, fresh = _mirror(path, folder, name, before["files"].get(name))
                files[name] = entry
                copied += fresh
        except FileNotFoundError:  # disposed of meanwhile
            continue
        return _finish(folder, snapshot, files, copied, now)
    raise TemporaryError("backup", "the vault lacks objects that the records name: somrr verify says which")


def manifest_of(folder: Path) -> Manifest:
    """The newest whole backup in the folder."""
    try:
        manifest: Manifest = json.loads((folder / MANIFEST).read_bytes())
        known = manifest["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        raise RefusedError("backup", f"{folder} holds no whole backup: no readable {MANIFEST}") from None
    if not known:
        raise RefusedError("backup", f"the backup in {folder} was made by a newer version of somrr; install that one")
    return manifest


def damaged(folder: Path) -> Iterator[str]:
    """Names of the backup's files that are missing or not what was written; no key is needed."""
    for name, (size, sha256) in sorted(manifest_of(folder)["files"].items()):
        try:
            if (size, sha256) != _entry(folder / name):
                yield name
        except OSError:
            yield name


def restore(folder: Path, home: Home) -> int:
    """Bring a backup into a state directory without records; returns how many files came.

    The ledger comes last, so that a broken-off run can be run again.  What was waiting to be sent may have been sent
    since the backup was made: it is marked uncertain, and staff decide.
    """
    if home.records.exists():
        raise RefusedError("restore", f"{home.records} is there already: a backup is restored where there are no records")
    manifest = manifest_of(folder)
    for name, (size, sha256) in sorted(manifest["files"].items()):
        kind, _, rest = name.partition("/")
        to = {"vault": home.vault, "forms": home.forms}.get(kind)
        if to is not None:
            _checked(folder / name, to / rest, (size, sha256))
    fresh = home.records.with_name(f".{home.records.name}.restored")
    fresh.unlink(missing_ok=True)
    _checked(folder / manifest["records"], fresh, tuple(manifest["files"][manifest["records"]]))
    with closing(sqlite3.connect(fresh)) as c, c:
        c.execute("UPDATE updates SET status='uncertain', reason='restored', claimed_at=NULL WHERE status='queued'")
    _sync(fresh)
    fresh.replace(home.records)
    sync_folder(home.records.parent)
    return len(manifest["files"])


def mirror_keys(keyring: Path, folder: Path) -> int:
    """Make `folder` a copy of the keyring: keys destroyed here vanish there.  Returns how many files changed."""
    here, there = _ring(keyring), _ring(folder)
    if HOUSE_FILE not in here:
        raise RefusedError("keys", f"there is no keyring in {keyring}; nothing was copied and nothing removed")
    strange = there.get(HOUSE_FILE) not in (None, here[HOUSE_FILE]) and not (here.keys() & there.keys() - _ALWAYS)
    if strange:
        raise RefusedError("keys", f"{folder} holds the keys of other records; name another folder")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    changed = {name for name in here.keys() | there.keys() if here.get(name) != there.get(name)}
    for name in sorted(changed):
        if name in here:
            write_file(folder / name, here[name])
        else:
            (folder / name).unlink()
    sync_folder(folder)
    return len(changed)


def restore_keys(folder: Path, keyring: Path) -> int:
    """Bring the copy of a keyring to where there is none; returns how many files came."""
    ring = _ring(folder)
    if HOUSE_FILE not in ring:
        raise RefusedError("keys", f"there is no copy of a keyring in {folder}")
    if _ring(keyring).get(HOUSE_FILE, ring[HOUSE_FILE]) != ring[HOUSE_FILE]:
        raise RefusedError("keys", f"{keyring} holds other keys already; move them away if they are not needed")
    keyring.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in sorted(ring.items()):
        if not (name.startswith(MASTER_FILE) and (keyring / name).exists()):
            write_file(keyring / name, content)
    return len(ring)


def _ring(folder: Path) -> dict[str, bytes]:
    """The files of a keyring, the master key among them where it lies there."""
    return {path.name: path.read_bytes() for path in (*folder.glob("*.keys"), *folder.glob(f"{MASTER_FILE}*"))}


def _snapshot(records: Path, folder: Path) -> Path:
    """The ledger at one moment, without what was deleted from it."""
    if not records.exists():
        raise RefusedError("backup", f"there are no records in {records.parent}")
    snapshot = folder / ".records.new"
    snapshot.unlink(missing_ok=True)
    with closing(sqlite3.connect(f"file:{records}?mode=ro", uri=True, timeout=60)) as c:
        try:
            c.execute("VACUUM INTO ?", (str(snapshot),))
        except sqlite3.Error as fault:
            raise TemporaryError("backup", f"the records could not be copied ({fault.sqlite_errorname})") from None
    snapshot.chmod(0o600)
    _sync(snapshot)
    return snapshot


def _wanted(home: Home, snapshot: Path) -> Iterator[tuple[str, Path]]:
    """What belongs to the ledger's copy: its rows name their objects as the vault does."""
    with closing(sqlite3.connect(snapshot)) as c:
        for (name,) in c.execute("SELECT digest FROM submissions ORDER BY digest"):
            yield f"vault/{name[:2]}/{name}", home.vault / name[:2] / name
    for path in sorted(home.forms.rglob("*")):
        if path.is_file():
            yield f"forms/{path.relative_to(home.forms)}", path


def _mirror(source: Path, folder: Path, name: str, known: list[Any] | None) -> tuple[Entry, bool]:
    """An object never changes under its name: what is there with its size is not copied again."""
    size, copy = source.stat().st_size, folder / name
    if known is not None and known[0] == size and name.startswith("vault/"):
        with suppress(FileNotFoundError):
            if copy.stat().st_size == size:
                return (size, known[1]), False
    return _copied(source, copy), True


def _copied(source: Path, copy: Path) -> Entry:
    """Durable under its name only when whole."""
    copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = copy.with_name(f".{copy.name}.new")
    temporary.unlink(missing_ok=True)
    sha, size = hashlib.sha256(), 0
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with source.open("rb") as file:
            while chunk := file.read(1 << 20):
                sha.update(chunk)
                size += len(chunk)
                write_all(descriptor, chunk)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(copy)
    sync_folder(copy.parent)
    return size, sha.hexdigest()


def _checked(source: Path, to: Path, entry: Entry) -> None:
    try:
        found = _copied(source, to)
    except FileNotFoundError:
        found = (0, "")
    if found != tuple(entry):
        to.unlink(missing_ok=True)
        raise RefusedError("backup", f"{source} is missing or damaged; somrr verify --backup lists all that is")


def _finish(folder: Path, snapshot: Path, files: dict[str, Entry], copied: int, now: datetime) -> Made:
    """From the moment that the manifest is in its place the new backup counts; then what it does not name goes."""
    entry = _entry(snapshot)
    records = folder / f"records-{entry[1][:16]}.db"
    snapshot.replace(records)
    sync_folder(folder)
    whole = {**files, records.name: entry}
    manifest = {"format": FORMAT, "made_at": now.isoformat(), "records": records.name, "files": whole}
    write_file(folder / MANIFEST, json.dumps(manifest, indent=0).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and str(path.relative_to(folder)) not in whole and path.name != MANIFEST:
            path.unlink()
    return Made(len(files), copied, sum(size for size, _ in whole.values()))


def _entry(path: Path) -> Entry:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
