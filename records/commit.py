"""How one decision is written: the case, what a submission brought, what is owed; all inside the store's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from records import tables as t
from records.errors import PermanentError, TemporaryError
from records.model import Decision, Fate, HeldState, SubmissionState, Update, UpdateStatus
from records.rows import Rows


def write(c: Connection, rows: Rows, decision: Decision, now: datetime) -> set[str]:
    """All of a decision, and of those that go with it; the references of the cases that they touched.

    TemporaryError("case_moved") when a case is no longer at the revision that was decided from.
    """
    touched: set[str] = set()
    several = (decision, *decision.also)
    for one in several:
        if one.case is not None:
            put_case(c, rows, one)
            touched.add(one.case.ref)
    if decision.submission is not None:
        touched |= put_submission(c, rows, several, now)
    for one in several:
        touched |= _take(c, one, now)
        _decide_again(c, one.again, now)
        _put_news(c, rows, one, now)
    return {survivor(c, ref) for ref in touched}


def still_claimed(c: Connection, submission: str, attempt: int) -> None:
    """A word of staff sets the attempts to none: what was claimed before it was decided without it."""
    s = t.submissions
    if c.scalar(select(s.c.attempts).where(s.c.id == submission)) != attempt:
        raise TemporaryError("case_moved", "decided before the newest word of staff")


def put_case(c: Connection, rows: Rows, decision: Decision) -> None:
    case, revision = decision.case, decision.revision
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


def put_submission(c: Connection, rows: Rows, decisions: Sequence[Decision], now: datetime) -> set[str]:
    """A submission decided again replaces what it brought before: the ledger holds one decision of it."""
    s, d, mine = t.submissions, t.documents, decisions[0].submission
    if mine is None:
        raise PermanentError("no_submission")
    data_key = c.execute(select(s.c.data_key).where(s.c.id == mine)).scalar_one()
    homes = _Homes(c, mine, [one.case.ref for one in decisions if one.case is not None])
    lay = dict(c.execute(select(d.c.document, d.c.case_ref).where(d.c.submission == mine)).all())
    c.execute(delete(d).where(d.c.submission == mine))
    for one in decisions:
        for filed in one.documents:
            row = rows.document_row(one.case.ref if one.case else None, mine, data_key, filed)
            row["case_ref"] = homes.of(row["case_ref"], lay.get(row["document"]))
            c.execute(insert(d).values(row))
    c.execute(delete(t.fates).where(t.fates.c.submission == mine))
    for number, fate in enumerate(fate for one in decisions for fate in one.fates):
        lies = replace(fate, case_ref=homes.of(fate.case_ref))
        c.execute(insert(t.fates).values(rows.fate_row(mine, data_key, number, lies)))
    touched = _put_held(c, rows, decisions, homes, data_key, now)
    c.execute(update(s).where(s.c.id == mine).values(state=decisions[0].submission_state))
    homes.settle(now)
    return touched | homes.before | homes.after


class _Homes:
    """Where a submission's papers lie: in the decided cases, or in one merged into such a case where they lay before."""

    def __init__(self, c: Connection, submission: str, refs: Sequence[str]) -> None:
        f = t.filings
        self.c, self.submission = c, submission
        self.before = set(c.scalars(select(f.c.case_ref).where(f.c.submission == submission)))
        self.counts = {ref: survivor(c, ref) for ref in sorted(self.before)}
        first = {into: ref for ref, into in reversed(self.counts.items())}
        self.home = {ref: first.get(ref, ref) for ref in refs}
        self.after = {*self.home.values(), *(ref for ref, into in self.counts.items() if into in self.home)}

    def of(self, ref: str | None, lay: str | None = None) -> str | None:
        """Where a thing that was decided into `ref` lies; `lay` is where it did."""
        if ref is None or lay is None or self.counts.get(lay) != ref:
            return self.home.get(ref, ref) if ref else None
        return lay

    def settle(self, now: datetime) -> None:
        """A case that lost it is looked at again."""
        f, k = t.filings, t.cases
        for ref in sorted(self.before - self.after):
            self.c.execute(delete(f).where(f.c.submission == self.submission, f.c.case_ref == ref))
            self.c.execute(update(k).where(k.c.ref == self.counts[ref]).values(look_again_at=now))
        for ref in sorted(self.after - self.before):
            self.c.execute(insert(f).values(submission=self.submission, case_ref=ref))


