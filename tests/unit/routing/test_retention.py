"""When records end (R37-R41)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.rules import Rules
from records.model import (
    Case,
    CaseRecord,
    CaseStatus,
    Channel,
    Fact,
    FiledDocument,
    Held,
    HeldState,
    Kind,
    SubmissionState,
)
from routing.retention import LISTED, Retention, Step, alarming, judge, judge_stray
from tests.makers import document, submission

NOON = datetime(2026, 8, 31, 19, 0, tzinfo=UTC)  # noon in San Diego
RULES = Rules()


def record(
    last: datetime = NOON, status: CaseStatus = CaseStatus.CLOSED, facts: Mapping[str, datetime] | None = None
) -> CaseRecord:
    said = {name: Fact(name, True, "Example Staff", at) for name, at in (facts or {}).items()}
    return CaseRecord(Case("SOMRR-00000-00000-1", status, last, last, last, facts=said))


def at(day: date, hour: int = 19) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (date(2026, 8, 31), date(2027, 2, 28)),
        (date(2027, 8, 31), date(2028, 2, 29)),
        (date(2026, 8, 30), date(2027, 2, 28)),
        (date(2026, 1, 15), date(2026, 7, 15)),
        (date(2026, 10, 31), date(2027, 4, 30)),
    ],
)
def test_months_are_calendar_months(last: date, due: date) -> None:
    """R38: 31 August and six months is the end of February."""
    assert judge(record(at(last)), RULES, at(last)).due == due


def test_the_office_counts_days_in_its_own_zone() -> None:
    """Two in the morning UTC is still the evening before in San Diego."""
    late = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
    assert judge(record(late), RULES, late).due == date(2027, 2, 28)


def test_a_case_is_warned_of_listed_and_disposed_of_in_steps() -> None:
    """R41: warning, list, grace, and only then disposal."""
    due = date(2027, 2, 28)
    steps = [
        (at(due) - timedelta(days=15), None, Step.KEEP),
        (at(due) - timedelta(days=14), None, Step.WARN),
        (at(due) - timedelta(days=1), None, Step.WARN),
        (at(due), None, Step.LIST),
        (at(due) + timedelta(days=13), at(due), Step.LISTED),
        (at(due) + timedelta(days=14), at(due), Step.DISPOSE),
    ]
    for now, listed, step in steps:
        facts = {LISTED: listed} if listed else {}
        assert judge(record(facts=facts), RULES, now).step is step, (now, step)


def test_activity_after_the_list_starts_everything_again() -> None:
    """A list made before the last arrival says nothing about the case as it is now."""
    due = at(date(2027, 2, 28))
    spoken = due + timedelta(days=3)
    assert judge(record(spoken, facts={LISTED: due}), RULES, due + timedelta(days=20)).step is Step.KEEP
    assert judge(record(spoken, facts={LISTED: due}), RULES, at(date(2027, 9, 30))).step is Step.LIST


HELD = Held("1", "one", "encrypted", "")
ASKED_BACK = FiledDocument(document(Kind.CORRESPONDENCE, return_requested=True), "one", Channel.EMAIL, NOON)


@pytest.mark.parametrize(
    ("blocked", "blocker"),
    [
        (record(status=CaseStatus.IN_REVIEW), "in_review"),
        (replace(record(), held=(HELD,)), "quarantine"),
        (replace(record(), submissions=(submission(),)), "arriving"),
        (replace(record(), documents=(ASKED_BACK,)), "return_requested"),
        (record(facts={"hold": NOON}), "hold"),
        (record(facts={"return_requested": NOON}), "return_requested"),
    ],
)
def test_what_forbids_disposal_is_named(blocked: CaseRecord, blocker: str) -> None:
    """R39: a return request, a hold, a held thing, a review and an arrival under way."""
    now = at(date(2027, 12, 1))
    assert judge(blocked, RULES, now) == Retention(Step.BLOCKED, date(2027, 2, 28), (blocker,))
    listed = Fact(LISTED, True, "machine", at(date(2027, 3, 1)))
    facts = {**blocked.case.facts, LISTED: listed}
    assert judge(replace(blocked, case=replace(blocked.case, facts=facts)), RULES, now).step is Step.BLOCKED


def test_what_was_given_back_blocks_no_longer() -> None:
    """R37: returned records free the case, and a discarded held thing does."""
    now = at(date(2027, 12, 1))
    assert judge(record(facts={"return_requested": NOON, "returned": NOON}), RULES, now).step is Step.LIST
    settled = replace(HELD, state=HeldState.DISCARDED)
    assert judge(replace(record(), held=(settled,)), RULES, now).step is Step.LIST


def test_a_disposed_case_is_left_alone() -> None:
    """R40: a second run does nothing."""
    assert judge(record(status=CaseStatus.DISPOSED), RULES, at(date(2030, 1, 1))).step is Step.KEEP


def test_submissions_without_a_case_end_too() -> None:
    """Mail that was no packet goes after the same time; what staff have not looked at stays, and is shown."""
    one = submission(at=NOON)
    now = at(date(2027, 3, 1))
    assert judge_stray(replace(one, state=SubmissionState.DECIDED), RULES, now).step is Step.DISPOSE
    assert judge_stray(replace(one, state=SubmissionState.DECIDED), RULES, NOON).step is Step.KEEP
    assert judge_stray(replace(one, state=SubmissionState.QUARANTINED), RULES, now).blockers == ("quarantined",)
    assert judge_stray(replace(one, state=SubmissionState.QUARANTINED), RULES, NOON).step is Step.KEEP


@pytest.mark.parametrize(("due", "kept", "halts"), [(5, 10, False), (6, 10, True), (6, 1000, False), (11, 1000, True)])
def test_too_many_at_once_halt(due: int, kept: int, halts: bool) -> None:
    """More than 1 % of the cases, and more than a handful, is a question and not a run."""
    assert alarming(due, kept, RULES) is halts


@given(st.integers(0, 900), st.integers(0, 60), st.sampled_from(list(CaseStatus)), st.booleans())
def test_nothing_goes_early_or_unlisted(days: int, listed_after: int, status: CaseStatus, held: bool) -> None:
    """Whatever the state: disposal needs the time, the list, the whole grace and no blocker."""
    now = NOON + timedelta(days=days)
    listed = NOON + timedelta(days=listed_after)
    found = judge(replace(record(status=status, facts={LISTED: listed}), held=(HELD,) if held else ()), RULES, now)
    if found.step is Step.DISPOSE:
        assert not held
        assert status not in (CaseStatus.IN_REVIEW, CaseStatus.DISPOSED)
        assert now.date() >= found.due
        assert now >= listed + timedelta(days=RULES.retention.grace_days)
