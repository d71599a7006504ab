"""What becomes of each part: filed, duplicate, quarantined or ignored, and the sum is 100 % (R26)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from records.model import (
    CaseRecord,
    Channel,
    Document,
    Fate,
    Finding,
    Held,
    HeldState,
    Kind,
    Part,
    PartFate,
    Problem,
    Role,
    Severity,
)
from routing.incoming import Incoming

#: kinds that make a submission a packet; a lone passport copy or letter does not
PACKET = (
    Kind.LETTER_OF_AGREEMENT,
    Kind.INFORMED_CONSENT,
    Kind.RADIOLOGY_REPORT,
    Kind.RADIOLOGY_IMAGE,
    Kind.PATHOLOGY_REPORT,
    Kind.CUSTOMS_INVOICE,
    Kind.MEDICAL_RECORD,
)
STALE_DAYS = 2 * 366  # a form signed earlier was not signed for this request, or its date is a date of birth


@dataclass(frozen=True, slots=True)
class Filing:
    """`documents` are filed or held with a doubt: all of them count in the checklist."""

    documents: tuple[Document, ...]
    held: tuple[Held, ...]
    fates: tuple[PartFate, ...]


def ruled(incoming: Incoming, today: date) -> tuple[Document, ...]:
    """The documents with staff's word on them: a kind they gave, a doubt they settled, a thing they discarded."""
    about_document = {r.document.id: r for r in incoming.rulings if r.document is not None}
    about_part = {r.part: r for r in incoming.rulings if r.part and r.document is None}
    unread = {p.part for p in incoming.problems}
    seen = [d for d in incoming.documents if not (d.kind is Kind.UNKNOWN and d.part in unread)]  # its problem speaks for it
    documents = [_with_date_judged(d, today) for d in seen if d.part not in about_part or about_part[d.part].ruled_kind is None]
    kept = [_apply(d, about_document.get(d.id)) for d in documents]
    stated = [
        _stated(part, r)
        for part in incoming.parts
        if (r := about_part.get(part.path)) and r.state is HeldState.RELEASED and r.ruled_kind
    ]
    return tuple(d for d in (*kept, *stated) if d is not None)


def file(incoming: Incoming, documents: Sequence[Document], record: CaseRecord | None) -> Filing:
    """Every part's fate; held things carry the case so that no rejection overtakes them (R29)."""
    ref = record.case.ref if record else None
    others = [f.document for f in record.documents if f.submission != incoming.submission.id] if record else []
    before = {d.id for d in others}
    once = {d.id: d for d in reversed(documents)}  # the same paper twice in one submission counts where it stands first
    fresh = [d for d in documents if d.id not in before and once[d.id] is d]
    settled = settled_problems(incoming)
    held = [hold(incoming, d_reason, ref, document=d) for d in fresh if (d_reason := doubt(d))]
    told = {(part, h.reason) for h in held if h.document for part in h.document.parts}  # a cut file speaks once, at its study
    held += [
        hold(incoming, p.code, ref, problem=p)
        for p in incoming.problems
        if p.part not in settled and (p.part, p.code) not in told
    ]
    held = list({h.id: h for h in held}.values())
    fates = tuple(_fate(part, incoming, documents, before, once, held, ref) for part in _all_parts(incoming))
    return Filing(tuple(fresh), tuple(held), fates)


def doubt(document: Document) -> str | None:
    """Why a document waits for staff; None when it may be filed."""
    if document.kind is Kind.PAYMENT_CARD:
        return "payment_card"
    doubtful = next((f.code for f in document.findings if f.severity is Severity.DOUBTFUL), None)
    if document.kind is Kind.UNKNOWN:
        return None if document.fields.get("looks_like") else doubtful or "unidentified"
    return doubtful


def hold(
    incoming: Incoming,
    reason: str,
    ref: str | None,
    *,
    document: Document | None = None,
    problem: Problem | None = None,
    detail: str = "",
) -> Held:
    """A thing in quarantine; with neither document nor problem the whole submission."""
    part = problem.part if problem else (document.part if document else "")
    sha256 = (problem.sha256 if problem else document.sha256s[0] if document else "") or incoming.submission.digest
    key = "\n".join((incoming.submission.id, part, document.id if document else "", reason))
    return Held(
        id=hashlib.sha256(key.encode()).hexdigest()[:16],
        submission=incoming.submission.id,
        reason=reason,
        detail=detail or (problem.detail if problem else _words(document)),
        case_ref=ref,
        part=part,
        sha256=sha256,
        document=document,
        channel=incoming.channel,
        received_at=incoming.submission.envelope.received_at,
        attempts=incoming.submission.attempts,
    )


def everything(incoming: Incoming, fate: Fate, reason: str) -> tuple[PartFate, ...]:
    """One fate for the whole submission."""
    return tuple(PartFate(p.path, p.sha256, fate, reason) for p in _all_parts(incoming))


def is_packet(incoming: Incoming, documents: Iterable[Document]) -> bool:
    return any(d.kind in PACKET for d in documents) or (bool(incoming.problems) and incoming.channel is not Channel.EMAIL)


