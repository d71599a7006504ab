"""The shared IMAP mailbox as a source: every UID is reconciled at each poll, no flag is ever used as state."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from config.settings import MailboxSettings
from ingest.answers import Description
from ingest.backoff import Backoff
from ingest.deadline import Deadline
from ingest.imap import Session, check
from ingest.source import KEYS_AT_ONCE, PART_BYTES, ArrivalError, Disposed, Doomed, Known, in_ledger
from records import events
from records.errors import TemporaryError
from records.model import Arrival, Channel, Envelope

log = structlog.get_logger(__name__)

DESCRIBED_AT_ONCE = 100
CUSTODY_BYTES = 512 << 20  # a larger mail is left for staff; every usual server refuses far smaller ones
BYTES_PER_DEADLINE = 16 << 20  # a mail may take one fetch_timeout for each of these begun
SETTLED_AT_ONCE = 500
SOONEST = 0.1  # never poll more often than this for a mail that could not be had


@dataclass
class _Later:
    """A mail that could not be had: tried again by its own schedule, so that the others go on."""

    backoff: Backoff
    due: float = 0.0  # monotonic
    short_at: int | None = None  # the size it had when it ended elsewhere than RFC822.SIZE said


@dataclass
class _Count:
    """One poll's reconciliation."""

    present: int
    known: int
    yielded: int = 0
    failed: set[str] = field(default_factory=set)

    def report(self, source: str) -> None:
        new = self.yielded - len(self.failed)
        missing = self.present - self.known - new
        log.info(events.MAILBOX_RECONCILED, source=source, present=self.present, known=self.known, new=new, missing=missing)


