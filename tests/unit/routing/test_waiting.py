"""Whose turn it is in every state of a case, and what is still to be told (R25, R28-R30, R34, R37)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from records.model import (
    Case,
    CaseRecord,
    CaseStatus,
    Event,
    Fact,
    Finding,
    Held,
    HeldState,
    Move,
    Recipient,
    Severity,
    Update,
    UpdateStatus,
)
from routing.waiting import What, Who, to_tell, waiting
from tests.makers import NOW

REF = "SOMRR-00000-00000-1"
EARLIER, LATER = NOW - timedelta(days=2), NOW + timedelta(days=2)
GAP = Finding("loa_unsigned", Severity.MISSING, requirement="letter_of_agreement")
DOUBT = Finding("identity_conflict", Severity.DOUBTFUL)


def record(status: CaseStatus, *facts: str, findings: tuple[Finding, ...] = (), held: int = 0, **changes: object) -> CaseRecord:
    case = Case(
        REF, status, EARLIER, NOW, EARLIER, facts={f: Fact(f, True, "Example Staff", NOW) for f in facts}, findings=findings
    )
    waits = tuple(Held(f"{n}", "s", "encrypted", "", REF, held_at=NOW - timedelta(hours=n)) for n in range(held))
    return CaseRecord(replace(case, **changes), held=waits, moves=(Move(None, status, "", at=NOW),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "who", "what"),
    [
        (record(CaseStatus.RECEIVED), Who.TIME, What.SETTLING),
        (record(CaseStatus.RECEIVED, held=2), Who.STAFF, What.QUARANTINE),
        (record(CaseStatus.RECEIVED, findings=(DOUBT,)), Who.STAFF, What.DOUBT),
        (record(CaseStatus.REJECTED, findings=(GAP,)), Who.SENDER, What.MISSING),
        (record(CaseStatus.REJECTED, findings=(GAP, DOUBT)), Who.STAFF, What.DOUBT),
        (record(CaseStatus.REJECTED, "hold", findings=(GAP,)), Who.STAFF, What.ON_HOLD),
        (record(CaseStatus.OPEN), Who.STAFF, What.APPROVE),
        (record(CaseStatus.OPEN, "approved"), Who.STAFF, What.BEGIN),
        (record(CaseStatus.IN_REVIEW), Who.REVIEW, What.REVIEWING),
        (record(CaseStatus.IN_REVIEW, flags=("late_material",)), Who.STAFF, What.CHARGE),
        (record(CaseStatus.IN_REVIEW, "further_charge", flags=("late_material",)), Who.REVIEW, What.REVIEWING),
        (record(CaseStatus.IN_REVIEW, "further_charge", flags=("late_material",), last_arrival=LATER), Who.STAFF, What.CHARGE),
        (record(CaseStatus.COMPLETED), Who.STAFF, What.CLOSE),
        (record(CaseStatus.CLOSED), Who.NOBODY, What.ENDED),
        (record(CaseStatus.CLOSED, "return_requested"), Who.STAFF, What.GIVE_BACK),
        (record(CaseStatus.CLOSED, "return_requested", "returned"), Who.NOBODY, What.ENDED),
        (record(CaseStatus.DISPOSED), Who.NOBODY, What.ENDED),
    ],
)
def test_whose_turn_it_is(given: CaseRecord, who: Who, what: What) -> None:
    """Staff's own before everybody else's."""
    first = waiting(given)[0]
    assert (first.who, first.what) == (who, what)


def test_the_oldest_held_thing_counts_and_the_settled_one_does_not() -> None:
    """The wait begins with the first that is still held."""
    given = record(CaseStatus.OPEN, held=3)
    ruled = replace(given, held=(*given.held[:2], replace(given.held[2], state=HeldState.RELEASED)))
    first = waiting(ruled)[0]
    assert (first.what, first.count, first.since) == (What.QUARANTINE, 2, NOW - timedelta(hours=1))


def told(event: Event, status: UpdateStatus = UpdateStatus.WITHHELD, days: int = 0, **changes: object) -> Update:
    made = Update(
        f"{event}{days}", REF, event, Recipient.PHYSICIAN, "email", None, "en", NOW + timedelta(days=days), status=status
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("updates", "status", "left"),
    [
        ([told(Event.REJECTED)], "rejected", [Event.REJECTED]),
        ([told(Event.REJECTED)], "open", []),  # no longer true
        ([told(Event.REJECTED), told(Event.OPENED, days=1)], "open", [Event.OPENED]),
        ([told(Event.OPENED), told(Event.IN_REVIEW, days=1)], "in_review", [Event.IN_REVIEW]),
        ([told(Event.OPENED, UpdateStatus.SENT)], "open", []),
        ([told(Event.OPENED, reason="superseded")], "open", []),
        ([told(Event.OPENED, UpdateStatus.UNCERTAIN)], "open", [Event.OPENED]),
        (
            [told(e, recipient=Recipient.STAFF) for e in (Event.RETURNING, Event.DISPOSAL_NEAR)],
            "closed",
            [Event.RETURNING, Event.DISPOSAL_NEAR],
        ),
    ],
)
def test_what_is_to_be_told_is_the_newest_that_is_true(updates: list[Update], status: str, left: list[Event]) -> None:
    """One for each reader; tasks each for itself."""
    assert {u.event for u in to_tell(updates, {REF: status})} == set(left)
