"""Whose turn it is in a case, for what, and since when: one judgement for lists, a case's page and the digest.

Pure, and a function of the record alone, so that it may be kept with the case: ages are counted where it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from records.model import CaseRecord, CaseStatus, Event, HeldState, Recipient, Severity, Update, UpdateStatus


class Who(StrEnum):
    """In the order in which staff want to see them."""

    STAFF = "staff"
    REVIEW = "review"  # the physicians who give the second opinion
    SENDER = "sender"
    TIME = "time"
    NOBODY = "nobody"


class What(StrEnum):
    """The next step; its words and its command are in `daemon.steps`."""

    QUARANTINE = "quarantine"  # something held
    DOUBT = "doubt"  # a doubtful finding with nothing held for it
    ON_HOLD = "on_hold"
    APPROVE = "approve"
    BEGIN = "begin"  # approved, the review may begin
    CHARGE = "charge"  # late material: does it bring a further charge?
    GIVE_BACK = "give_back"  # what the patient asked back
    CLOSE = "close"  # completed: close or transfer
    REVIEWING = "reviewing"
    MISSING = "missing"
    SETTLING = "settling"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Waiting:
    who: Who
    what: What
    since: datetime
    count: int = 1


#: news that is true only while the case is in this state
WHILE = {
    **dict.fromkeys((Event.REJECTED, Event.GAP_CLOSED, Event.STILL_INCOMPLETE), CaseStatus.REJECTED),
    **dict.fromkeys((Event.OPENED, Event.STILL_OPEN), CaseStatus.OPEN),
    Event.STILL_IN_REVIEW: CaseStatus.IN_REVIEW,
}
ENDED = (UpdateStatus.FAILED, UpdateStatus.WITHHELD, UpdateStatus.UNCERTAIN)
RANK = {who: rank for rank, who in enumerate(Who)}


def waiting(record: CaseRecord) -> tuple[Waiting, ...]:
    """Everything that waits, staff's own first, the longest wait before the others; at least one."""
    found = sorted(_waiting(record), key=lambda w: (RANK[w.who], w.since))
    return tuple(found) or (Waiting(Who.NOBODY, What.ENDED, record.case.last_activity),)


def _waiting(record: CaseRecord) -> Iterator[Waiting]:
    case = record.case
    if case.merged_into is not None:  # what it holds waits there
        return
    held = [h for h in record.held if h.state is HeldState.HELD]
    if held:
        since = min((at for h in held if (at := h.held_at or h.received_at)), default=case.last_arrival)
        yield Waiting(Who.STAFF, What.QUARANTINE, since, len(held))
    if "hold" in case.facts:
        yield Waiting(Who.STAFF, What.ON_HOLD, case.facts["hold"].at)
    if "return_requested" in case.facts and "returned" not in case.facts:
        yield Waiting(Who.STAFF, What.GIVE_BACK, case.facts["return_requested"].at)
    charged = case.facts.get("further_charge")
    late = "late_material" in case.flags and case.status in (CaseStatus.IN_REVIEW, CaseStatus.COMPLETED)
    if late and (charged is None or charged.at < case.last_arrival):
        yield Waiting(Who.STAFF, What.CHARGE, case.last_arrival)
    match case.status:
        case CaseStatus.OPEN if "approved" in case.facts:
            yield Waiting(Who.STAFF, What.BEGIN, case.facts["approved"].at)
        case CaseStatus.OPEN:
            yield Waiting(Who.STAFF, What.APPROVE, _since(record))
        case CaseStatus.IN_REVIEW:
            yield Waiting(Who.REVIEW, What.REVIEWING, _since(record))
        case CaseStatus.COMPLETED:
            yield Waiting(Who.STAFF, What.CLOSE, _since(record))
        case CaseStatus.RECEIVED | CaseStatus.REJECTED if not held:
            yield from _packet(record)


def to_tell(updates: Iterable[Update], status: Mapping[str, str]) -> list[Update]:
    """What staff must bring or look after: of all that did not reach a reader the newest that is still true.

    `status` is each case's own.  Tasks for staff stand each for itself.
    """
    newest: dict[tuple[str, ...], Update] = {}
    for update in sorted(updates, key=lambda u: (u.due_at, u.id)):
        untrue = update.event in WHILE and WHILE[update.event] != status.get(update.case_ref)
        if update.status in ENDED and update.reason != "superseded" and not untrue:
            task = (update.event,) if update.recipient is Recipient.STAFF else ()
            newest[update.case_ref, update.recipient, *task] = update
    return list(newest.values())


def _packet(record: CaseRecord) -> Iterator[Waiting]:
    """A packet that is not whole: the sender's turn, unless staff can settle it or the time to settle runs."""
    case = record.case
    missing = [f for f in case.findings if f.severity is Severity.MISSING]
    doubts = [f for f in case.findings if f.severity is Severity.DOUBTFUL]
    if doubts:
        yield Waiting(Who.STAFF, What.DOUBT, case.last_arrival, len(doubts))
    if case.status is CaseStatus.REJECTED and (missing or not doubts):
        yield Waiting(Who.SENDER, What.MISSING, _since(record), len(missing))
    elif not doubts and case.status is CaseStatus.RECEIVED:
        yield Waiting(Who.TIME, What.SETTLING, case.last_arrival)


def _since(record: CaseRecord) -> datetime:
    """When the case came into its state."""
    moves = [m.at for m in record.moves if m.to_status is record.case.status is not m.from_status and m.at is not None]
    return max(moves, default=record.case.opened_at or record.case.last_arrival)