class Mailbox:
    """IMAP over implicit, verified TLS (R22: what is no packet is left as it is).

    Keys are `UIDVALIDITY;UID` and the source's name holds the folder.  After a lost connection the next poll
    connects again; between polls IDLE tells of new mail where the server can.
    """

    channel = Channel.EMAIL
    unfinished = 0  # a mail is there or not
    patience = 0.0

    def __init__(self, settings: MailboxSettings) -> None:
        check(settings)
        self.name = f"imap:{settings.folder}"
        self._settings = settings
        self._session: Session | None = None
        self._later: dict[str, _Later] = {}
        self._told: set[str] = set()
        self._count = _Count(0, 0)
        self._idle_backoff = Backoff(most=settings.max_backoff)

    def poll(self, known: Known) -> Iterator[Arrival]:
        """Yield each mail of the folder that the ledger lacks, oldest first; logs present, known, new and missing."""
        session = self._connected()
        uids = {f"{session.validity};{uid}": uid for uid in session.uids()}
        held = in_ledger(known, list(uids))
        self._later = {key: later for key, later in self._later.items() if key in uids and key not in held}
        count = self._count = _Count(len(uids), len(held))
        try:
            self._settle(session, self._unsettled(session, {uids[key] for key in held}))
            now = time.monotonic()
            fresh = [uid for key, uid in uids.items() if key not in held and not self._waits(key, now)]
            for start in range(0, len(fresh), DESCRIBED_AT_ONCE):
                for description in session.describe(fresh[start : start + DESCRIBED_AT_ONCE]):
                    if self._fits(session, description):
                        count.yielded += 1
                        yield self._arrival(session, description)
        finally:
            count.report(self.name)

    def fetch(self, arrival: Arrival) -> Iterator[bytes]:
        """The mail's raw bytes by `BODY.PEEK[]<o.n>`, to the end that the server itself shows, checked against RFC822.SIZE."""
        try:
            session, uid = self._same_folder(arrival)
            yield from self._parts(session, uid, arrival)
        except TemporaryError:
            self._count.failed.add(arrival.key)
            later = self._later.setdefault(arrival.key, _Later(Backoff(most=self._settings.max_backoff)))
            later.due = time.monotonic() + later.backoff.next()
            raise

    def acknowledge(self, arrival: Arrival) -> None:
        """Mark or move the mail as configured; a refusal leaves it as it is."""
        if self._settings.after != "leave":
            session, uid = self._same_folder(arrival)
            self._settle(session, [uid])

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """IDLE beside the poll; sleeping where the server has no IDLE or the connection is gone.  Never raises."""
        seconds = min(seconds, self._until_later())
        ends = time.monotonic() + seconds
        session = self._session
        if session is not None and session.open and self._settings.idle and session.can("IDLE"):
            try:
                session.idle(seconds, stop)
            except TemporaryError:
                # the poll will connect again and say what is wrong; not at once, should the server do this each time
                stop.wait(min(self._idle_backoff.next(), max(ends - time.monotonic(), 0)))
            else:
                self._idle_backoff.reset()
        else:
            stop.wait(seconds)

    def forget(self, gone: Callable[[str], bool]) -> int:  # noqa: ARG002 - the protocol's; we made no copy, the mailbox is its owner's
        return 0

    def withdraw(self, disposed: Disposed) -> Iterator[tuple[Doomed, str]]:
        """By UID where mails are left in place; where they were moved, and so have other UIDs, by their bytes alone."""
        if self._settings.dispose == "keep":
            return
        session = self._connected()
        uids = {f"{session.validity};{uid}": uid for uid in session.uids(writable=True)}
        keys = list(uids)
        for start in range(0, len(keys), KEYS_AT_ONCE):
            for key, doomed in disposed.by_key(keys[start : start + KEYS_AT_ONCE]).items():
                yield doomed, self._remove(session, uids[key], doomed, disposed)
        if self._settings.after == "move":
            yield from self._withdraw_moved(disposed)

    def _withdraw_moved(self, disposed: Disposed) -> Iterator[tuple[Doomed, str]]:
        moved = Session(self._settings.model_copy(update={"folder": self._settings.move_to}))
        try:
            uids = moved.uids(writable=True)
            for start in range(0, len(uids), DESCRIBED_AT_ONCE):
                for description in moved.describe(uids[start : start + DESCRIBED_AT_ONCE]):
                    for doomed in disposed.by_size(description.size):
                        if (code := self._remove(moved, description.uid, doomed, disposed)) not in ("differs", "gone"):
                            yield doomed, code
        finally:
            moved.close()

    def _remove(self, session: Session, uid: int, doomed: Doomed, disposed: Disposed) -> str:
        try:
            if self._digest(session, uid) != doomed.digest:
                return "differs"
        except ArrivalError:
            return "gone"
        disposed.going(doomed)
        return session.remove(uid)

    def _digest(self, session: Session, uid: int) -> str:
        """SHA-256 of the mail as the server has it now."""
        sha, total = hashlib.sha256(), 0
        part_bytes = min(self._settings.part_bytes, PART_BYTES)
        deadline = Deadline(self._settings.fetch_timeout * (1 + CUSTODY_BYTES // BYTES_PER_DEADLINE))
        while part := session.part(uid, total, part_bytes, deadline):
            sha.update(part)
            total += len(part)
            if total > CUSTODY_BYTES:
                raise ArrivalError("mail_over_custody_limit", str(CUSTODY_BYTES))
        return sha.hexdigest()

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _connected(self) -> Session:
        if self._session is None or not self._session.open:
            self._session = Session(self._settings)
            log.info(events.MAILBOX_CONNECTED, source=self.name, idle=self._session.can("IDLE"), move=self._session.can("MOVE"))
        return self._session

    def _same_folder(self, arrival: Arrival) -> tuple[Session, int]:
        """The session that listed this mail; a UID means nothing under another UIDVALIDITY."""
        validity, _, uid = arrival.key.partition(";")
        session = self._session
        if session is None or not session.open:
            raise TemporaryError("mailbox_disconnected")
        if int(validity) != session.validity:
            raise TemporaryError("uidvalidity_changed")
        return session, int(uid)

    def _parts(self, session: Session, uid: int, arrival: Arrival) -> Iterator[bytes]:
        size, total = arrival.size or 0, 0
        part_bytes = min(self._settings.part_bytes, PART_BYTES)
        deadline = Deadline(self._settings.fetch_timeout * (1 + size // BYTES_PER_DEADLINE))
        while True:
            part = session.part(uid, total, part_bytes, deadline)
            total += len(part)
            if total > CUSTODY_BYTES:
                raise ArrivalError("mail_over_custody_limit", str(CUSTODY_BYTES))
            if part:
                yield part
            if not part or (len(part) < part_bytes and total >= size):
                break
        self._check_size(arrival, total)

    def _check_size(self, arrival: Arrival, total: int) -> None:
        """A mail that ends elsewhere than announced is fetched once more; some servers only estimate RFC822.SIZE.

        When it ends at the same byte again, the announcement is what was wrong.
        """
        if total == arrival.size:
            return
        later = self._later.setdefault(arrival.key, _Later(Backoff(most=self._settings.max_backoff)))
        if later.short_at != total or total == 0:
            later.short_at = total
            raise ArrivalError("mail_size_differs", f"{total} of {arrival.size}")

    def _until_later(self) -> float:
        """Seconds until a mail that could not be had is due again."""
        soonest = min((later.due for later in self._later.values()), default=math.inf)
        return max(soonest - time.monotonic(), SOONEST)

    def _waits(self, key: str, now: float) -> bool:
        return key in self._later and self._later[key].due > now

    def _fits(self, session: Session, description: Description) -> bool:
        if description.size <= CUSTODY_BYTES:
            return True
        self._tell_once(
            events.MAIL_REFUSED, key=f"{session.validity};{description.uid}", size=description.size, limit=CUSTODY_BYTES
        )
        return False

    def _arrival(self, session: Session, description: Description) -> Arrival:
        envelope = Envelope(Channel.EMAIL, description.received_at, message_id=description.message_id)
        return Arrival(self.name, f"{session.validity};{description.uid}", envelope, description.size)

    def _settle(self, session: Session, held: Sequence[int]) -> None:
        """Mark or move mails that are in our custody."""
        for start in range(0, len(held), SETTLED_AT_ONCE):
            portion = held[start : start + SETTLED_AT_ONCE]
            if self._settings.after == "keyword":
                if not session.mark(portion, self._settings.keyword):
                    self._tell_once(events.MAILBOX_MARK_REFUSED)
            elif not session.can("MOVE"):
                self._tell_once(events.MAILBOX_MOVE_REFUSED, code="no_move")
            elif not session.move(portion, self._settings.move_to):
                self._tell_once(events.MAILBOX_MOVE_REFUSED, code="refused")

    def _unsettled(self, session: Session, held: set[int]) -> list[int]:
        """Mails in custody that a killed run did not come to mark or move."""
        if self._settings.after == "leave" or not held:
            return []
        if self._settings.after == "keyword":
            held &= set(session.unmarked(self._settings.keyword))
        return sorted(held)

    def _tell_once(self, event: str, **fields: object) -> None:
        if (said := f"{event} {sorted(fields.items())}") not in self._told:
            self._told.add(said)
            log.warning(event, source=self.name, **fields)