def _put_held(c: Connection, rows: Rows, decisions: Iterable[Decision], homes: _Homes, data_key: str, now: datetime) -> set[str]:
    """What is held now; a thing that was held before keeps its day."""
    h, mine = t.held, homes.submission
    since = dict(c.execute(select(h.c.id, h.c.held_at).where(h.c.submission == mine)).all())
    touched = set(c.scalars(select(h.c.case_ref).where(h.c.submission == mine, h.c.case_ref.is_not(None))))
    c.execute(delete(h).where(h.c.submission == mine, h.c.state == HeldState.HELD))
    ruled = set(c.scalars(select(h.c.id).where(h.c.submission == mine)))
    for held in (held for one in decisions for held in one.held):
        name = rows.held_id(held.id)
        row = {**rows.held_row(data_key, held, name), "state": HeldState.HELD, "case_ref": homes.of(held.case_ref)}
        if name in ruled:  # the same trouble again after staff asked for another try
            c.execute(update(h).where(h.c.id == name).values(row))
        else:
            c.execute(insert(h).values(id=name, held_at=since.get(name, now), **row))
        touched |= {row["case_ref"]} - {None}
    return touched


def _take(c: Connection, decision: Decision, now: datetime) -> set[str]:
    """Staff's word: submissions leave one case for another, where they are decided anew."""
    f, s = t.filings, t.submissions
    for submission, home in decision.takes:
        if decision.case is None:
            raise PermanentError("no_case")
        ref = decision.case.ref
        for table in (t.documents, t.held):
            c.execute(update(table).where(table.c.submission == submission, table.c.case_ref == home).values(case_ref=ref))
        gone = c.execute(delete(f).where(f.c.submission == submission, f.c.case_ref == home))
        if gone.rowcount != 1:
            raise TemporaryError("case_moved", "the arrival is not there any more")
        if c.scalar(select(f.c.case_ref).where(f.c.submission == submission, f.c.case_ref == ref)) is None:
            c.execute(insert(f).values(submission=submission, case_ref=ref))
        c.execute(update(s).where(s.c.id == submission).values(state=SubmissionState.WAITING, attempts=0, not_before=now))
    return {home for _, home in decision.takes}


def _decide_again(c: Connection, submissions: Iterable[str], now: datetime) -> None:
    """Those that repeated a paper: the one that they repeated may be elsewhere now."""
    f, s = t.fates, t.submissions
    for submission in submissions:
        repeated = select(f.c.submission).where(f.c.submission == submission, f.c.fate == Fate.DUPLICATE)
        mine = (s.c.id == submission, s.c.id.in_(repeated), s.c.state == SubmissionState.DECIDED)
        c.execute(update(s).where(*mine).values(state=SubmissionState.WAITING, attempts=0, not_before=now))


def _put_news(c: Connection, rows: Rows, decision: Decision, now: datetime) -> None:
    u = t.updates
    for owed in decision.updates:
        put_update(c, rows, owed)
    if decision.superseded:
        stale = (u.c.id.in_(decision.superseded), u.c.status == UpdateStatus.QUEUED, u.c.claimed_at.is_(None))
        c.execute(update(u).where(*stale).values(status=UpdateStatus.WITHHELD, reason="superseded"))
    if decision.case is not None and decision.moves:
        data_key = case_key(c, decision.case.ref)
        for move in decision.moves:
            c.execute(insert(t.history).values(rows.move_row(decision.case.ref, data_key, move, now)))


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


def survivor(c: Connection, ref: str) -> str:
    """The case in which what this one holds counts: itself, unless staff merged it into another."""
    k = t.cases
    while (into := c.scalar(select(k.c.merged_into).where(k.c.ref == ref))) is not None:
        ref = into
    return ref
