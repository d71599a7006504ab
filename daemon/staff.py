"""What staff type: arrivals, acts on a case, quarantine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import structlog

from classifiers.cards import mask
from daemon.audit import user
from daemon.commands import Context, configured
from records import events
from records.errors import RefusedError, TemporaryError
from records.model import Case, CaseRecord, CaseStatus, Decision, FieldValue, Held

if TYPE_CHECKING:
    from routing.acts import Act

log = structlog.get_logger()
json_option = click.option("--json", "as_json", is_flag=True, help="JSON Lines for scripts.")
by_option = click.option("--by", required=True, help="Your name: every act is on record.")
why_option = click.option("--why", default="", help="The reason, for the record.")


@click.command()
@json_option
@configured
def arrivals(context: Context, as_json: bool) -> None:
    """Everything that was taken into custody, and what became of it."""
    from daemon import show

    store = context.house.store
    waiting: dict[str, list[Held]] = {}
    for held in store.held():
        waiting.setdefault(held.submission, []).append(held)
    rows = [show.arrival(s, store.fates(s.id), waiting.get(s.id, [])) for s in store.submissions()]
    if as_json:
        show.emit(rows)
        return
    cells = [(r["received_at"], r["channel"], r["became"], r["case"], ", ".join(r["held"]), r["sha256"][:12]) for r in rows]
    show.table(
        "Arrivals", ("received", "channel", "became", "case", "in quarantine", "sha256"), cells, "Nothing has arrived yet."
    )


@click.group()
def case() -> None:
    """One case: show it, or act on it."""


@case.command("show")
@click.argument("ref")
@click.option("--all", "everything", is_flag=True, help="The whole history, and updates that were superseded, too.")
@json_option
@configured
def case_show(context: Context, ref: str, everything: bool, as_json: bool) -> None:
    """Whose turn it is and the command for it, checklist, documents with evidence, what waits, what was said, what happened."""
    from daemon import show
    from daemon.house import now
    from daemon.page import Page

    record = case_record(context, ref)
    context.house.store.note(user(), "view", record.case.ref, now())
    if as_json:
        show.emit([{**show.case_whole(record), "merged_into": record.case.merged_into, "merged": list(record.refs[1:])}])
    else:
        _say_where_it_went(record)
        Page(record, context.settings.rules, now()).show(everything=everything)


def _simple(name: str, help_text: str, *, fact: tuple[str, FieldValue] | None = None, forgets: tuple[str, ...] = ()) -> None:
    @case.command(name, help=help_text)
    @click.argument("ref")
    @by_option
    @why_option
    @configured
    def command(context: Context, ref: str, by: str, why: str) -> None:
        from routing.acts import Act

        perform(context, ref, Act(name, by, why, dict([fact]) if fact else None, forgets))


_simple("approve", "Approve the packet of an open case (R25); review begins with `begin`.")
_simple("begin", "Begin the review of an approved, paid case.")
_simple("complete", "The consult is complete.")
_simple("close", "Close the case.")
_simple("transfer", "Transfer the case for follow-up treatment.")
_simple("reopen", "Take a finished case up again.")
_simple("pay", "Record that payment has been arranged (R12); never card data.", fact=("paid", True))
_simple("match", "The documents that the case holds now are one patient's, and its reports and images belong together (R8, R13).")
_simple("return", "The patient asked for the records back (R37).", fact=("return_requested", True))
_simple(
    "in-person", "An in-person consultation is asked for (R36); passed on to International Services.", fact=("in_person", True)
)
_simple("returned", "What was asked back has been given back; disposal waits no longer (R37, R39).", fact=("returned", True))
_simple("hold", "Stop automatic decisions and disposal of this case.", fact=("hold", True))
_simple("unhold", "Let the machine go on with this case.", forgets=("hold",))


@case.command("note")
@click.argument("ref")
@click.argument("text")
@by_option
@configured
def case_note(context: Context, ref: str, text: str, by: str) -> None:
    """Write a note into the case's history."""
    from routing.acts import Act

    perform(context, ref, Act("note", by, text))