def worth_asking(incoming: Incoming, documents: Iterable[Document]) -> bool:
    """A submission that is no packet for sure, yet may be one: staff look before it is left alone."""
    if incoming.channel is not Channel.EMAIL:
        return True
    sent = {p.path for p in incoming.attachments}
    doubtful = any(doubt(d) for d in documents if d.part in sent or d.kind is Kind.PAYMENT_CARD)
    return doubtful or bool(incoming.problems)


def _all_parts(incoming: Incoming) -> tuple[Part, ...]:
    """The parts read, and those of which only a problem is known."""
    known = {p.path for p in incoming.parts}
    lost = {p.part: p for p in incoming.problems if p.part not in known}
    return incoming.parts + tuple(Part(p.part, p.sha256, 0, "application/octet-stream", Role.ATTACHMENT) for p in lost.values())


def settled_problems(incoming: Incoming) -> set[str]:
    """Parts of which staff said what they are, or that they do not count."""
    return {
        r.part for r in incoming.rulings if r.part and r.document is None and (r.ruled_kind or r.state is HeldState.DISCARDED)
    }


def _with_date_judged(document: Document, today: date) -> Document:
    """R10: a form signed in the future, or so long ago that it was not for this request, is doubtful.

    A day's grace, since the signer's calendar may be ahead of ours.
    """
    prefix = {Kind.LETTER_OF_AGREEMENT: "loa", Kind.INFORMED_CONSENT: "consent"}.get(document.kind)
    signed_on = str(document.fields.get("date") or document.fields.get("date_earliest", ""))
    future = signed_on > (today + timedelta(days=1)).isoformat()
    stale = "date" in document.fields and signed_on < (today - timedelta(days=STALE_DAYS)).isoformat()
    if prefix is None or not signed_on or not (future or stale):
        return document
    said = "the date of signature lies in the future" if future else "the date of signature is long past, or is another date"
    return replace(document, findings=(*document.findings, Finding(f"{prefix}_date_implausible", Severity.DOUBTFUL, said)))


def _apply(document: Document, ruling: Held | None) -> Document | None:
    if ruling is None:
        return document
    if ruling.state is HeldState.DISCARDED:
        return None
    kind = Kind(ruling.ruled_kind) if ruling.ruled_kind else document.kind
    sure = tuple(
        f
        for f in document.findings
        if f.severity is Severity.ADVISORY or (f.severity is Severity.MISSING and not ruling.ruled_kind)
    )
    return replace(
        document, kind=kind, confidence=1.0, findings=sure, evidence=(*document.evidence, f"accepted by {ruling.ruled_by}")
    )


def _stated(part: Part, ruling: Held) -> Document:
    """A part that only staff could read: their word is its identification."""
    return Document(
        id=hashlib.sha256(f"stated {part.sha256}".encode()).hexdigest()[:24],
        kind=Kind(str(ruling.ruled_kind)),
        confidence=1.0,
        part=part.path,
        parts=(part.path,),
        sha256s=(part.sha256,),
        pages=(),
        language=None,
        text_source="none",
        evidence=(f"identified by {ruling.ruled_by}",),
        fields={},
    )


def _fate(
    part: Part,
    incoming: Incoming,
    documents: Sequence[Document],
    before: set[str],
    once: Mapping[str, Document],
    held: Sequence[Held],
    ref: str | None,
) -> PartFate:
    def fate(what: Fate, reason: str = "") -> PartFate:
        return PartFate(part.path, part.sha256, what, reason, None if what is Fate.IGNORED else ref)

    mine = [d for d in documents if part.path in d.parts]
    waiting = [h for h in held if h.part == part.path or (h.document is not None and part.path in h.document.parts)]
    if waiting:
        return fate(Fate.QUARANTINED, waiting[0].reason)
    if mine and all(d.id in before or part.path not in once[d.id].parts for d in mine):
        return fate(Fate.DUPLICATE, mine[0].id)
    if any(d.kind is not Kind.UNKNOWN for d in mine):
        return fate(Fate.FILED, ",".join(sorted({d.kind for d in mine})))
    if mine:
        return fate(Fate.IGNORED, f"looks_like_{mine[0].fields.get('looks_like', 'nothing')}")
    if any(r.part == part.path and r.state is HeldState.DISCARDED for r in incoming.rulings):
        return fate(Fate.IGNORED, "discarded_by_staff")
    return fate(Fate.IGNORED, _why_ignored(part))


def _why_ignored(part: Part) -> str:
    if part.role is Role.PROGRAM:
        return "program_never_run"
    if part.role is Role.INLINE:
        return "inline_picture"
    if part.size == 0 or all(page.blank or not page.text.strip() for page in part.pages):
        return "blank"
    return "no_document"


def _words(document: Document | None) -> str:
    if document is None:
        return ""
    doubts: list[Finding] = [f for f in document.findings if f.severity is Severity.DOUBTFUL]
    return "; ".join([f.detail or f.code for f in doubts] or document.evidence[:3])
