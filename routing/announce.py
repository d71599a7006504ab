"""Whom do we owe what?  Updates that follow from a case's record (R6, R28, R30, R33)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rapidfuzz import fuzz

from config.rules import Rules
from records.model import Case, CaseRecord, Channel, Contact, Event, Fact, Finding, Recipient, Severity, Update, UpdateStatus
from routing.identity import name_key

ListingEvents = (Event.REJECTED, Event.GAP_CLOSED)


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
    prefers = _fact(facts, "prefers") or ("email" if email or not fax else "fax")
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
    updates: list[Update] = []
    for event in events:
        for recipient, contact, address, channel in _audience(event, record):
            at_once = event is Event.ACKNOWLEDGED and rules.hours.acknowledge_at_once
            identity = _id(record.case, event, recipient, address, _occasion(event, record, recipient))
            update = Update(
                id=identity,
                case_ref=record.case.ref,
                event=event,
                recipient=recipient,
                channel=channel,
                address=address,
                language=_language(contact, rules),
                due_at=now if at_once else opening(now),
                findings=tuple(_outward(f) for f in findings if _tells(event, f)),
                message_id=message_id(identity, rules),
                in_reply_to=contact.message_id if contact else None,
                references=contact.references if contact else (),
            )
            reason = _withheld(update, contact)
            updates.append(replace(update, status=UpdateStatus.WITHHELD, reason=reason) if reason else update)
    return Owed(tuple(updates), _superseded(record, events))


def _withheld(update: Update, contact: Contact | None) -> str | None:
    """Why staff, and not the machine, must bring this update; None when it may go out."""
    if update.recipient is Recipient.SUBMITTER:
        unanswerable = contact.unanswerable if contact else None
        return unanswerable or (None if update.address else "no_confirmed_address")
    if update.channel not in ("email", "fax"):
        return "no_physician" if update.channel == "staff" else "by_staff"
    return None if update.address else "no_confirmed_address"


def gaps_told(record: CaseRecord) -> tuple[Finding, ...] | None:
    """The gaps that the last notice listed; None when no notice was owed yet, or the case has been open since."""
    told = [u for u in record.updates if u.event in (*ListingEvents, Event.OPENED) and u.reason != "superseded"]
    if not told:
        return None
    last = max(told, key=lambda u: (u.due_at, u.id))
    return last.findings if last.event in ListingEvents else None


def gap_names(findings: Sequence[Finding]) -> set[tuple[str, ...]]:
    """What makes one gap the same as another: its code and the study it names, not which document shows it."""
    return {(f.code, *sorted(f.study.values())) for f in findings if f.severity is Severity.MISSING}


def _tells(event: Event, finding: Finding) -> bool:
    """Doubts are staff's; gaps are listed where they are the news; advice goes with any verdict on the packet."""
    if event in ListingEvents:
        return finding.severity is not Severity.DOUBTFUL
    return event is Event.OPENED and finding.severity is Severity.ADVISORY


def message_id(update: str, rules: Rules) -> str:
    return f"<{update}@{rules.programme.mailbox.rpartition('@')[2]}>"


def _audience(event: Event, record: CaseRecord) -> list[tuple[Recipient, Contact | None, str | None, str]]:
    physician = physician_of(record)
    channel = "staff" if not physician.known else physician.prefers
    address = {"email": physician.email, "fax": physician.fax}.get(channel)
    submitter = _answerable(record)
    to_physician = (Recipient.PHYSICIAN, _contact_of(record, address), address, channel)
    to_submitter = (
        Recipient.SUBMITTER,
        submitter,
        (submitter.address or None) if submitter and submitter.channel is Channel.EMAIL else None,
        "email",
    )
    if event is Event.ACKNOWLEDGED:
        return [to_submitter]
    if event in ListingEvents:  # who can mend it, and who must know it: once if they are the same
        same = address is not None and to_submitter[2] == address
        return [to_submitter] if same or not physician.known else [to_submitter, to_physician]
    return [to_physician]


def _answerable(record: CaseRecord) -> Contact | None:
    """The newest contact that may be answered, else the newest."""
    contacts = record.case.contacts
    return next((c for c in reversed(contacts) if c.unanswerable is None), contacts[-1] if contacts else None)


def _contact_of(record: CaseRecord, address: str | None) -> Contact | None:
    return next((c for c in reversed(record.case.contacts) if address and c.address == address), None)


def _language(contact: Contact | None, rules: Rules) -> str:
    return contact.language if contact and contact.language in rules.programme.languages else "en"


def _occasion(event: Event, record: CaseRecord, recipient: Recipient) -> str:
    """The acknowledgement is owed once; other events once each time they happen."""
    if event is Event.ACKNOWLEDGED:
        return "once"
    return str(sum(u.event is event and u.recipient is recipient for u in record.updates))


def _id(case: Case, event: Event, recipient: Recipient, address: str | None, occasion: str) -> str:
    """Unguessable without the case's token: an answer to it proves that our mail was received."""
    return hashlib.sha256("\n".join((case.token, event, recipient, address or "", occasion)).encode()).hexdigest()[:32]


def _superseded(record: CaseRecord, events: Sequence[Event]) -> tuple[str, ...]:
    """Queued notices that the new ones make untrue."""
    if not set(events) & {Event.OPENED, *ListingEvents}:
        return ()
    stale = {Event.OPENED, *ListingEvents}
    return tuple(u.id for u in record.updates if u.event in stale and u.status is UpdateStatus.QUEUED)


def _outward(finding: Finding) -> Finding:
    """What may leave the house of a finding: its code and the study's name, never its detail."""
    return replace(finding, detail="", document=None)