@case.command("physician")
@click.argument("ref")
@by_option
@why_option
@click.option("--name", required=True)
@click.option("--email", default="")
@click.option("--fax", default="")
@click.option("--zone", default="", help="The physician's time zone, e.g. America/Mexico_City: for proposed calls.")
@configured
def case_physician(context: Context, ref: str, by: str, why: str, name: str, email: str, fax: str, zone: str) -> None:
    """Set the referring physician of record; status updates go there (R30)."""
    from zoneinfo import available_timezones

    from outbound.addresses import is_address, is_fax_number
    from routing.acts import Act

    if email and not is_address(email):
        raise RefusedError("address", "--email is not a plain mail address like name@clinic.example")
    if fax and not is_fax_number(fax):
        raise RefusedError("address", "--fax is not a telephone number; write it with country code, like +52 55 0000 0000")
    if zone and zone not in available_timezones():
        raise RefusedError("zone", "--zone is not a time zone; write it like America/Mexico_City")
    facts: dict[str, FieldValue] = {
        "physician_name": name,
        "physician_email": email,
        "physician_fax": fax,
        "physician_zone": zone,
    }
    perform(context, ref, Act("physician", by, why, {k: v for k, v in facts.items() if v}))


@case.command("prefer")
@click.argument("ref")
@click.argument("channel", type=click.Choice(["email", "fax", "teleconference", "other"]))
@by_option
@why_option
@configured
def case_prefer(context: Context, ref: str, channel: str, by: str, why: str) -> None:
    """Set how the physician wishes to be told (R32)."""
    from routing.acts import Act

    perform(context, ref, Act("prefer", by, why, {"prefers": channel}))


@case.command("pathology")
@click.argument("ref")
@click.argument("wish", type=click.Choice(["requested", "none"]))
@click.option("--slides", type=click.Choice(["stained", "unstained", "both", "unknown"]), default="unknown")
@by_option
@why_option
@configured
def case_pathology(context: Context, ref: str, wish: str, slides: str, by: str, why: str) -> None:
    """Pathology review is asked for, or not (R14, R15)."""
    from routing.acts import Act

    perform(context, ref, Act("pathology", by, why, {"pathology": wish, "slides": slides}))


