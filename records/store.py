"""The ledger: one method, one transaction.  What is not in here did not happen.

SQLite in WAL mode with `synchronous=FULL` by default; any SQLAlchemy URL otherwise.  Times are UTC.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import Connection, Engine, create_engine, delete, event, func, insert, inspect, select, text, update
from sqlalchemy.exc import OperationalError

from records import tables as t
from records.errors import ConfigurationError, PermanentError, TemporaryError
from records.migrations import HEAD
from records.model import (
    Arrival,
    Case,
    CaseRecord,
    CaseStatus,
    Channel,
    Decision,
    Delivery,
    Envelope,
    FiledDocument,
    Held,
    HeldState,
    Kept,
    Move,
    Outcome,
    PartFate,
    Reading,
    Submission,
    SubmissionState,
    Update,
    UpdateStatus,
)

BUSY_SECONDS = 30
_READING = TypeAdapter(Reading)
_CASE = TypeAdapter(Case)
_FILED = TypeAdapter(FiledDocument)
_HELD = TypeAdapter(Held)
_UPDATE = TypeAdapter(Update)


class Accepted(NamedTuple):
    submission: Submission
    new: bool  # False: these bytes are in custody already


class Store:
    """The ledger behind `url`; safe for several processes, each method commits or leaves nothing."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        try:
            self._migrate()
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
            submission = _submission(row) if row is not None else _fresh_submission(envelope, kept, now)
            if new:
                c.execute(insert(t.submissions).values(_submission_row(submission, now)))
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
        claimed = _submission(row)
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
        return None if body is None else _READING.validate_json(body)

    def remember(self, reading: Reading) -> None:
        with self._write() as c:
            c.execute(delete(t.readings).where(t.readings.c.digest == reading.sha256))
            row = {"digest": reading.sha256, "version": reading.version, "body": _json(_READING, reading)}
            c.execute(insert(t.readings).values(row))

    def candidates(self, keys: Sequence[tuple[str, str]]) -> tuple[CaseRecord, ...]:
        """Every case that one of these (kind, value) keys points at, in the order of their references."""
        k = t.case_keys
        refs: set[str] = set()
        with self._read() as c:
            for kind, value in keys:
                refs.update(c.scalars(select(k.c.case_ref).where(k.c.kind == kind, k.c.value == value)))
            return tuple(_record(c, ref) for ref in sorted(refs))

    def record(self, ref: str) -> CaseRecord | None:
        with self._read() as c:
            if c.scalar(select(t.cases.c.ref).where(t.cases.c.ref == ref)) is None:
                return None
            return _record(c, ref)

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
            return tuple(_held(row) for row in c.execute(query).mappings())

    def commit(self, decision: Decision, revision: int, now: datetime) -> None:
        """Write all of a decision, or nothing.

        TemporaryError("case_moved") when the case is no longer at `revision`: decide again from its new record.
        """
        with self._write() as c:
            if decision.case is not None:
                _put_case(c, decision, revision)
            if decision.submission is not None:
                _put_submission(c, decision, now)
            for owed in decision.updates:
                _put_update(c, owed)
            if decision.superseded:
                u = t.updates
                c.execute(
                    update(u)
                    .where(u.c.id.in_(decision.superseded), u.c.status == UpdateStatus.QUEUED, u.c.claimed_at.is_(None))
                    .values(status=UpdateStatus.WITHHELD, reason="superseded")
                )
            if decision.case is not None:
                for move in decision.moves:
                    c.execute(insert(t.history).values(_move_row(decision.case.ref, move, now)))

    # --- staff

    def held(self, state: HeldState | None = HeldState.HELD) -> list[Held]:
        query = select(t.held).order_by(t.held.c.held_at, t.held.c.id)
        if state is not None:
            query = query.where(t.held.c.state == state)
        with self._read() as c:
            return [_held(row) for row in c.execute(query).mappings()]

    def held_by_id(self, held_id: str) -> Held | None:
        with self._read() as c:
            row = c.execute(select(t.held).where(t.held.c.id == held_id)).mappings().first()
        return None if row is None else _held(row)

    def rule(self, ruled: Held, now: datetime, *, read_again: bool = False) -> None:
        """Write staff's word about a held thing and send its submission down the same path again."""
        s = t.submissions
        whole = not ruled.part and ruled.document is None
        discarded = whole and ruled.state is HeldState.DISCARDED
        with self._write() as c:
            changed = c.execute(
                update(t.held)
                .where(t.held.c.id == ruled.id, t.held.c.state == HeldState.HELD)
                .values(state=ruled.state, case_ref=ruled.case_ref, body=_json(_HELD, ruled))
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
            return [_record(c, ref) for ref in c.scalars(query).all()]

    def submissions(self) -> list[Submission]:
        """Everything in custody, as it was accepted."""
        with self._read() as c:
            rows = c.execute(select(t.submissions).order_by(t.submissions.c.accepted_at, t.submissions.c.id)).mappings()
            return [_submission(row) for row in rows]

    def submission(self, submission_id: str) -> Submission | None:
        with self._read() as c:
            row = c.execute(select(t.submissions).where(t.submissions.c.id == submission_id)).mappings().first()
        return None if row is None else _submission(row)

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
            return [_update(row) for row in rows]

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
        claimed = _update(row)
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
        to_address = sum(_UPDATE.validate_json(row.body).address == owed.address for row in lately)
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

    def _migrate(self) -> None:
        with self.engine.connect() as c, c.begin():
            if inspect(c).has_table("alembic_version") and c.scalar(text("SELECT version_num FROM alembic_version")) == HEAD:
                return
        # Alembic is imported only when there is something to do: it costs a second
        from alembic import command
        from alembic.config import Config

        steps = Config()
        steps.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self.engine.connect() as c, c.begin():
            steps.attributes["connection"] = c
            command.upgrade(steps, "head")


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path.absolute()}"


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _pragmas(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # BEGIN is ours
            cursor = connection.cursor()
            pragmas = (
                "journal_mode=WAL",
                "synchronous=FULL",
                f"busy_timeout={BUSY_SECONDS * 1000}",
                "foreign_keys=ON",
                "secure_delete=ON",
            )
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _begin(c: Connection) -> None:
            # a writer takes its lock at once: a read that turns into a write could not wait for another writer
            c.exec_driver_sql("BEGIN" if c.get_execution_options().get("somrr_read") else "BEGIN IMMEDIATE")

    return engine


def _json(adapter: TypeAdapter[Any], value: Any) -> str:
    return adapter.dump_json(value).decode()


def _fresh_submission(envelope: Envelope, kept: Kept, now: datetime) -> Submission:
    return Submission(secrets.token_hex(8), kept.digest, kept.size, envelope, SubmissionState.WAITING, 0, now)


def _submission_row(s: Submission, now: datetime) -> dict[str, Any]:
    return {
        "id": s.id,
        "digest": s.digest,
        "size": s.size,
        "channel": s.envelope.channel,
        "received_at": s.envelope.received_at,
        "sender": s.envelope.sender,
        "message_id": s.envelope.message_id,
        "envelope_ref": s.envelope.case_ref,
        "state": s.state,
        "attempts": s.attempts,
        "not_before": now,
        "accepted_at": s.accepted_at,
        "case_ref": None,
    }


def _submission(row: Any) -> Submission:
    envelope = Envelope(Channel(row["channel"]), row["received_at"], row["sender"], row["message_id"], row["envelope_ref"])
    state = SubmissionState(row["state"])
    return Submission(
        row["id"], row["digest"], row["size"], envelope, state, row["attempts"], row["accepted_at"], row["case_ref"]
    )


def _held(row: Any) -> Held:
    return replace(
        _HELD.validate_json(row["body"]), state=HeldState(row["state"]), case_ref=row["case_ref"], held_at=row["held_at"]
    )


def _update(row: Any) -> Update:
    return replace(
        _UPDATE.validate_json(row["body"]),
        status=UpdateStatus(row["status"]),
        attempts=row["attempts"],
        sent_at=row["sent_at"],
        message_id=row["message_id"],
        reason=row["reason"],
    )


def _record(c: Connection, ref: str) -> CaseRecord:
    row = c.execute(select(t.cases).where(t.cases.c.ref == ref)).mappings().one()
    documents = c.scalars(select(t.documents.c.body).where(t.documents.c.case_ref == ref).order_by(t.documents.c.seq))
    held = c.execute(select(t.held).where(t.held.c.case_ref == ref).order_by(t.held.c.id)).mappings()
    updates = c.execute(
        select(t.updates).where(t.updates.c.case_ref == ref).order_by(t.updates.c.due_at, t.updates.c.id)
    ).mappings()
    submissions = c.execute(
        select(t.submissions).where(t.submissions.c.case_ref == ref).order_by(t.submissions.c.accepted_at)
    ).mappings()
    moves = c.execute(select(t.history).where(t.history.c.case_ref == ref).order_by(t.history.c.seq)).mappings()
    return CaseRecord(
        case=_CASE.validate_json(row["body"]),
        documents=tuple(_FILED.validate_json(body) for body in documents),
        held=tuple(_held(h) for h in held),
        updates=tuple(_update(u) for u in updates),
        submissions=tuple(_submission(s) for s in submissions),
        moves=tuple(_move(m) for m in moves),
        revision=row["revision"],
    )


def _move(row: Any) -> Move:
    start = CaseStatus(row["from_status"]) if row["from_status"] else None
    return Move(start, CaseStatus(row["to_status"]), row["why"], row["by"], row["at"])


def _move_row(ref: str, move: Move, now: datetime) -> dict[str, Any]:
    return {
        "case_ref": ref,
        "at": move.at or now,
        "from_status": move.from_status,
        "to_status": move.to_status,
        "why": move.why,
        "by": move.by,
    }


def _put_case(c: Connection, decision: Decision, revision: int) -> None:
    case = decision.case
    if case is None:
        raise PermanentError("no_case")
    row = {
        "status": case.status,
        "created_at": case.created_at,
        "last_activity": case.last_activity,
        "last_arrival": case.last_arrival,
        "look_again_at": case.look_again_at,
        "revision": revision + 1,
        "body": _json(_CASE, case),
    }
    if decision.new_case:
        c.execute(insert(t.cases).values(ref=case.ref, **row))
    else:
        changed = c.execute(update(t.cases).where(t.cases.c.ref == case.ref, t.cases.c.revision == revision).values(row))
        if changed.rowcount != 1:
            raise TemporaryError("case_moved", "decided from an older record")
    k = t.case_keys
    have = set(c.execute(select(k.c.kind, k.c.value).where(k.c.case_ref == case.ref)))
    for kind, value in sorted(set(decision.keys) - have):
        c.execute(insert(k).values(kind=kind, value=value, case_ref=case.ref))


def _put_submission(c: Connection, decision: Decision, now: datetime) -> None:
    """A submission decided again replaces what it brought before: the ledger holds one decision of it."""
    s, d, h = t.submissions, t.documents, t.held
    ref = decision.case.ref if decision.case is not None else None
    before = c.scalar(select(s.c.case_ref).where(s.c.id == decision.submission))
    if before is not None and before != ref:
        c.execute(update(t.cases).where(t.cases.c.ref == before).values(look_again_at=now))
    c.execute(delete(d).where(d.c.submission == decision.submission))
    for filed in decision.documents:
        body = _json(_FILED, filed)
        row = {
            "case_ref": ref,
            "submission": decision.submission,
            "document": filed.document.id,
            "kind": filed.document.kind,
            "body": body,
        }
        c.execute(insert(d).values(row))
    c.execute(delete(t.fates).where(t.fates.c.submission == decision.submission))
    for fate in decision.fates:
        c.execute(
            insert(t.fates).values(
                submission=decision.submission, part=fate.part, sha256=fate.sha256, fate=fate.fate, reason=fate.reason
            )
        )
    mine = h.c.submission == decision.submission
    since = dict(c.execute(select(h.c.id, h.c.held_at).where(mine)).all())
    c.execute(delete(h).where(mine, h.c.state == HeldState.HELD))
    ruled = set(c.scalars(select(h.c.id).where(mine)))
    for held in decision.held:
        body = _json(_HELD, held)
        row = {"submission": held.submission, "case_ref": held.case_ref, "state": HeldState.HELD, "body": body}
        if held.id in ruled:  # the same trouble again after staff asked for another try
            c.execute(update(h).where(h.c.id == held.id).values(row))
        else:
            c.execute(insert(h).values(id=held.id, held_at=since.get(held.id, now), **row))
    c.execute(update(s).where(s.c.id == decision.submission).values(state=decision.submission_state, case_ref=ref))


def _put_update(c: Connection, owed: Update) -> None:
    u = t.updates
    if c.scalar(select(u.c.id).where(u.c.id == owed.id)) is not None:
        return  # owed once, however often decided
    c.execute(
        insert(u).values(
            id=owed.id,
            case_ref=owed.case_ref,
            status=owed.status,
            due_at=owed.due_at,
            next_try=owed.due_at,
            attempts=0,
            message_id=owed.message_id,
            reason=owed.reason,
            body=_json(_UPDATE, owed),
        )
    )
