"""The ledger: one method, one transaction.  What is not in here did not happen.

SQLite in WAL mode with `synchronous=FULL` by default; any SQLAlchemy URL otherwise.  Times are UTC.
What says who somebody is or what a document holds is sealed before it gets here (`records.rows`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import OperationalError

from records import audit, commit, erase
from records import tables as t
from records.engine import migrate, open_engine
from records.erase import Erasure
from records.errors import ConfigurationError, PermanentError, TemporaryError
from records.keys import HOUSE, Keyring
from records.model import (
    Arrival,
    CaseRecord,
    CaseStatus,
    Decision,
    Delivery,
    Envelope,
    Fate,
    Held,
    HeldState,
    Kept,
    Outcome,
    PartFate,
    Reading,
    Submission,
    SubmissionState,
    Update,
    UpdateStatus,
)
from records.rows import Rows


class Accepted(NamedTuple):
    submission: Submission
    new: bool  # False: these bytes are in custody already


class Line(NamedTuple):
    """How lists show a case: made when the case changes, so that a list of all cases reads one row of each."""

    version: int  # raised whenever `of` shows something else
    of: Callable[[CaseRecord], Mapping[str, Any]]  # of the case, its documents, held things and submissions


class Store:
    """The ledger behind `url`; safe for several processes, each method commits or leaves nothing."""

    def __init__(self, url: str, keys: Keyring, line: Line | None = None) -> None:
        self.engine, self.rows = open_engine(url), Rows(keys)
        self._line = line or Line(0, lambda record: {"ref": record.case.ref})
        try:
            migrate(self.engine)
            self._recognise(keys)
        except OperationalError as error:
            raise ConfigurationError("database", f"can not be opened ({type(error.orig).__name__})") from None

    def close(self) -> None:
        self.engine.dispose()

    # --- receive

    def known(self, source: str, keys: Sequence[str]) -> set[str]:
        """Which of these keys of the source are in custody."""
        blind = {self.rows.arrival_key(source, key): key for key in keys}
        wanted = list(blind)
        found: set[str] = set()
        with self._read() as c:
            for start in range(0, len(wanted), 500):
                some = wanted[start : start + 500]
                query = select(t.arrivals.c.key).where(t.arrivals.c.source == source, t.arrivals.c.key.in_(some))
                found.update(blind[key] for key in c.scalars(query))
        return found

    def accept(self, arrival: Arrival, kept: Kept, now: datetime) -> Accepted:
        """Write the row that makes custody complete; the same arrival, or the same bytes, twice is one submission."""
        a, s = t.arrivals, t.submissions
        data_key, key = kept.key or self.rows.keys.mint(), self.rows.arrival_key(arrival.source, arrival.key)
        with self._write() as c:
            row = c.execute(select(s).where(s.c.digest == self.rows.digest(kept.digest))).mappings().first()
            new = row is None
            submission = self.rows.submission_of(row) if row is not None else _fresh_submission(arrival.envelope, kept, now)
            if new:
                c.execute(insert(s).values(self.rows.submission_row(submission, data_key, now)))
            if c.execute(select(a.c.key).where(a.c.source == arrival.source, a.c.key == key)).first() is None:
                c.execute(insert(a).values(source=arrival.source, key=key, submission=submission.id, seen_at=now))
        return Accepted(submission, new)

    # --- decide

    def claim(self, now: datetime) -> Submission | None:
        """The oldest waiting submission, its attempt counted and committed before it is touched."""
        s = t.submissions
        with self._write() as c:
            query = (
                select(s)
                .where(s.c.state == SubmissionState.WAITING, s.c.not_before <= now)
                .order_by(s.c.accepted_at, s.c.id)
                .limit(1)
            )
            row = c.execute(query).mappings().first()
            if row is None:
                return None
            c.execute(update(s).where(s.c.id == row["id"]).values(attempts=s.c.attempts + 1))
        claimed = self.rows.submission_of(row)
        return replace(claimed, attempts=claimed.attempts + 1)

    def defer(self, submission: str, until: datetime, give_back: bool = False) -> None:
        """Let it wait; a temporary fault gives the attempt back, since it says nothing about the bytes."""
        s = t.submissions
        values: dict[str, Any] = {"not_before": until}
        if give_back:
            values["attempts"] = s.c.attempts - 1
        with self._write() as c:
            c.execute(update(s).where(s.c.id == submission).values(values))

    def reading(self, digest: str, version: str) -> Reading | None:
        """What this version of the reader remembered of these bytes."""
        r = t.readings
        query = select(r).where(r.c.digest == self.rows.digest(digest), r.c.version == version)
        with self._read() as c:
            row = c.execute(query).mappings().first()
        return None if row is None else self.rows.reading_of(row)

    def remember(self, reading: Reading) -> None:
        """Keep what was read, under the key of the submission that it was read from; nobody's bytes are not kept."""
        s, digest = t.submissions, self.rows.digest(reading.sha256)
        with self._write() as c:
            data_key = c.scalar(select(s.c.data_key).where(s.c.digest == digest))
            c.execute(delete(t.readings).where(t.readings.c.digest == digest))
            if data_key is not None:
                c.execute(insert(t.readings).values(self.rows.reading_row(reading, data_key)))

    def candidates(self, keys: Sequence[tuple[str, str]]) -> tuple[CaseRecord, ...]:
        """Every case that one of these (kind, value) keys points at, in the order of their references."""
        k = t.case_keys
        refs: set[str] = set()
        with self._read() as c:
            for kind, value in keys:
                blind = self.rows.case_key(kind, value)
                refs.update(c.scalars(select(k.c.case_ref).where(k.c.kind == kind, k.c.value == blind)))
            return tuple(self.rows.record_of(c, ref) for ref in sorted(refs))

    def record(self, ref: str) -> CaseRecord | None:
        with self._read() as c:
            if c.scalar(select(t.cases.c.ref).where(t.cases.c.ref == ref)) is None:
                return None
            return self.rows.record_of(c, ref)

    def looks_due(self, now: datetime | None) -> list[str]:
        """References of the cases that time alone may change; with None every case that is waiting for time."""
        query = select(t.cases.c.ref).where(t.cases.c.look_again_at.is_not(None)).order_by(t.cases.c.look_again_at)
        if now is not None:
            query = query.where(t.cases.c.look_again_at <= now)
        with self._read() as c:
            return list(c.scalars(query))

    def rulings(self, submission: str) -> tuple[Held, ...]:
        """What staff said about things held from this submission."""
        query = select(t.held).where(t.held.c.submission == submission, t.held.c.state != HeldState.HELD).order_by(t.held.c.id)
        with self._read() as c:
            return tuple(self.rows.held_of(row) for row in c.execute(query).mappings())

    def commit(self, decision: Decision, revision: int, now: datetime) -> None:
        """Write all of a decision, or nothing.

        TemporaryError("case_moved") when the case is no longer at `revision`: decide again from its new record.
        """
        with self._write() as c:
            for ref in commit.write(c, self.rows, decision, revision, now):
                self._draw(c, ref)
            for move in decision.moves:
                act = decision.why if move.from_status is move.to_status else f"{move.from_status} to {move.to_status}"
                self._note(c, move.by, act, decision.case.ref if decision.case else "", now)

    # --- staff

    def held(self, state: HeldState | None = HeldState.HELD) -> list[Held]:
        query = select(t.held).order_by(t.held.c.held_at, t.held.c.id)
        if state is not None:
            query = query.where(t.held.c.state == state)
        with self._read() as c:
            return [self.rows.held_of(row) for row in c.execute(query).mappings()]

    def held_by_id(self, held_id: str) -> Held | None:
        with self._read() as c:
            row = c.execute(select(t.held).where(t.held.c.id == held_id)).mappings().first()
        return None if row is None else self.rows.held_of(row)

    def rule(self, ruled: Held, now: datetime, *, read_again: bool = False) -> None:
        """Write staff's word about a held thing and send its submission down the same path again."""
        s = t.submissions
        whole = not ruled.part and ruled.document is None
        discarded = whole and ruled.state is HeldState.DISCARDED
        with self._write() as c:
            waits = (t.held.c.id == ruled.id, t.held.c.state == HeldState.HELD)
            before = c.execute(select(t.held.c.case_ref).where(*waits)).first()
            if before is None:
                raise TemporaryError("held_moved", "another act on it came first")
            data_key = c.execute(select(s.c.data_key).where(s.c.id == ruled.submission)).scalar_one()
            c.execute(update(t.held).where(*waits).values(self.rows.held_row(data_key, ruled)))
            state = SubmissionState.DISCARDED if discarded else SubmissionState.WAITING
            c.execute(update(s).where(s.c.id == ruled.submission).values(state=state, attempts=0, not_before=now))
            if discarded:
                self._ignore(c, ruled.submission, data_key)
            if read_again:
                digest = select(s.c.digest).where(s.c.id == ruled.submission).scalar_subquery()
                c.execute(delete(t.readings).where(t.readings.c.digest == digest))
            for ref in {before.case_ref, ruled.case_ref} - {None}:
                self._draw(c, ref)
            self._note(c, ruled.ruled_by or "", ruled.state.value, ruled.id, now)

    def _ignore(self, c: Connection, submission: str, data_key: str) -> None:
        f = t.fates
        for row in c.execute(select(f).where(f.c.submission == submission)).mappings().all():
            ignored = replace(self.rows.fate_of(row), fate=Fate.IGNORED, reason="discarded_by_staff")
            mine = (f.c.submission == submission, f.c.number == row["number"])
            c.execute(update(f).where(*mine).values(self.rows.fate_row(submission, data_key, row["number"], ignored)))

    def cases(self, status: CaseStatus | None = None) -> list[CaseRecord]:
        query = select(t.cases.c.ref).order_by(t.cases.c.last_activity, t.cases.c.ref)
        if status is not None:
            query = query.where(t.cases.c.status == status)
        with self._read() as c:
            return [self.rows.record_of(c, ref) for ref in c.scalars(query).all()]

    def lines(self, status: CaseStatus | None = None) -> list[dict[str, Any]]:
        """Every case as `Line` shows it, those without activity for longest first."""
        k = t.cases
        query = select(k.c.ref, k.c.line).order_by(k.c.last_activity, k.c.ref)
        if status is not None:
            query = query.where(k.c.status == status)
        with self._read() as c:
            found = [(ref, self._drawn(ref, line)) for ref, line in c.execute(query)]
        if stale := [ref for ref, line in found if line is None]:
            with self._write() as c:
                fresh = {ref: self._draw(c, ref) for ref in stale}
            found = [(ref, line or fresh[ref]) for ref, line in found]
        return [line for _, line in found if line is not None]

    def _drawn(self, ref: str, line: bytes | None) -> dict[str, Any] | None:
        """The line as it was made; None when there is none, or it was made for another version."""
        version, shown = json.loads(self.rows.line_of(ref, line)) if line else (None, None)
        return shown if version == self._line.version else None

    def _draw(self, c: Connection, ref: str) -> dict[str, Any] | None:
        k = t.cases
        data_key = c.scalar(select(k.c.data_key).where(k.c.ref == ref))
        if data_key is None:
            return None
        shown = dict(self._line.of(self.rows.record_of(c, ref)))
        sealed = self.rows.line(ref, data_key, json.dumps([self._line.version, shown]))
        c.execute(update(k).where(k.c.ref == ref).values(line=sealed))
        return shown

    def data_keys(self, ref: str) -> set[str]:
        """The keys of a case and of its submissions: who destroys them has made all of it unreadable, also in backups."""
        with self._read() as c:
            return {
                *c.scalars(select(t.cases.c.data_key).where(t.cases.c.ref == ref)),
                *c.scalars(select(t.submissions.c.data_key).where(t.submissions.c.case_ref == ref)),
            }

    def submissions(self) -> list[Submission]:
        """Everything in custody, as it was accepted."""
        with self._read() as c:
            rows = c.execute(select(t.submissions).order_by(t.submissions.c.accepted_at, t.submissions.c.id)).mappings()
            return [self.rows.submission_of(row) for row in rows]

    def submission(self, submission_id: str) -> Submission | None:
        with self._read() as c:
            row = c.execute(select(t.submissions).where(t.submissions.c.id == submission_id)).mappings().first()
        return None if row is None else self.rows.submission_of(row)

    def fates(self, submission: str) -> list[PartFate]:
        query = select(t.fates).where(t.fates.c.submission == submission).order_by(t.fates.c.number)
        with self._read() as c:
            return [self.rows.fate_of(row) for row in c.execute(query).mappings()]

    def counts(self) -> dict[str, int]:
        """How many submissions are in each state, how many things are held, how many updates in each status."""
        answer: dict[str, int] = {}
        with self._read() as c:
            for name, column in (
                ("submissions", t.submissions.c.state),
                ("held", t.held.c.state),
                ("updates", t.updates.c.status),
            ):
                for value, n in c.execute(select(column, func.count()).group_by(column)):
                    answer[f"{name}.{value}"] = n
        return answer

    # --- deliver

    def outbox(self) -> list[Update]:
        with self._read() as c:
            rows = c.execute(select(t.updates).order_by(t.updates.c.due_at, t.updates.c.id)).mappings()
            return [self.rows.update_of(row) for row in rows]

    def due(self, now: datetime) -> Update | None:
        """The next update to send, its attempt counted and committed before anything is sent."""
        u = t.updates
        with self._write() as c:
            query = (
                select(u)
                .where(u.c.status == UpdateStatus.QUEUED, u.c.claimed_at.is_(None), u.c.next_try <= now)
                .order_by(u.c.next_try, u.c.id)
                .limit(1)
            )
            row = c.execute(query).mappings().first()
            if row is None:
                return None
            c.execute(update(u).where(u.c.id == row["id"]).values(claimed_at=now, attempts=u.c.attempts + 1))
        claimed = self.rows.update_of(row)
        return replace(claimed, attempts=claimed.attempts + 1)

    def sending(self, update_id: str, message_id: str, now: datetime) -> None:
        """Written just before the point of no return (DATA): a run that dies after this leaves `uncertain`."""
        u = t.updates
        with self._write() as c:
            c.execute(update(u).where(u.c.id == update_id).values(message_id=message_id, sent_at=now))

    def record_delivery(self, owed: Update, delivery: Delivery, next_try: datetime | None) -> UpdateStatus:
        """Write an attempt's outcome; a deferred update with no next try left has failed."""
        status = {
            Outcome.SENT: UpdateStatus.SENT,
            Outcome.FAILED: UpdateStatus.FAILED,
            Outcome.UNCERTAIN: UpdateStatus.UNCERTAIN,
            Outcome.DEFERRED: UpdateStatus.FAILED if next_try is None else UpdateStatus.QUEUED,
        }[delivery.outcome]
        values: dict[str, Any] = {
            "status": status,
            "claimed_at": None,
            "reason": None if status is UpdateStatus.SENT else delivery.code,
        }
        if status is UpdateStatus.QUEUED:
            values["next_try"] = next_try
        values["sent_at"] = delivery.at if status is UpdateStatus.SENT else None
        with self._write() as c:
            if delivery.job is not None:
                values["body"] = self._sealed(c, replace(owed, job=delivery.job))
            c.execute(update(t.updates).where(t.updates.c.id == owed.id).values(values))
            if status in (UpdateStatus.SENT, UpdateStatus.UNCERTAIN):
                self._note(c, "machine", f"{owed.event} {status} by {owed.channel}", owed.id, delivery.at)
        return status

    def update(self, update_id: str) -> Update | None:
        with self._read() as c:
            row = c.execute(select(t.updates).where(t.updates.c.id == update_id)).mappings().first()
        return None if row is None else self.rows.update_of(row)

    def amend(self, changed: Update) -> None:
        """Write what became known of an update: its status, reason, time of sending and body."""
        values = {"status": changed.status, "reason": changed.reason, "sent_at": changed.sent_at, "claimed_at": None}
        with self._write() as c:
            body = self._sealed(c, changed)
            c.execute(update(t.updates).where(t.updates.c.id == changed.id).values(body=body, **values))

    def postpone(self, owed: Update, until: datetime, reason: str) -> None:
        """Let it wait its turn; the claim under way was no attempt."""
        u = t.updates
        values = {"next_try": until, "reason": reason, "claimed_at": None, "attempts": u.c.attempts - 1}
        with self._write() as c:
            c.execute(update(u).where(u.c.id == owed.id).values(values))

    def hurry(self, update_id: str, by: str, now: datetime) -> bool:
        """Staff's `outbox send-now`: a queued update does not wait any longer."""
        u = t.updates
        with self._write() as c:
            free = (u.c.id == update_id, u.c.status == UpdateStatus.QUEUED, u.c.claimed_at.is_(None))
            row = c.execute(select(u).where(*free)).mappings().first()
            if row is None:
                return False
            body = self._sealed(c, replace(self.rows.update_of(row), urgent_by=by))
            c.execute(update(u).where(*free).values(next_try=now, body=body))
            self._note(c, by, "send-now", update_id, now)
            return True

    def _sealed(self, c: Connection, owed: Update) -> bytes:
        sealed: bytes = self.rows.update_row(commit.case_key(c, owed.case_ref), owed)["body"]
        return sealed

    def traffic(self, owed: Update, now: datetime) -> tuple[int, int, int]:
        """What went out lately: to this address and for this case in a day, to all in an hour."""
        u, day = t.updates, now - timedelta(days=1)
        with self._read() as c:
            query = select(u).where(u.c.status == UpdateStatus.SENT, u.c.sent_at > day)
            lately = [self.rows.update_of(row) for row in c.execute(query).mappings()]
        to_address = sum(_inbox(one.address) == _inbox(owed.address) for one in lately)
        for_case = sum(one.case_ref == owed.case_ref for one in lately)
        return to_address, for_case, sum(one.sent_at is not None and one.sent_at > now - timedelta(hours=1) for one in lately)

    def withhold(self, update_id: str, reason: str) -> None:
        with self._write() as c:
            values = {"status": UpdateStatus.WITHHELD, "reason": reason, "claimed_at": None}
            c.execute(update(t.updates).where(t.updates.c.id == update_id).values(values))

    def retry(self, update_id: str, now: datetime, resumable: Sequence[str] = (), by: str = "machine") -> bool:
        """Staff's `outbox retry`: queue a failed or uncertain update again, or one withheld for a `resumable` reason."""
        u = t.updates
        ended = u.c.status.in_([UpdateStatus.FAILED, UpdateStatus.UNCERTAIN])
        held_back = (u.c.status == UpdateStatus.WITHHELD) & u.c.reason.in_(resumable)
        with self._write() as c:
            changed = c.execute(
                update(u)
                .where(u.c.id == update_id, ended | held_back)
                .values(status=UpdateStatus.QUEUED, reason=None, next_try=now, claimed_at=None, attempts=0, sent_at=None)
            )
            if changed.rowcount == 1:
                self._note(c, by, "retry", update_id, now)
            return changed.rowcount == 1

    def recover(self, repeatable: bool) -> int:
        """At start: claims of a run that died.  Past the point of no return they are `uncertain`, else free again."""
        u = t.updates
        claimed = (u.c.status == UpdateStatus.QUEUED) & u.c.claimed_at.is_not(None)
        with self._write() as c:
            lost = 0
            if not repeatable:
                values = {"status": UpdateStatus.UNCERTAIN, "reason": "interrupted", "claimed_at": None, "sent_at": None}
                lost = c.execute(update(u).where(claimed, u.c.sent_at.is_not(None)).values(values)).rowcount
            c.execute(update(u).where(claimed).values(claimed_at=None, sent_at=None))
        return lost

    # --- disposal

    def dispose(self, record: CaseRecord, by: str, now: datetime) -> None:
        """Turn a case into its tombstone; what lies outside of the ledger is written down for `erasures`.

        TemporaryError("case_moved") when it changed since: judge it again.
        """
        with self._write() as c:
            erase.erase_case(c, self.rows, record, by, now)
            self._note(c, by, "disposed", record.case.ref, now)

    def dispose_stray(self, submission: Submission, by: str, now: datetime) -> None:
        """The same for a submission that is in no case."""
        with self._write() as c:
            state = c.scalar(select(t.submissions.c.state).where(t.submissions.c.id == submission.id))
            if state != submission.state:
                raise TemporaryError("case_moved", "judged from an older record")
            erase.erase_submission(c, self.rows, submission)
            self._note(c, by, "disposed", submission.id, now)

    def erasures(self) -> list[Erasure]:
        """Keys and originals of what was disposed of, not yet destroyed; keys first."""
        with self._read() as c:
            return erase.erasures(c)

    def erased(self, done: Sequence[Erasure]) -> None:
        with self._write() as c:
            erase.erased(c, done)

    def newest(self) -> datetime | None:
        """The newest moment that the records tell of: a clock that is behind it, or far ahead of it, is suspect."""
        with self._read() as c:
            told = [
                c.scalar(select(func.max(column))) for column in (t.submissions.c.accepted_at, t.trail.c.at, t.updates.c.sent_at)
            ]
        return max((moment for moment in told if moment is not None), default=None)

    # --- the trail

    def note(self, actor: str, act: str, subject: str, now: datetime) -> None:
        """Write an act that changes nothing else into the trail: a view, a key changed, a backup."""
        with self._write() as c:
            self._note(c, actor, act, subject, now)

    def trail(self) -> Iterator[audit.Entry]:
        """Every entry as it is kept."""
        with self._read() as c:
            for row in c.execute(select(t.trail).order_by(t.trail.c.seq)).mappings():
                yield audit.Entry(row["seq"], row["at"], row["body"], row["hash"])

    def head(self) -> tuple[int, str]:
        """Number and hash of the newest entry; (0, the start) when there is none."""
        with self._read() as c:
            return self._head(c)

    def said(self, entry: audit.Entry) -> audit.Said:
        """An entry opened; PermanentError when it was not sealed for its place."""
        actor, act, subject = json.loads(self.rows.keys.unseal(entry.body, f"trail.body/{entry.seq}"))
        return audit.Said(entry.seq, entry.at, actor, act, subject)

    def _head(self, c: Connection) -> tuple[int, str]:
        row = c.execute(select(t.trail.c.seq, t.trail.c.hash).order_by(t.trail.c.seq.desc()).limit(1)).first()
        return (row.seq, row.hash) if row else (0, audit.START)

    def _note(self, c: Connection, actor: str, act: str, subject: str, now: datetime) -> None:
        """In the transaction of the act itself; two that write at once get one number, and the second tries again."""
        last, before = self._head(c)
        seq = last + 1
        body = self.rows.keys.seal(HOUSE, json.dumps([actor, act, subject]), f"trail.body/{seq}")
        c.execute(insert(t.trail).values(seq=seq, at=now, body=body, hash=audit.link(before, seq, now, body)))

    # --- the engine

    def _recognise(self, keys: Keyring) -> None:
        """Refuse to work with a keyring that is not this ledger's: what it sealed could not be told from damage."""
        with self._read() as c:
            body = c.scalar(select(t.house.c.body).where(t.house.c.name == "keyring"))
        try:
            if body is not None:
                keys.unseal(body, "house.body/keyring")
                return
        except PermanentError as fault:
            if isinstance(fault, ConfigurationError):
                raise
            told = f"the keys in {keys.folder} are not those of these records: put the right keyring there (somrr restore --help)"
            raise ConfigurationError("keys", told) from None
        with self._write() as c:
            if c.scalar(select(t.house.c.name)) is None:  # no other process was quicker
                c.execute(insert(t.house).values(name="keyring", body=keys.seal(HOUSE, "somrr", "house.body/keyring")))

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self.engine.connect() as c:
            try:
                with c.begin():
                    yield c
            except OperationalError as error:
                raise TemporaryError("database", type(error.orig).__name__) from None

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self.engine.connect().execution_options(somrr_read=True) as c, c.begin():
            yield c


def _inbox(address: str | None) -> str:
    """Where a mail ends: `office+one@x.example` and `Office+two@x.example` are one person's."""
    local, at, domain = (address or "").lower().rpartition("@")
    return f"{local.partition('+')[0] if at else local}{at}{domain}"


def _fresh_submission(envelope: Envelope, kept: Kept, now: datetime) -> Submission:
    return Submission(secrets.token_hex(8), kept.digest, kept.size, envelope, SubmissionState.WAITING, 0, now)
