"""The life of a case: one table of what may follow what; an unlisted move raises."""

from __future__ import annotations

from records.errors import RefusedError
from records.model import CaseStatus, Move

S = CaseStatus

#: (from, to) → who may: the machine by the checklist, or a named person (R25)
TRANSITIONS: dict[tuple[CaseStatus, CaseStatus], str] = {
    (S.RECEIVED, S.OPEN): "machine",
    (S.RECEIVED, S.REJECTED): "machine",
    (S.REJECTED, S.OPEN): "machine",
    (S.OPEN, S.REJECTED): "machine",
    (S.OPEN, S.IN_REVIEW): "person",
    (S.IN_REVIEW, S.COMPLETED): "person",
    (S.COMPLETED, S.IN_REVIEW): "person",
    (S.COMPLETED, S.CLOSED): "person",
    (S.COMPLETED, S.TRANSFERRED): "person",
    (S.RECEIVED, S.CLOSED): "person",
    (S.REJECTED, S.CLOSED): "person",
    (S.OPEN, S.CLOSED): "person",
    (S.CLOSED, S.RECEIVED): "person",
    (S.TRANSFERRED, S.RECEIVED): "person",
    (S.RECEIVED, S.DISPOSED): "machine",
    (S.REJECTED, S.DISPOSED): "machine",
    (S.OPEN, S.DISPOSED): "machine",
    (S.COMPLETED, S.DISPOSED): "machine",
    (S.CLOSED, S.DISPOSED): "machine",
    (S.TRANSFERRED, S.DISPOSED): "machine",
}

#: the states in which the checklist decides
CHECKED = (S.RECEIVED, S.REJECTED, S.OPEN)


def move(start: CaseStatus, end: CaseStatus, why: str, by: str = "machine") -> Move:
    """The move, or RefusedError with a sentence when the table does not list it for this actor."""
    who = TRANSITIONS.get((start, end))
    if who is None:
        allowed = sorted(to for (frm, to) in TRANSITIONS if frm is start and to is not S.DISPOSED)
        raise RefusedError(
            "not_allowed", f"a case that is {start} can not become {end}; it can become {', '.join(allowed) or 'nothing else'}"
        )
    if who == "person" and by == "machine":
        raise RefusedError("not_allowed", f"only a named person moves a case from {start} to {end}")
    return Move(start, end, why, by)
