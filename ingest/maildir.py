"""A Maildir as the mailbox (the embedded default): its mails are read and left as they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ingest.files import Mark, listed, name_key, read_head, read_whole, refusal, sha256, sync_folder
from ingest.headers import HEADER_BYTES, message_id
from ingest.source import KEYS_AT_ONCE, ArrivalError, Disposed, Doomed, Known, in_ledger
from ingest.watch import Watch
from records import events
from records.model import Arrival, Channel, Envelope

log = structlog.get_logger(__name__)


class Maildir:
    """`new` and `cur` of one folder.  A mail's key is its unique name (the part before `:`, hashed), size and time,
    which stay when a mail program moves it from `new` to `cur` or changes its flags.
    """

    name = "maildir"
    channel = Channel.EMAIL
    unfinished = 0  # a mail is there or not
    patience = 0.0

    def __init__(self, path: Path, dispose: str = "keep") -> None:
        """Creates the Maildir when it is absent, readable by us alone; `dispose` as in `mailbox.dispose`."""
        self._dispose = dispose
        self._path = path
        for folder in (path, *(path / part for part in ("tmp", "new", "cur"))):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._watch = Watch(self.name, (path / "new", path / "cur"), "events")
        self._mails: dict[str, tuple[Path, Mark]] = {}
        self._refused: set[tuple[str, str]] = set()

    def poll(self, known: Known) -> Iterator[Arrival]:
        """Yield each mail that the ledger lacks, oldest first; logs present, known, new and missing."""
        self._mails = self._listed()
        held = in_ledger(known, list(self._mails))
        new = 0
        try:
            for key, (path, mark) in sorted(self._mails.items(), key=lambda each: each[1][1].mtime_ns):
                if key not in held and (arrival := self._arrival(key, path, mark)) is not None:
                    new += 1
                    yield arrival
        finally:
            present, missing = len(self._mails), len(self._mails) - len(held) - new
            log.info(events.MAILBOX_RECONCILED, source=self.name, present=present, known=len(held), new=new, missing=missing)

    def fetch(self, arrival: Arrival) -> Iterator[bytes]:
        if arrival.key not in self._mails:
            raise ArrivalError("file_gone")
        path, mark = self._mails[arrival.key]
        yield from read_whole(path, mark, self._path)

    def acknowledge(self, arrival: Arrival) -> None:
        """Nothing: the mail stays as it is."""

    def wait(self, seconds: float, stop: threading.Event) -> None:
        self._watch.wait(seconds, stop)

    def forget(self, gone: Callable[[str], bool]) -> int:  # noqa: ARG002 - the protocol's; we made no copy, the mailbox is its owner's
        return 0

    def withdraw(self, disposed: Disposed) -> Iterator[tuple[Doomed, str]]:
        if self._dispose == "keep":
            return
        mails = self._listed()
        keys = list(mails)
        for start in range(0, len(keys), KEYS_AT_ONCE):
            for key, doomed in disposed.by_key(keys[start : start + KEYS_AT_ONCE]).items():
                yield doomed, self._remove(*mails[key], doomed, disposed)

    def _remove(self, path: Path, mark: Mark, doomed: Doomed, disposed: Disposed) -> str:
        try:
            if sha256(read_whole(path, mark, self._path)) != doomed.digest:
                return "differs"
            disposed.going(doomed)
            path.unlink()
            sync_folder(path.parent)
        except ArrivalError:  # a mail program moves or changes it right now: at the next run
            return "changing"
        except OSError as fault:
            return "gone" if isinstance(fault, FileNotFoundError) else "refused"
        return "removed"

    def close(self) -> None:
        self._watch.close()

    def _listed(self) -> dict[str, tuple[Path, Mark]]:
        found: dict[str, tuple[Path, Mark]] = {}
        for folder in ("new", "cur"):
            for name, seen in listed(self._path / folder):
                if name.startswith("."):
                    continue
                unique = name.partition(":")[0]
                code = refusal(seen) or (None if seen.st_size else "empty")
                if code is None:
                    mark = Mark.of(seen)
                    found[f"{name_key(unique)};{mark.size};{mark.mtime_ns}"] = (self._path / folder / name, mark)
                elif (unique, code) not in self._refused:
                    self._refused.add((unique, code))
                    log.warning(events.FILE_REFUSED, source=self.name, key=name_key(unique), code=code)
        return found

    def _arrival(self, key: str, path: Path, mark: Mark) -> Arrival | None:
        header = read_head(path, self._path, HEADER_BYTES)
        if header is None:
            return None
        received_at = datetime.fromtimestamp(mark.mtime_ns / 1e9, UTC)
        return Arrival(self.name, key, Envelope(Channel.EMAIL, received_at, message_id=message_id(header)), mark.size)
