"""Writes EVENTS.md, PROBLEMS.md, FINDINGS.md and UPDATES.md from the catalogues: `python -m docs.tables`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from config.reasons import reasons
from config.telling import TELLINGS, Telling
from records.events import EVENTS, LEVELS

HERE = Path(__file__).parent

EVENTS_HEAD = """# Events

Every line of the log is one JSON object with `timestamp` (UTC), `level` and `event`; the other fields are ids, hashes,
counts, codes and durations. `redacted` counts the fields that were dropped because they are not on the allow-list
(`daemon/redaction.py`). No line holds a name, a date of birth, a file name or a text that came from outside. What a
`warning` or an `error` asks of the operator stands in [OPERATING.md](OPERATING.md), under its name.
"""
PROBLEMS_HEAD = """# Problems

Why a thing is held in quarantine. The same sentences stand in each folder's `WHY.txt`. A doubtful finding
([FINDINGS.md](FINDINGS.md)) is a reason to hold a document, too. Release brings a held thing back into the same path:
`somrr quarantine release ID --by NAME`, with `--as KIND` when it is known what it is, `--case REF` when it is known whose.
"""
UPDATES_HEAD = """## Why an update was not sent

`somrr outbox` shows one of these beside an update that is withheld, failed or uncertain, or that waits for its next try. A
number is the mail server's own answer (RFC 5321, RFC 3463).
"""
FINDINGS_HEAD = """# Findings

What was observed about a case's checklist. *Missing* keeps the case from opening and the sender is told; *doubtful* goes
to staff and nobody is told; *advisory* blocks nothing.
"""
UPDATES_PAGE_HEAD = """# Updates

What is told, to whom and when. Each update is one template a language, and all say the same in text and HTML:
`somrr preview EVENT --lang LANGUAGE` shows it. *Office hours* are those of `[rules.hours]`; what falls outside waits for
the next opening. Staff get no mail: theirs are tasks in `somrr outbox`. A *passing* update that still waits is left out
when the case has newer news.
"""


def _table(head: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return head + "\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def events() -> str:
    rows = ((f"`{name}`", LEVELS[name], meaning) for name, meaning in EVENTS.items())
    return _table(EVENTS_HEAD, ("event", "level", "means"), rows)


def problems() -> str:
    columns = ("code", "what was seen", "what staff can do")
    held = [r for r in reasons().values() if r.reader or not (r.severity or r.update)]
    unsent = [r for r in reasons().values() if r.update]
    first, second = ([(f"`{r.code}`", r.seen, r.do) for r in group] for group in (held, unsent))
    return _table(PROBLEMS_HEAD, columns, first) + "\n" + _table(UPDATES_HEAD, columns, second)


def findings() -> str:
    rows = ((f"`{r.code}`", r.severity, r.seen, r.do) for r in reasons().values() if r.severity)
    return _table(FINDINGS_HEAD, ("code", "severity", "what was seen", "what staff can do"), rows)


def updates() -> str:
    columns = ("event", "when", "to", "goes out", "lists")
    rows = ((f"`{event.value}`", one.when, ", ".join(one.to), _hours(one), _lists(one)) for event, one in TELLINGS.items())
    return _table(UPDATES_PAGE_HEAD, columns, rows)


def _hours(one: Telling) -> str:
    return ("at once, or in office hours as configured" if one.at_once else "in office hours") + (
        ", passing" if one.passing else ""
    )


def _lists(one: Telling) -> str:
    return " and ".join(name for name, there in (("everything missing", one.gaps), ("what is good to know", one.advice)) if there)


PAGES = {"EVENTS.md": events, "PROBLEMS.md": problems, "FINDINGS.md": findings, "UPDATES.md": updates}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), "utf-8")
