"""How one update that is due leaves the house, and what comes back of it is written down."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from daemon.house import House, now
from outbound import returned
from outbound.calendar import invitation, propose
from outbound.compose import compose
from outbound.mailer import Courier
from outbound.outgoing import keep
from outbound.retry import GIVE_UP_AFTER, next_try
from outbound.sentcopy import SentCopy
from outbound.withhold import MEETINGS, WAITS, Traffic, withhold
from records import events
from records.errors import PermanentError, RefusedError
from records.model import Delivery, Message, Outcome, Reading, Update, UpdateStatus
from records.outbox import Act

log = structlog.get_logger()
_JITTER = random.Random()  # noqa: S311 - spreads new tries, guards nothing
_UNDER_WAY = timedelta(days=2)  # how long a fax server is asked for a job
_NAMES = {
    UpdateStatus.SENT: events.UPDATE_SENT,
    UpdateStatus.QUEUED: events.UPDATE_DEFERRED,
    UpdateStatus.FAILED: events.UPDATE_FAILED,
}


def deliver(house: House, owed: Update) -> None:
    """Withhold it, let it wait, or hand it over; the outcome is in the ledger afterwards."""
    rules, store = house.settings.rules, house.store
    own = (rules.programme.mailbox, rules.programme.fax, *house.settings.trust.own_addresses)
    record = store.record(owed.case_ref)
    traffic = Traffic(*store.traffic(owed, now()))
    reason = withhold(owed, own, traffic=traffic, caps=rules.sending, others=record.updates if record else ())
    if reason in WAITS and now() < owed.due_at + GIVE_UP_AFTER:
        store.postpone(owed, now() + WAITS[reason] * _JITTER.uniform(0.75, 1.25), reason)
        log.warning(events.UPDATE_CAPPED, reason=reason)
        return
    if reason is not None:
        _withhold(house, owed, reason)
        return
    try:
        message = compose(owed, rules.programme, owed.due_at, rules.sending.bounce_tag)
        if owed.channel in MEETINGS:
            _propose(house, owed, message)
            return
        _send(house, owed, message)
    except PermanentError as fault:
        _withhold(house, owed, fault.code)


def _send(house: House, owed: Update, message: Message) -> None:
    store = house.store
    courier: Courier = house.fax if owed.channel == "fax" else house.mailer
    _record(house, owed, courier.send(message, lambda: store.sending(owed.id, message.message_id, now())))


def _record(house: House, owed: Update, delivery: Delivery) -> None:
    pause = timedelta(seconds=house.settings.smtp.retry_seconds)
    again = next_try(owed.attempts, owed.due_at, now(), _JITTER.random(), pause)
    status = house.store.record_delivery(owed, delivery, again)
    name = _NAMES.get(status, events.UPDATE_UNCERTAIN)
    log.info(name, status=status, code=delivery.code)


def _propose(house: House, owed: Update, message: Message) -> None:
    """Staff call: they get what is to be told, and a time at which both sides work."""
    rules = house.settings.rules
    slot = owed.meeting_at or propose(now(), rules.hours, rules.sending, owed.zone)
    owed = replace(owed, meeting_at=slot, status=UpdateStatus.WITHHELD, reason="by_staff" if slot else "no_common_hour")
    try:
        write_task(house, owed, message)
    except OSError:
        _record(house, owed, Delivery(Outcome.DEFERRED, "disk", now()))
        return
    house.store.amend(owed)
    log.info(events.UPDATE_WITHHELD, reason=owed.reason)


def write_task(house: House, owed: Update, message: Message, *, cancelled: bool = False) -> None:
    """The summary and the proposal in `tasks/`, by the update's id: written again they are replaced."""
    rules = house.settings.rules
    keep(house.tasks, f"{owed.id}.txt", f"{message.subject}\n\n{message.text}".encode())
    if owed.meeting_at is not None:
        proposal = invitation(owed, rules.programme, rules.hours, rules.sending, now(), cancelled=cancelled)
        keep(house.tasks, f"{owed.id}.ics", proposal)


