"""When records end: inactivity, warning, list, grace, and what forbids it (R37-R41).

Pure.  The day an office counts from is the day in its own time zone; months are calendar months, so
31 August and six months is the last day of February.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from config.rules import Rules
from records.model import CaseRecord, CaseStatus, HeldState, Submission, SubmissionState

LISTED = "disposal_listed"  # the fact that starts the grace


class Step(StrEnum):
    """What retention asks for today; staff see `warn`, `listed` and `blocked`."""

    KEEP = "keep"
    WARN = "warn"  # its time comes soon
    BLOCKED = "blocked"  # its time has come, and something forbids disposal
    LIST = "list"  # its time has come: put it on the list, the grace begins
    LISTED = "listed"  # on the list, within the grace
    DISPOSE = "dispose"  # the grace is over and still nothing forbids it


@dataclass(frozen=True, slots=True)
class Retention:
    """The verdict on one case or one submission without a case."""

    step: Step
    due: date  # when inactivity is long enough
    blockers: tuple[str, ...] = ()


def judge(record: CaseRecord, rules: Rules, now: datetime) -> Retention:
    """A case: activity is an arrival from people or an act of staff, never our own mails, bounces or rescans (R38)."""
    case, today = record.case, _day(now, rules)
    due = _due(case.last_activity, rules)
    if case.status is CaseStatus.DISPOSED:
        return Retention(Step.KEEP, due)
    if today < due:
        near = today >= due - timedelta(days=rules.retention.warn_days)
        return Retention(Step.WARN if near else Step.KEEP, due, _blockers(record) if near else ())
    if blockers := _blockers(record):
        return Retention(Step.BLOCKED, due, blockers)
    listed = case.facts.get(LISTED)
    if listed is None or listed.at < case.last_activity:  # what happened since made the old list void
        return Retention(Step.LIST, due)
    over = _day(listed.at, rules) + timedelta(days=rules.retention.grace_days)
    return Retention(Step.DISPOSE if today >= over else Step.LISTED, due)


def judge_together(found: Mapping[str, Retention], records: Sequence[CaseRecord]) -> dict[str, Retention]:
    """An arrival with the papers of two patients is one original: their cases end together, or wait for each other."""
    verdicts, changed = dict(found), True
    cases: dict[str, set[str]] = {}
    for record in records:
        for submission in record.submissions:
            cases.setdefault(submission.id, set()).add(record.case.ref)
    shared = [refs for refs in cases.values() if len(refs) > 1]
    while changed:
        changed = False
        for refs in shared:
            due = {ref for ref in refs if verdicts[ref].step is Step.DISPOSE}
            if due and due != refs:
                verdicts |= {ref: Retention(Step.BLOCKED, verdicts[ref].due, ("shared",)) for ref in due}
                changed = True
    return verdicts


def judge_stray(submission: Submission, rules: Rules, now: datetime) -> Retention:
    """A submission that is in no case: mail that is no packet, or what staff discarded.  What they have yet to look at stays."""
    due = _due(submission.accepted_at, rules)
    if submission.state in (SubmissionState.WAITING, SubmissionState.QUARANTINED):
        return Retention(Step.BLOCKED if _day(now, rules) >= due else Step.KEEP, due, (submission.state.value,))
    return Retention(Step.DISPOSE if _day(now, rules) >= due else Step.KEEP, due)


def alarming(due: int, kept: int, rules: Rules) -> bool:
    """Are so many due at once that a wrong clock or a wrong setting is likelier than so many old cases?"""
    return due > max(rules.retention.halt_above, rules.retention.halt_share * kept)


def _blockers(record: CaseRecord) -> tuple[str, ...]:
    """R39, by name."""
    facts = record.case.facts
    wished = "return_requested" in facts or any(f.document.fields.get("return_requested") for f in record.documents)
    found = {
        "in_review": record.case.status is CaseStatus.IN_REVIEW,
        "return_requested": wished and "returned" not in facts,
        "hold": "hold" in facts,
        "quarantine": any(h.state is HeldState.HELD for h in record.held),
        "arriving": any(s.state is SubmissionState.WAITING for s in record.submissions),
    }
    return tuple(name for name, there in found.items() if there)


def _due(activity: datetime, rules: Rules) -> date:
    due: date = _day(activity, rules) + relativedelta(months=rules.rhythm.retention_months)
    return due


def _day(moment: datetime, rules: Rules) -> date:
    return moment.astimezone(ZoneInfo(rules.hours.zone)).date()
