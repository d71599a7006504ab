"""`somrr cases`: whose turn it is in each case; what waits for staff first, the longest wait before the others."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from daemon import screen
from daemon.commands import Context, configured
from daemon.screen import Cell, Styled
from daemon.steps import TURNS, age, step
from records.model import CaseStatus, Update
from routing.waiting import to_tell

Line = dict[str, Any]
RANK = {turn: rank for rank, turn in enumerate(TURNS)}
FINISHED = ("closed", "transferred", "disposed")
TURN_STYLES = {"staff": "bold yellow", "review": "cyan", "sender": "", "time": "dim", "nobody": "dim"}
STATUS_STYLES = {"open": "green", "rejected": "red", "in_review": "cyan", "disposed": "dim"}
EMPTY = "No cases yet. Packets come from the mailbox and the folders: somrr once, or somrr run."


@click.command()
@click.option("--status", type=click.Choice([s.value for s in CaseStatus]))
@click.option("--all", "everything", is_flag=True, help="Those that are finished and wait for nobody, too.")
@click.option("--json", "as_json", is_flag=True, help="JSON Lines for scripts: all of them.")
@configured
def cases(context: Context, status: str | None, everything: bool, as_json: bool) -> None:
    """The cases: yours first, and those that wait longest before the others."""
    from daemon.house import now
    from records.waiting import quarantined, untold

    store = context.house.store
    with _unswept():
        found = queue(store.lines(CaseStatus(status) if status else None), untold(store))
    if as_json:
        screen.emit_masked(found)
        return
    shown = found if everything or status else [line for line in found if not _finished(line)]
    columns = ("!reference", "status", "!since", "whose turn", "what is next", "missing", "flags")
    moment = now()
    screen.table(
        "Cases", columns, [_cells(line, moment) for line in shown], EMPTY, spare=("flags", "missing", "whose turn", "status")
    )
    if hidden := len(found) - len(shown):
        screen.say(f"{hidden} finished: somrr cases --all", "dim")
    pile = quarantined(store)
    if pile:
        screen.say(f"{pile.number} in quarantine, the oldest for {age(pile.since, moment)}: somrr quarantine", "yellow")


def queue(lines: list[Line], ended: Iterable[Update]) -> list[Line]:
    """With what the outbox asks of staff put in, in the order in which they should be taken up."""
    tasks: dict[str, list[Update]] = {}
    for update in to_tell(ended, {line["ref"]: line["status"] for line in lines}):
        tasks.setdefault(update.case_ref, []).append(update)
    found = [_with_tasks(line, tasks[line["ref"]]) if line["ref"] in tasks else line for line in lines]
    return sorted(found, key=lambda line: (RANK[line["waits"]["for"]], line["waits"]["since"], line["ref"]))


@contextmanager
def _unswept() -> Iterator[None]:
    """Nothing in a list is garbage: looking for some among ten thousand lines would take a tenth of the command's time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # nor does it become any before the command ends
        gc.enable()


def _with_tasks(line: Line, tasks: list[Update]) -> Line:
    """What staff must tell comes after what else they must do, and before what others must."""
    untold = {"untold": [update.id for update in tasks]}
    if line["waits"]["for"] == "staff":
        return line | untold
    since = min(update.due_at for update in tasks).strftime("%Y-%m-%dT%H:%M:%SZ")
    return line | untold | {"waits": {"for": "staff", "what": "untold", "since": since, "count": len(tasks)}}


def _finished(line: Line) -> bool:
    return line["status"] in FINISHED and line["waits"]["for"] == "nobody"


def _cells(line: Line, moment: datetime) -> list[Cell]:
    waits = line["waits"]
    since = datetime.fromisoformat(waits["since"]).astimezone(UTC)
    return [
        line["ref"],
        Styled(line["status"], STATUS_STYLES.get(line["status"], "")),
        age(since, moment),
        Styled(TURNS[waits["for"]], TURN_STYLES[waits["for"]]),
        step(waits["what"], waits["count"]),
        ", ".join(line["missing"]),
        " ".join(line["flags"]),
    ]
