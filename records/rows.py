"""Rows of the ledger read back as nouns, and nouns laid out as rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, select

from records import tables as t
from records.model import (
    Case,
    CaseRecord,
    CaseStatus,
    Channel,
    Envelope,
    FiledDocument,
    Held,
    HeldState,
    Move,
    Reading,
    Submission,
    SubmissionState,
    Update,
    UpdateStatus,
)

READING = TypeAdapter(Reading)
CASE = TypeAdapter(Case)
FILED = TypeAdapter(FiledDocument)
HELD = TypeAdapter(Held)
UPDATE = TypeAdapter(Update)


def to_json(adapter: TypeAdapter[Any], value: Any) -> str:
    return adapter.dump_json(value).decode()


def submission_row(s: Submission, now: datetime) -> dict[str, Any]:
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


def submission_of(row: Any) -> Submission:
    envelope = Envelope(Channel(row["channel"]), row["received_at"], row["sender"], row["message_id"], row["envelope_ref"])
    state = SubmissionState(row["state"])
    return Submission(
        row["id"], row["digest"], row["size"], envelope, state, row["attempts"], row["accepted_at"], row["case_ref"]
    )


def held_of(row: Any) -> Held:
    return replace(
        HELD.validate_json(row["body"]), state=HeldState(row["state"]), case_ref=row["case_ref"], held_at=row["held_at"]
    )


def update_of(row: Any) -> Update:
    return replace(
        UPDATE.validate_json(row["body"]),
        status=UpdateStatus(row["status"]),
        attempts=row["attempts"],
        sent_at=row["sent_at"],
        message_id=row["message_id"],
        reason=row["reason"],
    )


def record_of(c: Connection, ref: str) -> CaseRecord:
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
        case=CASE.validate_json(row["body"]),
        documents=tuple(FILED.validate_json(body) for body in documents),
        held=tuple(held_of(h) for h in held),
        updates=tuple(update_of(u) for u in updates),
        submissions=tuple(submission_of(s) for s in submissions),
        moves=tuple(move_of(m) for m in moves),
        revision=row["revision"],
    )


def move_of(row: Any) -> Move:
    start = CaseStatus(row["from_status"]) if row["from_status"] else None
    return Move(start, CaseStatus(row["to_status"]), row["why"], row["by"], row["at"])


def move_row(ref: str, move: Move, now: datetime) -> dict[str, Any]:
    return {
        "case_ref": ref,
        "at": move.at or now,
        "from_status": move.from_status,
        "to_status": move.to_status,
        "why": move.why,
        "by": move.by,
    }
