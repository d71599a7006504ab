"""`somrr audit`: who did what to which record, and whether the trail of it is whole."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Iterable
from typing import TextIO

import click

from daemon.commands import Context, configured
from records import events

EX_DATAERR = 65
json_option = click.option("--json", "as_json", is_flag=True, help="JSON Lines for scripts.")


def user() -> str:
    """Who is logged in: the actor of a view, for which nobody names themselves."""
    return f"user {os.environ.get('SUDO_USER') or getpass.getuser()}"


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def audit(ctx: click.Context, as_json: bool) -> None:
    """The trail: each view, act, release, sending and change of a case, with who did it; bound by hashes."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(_audit_list, as_json=as_json)


@click.command()
@json_option
@configured
def _audit_list(context: Context, as_json: bool) -> None:
    from daemon import show

    store = context.house.store
    rows = [
        {"seq": s.seq, "at": show.when(s.at), "actor": s.actor, "act": s.act, "subject": s.subject}
        for s in (store.said(entry) for entry in store.trail())
    ]
    if as_json:
        show.emit(rows)
    else:
        show.table("Trail", ("", "at", "who", "did", "to"), [tuple(r.values()) for r in rows], "Nothing has been done yet.")


@audit.command("verify")
@click.option("--journal", type=click.File("r", errors="replace"), help="Log lines with the heads that were noted; - is input.")
@json_option
@configured
def audit_verify(context: Context, journal: TextIO | None, as_json: bool) -> None:
    """Is the trail whole?  Exits 65 and says where when an entry was edited, left out, put in or moved.

    \b
    A tail that was cut off leaves no gap: it shows only against what the daemon wrote
    into the journal, which lies elsewhere:
      journalctl -u somrr -o cat | somrr audit verify --journal -
    """
    from daemon import show
    from records.audit import broken

    noted = heads_in(journal) if journal else {}
    found = list(broken(context.house.store.trail(), noted))
    last, head = context.house.store.head()
    if as_json:
        show.emit([*({"seq": b.seq, "what": b.what} for b in found), {"entries": last, "head": head, "noted": len(noted)}])
    else:
        for gap in found:
            click.echo(f"entry {gap.seq} {gap.what}" if not gap.what.startswith("entry") else f"at {gap.seq}: {gap.what}")
        against = f"held against {len(noted)} noted head(s)" if journal else "not held against any noted head (--journal)"
        click.echo(f"{last} entries, {'BROKEN' if found else 'whole'}; {against}")
    if found:
        sys.exit(EX_DATAERR)


def heads_in(lines: Iterable[str]) -> dict[int, str]:
    """The heads that log lines tell of; other lines, and what is no JSON, are passed over."""
    heads: dict[int, str] = {}
    for line in lines:
        if events.AUDIT_ANCHORED not in line:
            continue
        try:
            told = json.loads(line[line.index("{") :])
            heads[int(told["seq"])] = str(told["head"])
        except (ValueError, KeyError, TypeError):
            continue
    return heads
