"""Whom do we owe what?  Updates that follow from a case's record (R6, R28, R30, R33)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rapidfuzz import fuzz

from config.rules import Rules
from config.telling import LISTING, NEWS, PASSING, TELLINGS
from records.model import (
    Case,
    CaseRecord,
    Channel,
    Contact,
    Event,
    Fact,
    Finding,
    HeldState,
    Kind,
    Recipient,
    Severity,
    Update,
    UpdateStatus,
)
from routing.identity import name_key

NO_IMAGES = "not_an_image_set"


@dataclass(frozen=True, slots=True)
class Physician:
    """The referring physician of record, and who said so."""

    known: bool
    prefers: str = "email"
    email: str | None = None
    fax: str | None = None


def physician_of(record: CaseRecord) -> Physician:
    """Staff's word first; else a physician named in the documents *and* seen as the sender: one alone proves nothing."""
    facts = record.case.facts
    email, fax = _fact(facts, "physician_email"), _fact(facts, "physician_fax")
    prefers = _fact(facts, "prefers") or "email"  # R32: unknown is email where one is known, else staff
    if email or fax or "physician_name" in facts:
        return Physician(True, prefers, email, fax)
    for contact in record.case.contacts:
        if contact.channel is Channel.EMAIL and contact.unanswerable is None and _corroborated(contact, record):
            return Physician(True, _fact(facts, "prefers") or "email", contact.address)
    return Physician(False)


def _corroborated(contact: Contact, record: CaseRecord) -> bool:
    for filed in record.documents:
        fields = filed.document.fields
        if str(fields.get("physician_email", "")).casefold() == contact.address.casefold():
            return True
        name = _without_title(str(fields.get("physician_name", "")))
        if (
            len(name.split()) >= 2
            and fuzz.token_set_ratio(name, _without_title(contact.name)) >= 95
            and len(_without_title(contact.name).split()) >= 2
        ):
            return True
    return False


def _without_title(name: str) -> str:
    titles = {"dr", "dra", "md", "prof", "doctor", "doctora", "m", "d", "mr", "mrs", "phd"}
    return " ".join(word for word in name_key(name).split() if word not in titles)


def _fact(facts: Mapping[str, Fact], name: str) -> str | None:
    fact = facts.get(name)
    return str(fact.value) if fact is not None and fact.value else None


@dataclass(frozen=True, slots=True)
class _Reader:
    """One person to tell, and by which way."""

    who: Recipient
    contact: Contact | None
    address: str | None
    channel: str


@dataclass(frozen=True, slots=True)
class Owed:
    updates: tuple[Update, ...]
    superseded: tuple[str, ...]


def announce(
    record: CaseRecord,
    events: Sequence[Event],
    findings: Sequence[Finding],
    rules: Rules,
    now: datetime,
    opening: Callable[[datetime], datetime],
) -> Owed:
    """The updates owed for these events; `opening(t)` is the next office hour at or after t."""
    findings = (*findings, *_set_aside(record, findings))
    updates = [
        _update(event, reader, record, findings, rules, now, opening) for event in events for reader in _readers(event, record)
    ]
    return Owed(tuple(updates), _superseded(record, events))