@case.command("video")
@click.argument("ref")
@click.option("--attending", required=True, help="The local physician who will attend (R4, R5).")
@by_option
@why_option
@configured
def case_video(context: Context, ref: str, attending: str, by: str, why: str) -> None:
    """A video visit with a named, attending local physician."""
    from routing.acts import Act

    perform(context, ref, Act("video", by, why, {"video": True, "attending_physician": attending}))


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def quarantine(ctx: click.Context, as_json: bool) -> None:
    """The held things; each waits in its own folder with a WHY.txt."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(_quarantine_list, as_json=as_json)


@click.command()
@json_option
@configured
def _quarantine_list(context: Context, as_json: bool) -> None:
    from daemon import screen, show
    from daemon.house import now
    from daemon.steps import age

    moment, limit = now(), timedelta(days=context.settings.staff.quarantine_days)
    waiting = context.house.store.held()
    rows = [{**show.held(h), "ageing": h.held_at is not None and moment - h.held_at > limit} for h in waiting]
    if as_json:
        screen.emit(rows)
        return
    marks = [
        screen.Styled(age(h.held_at or moment, moment), "bold red" if r["ageing"] else "")
        for h, r in zip(waiting, rows, strict=True)
    ]
    cells = [(r["id"], mark, r["reason"], r["detail"], r["case"], r["folder"]) for r, mark in zip(rows, marks, strict=True)]
    columns = ("!id", "!age", "reason", "detail", "!case", "folder")
    screen.table("Quarantine", columns, cells, "Nothing waits in quarantine.", spare=("folder", "case", "detail"))
    if late := sum(r["ageing"] for r in rows):
        screen.say(
            f"{late} for more than {context.settings.staff.quarantine_days:g} days: somrr quarantine show ID tells what to do",
            "bold red",
        )


@quarantine.command("show")
@click.argument("held_id")
@click.option("--original", type=click.Path(path_type=Path), help="Write the original, as it came, to this new file.")
@json_option
@configured
def quarantine_show(context: Context, held_id: str, original: Path | None, as_json: bool) -> None:
    """What was seen, and what can be done.

    What --original writes is not sealed: put it on an encrypted disk, and delete it when you have looked.
    """
    from daemon import screen, show
    from daemon.house import now
    from daemon.quarantine import explain, take_out

    held = _held(context, held_id)
    context.house.store.note(user(), "view" if original is None else "take the original", held.id, now())
    if original is not None:
        take_out(context.house.store, context.house.vault, held, original)
        submission = context.house.store.submission(held.submission)
        if submission is not None and len(submission.case_refs) > 1:
            click.echo(f"it holds the papers of other cases, too: {', '.join(submission.case_refs)}", err=True)
    if as_json:
        show.emit([show.held(held)])
    else:
        click.echo(screen.tame(explain(held, None)))


@quarantine.command("release")
@click.argument("held_id")
@by_option
@click.option("--as", "kind", help="What it is, e.g. radiology_report.")
@click.option("--case", "ref", help="The case it belongs to, or `new`.")
@configured
def quarantine_release(context: Context, held_id: str, by: str, kind: str | None, ref: str | None) -> None:
    """Send it back down the same path, with your word on it."""
    from routing.rulings import release

    if ref is not None and ref != "new":
        takes_more(case_record(context, ref).case)
    _rule(context, release(_held(context, held_id), by, kind, ref))


@quarantine.command("discard")
@click.argument("held_id")
@by_option
@click.option("--why", required=True)
@configured
def quarantine_discard(context: Context, held_id: str, by: str, why: str) -> None:
    """It does not count; the original is kept until disposal."""
    from routing.rulings import discard

    _rule(context, discard(_held(context, held_id), by, why))


def perform(context: Context, ref: str, asked: Act) -> None:
    """One act of staff on one case."""
    from routing.acts import act

    asked = replace(asked, why=mask(asked.why))  # R12: staff's notes, too
    decision = commit(context, lambda: act(case_record(context, ref), asked, context.house.world()), asked.name)
    status = f"; the case is {decision.case.status}" if decision.case else ""
    click.echo(f"{ref}: {asked.name} recorded{status}")


def commit(context: Context, decide: Callable[[], Decision], act: str) -> Decision:
    """Decide and commit; when the machine was quicker, decide again from the new records."""
    from daemon.house import now

    for _ in range(5):
        decision = decide()
        try:
            context.house.store.commit(decision, now())
        except TemporaryError as fault:
            if fault.code != "case_moved":
                raise
            continue
        log.info(events.STAFF_ACTED, case=decision.case.ref if decision.case else None, act=act)
        return decision
    raise TemporaryError("case_moved", "the case is being decided right now")


def _rule(context: Context, ruled: Held) -> None:
    from daemon.house import now
    from routing.rulings import reads_again

    ruled = replace(ruled, ruled_why=mask(ruled.ruled_why)) if ruled.ruled_why else ruled
    context.house.store.rule(ruled, now(), read_again=reads_again(ruled))
    log.info(events.STAFF_ACTED, held=ruled.id, act=ruled.state.value)
    click.echo(f"{ruled.id}: {ruled.state}; the daemon decides its submission again (or: somrr once)")


def case_record(context: Context, ref: str) -> CaseRecord:
    """The case of this reference, or one sentence."""
    record = context.house.store.record(ref.strip().upper())
    if record is None:
        raise RefusedError("ref", "no case has this reference; `somrr cases` lists them")
    return record


def takes_more(case: Case) -> None:
    """RefusedError where nothing can be filed any more."""
    if case.status is CaseStatus.DISPOSED:
        raise RefusedError("disposed", f"{case.ref} has been disposed of; let a new case begin")


def _say_where_it_went(record: CaseRecord) -> None:
    if into := record.case.merged_into:
        click.echo(f"{record.case.ref} was merged into {into}: everything counts there (somrr case show {into}).")
        click.echo(f"It is shown here as it was; to take it back: somrr case unmerge {record.case.ref} --by NAME\n")
    if record.merged:
        click.echo(f"Merged into this case: {', '.join(record.refs[1:])} (taken back with: somrr case unmerge REF --by NAME)\n")


def _held(context: Context, held_id: str) -> Held:
    held = context.house.store.held_by_id(held_id)
    if held is None:
        raise RefusedError("id", "nothing in quarantine has this id; `somrr quarantine` lists what waits")
    return held