def _withhold(house: House, owed: Update, reason: str) -> None:
    house.store.withhold(owed.id, reason)
    log.warning(events.UPDATE_WITHHELD, reason=reason)


def note_return(house: House, reading: Reading) -> None:
    """A bounce or an out-of-office answer is written to the update that it names."""
    texts = (page.text for part in reading.parts for page in part.pages)
    told = returned.read(reading.mail, texts, house.settings.rules.programme.mailbox)
    for name in told.updates if told else ():
        owed = house.store.update(name)
        if told is not None and owed is not None and returned.judged(owed, told.what) != owed:
            _note(house, owed, told.what)


def check_faxes(house: House) -> None:
    """What became of the faxes that the server took, and of those of which nobody knows whether it did."""
    waiting = [u for u in house.store.outbox() if _with_the_server(u)]
    if not waiting:
        return
    jobs = house.fax.outcomes()
    for owed in waiting:
        job = jobs.get(owed.id)
        if job is None:
            continue
        if owed.status is UpdateStatus.UNCERTAIN and job.ended is None:
            house.store.amend(replace(owed, status=UpdateStatus.SENT, reason=None, sent_at=now(), job=job.job))
        elif job.ended is not None:
            _note(house, replace(owed, job=job.job), job.ended)


def finish(house: House, update_id: str, by: str) -> None:
    """Staff brought it themselves: by telephone, by letter, or as the task asks."""
    owed = _open_task(house, update_id)
    house.store.amend(
        replace(owed, status=UpdateStatus.SENT, reason="by_staff", sent_at=now(), urgent_by=by), Act(by, "done", now())
    )


def reschedule(house: House, update_id: str, by: str, moment: datetime | None) -> Update:
    """Another time for a proposed call (by the office's clock), or with None its cancellation; SEQUENCE goes up."""
    owed, rules = _open_task(house, update_id), house.settings.rules
    if owed.channel not in MEETINGS or (moment is None and owed.meeting_at is None):
        raise RefusedError("call", "no telephone conference is proposed by this update")
    at = owed.meeting_at if moment is None else moment.replace(tzinfo=ZoneInfo(rules.hours.zone)).astimezone(UTC)
    changed = replace(owed, meeting_at=at, sequence=owed.sequence + 1, reason="by_staff", urgent_by=by)
    write_task(house, changed, compose(changed, rules.programme, changed.due_at), cancelled=moment is None)
    house.store.amend(replace(changed, meeting_at=None) if moment is None else changed, Act(by, "call", now()))
    return changed


def _open_task(house: House, update_id: str) -> Update:
    owed = house.store.update(update_id)
    ended = (UpdateStatus.WITHHELD, UpdateStatus.FAILED, UpdateStatus.UNCERTAIN)
    if owed is None or owed.status not in ended or owed.reason == "superseded":
        raise RefusedError("task", "nothing that waits for staff has this id; `somrr outbox` lists it")
    return owed


def check_mails(house: House) -> None:
    """Mails whose answer was lost, looked up among the copies of what was sent; what is not there stays staff's."""
    if not house.settings.mailbox.sent_folder:
        return
    doubtful = [u for u in house.store.outbox() if u.status is UpdateStatus.UNCERTAIN and u.channel == "email"]
    there = SentCopy(house.settings.mailbox).holds(u.message_id for u in doubtful)
    for owed in doubtful:
        if owed.message_id in there:
            _note(house, owed, returned.DELIVERED)


def _with_the_server(owed: Update) -> bool:
    asked = (owed.status is UpdateStatus.SENT and owed.job is not None) or owed.status is UpdateStatus.UNCERTAIN
    return owed.channel == "fax" and asked and owed.returned is None and now() < owed.due_at + _UNDER_WAY


def _note(house: House, owed: Update, what: str) -> None:
    judged = returned.judged(owed, what)
    house.store.amend(judged)
    with structlog.contextvars.bound_contextvars(update=owed.id, case=owed.case_ref):
        log.info(events.UPDATE_RETURNED, status=judged.status, code=what.partition(" ")[0])