def _set_aside(record: CaseRecord, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """R13: what staff did not let count as images is named while images are missing, so that nobody sends it again."""
    wanted = any(f.severity is Severity.MISSING and f.requirement == Kind.RADIOLOGY_IMAGE for f in findings)
    seen = any(h.reason == NO_IMAGES and h.state is HeldState.DISCARDED for h in record.held)
    return (Finding(NO_IMAGES, Severity.ADVISORY, requirement=Kind.RADIOLOGY_IMAGE),) if wanted and seen else ()


def _update(
    event: Event,
    reader: _Reader,
    record: CaseRecord,
    findings: Sequence[Finding],
    rules: Rules,
    now: datetime,
    opening: Callable[[datetime], datetime],
) -> Update:
    at_once = TELLINGS[event].at_once and rules.hours.acknowledge_at_once
    contact = reader.contact
    identity = _id(record.case, event, reader, _occasion(event, record, reader.who))
    owed = Update(
        id=identity,
        case_ref=record.case.ref,
        event=event,
        recipient=reader.who,
        channel=reader.channel,
        address=reader.address,
        language=_language(contact or _answerable(record), rules),
        due_at=now if at_once else opening(now),
        findings=tuple(_outward(f) for f in findings if _tells(event, f)),
        message_id=message_id(identity, rules),
        in_reply_to=contact.message_id if contact else None,
        references=contact.references if contact else (),
        zone=_fact(record.case.facts, "physician_zone") if reader.who is Recipient.PHYSICIAN else None,
    )
    reason = _withheld(owed, contact)
    return replace(owed, status=UpdateStatus.WITHHELD, reason=reason) if reason else owed


def _withheld(update: Update, contact: Contact | None) -> str | None:
    """Why staff, and not the machine, must bring this update; None when it may go out."""
    if update.recipient is Recipient.STAFF:
        return "staff_task"
    if update.recipient is Recipient.SUBMITTER:
        unanswerable = contact.unanswerable if contact else None
        return unanswerable or (None if update.address else "no_confirmed_address")
    if update.channel not in ("email", "fax"):
        return "no_physician" if update.channel == "staff" else None  # a meeting is proposed when it is due
    return None if update.address else "no_confirmed_address"


def gaps_told(record: CaseRecord) -> tuple[Finding, ...] | None:
    """The gaps that the last notice listed; None when no notice was owed yet, or the case has been open since."""
    told = [u for u in record.updates if u.event in (*LISTING, Event.OPENED) and u.reason != "superseded"]
    if not told:
        return None
    last = max(told, key=lambda u: (u.due_at, u.id))
    return last.findings if last.event in LISTING else None


def gap_names(findings: Sequence[Finding]) -> set[tuple[str, ...]]:
    """What makes one gap the same as another: its code and the study it names, not which document shows it."""
    return {(f.code, *sorted(f.study.values())) for f in findings if f.severity is Severity.MISSING}


def _tells(event: Event, finding: Finding) -> bool:
    """Doubts are staff's; gaps are listed where they are the news; advice goes with any verdict on the packet."""
    told = {Severity.MISSING: TELLINGS[event].gaps, Severity.ADVISORY: TELLINGS[event].advice}
    return told.get(finding.severity, False)


def message_id(update: str, rules: Rules) -> str:
    return f"<{update}@{rules.programme.mailbox.rpartition('@')[2]}>"


def _readers(event: Event, record: CaseRecord) -> list[_Reader]:
    """Who gets it: a person who is both once, and no empty place for a physician where somebody else can be told."""
    made = {Recipient.SUBMITTER: _submitter, Recipient.PHYSICIAN: _physician, Recipient.STAFF: _staff}
    readers = [made[who](record) for who in TELLINGS[event].to]
    if len(people := [r for r in readers if r.who is not Recipient.STAFF]) > 1:
        addresses = {r.address for r in people if r.who is Recipient.SUBMITTER and r.address}
        readers = [
            r for r in readers if r.who is not Recipient.PHYSICIAN or (r.channel != "staff" and r.address not in addresses)
        ]
    return readers


def _submitter(record: CaseRecord) -> _Reader:
    contact = _answerable(record)
    address = (contact.address or None) if contact and contact.channel is Channel.EMAIL else None
    return _Reader(Recipient.SUBMITTER, contact, address, "email")


def _physician(record: CaseRecord) -> _Reader:
    physician = physician_of(record)
    channel = "staff" if not physician.known else physician.prefers
    address = physician.fax if channel == "fax" else physician.email
    return _Reader(Recipient.PHYSICIAN, _contact_of(record, address), address, channel)


def _staff(_record: CaseRecord) -> _Reader:
    return _Reader(Recipient.STAFF, None, None, "staff")


def _answerable(record: CaseRecord) -> Contact | None:
    """The newest contact that may be answered, else the newest."""
    contacts = record.case.contacts
    return next((c for c in reversed(contacts) if c.unanswerable is None), contacts[-1] if contacts else None)


def _contact_of(record: CaseRecord, address: str | None) -> Contact | None:
    return next((c for c in reversed(record.case.contacts) if address and c.address == address), None)


def _language(contact: Contact | None, rules: Rules) -> str:
    return contact.language if contact and contact.language in rules.programme.languages else "en"


def _occasion(event: Event, record: CaseRecord, recipient: Recipient) -> str:
    """The acknowledgement is owed once, the warning once for each time of quiet; others each time they happen."""
    if event is Event.ACKNOWLEDGED:
        return "once"
    if event is Event.DISPOSAL_NEAR:
        return record.case.last_activity.isoformat()
    return str(sum(u.event is event and u.recipient is recipient for u in record.updates))


def _id(case: Case, event: Event, reader: _Reader, occasion: str) -> str:
    """Unguessable without the case's token: an answer to it proves that our mail was received."""
    words = (case.token, event, reader.who, reader.address or "", occasion)
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]


def _superseded(record: CaseRecord, events: Sequence[Event]) -> tuple[str, ...]:
    """Queued notices that the new ones make untrue."""
    if not set(events) & set(NEWS):
        return ()
    return tuple(u.id for u in record.updates if u.event in PASSING and u.status is UpdateStatus.QUEUED)


def _outward(finding: Finding) -> Finding:
    """What may leave the house of a finding: its code and the study's name, never its detail."""
    return replace(finding, detail="", document=None)
