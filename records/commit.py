"""How one decision is written: the case, what a submission brought, what is owed; all inside the store's transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from records import tables as t
from records.errors import PermanentError, TemporaryError
from records.model import Decision, HeldState, Update, UpdateStatus
from records.rows import Rows


def write(c: Connection, rows: Rows, decision: Decision, revision: int, now: datetime) -> set[str]:
    """All of a decision; the references of the cases that it touched.

    TemporaryError("case_moved") when the case is no longer at `revision`.
    """
    touched: set[str] = set()
    if decision.case is not None:
        put_case(c, rows, decision, revision)
        touched.add(decision.case.ref)
    if decision.submission is not None:
        touched |= put_submission(c, rows, decision, now)
    for owed in decision.updates:
        put_update(c, rows, owed)
    if decision.superseded:
        u = t.updates
        stale = (u.c.id.in_(decision.superseded), u.c.status == UpdateStatus.QUEUED, u.c.claimed_at.is_(None))
        c.execute(update(u).where(*stale).values(status=UpdateStatus.WITHHELD, reason="superseded"))
    if decision.case is not None:
        data_key = case_key(c, decision.case.ref)
        for move in decision.moves:
            c.execute(insert(t.history).values(rows.move_row(decision.case.ref, data_key, move, now)))
    return touched


def put_case(c: Connection, rows: Rows, decision: Decision, revision: int) -> None:
    case = decision.case
    if case is None:
        raise PermanentError("no_case")
    if decision.new_case:
        row = rows.case_row(case, rows.keys.mint())
        c.execute(insert(t.cases).values(ref=case.ref, revision=revision + 1, **row))
    else:
        row = {**rows.case_row(case, case_key(c, case.ref)), "revision": revision + 1, "line": None}
        changed = c.execute(update(t.cases).where(t.cases.c.ref == case.ref, t.cases.c.revision == revision).values(row))
        if changed.rowcount != 1:
            raise TemporaryError("case_moved", "decided from an older record")
    k = t.case_keys
    have = set(c.execute(select(k.c.kind, k.c.value).where(k.c.case_ref == case.ref)))
    for kind, value in sorted({(kind, rows.case_key(kind, value)) for kind, value in decision.keys} - have):
        c.execute(insert(k).values(kind=kind, value=value, case_ref=case.ref))


def put_submission(c: Connection, rows: Rows, decision: Decision, now: datetime) -> set[str]:
    """A submission decided again replaces what it brought before: the ledger holds one decision of it."""
    s, d, h, mine = t.submissions, t.documents, t.held, decision.submission
    if mine is None:
        raise PermanentError("no_submission")
    ref = decision.case.ref if decision.case is not None else None
    before, data_key = c.execute(select(s.c.case_ref, s.c.data_key).where(s.c.id == mine)).one()
    if before is not None and before != ref:
        c.execute(update(t.cases).where(t.cases.c.ref == before).values(look_again_at=now))
    c.execute(delete(d).where(d.c.submission == mine))
    for filed in decision.documents:
        c.execute(insert(d).values(rows.document_row(ref, mine, data_key, filed)))
    c.execute(delete(t.fates).where(t.fates.c.submission == mine))
    for number, fate in enumerate(decision.fates):
        c.execute(insert(t.fates).values(rows.fate_row(mine, data_key, number, fate)))
    since = dict(c.execute(select(h.c.id, h.c.held_at).where(h.c.submission == mine)).all())
    touched = set(c.scalars(select(h.c.case_ref).where(h.c.submission == mine)))
    c.execute(delete(h).where(h.c.submission == mine, h.c.state == HeldState.HELD))
    ruled = set(c.scalars(select(h.c.id).where(h.c.submission == mine)))
    for held in decision.held:
        row = {**rows.held_row(data_key, held), "state": HeldState.HELD}
        if held.id in ruled:  # the same trouble again after staff asked for another try
            c.execute(update(h).where(h.c.id == held.id).values(row))
        else:
            c.execute(insert(h).values(id=held.id, held_at=since.get(held.id, now), **row))
    c.execute(update(s).where(s.c.id == mine).values(state=decision.submission_state, case_ref=ref))
    touched |= {before, ref, *(held.case_ref for held in decision.held)}
    return touched - {None}


def put_update(c: Connection, rows: Rows, owed: Update) -> None:
    u = t.updates
    if c.scalar(select(u.c.id).where(u.c.id == owed.id)) is None:  # owed once, however often decided
        c.execute(insert(u).values(rows.update_row(case_key(c, owed.case_ref), owed)))


def case_key(c: Connection, ref: str) -> str:
    """The id of the data key that everything of this case is sealed under."""
    data_key: str | None = c.scalar(select(t.cases.c.data_key).where(t.cases.c.ref == ref))
    if data_key is None:
        raise TemporaryError("case_moved", "the case is gone")
    return data_key
