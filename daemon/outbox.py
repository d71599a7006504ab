"""What staff type about updates: what is owed, sent and held back; send, retry, call, done."""

from __future__ import annotations

from datetime import datetime

import click
import structlog

from daemon.audit import user
from daemon.commands import Context, configured
from daemon.staff import by_option, json_option
from records import events
from records.errors import RefusedError

log = structlog.get_logger()


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def outbox(ctx: click.Context, as_json: bool) -> None:
    """What is owed, sent, failed, withheld, uncertain."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(_outbox_list, as_json=as_json)


@click.command()
@json_option
@configured
def _outbox_list(context: Context, as_json: bool) -> None:
    from daemon import show

    rows = [show.update(u) for u in context.house.store.outbox()]
    if as_json:
        show.emit(rows)
        return
    cells = [(r["id"], r["case"], r["event"], r["recipient"], r["channel"], r["status"], r["due_at"], r["reason"]) for r in rows]
    columns = ("id", "case", "event", "to", "by", "status", "due", "reason")
    show.table("Outbox", columns, cells, "Nothing is owed.")


@outbox.command("retry")
@click.argument("update_id")
@configured
def outbox_retry(context: Context, update_id: str) -> None:
    """Queue a failed or uncertain update again; look first whether an uncertain one arrived."""
    from daemon.house import now
    from outbound.withhold import RESUMABLE

    if not context.house.store.retry(update_id, now(), RESUMABLE, user()):
        raise RefusedError("retry", "no failed, uncertain or held back update has this id; `somrr outbox` lists them")
    click.echo("queued again")


@outbox.command("send-now")
@click.argument("update_id")
@by_option
@configured
def outbox_send_now(context: Context, update_id: str, by: str) -> None:
    """Let a queued update go out now, whatever the hour and the caps."""
    from daemon.house import now

    if not context.house.store.hurry(update_id, by, now()):
        raise RefusedError("send", "no waiting update has this id; `somrr outbox` lists them")
    log.info(events.STAFF_ACTED, update=update_id, act="send-now")
    click.echo("goes out next (the daemon, or: somrr once)")


@outbox.command("done")
@click.argument("update_id")
@by_option
@configured
def outbox_done(context: Context, update_id: str, by: str) -> None:
    """You told them yourself, or did what the task asks."""
    from daemon.deliver import finish

    finish(context.house, update_id, by)
    log.info(events.STAFF_ACTED, update=update_id, act="done")
    click.echo("recorded as done")


@outbox.command("call")
@click.argument("update_id")
@by_option
@click.option("--at", "moment", type=click.DateTime(["%Y-%m-%dT%H:%M"]), help="Another time, by the office's clock.")
@click.option("--cancel", is_flag=True, help="Write a cancellation of the proposed time.")
@configured
def outbox_call(context: Context, update_id: str, by: str, moment: datetime | None, cancel: bool) -> None:
    """Propose another time for a telephone conference, or cancel the one proposed; the .ics in tasks/ is written anew."""
    from daemon.deliver import reschedule

    if (moment is None) == (not cancel):
        raise click.UsageError("say either --at TIME or --cancel")
    changed = reschedule(context.house, update_id, by, moment)
    log.info(events.STAFF_ACTED, update=update_id, act="call")
    click.echo(f"written to {context.house.tasks / changed.id}.ics")
