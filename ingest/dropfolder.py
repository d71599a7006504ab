"""A folder that a fax server or staff drop into (R21): finished files are told from those still being written.

Nothing here hangs on a notice from the system: each scan looks at all there is, and a file is taken when it was the
same over `quiet_seconds` and, for a PDF or TIFF, is whole.

A file that stays broken for `stalled_seconds` is reported, and then taken as it is but left in place: staff then see
it in quarantine (nobody watches the folder itself), and when its writer does go on after all, the longer file is
another key and comes in as well.  Moving it away under a slow writer would lose what follows; leaving it unread
would be silence.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from config.settings import FolderSettings
from ingest import sidecar, structure
from ingest.discs import UNFINISHED, Tree, survey, tar
from ingest.files import Mark, listed, name_key, open_regular, read_head, read_whole, refusal, sha256, sync_folder
from ingest.source import KEYS_AT_ONCE, ArrivalError, Disposed, Doomed, Known, in_ledger
from ingest.watch import Watch
from records import events
from records.errors import TemporaryError
from records.model import Arrival, Channel, Envelope

log = structlog.get_logger(__name__)

TAKEN = "taken"
CASE_FOLDER = re.compile(r"SOMRR(-[0-9A-Z]{1,16}){1,6}")
SWEEP_SECONDS = 3600.0  # between two looks into taken/
SOONEST = 0.1  # never scan more often than this


@dataclass(frozen=True, slots=True)
class Drop:
    """One thing lying where arrivals lie."""

    name: str  # below the folder, with `/` under a case
    path: Path
    key: str
    state: object  # changes when the thing or its sidecar does
    newest: float  # last change, seconds since the epoch
    mark: Mark
    tree: Tree | None = None  # for a folder
    case_ref: str | None = None
    beside: Path | None = None  # its sidecar

    @property
    def temporary(self) -> bool:
        """By its name still being written."""
        return self.tree is None and self.name.lower().endswith(UNFINISHED)

    @property
    def empty(self) -> bool:
        return not self.tree.files if self.tree is not None else self.mark.size == 0


@dataclass
class _Sight:
    """Since when (monotonic) a thing was seen in one state."""

    state: object
    since: float
    whole: bool | None = None


class DropFolder:
    """The fax or courier folder.

    Keys are the hashed name with device, inode, size and time, so that the same file is one arrival however often it
    is seen, and a changed one is another.  Under `after = "move"` a taken file goes to `taken/` beside it.
    """

    def __init__(self, name: str, channel: Channel, settings: FolderSettings, path: Path) -> None:
        """A folder of our own (no path configured) is made; a configured one must exist, it may be an unmounted share."""
        self.name = name
        self.channel = channel
        self.unfinished = 0
        self.patience = settings.quiet_seconds + SOONEST
        self._settings = settings
        self._root = path
        if settings.path is None:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._watch = Watch(name, (path,), settings.watch, deep=channel is Channel.COURIER)
        self._drops: dict[str, Drop] = {}
        self._sights: dict[str, _Sight] = {}
        self._scanned = False
        self._told: set[tuple[str, str, str]] = set()
        self._failed: set[str] = set()
        self._next_due: float | None = None
        self._sweep_due = 0.0  # monotonic

    def poll(self, known: Known) -> Iterator[Arrival]:
        """Yield each finished thing that the ledger lacks, oldest first; logs present, known, new and unfinished."""
        drops = {drop.key: drop for drop in sorted(self._scan(), key=lambda drop: drop.newest)}
        held = in_ledger(known, list(drops))
        self._look(list(drops.values()))
        self._drops, self._failed, self._next_due = drops, set(), None
        self.unfinished = 0
        new = unfinished = 0
        try:
            for key, drop in drops.items():
                if key in held:
                    self._settle(drop)  # a killed run may not have come to it
                elif self._finished(drop):
                    new += 1
                    yield self._arrival(drop)
                else:
                    unfinished += 1
        finally:
            new -= len(self._failed)
            counts = {"present": len(drops), "known": len(held), "new": new, "unfinished": unfinished}
            missing = len(drops) - len(held) - new - unfinished
            log.info(events.FOLDER_RECONCILED, source=self.name, **counts, missing=missing)
        with contextlib.suppress(TemporaryError):  # a folder that can not be listed: another time
            self._empty_taken()

    def fetch(self, arrival: Arrival) -> Iterator[bytes]:
        """The file's bytes, or a dropped folder's as a deterministic tar."""
        try:
            drop = self._drops.get(arrival.key)
            if drop is None:
                raise ArrivalError("file_gone")
            yield from tar(drop.tree) if drop.tree is not None else read_whole(drop.path, drop.mark, self._root)
        except TemporaryError:
            self._failed.add(arrival.key)
            raise

    def acknowledge(self, arrival: Arrival) -> None:
        """Move it to `taken/` or remove it, when so configured and it is still what was read."""
        if (drop := self._drops.get(arrival.key)) is not None:
            self._settle(drop)

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """As long as nothing can become finished sooner."""
        if self._next_due is not None:
            seconds = min(seconds, max(self._next_due - time.monotonic(), SOONEST))
        self._watch.wait(seconds, stop)

    def close(self) -> None:
        self._watch.close()

    def forget(self, gone: Callable[[str], bool]) -> int:
        removed = 0
        if not (self._root / TAKEN).is_symlink() and (self._root / TAKEN).is_dir():
            for drop in list(self._scan_folder(self._root / TAKEN, f"{TAKEN}/", None)):
                with contextlib.suppress(ArrivalError):  # it changes right now: at the next run
                    if gone(self._digest(drop)):
                        _remove(drop)
                        sync_folder(drop.path.parent)
                        removed += 1
        return removed

    def withdraw(self, disposed: Disposed) -> Iterator[tuple[Doomed, str]]:
        """What `after = "leave"` left, or could not be moved away."""
        drops = {drop.key: drop for drop in self._scan()}
        keys = list(drops)
        for start in range(0, len(keys), KEYS_AT_ONCE):
            for key, doomed in disposed.by_key(keys[start : start + KEYS_AT_ONCE]).items():
                yield doomed, self._withdrawn(drops[key], doomed, disposed)

    def _withdrawn(self, drop: Drop, doomed: Doomed, disposed: Disposed) -> str:
        try:
            if self._digest(drop) != doomed.digest:
                return "differs"
            disposed.going(doomed)
            _remove(drop)
            sync_folder(drop.path.parent)
        except ArrivalError:
            return "changing"
        except OSError as fault:
            return "gone" if isinstance(fault, FileNotFoundError) else "refused"
        return "removed"

    def _digest(self, drop: Drop) -> str:
        """SHA-256 of the bytes that `fetch` gave for it."""
        return sha256(tar(drop.tree) if drop.tree is not None else read_whole(drop.path, drop.mark, self._root))

    def _scan(self) -> Iterator[Drop]:
        yield from self._scan_folder(self._root, "", None)

    def _scan_folder(self, folder: Path, prefix: str, case_ref: str | None) -> Iterator[Drop]:
        entries = dict(listed(folder))
        for name, seen in entries.items():
            code = refusal(seen)
            if name.startswith((".", "~")) or name.endswith("~") or (name == TAKEN and not prefix):
                continue
            if code is None:
                if self.channel is not Channel.FAX:
                    yield self._file(folder / name, prefix + name, seen, case_ref)
                elif not sidecar.is_sidecar(name):
                    yield self._fax(folder / name, name, seen, entries)
            elif code != "directory" or self.channel is not Channel.COURIER:
                self._tell_once(events.FILE_REFUSED, prefix + name, code)
            else:
                try:
                    if case_ref is None and CASE_FOLDER.fullmatch(name):
                        yield from self._scan_folder(folder / name, f"{name}/", name)
                    else:
                        yield self._folder(folder / name, prefix + name, seen, case_ref)
                except TemporaryError:  # one unreadable folder keeps nothing else from coming in
                    self._tell_once(events.FILE_REFUSED, prefix + name, "unreadable")

    def _file(self, path: Path, name: str, seen: os.stat_result, case_ref: str | None) -> Drop:
        mark = Mark.of(seen)
        key = f"{name_key(name)};{mark.device};{mark.inode};{mark.size};{mark.mtime_ns}"
        return Drop(name, path, key, mark, max(seen.st_mtime, seen.st_ctime), mark, case_ref=case_ref)

    def _fax(self, path: Path, name: str, seen: os.stat_result, entries: dict[str, os.stat_result]) -> Drop:
        """A fax with its sidecar, which restarts the quiet time too: it may come after the fax."""
        drop = self._file(path, name, seen, None)
        for beside in sidecar.names_for(name):
            if beside in entries and beside != name and refusal(entries[beside]) is None:
                state = (drop.mark, Mark.of(entries[beside]))
                return Drop(name, path, drop.key, state, drop.newest, drop.mark, beside=path.parent / beside)
        return drop

    def _folder(self, path: Path, name: str, seen: os.stat_result, case_ref: str | None) -> Drop:
        tree = survey(path)
        mark = Mark.of(seen)
        key = f"{name_key(name)};{mark.device};{mark.inode};{tree.state}"
        return Drop(name, path, key, tree.state, max(tree.newest, seen.st_mtime), mark, tree, case_ref)

    def _look(self, drops: list[Drop]) -> None:
        """Note since when each thing is as it is.

        Only in the first scan its own time counts: what lay there before we started is finished if it is old.
        Later our own observation alone counts, since the clocks of network shares differ from ours.
        """
        now, clock = time.monotonic(), time.time()
        sights: dict[str, _Sight] = {}
        for drop in drops:
            before = self._sights.get(drop.name)
            age = 0.0 if self._scanned else max(0.0, clock - drop.newest)
            sights[drop.name] = before if before is not None and before.state == drop.state else _Sight(drop.state, now - age)
        self._sights, self._scanned = sights, True

    def _finished(self, drop: Drop) -> bool:
        sight, now = self._sights[drop.name], time.monotonic()
        if now - sight.since < self._settings.quiet_seconds:
            self._due(sight.since + self._settings.quiet_seconds)
            self.unfinished += not drop.temporary
            return False
        if drop.empty or (drop.tree is not None and drop.tree.too_large):
            self._tell_once(events.FILE_REFUSED, drop.name, "empty" if drop.empty else "too_many_files")
            return False
        if self._whole(drop, sight):
            return True
        if now - sight.since < self._settings.stalled_seconds:
            self._due(sight.since + self._settings.stalled_seconds)
            return False
        code = "temporary_name" if drop.temporary else "incomplete"
        self._tell_once(events.FILE_STALLED, drop.name, code)
        return not drop.temporary

    def _whole(self, drop: Drop, sight: _Sight) -> bool:
        if sight.whole is None:
            sight.whole = not drop.temporary and (drop.tree is not None or self._structured(drop))
            if drop.tree is not None:
                sight.whole = not drop.tree.unfinished
        return sight.whole

    def _structured(self, drop: Drop) -> bool:
        try:
            opened = open_regular(drop.path, drop.mark, self._root)
        except ArrivalError:
            return False
        try:
            return structure.whole(opened, drop.mark.size, drop.name)
        except OSError:
            return False
        finally:
            os.close(opened)

    def _due(self, when: float) -> None:
        self._next_due = when if self._next_due is None else min(self._next_due, when)

    def _arrival(self, drop: Drop) -> Arrival:
        """With what the sidecar says; else a fax is as old as its file, and a courier drop as its last change here."""
        now = datetime.now(UTC)
        caller, received_at = None, None
        if drop.beside is not None and (raw := read_head(drop.beside, self._root, sidecar.SIDECAR_BYTES)) is not None:
            caller, received_at = sidecar.read(raw, now)
        own = drop.mark.mtime_ns / 1e9 if self.channel is Channel.FAX else drop.newest
        received_at = received_at or min(datetime.fromtimestamp(own, UTC), now)
        if drop.tree is not None and drop.tree.left_out:
            self._tell_once(events.FILE_REFUSED, drop.name, "left_out")
        envelope = Envelope(self.channel, received_at, sender=caller, case_ref=drop.case_ref)
        return Arrival(self.name, drop.key, envelope, None if drop.tree is not None else drop.mark.size)

    def _settle(self, drop: Drop) -> None:
        """Move a thing in our custody to `taken/`, or remove it; what is broken, has changed or can not be moved stays."""
        if self._settings.after == "leave" or not self._whole(drop, self._sights[drop.name]):
            return
        try:
            if not self._unchanged(drop):
                return
            if self._settings.after == "remove":
                _remove(drop)
            else:
                target = self._target(drop)
                _move(drop.path, target)
                if drop.beside is not None:
                    with contextlib.suppress(FileNotFoundError):  # one sidecar may speak of two files
                        _move(drop.beside, target)
                sync_folder(target)
            sync_folder(drop.path.parent)
        except (OSError, TemporaryError) as fault:
            self._tell_once(events.FILE_LEFT, drop.name, str(getattr(fault, "errno", None) or type(fault).__name__))

    def _empty_taken(self) -> None:
        """Copies in clear are no second archive: they go when they have lain there long enough (the clock of their move)."""
        days, taken = self._settings.taken_days, self._root / TAKEN
        if not days or time.monotonic() < self._sweep_due or taken.is_symlink() or not taken.is_dir():
            return
        self._sweep_due = time.monotonic() + SWEEP_SECONDS
        gone, limit = 0, time.time() - days * 86400
        places = [
            taken,
            *(taken / name for name, seen in listed(taken) if stat.S_ISDIR(seen.st_mode) and CASE_FOLDER.fullmatch(name)),
        ]
        for place in places:
            for name, seen in listed(place):
                if place / name not in places and seen.st_ctime < limit:
                    gone += _cleared(place / name, seen)
        if gone:
            log.info(events.FOLDER_EMPTIED, source=self.name, files=gone)

    def _target(self, drop: Drop) -> Path:
        """`taken/`, or `taken/SOMRR-…/` for what lay under a case; never through a link."""
        target = self._root
        for step in (TAKEN, drop.case_ref):
            if step is not None:
                target /= step
                target.mkdir(mode=0o700, exist_ok=True)
                if target.is_symlink():
                    raise NotADirectoryError(errno.ENOTDIR, "taken")
        return target

    def _unchanged(self, drop: Drop) -> bool:
        if drop.tree is not None:
            return survey(drop.path).state == drop.tree.state
        return Mark.of(drop.path.lstat()) == drop.mark

    def _tell_once(self, event: str, name: str, code: str) -> None:
        said = (event, name, code)
        if said not in self._told:
            self._told.add(said)
            log.warning(event, source=self.name, key=name_key(name), code=code)


def _remove(drop: Drop) -> None:
    """The vault has it, sealed; the copy in clear goes."""
    if drop.tree is not None:
        shutil.rmtree(drop.path)
    else:
        drop.path.unlink()
    if drop.beside is not None:
        drop.beside.unlink(missing_ok=True)


def _cleared(path: Path, seen: os.stat_result) -> bool:
    """Whether it could be removed; what can not is tried again."""
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(seen.st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()
        return True
    return False


def _move(path: Path, target: Path) -> None:
    """Rename into `target` under a free name: the name is reserved first, so nothing is ever overwritten."""
    seen = path.lstat()
    for number in range(1, 10_000):
        name = path.name if number == 1 else f"{path.stem}~{number}{path.suffix}"
        place = target / name
        try:
            if stat.S_ISDIR(seen.st_mode):
                place.mkdir(mode=0o700)
            else:
                os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            continue
        path.rename(place)
        return
    raise FileExistsError
