"""The daily digest for staff: what waits for them, in references, counts, ages and reasons; nothing of any patient (R33).

Once a day, however often the daemon is started or killed: the day's turn is taken in the ledger before anything is
composed, and marked again just before the point of no return.  A turn that died after that mark is `uncertain` and not
sent again, unless the way out is one that may be gone twice (a file that is replaced).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.headerregistry import Address
from email.utils import format_datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
import structlog

from config.reasons import reason
from config.rules import Rules
from daemon.audit import user
from daemon.cases import Line, queue
from daemon.commands import Context, configured
from daemon.steps import age, command, step
from records import events
from records.daily import Daily, Turn
from records.errors import PermanentError, RefusedError, TemporaryError
from records.model import Held, Message, Outcome, Update
from records.waiting import quarantined, untold
from routing.waiting import to_tell

if TYPE_CHECKING:
    from daemon.house import House

log = structlog.get_logger()
EVERY = timedelta(minutes=1)
MOST = 40  # of one list; the rest is counted
DIED = timedelta(minutes=15)  # no attempt takes so long
OVER = ("sent", "failed", "uncertain", "empty")


@dataclass(frozen=True, slots=True)
class Entry:
    """`what` waits, for how long, and the command for it."""

    name: str
    what: str
    age: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    command: str
    entries: tuple[Entry, ...]
    left: int = 0  # not listed


@dataclass(frozen=True, slots=True)
class Digest:
    day: date
    sections: tuple[Section, ...]
    others: tuple[str, ...]  # what waits for somebody else: counts only
    number: int  # of things that wait for staff


@click.command()
@click.option("--send", is_flag=True, help="Send today's now to staff.digest_to, unless it went out already.")
@configured
def digest(context: Context, send: bool) -> None:
    """What waits for staff today: the text of the daily mail (no patient data).

    With staff.digest_to configured the daemon sends it on every day on which the office is open.
    """
    from daemon.house import now

    house, moment = context.house, now()
    if not send:
        click.echo(_compose(gather(house, moment), house.settings.rules, moment).text, nl=False)
        return
    if not house.settings.staff.digest_to:
        raise RefusedError("digest", "nobody is configured to get it: set staff.digest_to")
    state = give(house, moment, _local(moment, house.settings.rules).date())
    if state is None:
        raise RefusedError("digest", "today's was sent already, or is being sent right now")
    house.store.note(user(), "digest", state, moment)
    click.echo(f"today's digest: {state}")


class Duty:
    """What the daemon does for staff once a day: says what waits too long in quarantine, and sends the digest."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._looked: datetime | None = None
        self._told: date | None = None
        self._over: date | None = None

    def look(self, moment: datetime) -> None:
        """Cheap enough to be asked always."""
        if self._looked is not None and timedelta() <= moment - self._looked < EVERY:  # a clock set back does not stop it
            return
        self._looked = moment
        self._ageing(moment)
        self._digest(moment)

    def _ageing(self, moment: datetime) -> None:
        today = _local(moment, self.house.settings.rules).date()
        limit = timedelta(days=self.house.settings.staff.quarantine_days)
        pile = None if self._told == today else quarantined(self.house.store, moment - limit)
        if pile is not None:
            self._told = today
            hours = int((moment - pile.since).total_seconds() // 3600)
            log.warning(events.QUARANTINE_AGEING, count=pile.number, oldest_hours=hours)

    def _digest(self, moment: datetime) -> None:
        """Send today's when its hour has come."""
        staff = self.house.settings.staff
        day = due_day(moment, self.house.settings.rules, staff.digest_at) if staff.digest_to else None
        if day is None or day == self._over:
            return
        give(self.house, moment, day)
        last = Daily(self.house.store, "digest").last()
        if last is not None and last.day == day.isoformat() and last.state in OVER:
            self._over = day


def due_day(moment: datetime, rules: Rules, at: time) -> date | None:
    """The office's day whose hour has come and which is not over yet; None on days when the office is closed."""
    from outbound.hours import next_opening

    local = _local(moment, rules)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    opening = _local(next_opening(midnight.astimezone(UTC), rules.hours), rules)
    if opening.date() != local.date() or not at <= local.time() <= max(at, rules.hours.closes):
        return None
    return local.date()


def give(house: House, moment: datetime, day: date) -> str | None:
    """Take the day's turn and send; the state it ended in, None when it is not ours to take."""
    daily = Daily(house.store, "digest")
    last = daily.last()
    before = last if last is not None and last.day == day.isoformat() else None
    if before is not None and not _free(before, moment):
        return None
    if before is not None and before.state == "sending" and not house.mailer.repeatable:
        daily.move(before, before._replace(state="uncertain", at=moment))
        log.warning(events.DIGEST_FAILED, status="uncertain", code="interrupted")
        return "uncertain"
    mine = Turn(day.isoformat(), "claimed", moment, before.attempts + 1 if before else 1)
    if not daily.move(last, mine):
        return None
    found = gather(house, moment)
    if not found.number and not house.settings.staff.digest_empty:
        daily.move(mine, mine._replace(state="empty"))
        return "empty"
    return _send(house, daily, mine, found, moment)


def _free(turn: Turn, moment: datetime) -> bool:
    if turn.state == "deferred":
        return moment >= turn.at
    return turn.state in ("claimed", "sending") and moment >= turn.at + DIED


def _send(house: House, daily: Daily, mine: Turn, found: Digest, moment: datetime) -> str:
    sending = mine._replace(state="sending")

    def mark() -> None:
        if not daily.move(mine, sending):
            raise TemporaryError("digest_moved", "another process took the turn")

    try:
        token = house.keys.blind("digest", mine.day)[:24]
        message = _compose(found, house.settings.rules, moment, token, house.settings.staff.digest_to)
        delivery = house.mailer.send(message, mark)
    except PermanentError as fault:
        daily.move(mine, mine._replace(state="failed"))
        log.warning(events.DIGEST_FAILED, status="failed", code=fault.code)
        return "failed"
    states = {Outcome.SENT: "sent", Outcome.UNCERTAIN: "uncertain", Outcome.FAILED: "failed", Outcome.DEFERRED: "deferred"}
    state = states[delivery.outcome]
    pause = timedelta(seconds=house.settings.smtp.retry_seconds) * min(mine.attempts, 12)
    daily.move(daily.last(), mine._replace(state=state, at=moment + pause if state == "deferred" else moment))
    if state == "sent":
        house.store.note("machine", "digest sent", f"{found.number}", moment)
        log.info(events.DIGEST_SENT, count=found.number)
    else:
        log.warning(events.DIGEST_FAILED, status=state, code=delivery.code)
    return state


# --- what is in it


def gather(house: House, moment: datetime) -> Digest:
    """From the same lists that staff see."""
    ended = untold(house.store)
    lines = queue(house.store.lines(), ended)
    tasks = to_tell(ended, {line["ref"]: line["status"] for line in lines})
    ours = [line for line in lines if line["waits"]["for"] == "staff"]
    held = house.store.held()
    limit = timedelta(days=house.settings.staff.quarantine_days)
    sections = (
        _section("Cases whose next step is yours", "somrr cases", [_case(line, moment) for line in ours]),
        _section("In quarantine, by reason", "somrr quarantine", list(_by_reason(held, moment, limit))),
        _section("To be told by you", "somrr outbox", [_task(update, moment) for update in tasks]),
    )
    others = tuple(_others(lines, moment))
    number = len(ours) + sum(one.case_ref is None for one in held)
    return Digest(_local(moment, house.settings.rules).date(), sections, others, number)


def _section(title: str, do: str, entries: Sequence[Entry]) -> Section:
    return Section(f"{title} ({len(entries)})", do, tuple(entries[:MOST]), max(0, len(entries) - MOST))


def _case(line: Line, moment: datetime) -> Entry:
    waits, ref = line["waits"], line["ref"]
    since = datetime.fromisoformat(waits["since"]).astimezone(UTC)
    return Entry(ref, step(waits["what"], waits["count"]), age(since, moment), command(waits["what"], ref))


def _by_reason(held: Sequence[Held], moment: datetime, limit: timedelta) -> Iterator[Entry]:
    """The oldest first; what waits too long is said so."""
    since: dict[str, datetime] = {}
    for one in held:
        at = one.held_at or moment
        since[one.reason] = min(since.get(one.reason, at), at)
    count = Counter(one.reason for one in held)
    for code, at in sorted(since.items(), key=lambda entry: (entry[1], entry[0])):
        late = " TOO LONG." if moment - at > limit else ""
        yield Entry(f"{count[code]} x {code}", f"{reason(code).seen}{late}", age(at, moment))


def _task(update: Update, moment: datetime) -> Entry:
    said = reason(update.reason).seen if update.reason else ""
    told = f"{update.event} to the {update.recipient}: {update.status}. {said}"
    return Entry(update.case_ref, told, age(update.due_at, moment), f"somrr outbox done {update.id} --by NAME")


def _others(lines: Sequence[Line], moment: datetime) -> Iterator[str]:
    words = {"sender": "wait for their senders", "review": "are in review", "time": "have just arrived"}
    for turn, said in words.items():
        since = [line["waits"]["since"] for line in lines if line["waits"]["for"] == turn]
        if since:
            oldest = age(datetime.fromisoformat(min(since)).astimezone(UTC), moment)
            yield f"{len(since)} case(s) {said}, the longest for {oldest}."


# --- how it is said


def _compose(found: Digest, rules: Rules, moment: datetime, token: str = "", to: str = "") -> Message:
    from outbound.addresses import is_address
    from outbound.wording import environment

    programme = rules.programme
    if token and not is_address(to):
        raise PermanentError("bad_address")
    waits = {0: "nothing waits", 1: "1 thing waits"}.get(found.number, f"{found.number} things wait")
    subject = f"SOMRR: {waits} for you"
    page = {"digest": found, "subject": subject, "programme": programme}
    sender = Address(programme.sender_name, addr_spec=programme.mailbox)
    headers = (
        ("From", str(sender)),
        ("Date", format_datetime(moment)),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834: a report that nobody asked for
        ("X-Auto-Response-Suppress", "All"),
        ("Content-Language", "en"),
    )
    return Message(
        update=f"digest-{found.day.isoformat()}",
        message_id=f"<digest-{found.day.isoformat()}-{token}@{programme.mailbox.rpartition('@')[2].lower()}>",
        to=to,
        subject=subject,
        text=environment().get_template("digest.txt.j2").render(page) + "\n",
        html=environment().get_template("digest.html.j2").render(page),
        headers=headers,
        return_path=programme.mailbox,
    )


def _local(moment: datetime, rules: Rules) -> datetime:
    return moment.astimezone(ZoneInfo(rules.hours.zone))
