"""The record as scripts see it: the JSON of the command-line contract."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from classifiers.cards import mask
from daemon.quarantine import folder_name
from daemon.screen import Row, emit, table, to_json
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
    Submission,
    SubmissionState,
    Update,
)
from routing import radiology
from routing.announce import physician_of
from routing.completeness import Checked, slides
from routing.giveback import courier_things
from routing.proposals import proposals
from routing.waiting import Waiting, waiting

__all__ = ["Row", "emit", "table"]  # every listing command takes them from here


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
        "waits": waits(waiting(record)[0]),
    }


def waits(one: Waiting) -> Row:
    """Whose turn it is (`staff`, `review`, `sender`, `time`, `nobody`), for what, and since when."""
    return {"for": one.who, "what": one.what, "since": when(one.since), "count": one.count}


def case_line(record: CaseRecord) -> Row:
    """A case as lists show it, fit to be kept: no card number (R12)."""
    line: Row = json.loads(mask(to_json(case(record))))
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
        "courier": courier_things(record),
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
        "cases": list(s.case_refs),  # several where it held the papers of several patients
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
        "held_at": when(h.held_at),
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


def _said(record: CaseRecord, name: str) -> object:
    fact = record.case.facts.get(name)
    return fact.value if fact else None
