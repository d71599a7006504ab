"""The record as staff and scripts see it: the JSON of the command-line contract, and tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from classifiers.cards import mask
from daemon.quarantine import folder_name
from records.model import (
    CaseRecord,
    Document,
    Fate,
    Finding,
    Held,
    HeldState,
    Kind,
    PartFate,
    Problem,
    Severity,
    Submission,
    SubmissionState,
    Update,
)
from routing import radiology
from routing.announce import physician_of
from routing.completeness import Checked, slides
from routing.proposals import proposals

Row = Mapping[str, Any]
MANY_ROWS = 500
CASE_LINE = 1  # raised whenever `case` shows something else: the ledger keeps what it showed


def emit(rows: Iterable[Row]) -> None:
    """JSON Lines on standard output."""
    _put(mask(_json(row)) for row in rows)  # R12, in file names too


def emit_lines(lines: Iterable[Row]) -> None:
    """JSON Lines of what `case_line` made: masked already."""
    _put(_json(line) for line in lines)


def _put(lines: Iterable[str]) -> None:
    if text := "\n".join(lines):
        click.echo(text)


def _json(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(", ", ": "))


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]], empty: str) -> None:
    """A table on a terminal; the same words without colour elsewhere, and without lines where there are very many."""
    cells = [["" if cell is None else mask(str(cell)) for cell in row] for row in rows]
    if len(cells) > MANY_ROWS:
        click.echo(_plain(title, list(columns), cells))
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    shown = Table(*columns, title=title, title_justify="left")
    for row in cells:
        shown.add_row(*row)
    console.print(shown if shown.row_count else empty)


def _plain(title: str, columns: list[str], cells: list[list[str]]) -> str:
    """Columns by blanks alone: drawing ten thousand rows takes seconds."""
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [columns, *cells])
    return "\n".join((title, *lines))


def when(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def finding(found: Finding) -> Row:
    row: dict[str, Any] = {"code": found.code, "severity": found.severity, "document": found.document}
    row |= {"requirement": found.requirement} if found.requirement else {}
    row |= {"study": dict(found.study)} if found.study else {}
    return row | ({"detail": found.detail} if found.detail else {})


def case(record: CaseRecord) -> Row:
    kinds = [f.document.kind for f in record.documents]
    physician = physician_of(record)
    c = record.case
    return {
        "ref": c.ref,
        "status": c.status,
        "opened_at": when(c.opened_at),
        "channels": sorted({contact.channel for contact in c.contacts}),
        "arrivals": len(record.submissions),
        "documents": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "missing": list(Checked(c.findings).requirements_missing),
        "findings": [finding(f) for f in c.findings],
        "quarantined": sum(h.state is HeldState.HELD for h in record.held),
        "physician": {"known": physician.known, "prefers": physician.prefers if physician.known else None},
        "flags": list(c.flags),
        "last_activity": when(c.last_activity),
        "delivery": _said(record, "delivery") or "unset",
        "created_at": when(c.created_at),
        "look_again_at": when(c.look_again_at),
    }


def case_line(record: CaseRecord) -> Row:
    """A case as lists show it, fit to be kept: no card number (R12)."""
    line: Row = json.loads(mask(_json(case(record))))
    return line


def case_whole(record: CaseRecord) -> Row:
    """One case with its documents, facts, held things, updates and history."""
    return {
        **case(record),
        "facts": {f.name: {"value": f.value, "by": f.by, "at": when(f.at), "why": f.why} for f in record.case.facts.values()},
        "packet": [
            {**document(f.document), "id": f.document.id, "channel": f.channel, "received_at": when(f.received_at)}
            for f in record.documents
        ],
        "pairs": pairs(record),
        "slides": slides([f.document for f in record.documents], record.case.facts),
        "quarantine": [held(h) for h in record.held if h.state is HeldState.HELD],
        "proposals": [{"what": p.what, "value": p.value, "seen": p.seen} for p in proposals(record)],
        "updates": [update(u) for u in record.updates],
        "history": [{"at": when(m.at), "from": m.from_status, "to": m.to_status, "why": m.why, "by": m.by} for m in record.moves],
    }


def pairs(record: CaseRecord) -> list[Row]:
    """Which report speaks of which images, and why it is thought so (R13)."""
    papers = [f.document for f in record.documents]
    reports = [d for d in papers if d.kind is Kind.RADIOLOGY_REPORT]
    found = radiology.pair(reports, [d for d in papers if d.kind is Kind.RADIOLOGY_IMAGE])
    return [
        {
            "report": p.report.id,
            "images": [d.id for d in p.images.documents],
            "study": radiology.study(p.images.documents[0]),
            "reasons": list(p.reasons),
        }
        for p in found.pairs
    ]


def document(d: Document) -> Row:
    return {
        "kind": d.kind,
        "confidence": round(d.confidence, 3),
        "pages": list(d.pages),
        "language": d.language,
        "part": d.part,
        "parts": list(d.parts),
        "text_source": d.text_source,
        "evidence": list(d.evidence),
        "fields": dict(d.fields),
        "findings": [finding(f) for f in d.findings],
    }


def problem(p: Problem) -> Row:
    return {"code": p.code, "part": p.part, "detail": p.detail}


def arrival(s: Submission, fates: Sequence[PartFate], waiting: Sequence[Held]) -> Row:
    """One submission and what became of its parts (R26)."""
    counts = {fate: sum(f.fate == fate for f in fates) for fate in Fate}
    alone = not s.case_ref and s.state is SubmissionState.DECIDED
    became = (
        f"left alone: {fates[0].reason}"
        if alone and fates
        else ("filed" if s.state is SubmissionState.DECIDED else s.state.value)
    )
    return {
        "id": s.id,
        "sha256": s.digest,
        "size": s.size,
        "channel": s.envelope.channel,
        "received_at": when(s.envelope.received_at),
        "accepted_at": when(s.accepted_at),
        "state": s.state,
        "case": s.case_ref,
        "became": became,
        "parts": {fate.value: n for fate, n in counts.items() if n},
        "held": [h.reason for h in waiting],
    }


def held(h: Held) -> Row:
    return {
        "id": h.id,
        "reason": h.reason,
        "detail": h.detail,
        "channel": h.channel,
        "received_at": when(h.received_at),
        "case": h.case_ref,
        "folder": f"quarantine/{folder_name(h)}",
        "sha256": h.sha256,
        "attempts": h.attempts,
        "part": h.part or None,
        "submission": h.submission,
        "state": h.state,
    }


def update(u: Update) -> Row:
    return {
        "id": u.id,
        "case": u.case_ref,
        "event": u.event,
        "channel": u.channel,
        "status": u.status,
        "due_at": when(u.due_at),
        "sent_at": when(u.sent_at),
        "attempts": u.attempts,
        "message_id": u.message_id,
        "reason": u.reason,
        "recipient": u.recipient,
        "language": u.language,
        "returned": u.returned,
        "job": u.job,
        "meeting_at": when(u.meeting_at),
    }


def case_for_people(record: CaseRecord) -> None:
    """One case on one screen: checklist, documents with evidence, what waits, what was said, what happened."""
    row = case_whole(record)
    console = Console(highlight=False)
    console.print(f"[bold]{row['ref']}[/]  {row['status']}  {' '.join(row['flags'])}")
    table(
        "Checklist",
        ("", "finding", "study", "for staff"),
        [_line(f) for f in record.case.findings],
        "Everything required is present and valid.",
    )
    columns = ("kind", "confidence", "pages", "came by", "evidence")
    papers = [
        (f.document.kind, f"{f.document.confidence:.2f}", _span(f.document.pages), f.channel, "; ".join(f.document.evidence[:3]))
        for f in record.documents
    ]
    table("Documents", columns, papers, "No documents yet.")
    matched = [(" ".join(p["study"].values()), ", ".join(p["reasons"])) for p in row["pairs"]]
    table("Reports with their images", ("study", "because"), matched, "No report has its images yet.")
    waiting = [(h["id"], h["reason"], h["detail"], h["folder"]) for h in row["quarantine"]]
    table("In quarantine", ("id", "reason", "detail", "folder"), waiting, "Nothing waits in quarantine.")
    facts = [(name, fact["value"], fact["by"], fact["why"]) for name, fact in row["facts"].items()]
    table("Facts", ("fact", "value", "by", "why"), facts, "No facts set by staff.")
    seen = [(p["what"], p["value"], p["seen"]) for p in row["proposals"]]
    if seen:
        table(
            "Seen, not confirmed: set with `somrr case physician`, `prefer`, `return` or `video`",
            ("what", "value", "seen in"),
            seen,
            "",
        )
    said = [(u["event"], u["recipient"], u["channel"], u["status"], u["due_at"], u["reason"]) for u in row["updates"]]
    table("Updates", ("event", "to", "by", "status", "due", "reason"), said, "Nothing owed.")
    table("History", ("at", "to", "why", "by"), [(m["at"], m["to"], m["why"], m["by"]) for m in row["history"]], "No moves yet.")


def _line(found: Finding) -> tuple[str, str, str, str]:
    mark = {Severity.MISSING: "missing", Severity.DOUBTFUL: "doubtful", Severity.ADVISORY: "note"}[found.severity]
    return mark, found.code, " ".join(found.study.values()), found.detail


def _span(pages: tuple[int, ...]) -> str:
    return f"{pages[0]}-{pages[-1]}" if len(pages) > 1 else "".join(map(str, pages))


def _said(record: CaseRecord, name: str) -> object:
    fact = record.case.facts.get(name)
    return fact.value if fact else None
