"""`somrr dispose`: what inactivity asks of every case, and the end of those whose time has come (R37-R41)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import structlog

from daemon.commands import Context, configured
from daemon.withdrawal import withdraw
from records import events
from records.errors import RefusedError, TemporaryError
from records.model import CaseRecord, CaseStatus, Decision, Event, Fact, Move, Submission, SubmissionState
from routing.announce import announce
from routing.retention import LISTED, Retention, Step, alarming, judge, judge_stray, judge_together

if TYPE_CHECKING:
    from daemon.house import House

log = structlog.get_logger()
LONG_SILENCE = timedelta(days=45)  # nothing at all happened: likelier a wrong clock than so quiet an office
BEHIND = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Judged:
    """A case, or a submission that is in none, and what is to be done with it today."""

    subject: str
    retention: Retention
    record: CaseRecord | None = None
    stray: Submission | None = None


@click.command()
@click.option("--dry-run", is_flag=True, help="Only print what would be done today.")
@click.option("--confirm", type=int, help="The number of cases that the question named: yes, so many.")
@click.option("--by", default="machine", show_default=True, help="Who disposes: it stands in the tombstone.")
@click.option("--json", "as_json", is_flag=True, help="JSON Lines for scripts.")
@configured
def dispose(context: Context, dry_run: bool, confirm: int | None, by: str, as_json: bool) -> None:
    """Dispose of what was inactive long enough; run it every day (systemd/somrr-dispose.timer).

    \b
    A case goes in steps: near its time it is shown here, at its time it is put on the
    list, and after the grace (rules.retention.grace_days) it is disposed of.  Until then
    `somrr case hold REF` keeps it.  In review, with something in quarantine, held, or
    asked back (case return), it stays and is shown as blocked; so does a case that shares
    an arrival with another patient's which is not due: they end together.
    Then keys are destroyed and originals removed: what a backup still holds of it can not
    be read.  Killed midway, the next run goes on where it stopped.  With mailbox.dispose =
    "delete" the case's mails in the mailbox go as well, byte for byte the same and no other.
    """
    from daemon import show
    from daemon.house import now

    judged = list(plan(context.house, now()))
    shown = [_row(one) for one in judged if one.retention.step is not Step.KEEP]
    if as_json:
        show.emit(shown)
    else:
        cells = [(r["subject"], r["step"], r["due"], ", ".join(r["blockers"])) for r in shown]
        show.table("Retention", ("case or submission", "today", "time comes", "blocked by"), cells, "Nothing is near its time.")
    if dry_run:
        return
    done = run(context.house, judged, by, now(), confirm)
    went = withdraw(context.house, by, now())
    if not as_json:
        click.echo(f"{done} disposed of" if done else "nothing was disposed of")
        click.echo(went.told(), nl=False)


def plan(house: House, moment: datetime) -> Iterator[Judged]:
    """Every case and every submission without one, judged; changes nothing."""
    rules = house.settings.rules
    records = house.store.cases()
    verdicts = judge_together({record.case.ref: judge(record, rules, moment) for record in records}, records)
    for record in records:
        yield Judged(record.case.ref, verdicts[record.case.ref], record)
    for submission in house.store.submissions():
        if not submission.case_refs and submission.state is not SubmissionState.DISPOSED:
            yield Judged(submission.id, judge_stray(submission, rules, moment), stray=submission)


def run(house: House, judged: list[Judged], by: str, moment: datetime, confirmed: int | None) -> int:
    """List, dispose, destroy; RefusedError with a question when the clock or the number is suspect."""
    finish(house)  # what a killed run left
    due = [one for one in judged if one.retention.step is Step.DISPOSE]
    if due and confirmed != len(due):
        _ask(house, due, len(judged), moment)
    for one in judged:
        if one.retention.step in (Step.WARN, Step.LIST) and one.record is not None:
            _gently(lambda one=one: _tell(house, one, moment))  # type: ignore[misc]  # bound at once
        elif one.retention.step is Step.BLOCKED and one.record is not None:
            log.warning(events.DISPOSAL_BLOCKED, case=one.subject, code=one.retention.blockers[0])
    for one in due:
        _gently(lambda one=one: _end(house, one, by, moment))  # type: ignore[misc]  # the same
    gone = sum(_ended(house, one) for one in due)
    finish(house)
    return gone


def finish(house: House) -> int:
    """Destroy what is written down as disposed of: keys, then originals, then copies in `taken/`; returns how many."""
    waiting = house.store.erasures()
    if not waiting:
        return 0
    house.keys.destroy(one.name for one in waiting if one.kind == "key")
    names = {one.name for one in waiting if one.kind == "object"}
    for name in names:
        house.vault.remove(name)
    for source in house.sources:
        source.forget(lambda digest: house.keys.blind("object", digest) in names)
    house.store.erased(waiting)
    log.info(events.DISPOSAL_FINISHED, count=len(waiting))
    return len(waiting)


def _ask(house: House, due: list[Judged], kept: int, moment: datetime) -> None:
    newest = house.store.newest()
    again = f"if it is right: somrr dispose --confirm {len(due)}"
    code = ""
    if newest is not None and newest > moment + BEHIND:
        code, told = "clock_behind", "the clock is behind what the records tell of; set it right first"
    elif newest is not None and moment - newest > LONG_SILENCE:
        days = (moment - newest).days
        code, told = "clock_ahead", f"nothing has happened here for {days} days, so the clock may be wrong; {again}"
    elif alarming(len(due), kept, house.settings.rules):
        code, told = (
            "too_many",
            f"{len(due)} of {kept} would be disposed of at once, more than is usual; look at --dry-run; {again}",
        )
    if code:
        log.warning(events.DISPOSAL_HALTED, code=code, count=len(due))
        raise RefusedError(code, told)


def _tell(house: House, one: Judged, moment: datetime) -> None:
    """Staff are warned once in each time of quiet (R41); the list is a fact of the case, set by the machine: no activity."""
    if one.record is None:
        return
    record, case, world = one.record, one.record.case, house.world()
    moves: tuple[Move, ...] = ()
    if one.retention.step is Step.LIST:
        case = replace(case, facts={**case.facts, LISTED: Fact(LISTED, True, "machine", moment, "inactive")})
        moves = (Move(case.status, case.status, "inactive: on the list for disposal"),)
    owed = announce(record, [Event.DISPOSAL_NEAR], (), world.rules, moment, world.opening).updates
    fresh = tuple(update for update in owed if update.id not in {known.id for known in record.updates})
    if moves or fresh:
        decision = Decision(why="listed for disposal", case=case, moves=moves, updates=fresh, revision=record.revision)
        house.store.commit(decision, moment)
        log.info(events.DISPOSAL_LISTED, case=case.ref)


def _end(house: House, one: Judged, by: str, moment: datetime) -> None:
    """Judged once more at the very moment; a case that moved meanwhile is refused by the ledger."""
    if one.record is not None:
        if _ended(house, one):
            return  # with another that shares an arrival
        sharing = _sharing(house, one.subject)
        if any(judge(record, house.settings.rules, moment).step is not Step.DISPOSE for record in sharing):
            raise TemporaryError("case_moved", "something happened meanwhile")
        house.store.dispose(sharing, by, moment)
        for record in sharing:
            log.info(events.CASE_DISPOSED, case=record.case.ref)
    elif one.stray is not None:
        house.store.dispose_stray(one.stray, by, moment)
        log.info(events.CASE_DISPOSED, submission=one.subject)


def _sharing(house: House, ref: str) -> list[CaseRecord]:
    """The case and all that hold papers of its arrivals, as they are now: an original is under one key."""
    found: dict[str, CaseRecord] = {}
    wanted = [ref]
    while wanted:
        record = house.store.counting(wanted.pop())
        if record is not None and record.case.ref not in found:
            found[record.case.ref] = record
            wanted += [also for submission in record.submissions for also in submission.case_refs]
    return [record for _, record in sorted(found.items())]


def _ended(house: House, one: Judged) -> bool:
    if one.record is not None:
        record = house.store.record(one.subject)
        return record is not None and record.case.status is CaseStatus.DISPOSED
    submission = house.store.submission(one.subject)
    return submission is not None and submission.state is SubmissionState.DISPOSED


def _gently(step: Callable[[], None]) -> bool:
    """True when done; what moved meanwhile is left for the next run."""
    try:
        step()
    except TemporaryError as fault:
        if fault.code != "case_moved":
            raise
        return False
    return True


def _row(one: Judged) -> dict[str, Any]:
    found = one.retention
    return {
        "subject": one.subject,
        "what": "case" if one.record is not None else "submission",
        "step": found.step.value,
        "due": found.due.isoformat(),
        "blockers": list(found.blockers),
    }
