"""The ledger: one method, one transaction.  What is not in here did not happen.

SQLite in WAL mode with `synchronous=FULL` by default; any SQLAlchemy URL otherwise.  Times are UTC.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import OperationalError

from records import commit
from records import tables as t
from records.engine import migrate, open_engine
from records.errors import ConfigurationError, TemporaryError
from records.model import (
    Arrival,
    CaseRecord,
    CaseStatus,
    Decision,
    Delivery,
    Envelope,
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
from records.rows import HELD, READING, UPDATE, held_of, record_of, submission_of, submission_row, to_json, update_of


class Accepted(NamedTuple):
    submission: Submission
    new: bool  # False: these bytes are in custody already


class Store:
    """The ledger behind `url`; safe for several processes, each method commits or leaves nothing."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        try:
            migrate(self.engine)
        except OperationalError as error:
            raise ConfigurationError("database", f"can not be opened ({type(error.orig).__name__})") from None

    def close(self) -> None:
        self.engine.dispose()

    # --- receive

    def known(self, source: str, keys: Sequence[str]) -> set[str]:
        """Which of these keys of the source are in custody."""
        found: set[str] = set()
        with self._read() as c:
            for start in range(0, len(keys), 500):
                some = keys[start : start + 500]
                query = select(t.arrivals.c.key).where(t.arrivals.c.source == source, t.arrivals.c.key.in_(some))
                found.update(c.scalars(query))
        return found

    def accept(self, arrival: Arrival, kept: Kept, now: datetime) -> Accepted:
        """Write the row that makes custody complete; the same arrival, or the same bytes, twice is one submission."""
        envelope = arrival.envelope
        with self._write() as c:
            row = c.execute(select(t.submissions).where(t.submissions.c.digest == kept.digest)).mappings().first()
            new = row is None
            submission = submission_of(row) if row is not None else _fresh_submission(envelope, kept, now)
            if new:
                c.execute(insert(t.submissions).values(submission_row(submission, now)))
            seen = select(t.arrivals.c.key).where(t.arrivals.c.source == arrival.source, t.arrivals.c.key == arrival.key)
            if c.execute(seen).first() is None:
                c.execute(
                    insert(t.arrivals).values(source=arrival.source, key=arrival.key, submission=submission.id, seen_at=now)
                )
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
        claimed = submission_of(row)
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
        query = select(t.readings.c.body).where(t.readings.c.digest == digest, t.readings.c.version == version)
        with self._read() as c:
            body = c.scalar(query)
        return None if body is None else READING.validate_json(body)

    def remember(self, reading: Reading) -> None:
        with self._write() as c:
            c.execute(delete(t.readings).where(t.readings.c.digest == reading.sha256))
            row = {"digest": reading.sha256, "version": reading.version, "body": to_json(READING, reading)}
            c.execute(insert(t.readings).values(row))

    def candidates(self, keys: Sequence[tuple[str, str]]) -> tuple[CaseRecord, ...]:
        """Every case that one of these (kind, value) keys points at, in the order of their references."""
        k = t.case_keys
        refs: set[str] = set()
        with self._read() as c:
            for kind, value in keys:
                refs.update(c.scalars(select(k.c.case_ref).where(k.c.kind == kind, k.c.value == value)))
            return tuple(record_of(c, ref) for ref in sorted(refs))

    def record(self, ref: str) -> CaseRecord | None:
        with self._read() as c:
            if c.scalar(select(t.cases.c.ref).where(t.cases.c.ref == ref)) is None:
                return None
            return record_of(c, ref)

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
            return tuple(held_of(row) for row in c.execute(query).mappings())

    def commit(self, decision: Decision, revision: int, now: datetime) -> None:
        """Write all of a decision, or nothing.

        TemporaryError("case_moved") when the case is no longer at `revision`: decide again from its new record.
        """
        with self._write() as c:
            commit.write(c, decision, revision, now)

    # --- staff

    def held(self, state: HeldState | None = HeldState.HELD) -> list[Held]:
        query = select(t.held).order_by(t.held.c.held_at, t.held.c.id)
        if state is not None:
            query = query.where(t.held.c.state == state)
        with self._read() as c:
            return [held_of(row) for row in c.execute(query).mappings()]

    def held_by_id(self, held_id: str) -> Held | None:
        with self._read() as c:
            row = c.execute(select(t.held).where(t.held.c.id == held_id)).mappings().first()
        return None if row is None else held_of(row)

    def rule(self, ruled: Held, now: datetime, *, read_again: bool = False) -> None:
        """Write staff's word about a held thing and send its submission down the same path again."""
        s = t.submissions
        whole = not ruled.part and ruled.document is None
        discarded = whole and ruled.state is HeldState.DISCARDED
        with self._write() as c:
            changed = c.execute(
                update(t.held)
                .where(t.held.c.id == ruled.id, t.held.c.state == HeldState.HELD)
                .values(state=ruled.state, case_ref=ruled.case_ref, body=to_json(HELD, ruled))
            )
            if changed.rowcount != 1:
                raise TemporaryError("held_moved", "another act on it came first")
            state = SubmissionState.DISCARDED if discarded else SubmissionState.WAITING
            c.execute(update(s).where(s.c.id == ruled.submission).values(state=state, attempts=0, not_before=now))
            if discarded:
                c.execute(
                    update(t.fates)
                    .where(t.fates.c.submission == ruled.submission)
                    .values(fate="ignored", reason="discarded_by_staff")
                )
            if read_again:
                digest = select(s.c.digest).where(s.c.id == ruled.submission).scalar_subquery()
                c.execute(delete(t.readings).where(t.readings.c.digest == digest))

    def cases(self, status: CaseStatus | None = None) -> list[CaseRecord]:
        query = select(t.cases.c.ref).order_by(t.cases.c.last_activity, t.cases.c.ref)
        if status is not None:
            query = query.where(t.cases.c.status == status)
        with self._read() as c:
            return [record_of(c, ref) for ref in c.scalars(query).all()]

    def submissions(self) -> list[Submission]:
        """Everything in custody, as it was accepted."""
        with self._read() as c:
            rows = c.execute(select(t.submissions).order_by(t.submissions.c.accepted_at, t.submissions.c.id)).mappings()
            return [submission_of(row) for row in rows]

    def submission(self, submission_id: str) -> Submission | None:
        with self._read() as c:
            row = c.execute(select(t.submissions).where(t.submissions.c.id == submission_id)).mappings().first()
        return None if row is None else submission_of(row)

    def fates(self, submission: str) -> list[PartFate]:
        query = select(t.fates).where(t.fates.c.submission == submission).order_by(t.fates.c.seq)
        with self._read() as c:
            return [PartFate(r["part"], r["sha256"], r["fate"], r["reason"]) for r in c.execute(query).mappings()]

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
            return [update_of(row) for row in rows]

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
        claimed = update_of(row)
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
            c.execute(update(t.updates).where(t.updates.c.id == owed.id).values(values))
        return status

    def traffic(self, owed: Update, now: datetime) -> tuple[int, int, int]:
        """What went out lately: to this address and for this case in a day, to all in an hour."""
        u, day = t.updates, now - timedelta(days=1)
        with self._read() as c:
            lately = c.execute(
                select(u.c.case_ref, u.c.sent_at, u.c.body).where(u.c.status == UpdateStatus.SENT, u.c.sent_at > day)
            ).all()
        to_address = sum(UPDATE.validate_json(row.body).address == owed.address for row in lately)
        for_case = sum(row.case_ref == owed.case_ref for row in lately)
        return to_address, for_case, sum(row.sent_at > now - timedelta(hours=1) for row in lately)

    def withhold(self, update_id: str, reason: str) -> None:
        with self._write() as c:
            values = {"status": UpdateStatus.WITHHELD, "reason": reason, "claimed_at": None}
            c.execute(update(t.updates).where(t.updates.c.id == update_id).values(values))

    def retry(self, update_id: str, now: datetime) -> bool:
        """Staff's `outbox retry`: queue a failed or uncertain update again."""
        u = t.updates
        with self._write() as c:
            changed = c.execute(
                update(u)
                .where(u.c.id == update_id, u.c.status.in_([UpdateStatus.FAILED, UpdateStatus.UNCERTAIN]))
                .values(status=UpdateStatus.QUEUED, reason=None, next_try=now, claimed_at=None, attempts=0, sent_at=None)
            )
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

    # --- the engine

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


def _fresh_submission(envelope: Envelope, kept: Kept, now: datetime) -> Submission:
    return Submission(secrets.token_hex(8), kept.digest, kept.size, envelope, SubmissionState.WAITING, 0, now)
