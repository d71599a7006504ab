"""Disposal in the ledger (R40): one transaction turns a case into its tombstone and notes what is left to destroy.

Keys, originals and copies lie outside of the ledger.  They are written down as *erasures* in the same transaction and
destroyed afterwards, keys first; whoever is killed in between finds them here and goes on.  A tombstone holds the
reference, counts, hashes, dates and who did it, under the house's key; the case's own words were under keys that are
gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from records import tables as t
from records.errors import TemporaryError
from records.keys import HOUSE
from records.model import Case, CaseRecord, CaseStatus, Fact, FieldValue, Move, Submission, SubmissionState
from records.rows import Rows

REFERENCE = "ref"  # the one key by which a disposed case is still found: who names it is answered by staff


class Erasure(NamedTuple):
    """One thing that is still to be destroyed: a data key, or an original under its name in the vault."""

    kind: str  # key | object
    name: str


def erase_cases(c: Connection, rows: Rows, records: Iterable[CaseRecord], by: str, now: datetime) -> None:
    """Cases that share submissions end together.  TemporaryError("case_moved") when one is no longer as it was judged."""
    submissions: dict[str, Submission] = {}
    for record in records:
        _erase_case(c, rows, record, by, now)
        submissions |= {submission.id: submission for submission in record.submissions}
    for submission in submissions.values():
        erase_submission(c, rows, submission)


def _erase_case(c: Connection, rows: Rows, record: CaseRecord, by: str, now: datetime) -> None:
    case, k = record.case, t.cases
    data_key = c.scalar(select(k.c.data_key).where(k.c.ref == case.ref, k.c.revision == record.revision))
    if data_key is None:
        raise TemporaryError("case_moved", "judged from an older record")
    for merged in record.merged:
        _erase_case(c, rows, merged, by, now)
    grave = tombstone(record, by, now)
    row = {**rows.case_row(grave, HOUSE), "revision": record.revision + 1, "line": None}
    c.execute(update(k).where(k.c.ref == case.ref).values(row))
    for table in (t.documents, t.held, t.updates, t.history):
        c.execute(delete(table).where(table.c.case_ref == case.ref))
    c.execute(delete(t.case_keys).where(t.case_keys.c.case_ref == case.ref, t.case_keys.c.kind != REFERENCE))
    move = Move(case.status, CaseStatus.DISPOSED, "retention", by)
    c.execute(insert(t.history).values(rows.move_row(case.ref, HOUSE, move, now)))
    _note(c, [Erasure("key", data_key)])


def erase_submission(c: Connection, rows: Rows, submission: Submission) -> None:
    """Its row stays, so that a mail which still lies in the mailbox is not taken for a new one; all else goes.

    The digest is let go of: the same bytes sent again are a new arrival, since the old ones can not be read.
    TemporaryError("case_moved") while a case lives that holds papers of it: its bytes are under one key.
    """
    s, f, k = t.submissions, t.filings, t.cases
    found = c.execute(select(s.c.digest, s.c.data_key).where(s.c.id == submission.id)).first()
    if found is None or found.data_key == HOUSE:
        return
    living = select(k.c.ref).join(f, f.c.case_ref == k.c.ref).where(f.c.submission == submission.id)
    if c.scalar(living.where(k.c.status != CaseStatus.DISPOSED)) is not None:
        raise TemporaryError("case_moved", "another case holds papers of the same arrival")
    for table in (t.documents, t.held, t.fates):
        c.execute(delete(table).where(table.c.submission == submission.id))
    c.execute(delete(t.readings).where(t.readings.c.digest == found.digest))
    bare = replace(submission, envelope=replace(submission.envelope, sender=None, message_id=None, case_ref=None))
    row = rows.submission_row(bare, HOUSE, submission.accepted_at)
    kept = {name: row[name] for name in ("body", "data_key", "envelope_ref")}
    gone = {"digest": rows.keys.blind("disposed", submission.id), "state": SubmissionState.DISPOSED}
    c.execute(update(s).where(s.c.id == submission.id).values(**kept, **gone))
    _note(c, [Erasure("key", found.data_key), Erasure("object", found.digest)])


def tombstone(record: CaseRecord, by: str, now: datetime) -> Case:
    """What is left of a case: no name, address, finding or word of anybody."""
    case = record.case
    told: dict[str, FieldValue] = {
        "documents": len(record.documents),
        "submissions": len(record.submissions),
        "bytes": sum(s.size for s in record.submissions),
        "sha256": " ".join(sorted(s.digest for s in record.submissions)),
        "was": case.status.value,
    }
    facts = {f"disposed_{name}": Fact(f"disposed_{name}", value, by, now) for name, value in told.items()}
    return Case(
        case.ref, CaseStatus.DISPOSED, case.created_at, case.last_activity, case.last_arrival, case.opened_at, facts=facts
    )


def erasures(c: Connection) -> list[Erasure]:
    """What is still to be destroyed; keys first."""
    e = t.erasures
    rows = c.execute(select(e.c.kind, e.c.name).order_by(e.c.kind, e.c.name))
    return [Erasure(kind, name) for kind, name in rows]


def erased(c: Connection, done: Iterable[Erasure]) -> None:
    e = t.erasures
    for one in done:
        c.execute(delete(e).where(e.c.kind == one.kind, e.c.name == one.name))


def _note(c: Connection, wanted: Iterable[Erasure]) -> None:
    for one in wanted:
        if one.name != HOUSE:
            c.execute(insert(t.erasures).values(kind=one.kind, name=one.name))
