"""How one decision is written: the case, what a submission brought, what is owed; all inside the store's transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from records import tables as t
from records.errors import PermanentError, TemporaryError
from records.model import Decision, HeldState, Update, UpdateStatus
from records.rows import CASE, FILED, HELD, UPDATE, move_row, to_json


def write(c: Connection, decision: Decision, revision: int, now: datetime) -> None:
    """All of a decision.  TemporaryError("case_moved") when the case is no longer at `revision`."""
    if decision.case is not None:
        put_case(c, decision, revision)
    if decision.submission is not None:
        put_submission(c, decision, now)
    for owed in decision.updates:
        put_update(c, owed)
    if decision.superseded:
        u = t.updates
        stale = (u.c.id.in_(decision.superseded), u.c.status == UpdateStatus.QUEUED, u.c.claimed_at.is_(None))
        c.execute(update(u).where(*stale).values(status=UpdateStatus.WITHHELD, reason="superseded"))
    if decision.case is not None:
        for move in decision.moves:
            c.execute(insert(t.history).values(move_row(decision.case.ref, move, now)))


def put_case(c: Connection, decision: Decision, revision: int) -> None:
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
        "body": to_json(CASE, case),
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


def put_submission(c: Connection, decision: Decision, now: datetime) -> None:
    """A submission decided again replaces what it brought before: the ledger holds one decision of it."""
    s, d, h = t.submissions, t.documents, t.held
    ref = decision.case.ref if decision.case is not None else None
    before = c.scalar(select(s.c.case_ref).where(s.c.id == decision.submission))
    if before is not None and before != ref:
        c.execute(update(t.cases).where(t.cases.c.ref == before).values(look_again_at=now))
    c.execute(delete(d).where(d.c.submission == decision.submission))
    for filed in decision.documents:
        body = to_json(FILED, filed)
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
        body = to_json(HELD, held)
        row = {"submission": held.submission, "case_ref": held.case_ref, "state": HeldState.HELD, "body": body}
        if held.id in ruled:  # the same trouble again after staff asked for another try
            c.execute(update(h).where(h.c.id == held.id).values(row))
        else:
            c.execute(insert(h).values(id=held.id, held_at=since.get(held.id, now), **row))
    c.execute(update(s).where(s.c.id == decision.submission).values(state=decision.submission_state, case_ref=ref))


def put_update(c: Connection, owed: Update) -> None:
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
            body=to_json(UPDATE, owed),
        )
    )
