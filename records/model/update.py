"""What goes out: an update is owed, a message is its text, a delivery is one attempt's outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from records.model.document import Finding


class Event(StrEnum):
    """What an update tells (R28, R30)."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    GAP_CLOSED = "gap_closed"
    OPENED = "opened"
    IN_REVIEW = "in_review"
    LATE_MATERIAL = "late_material"
    STILL_IN_REVIEW = "still_in_review"
    COMPLETED = "completed"
    CLOSED = "closed"
    TRANSFERRED = "transferred"
    STILL_INCOMPLETE = "still_incomplete"
    STILL_OPEN = "still_open"
    IN_PERSON = "in_person"
    RETURNING = "returning"
    DISPOSAL_NEAR = "disposal_near"


class Recipient(StrEnum):
    """Who is addressed; the address itself stands in the update."""

    SUBMITTER = "submitter"
    PHYSICIAN = "physician"
    STAFF = "staff"  # a task: nothing goes out


class UpdateStatus(StrEnum):
    """`queued → sent | failed | withheld | uncertain`."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    WITHHELD = "withheld"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Update:
    """One message owed; written in the same transaction as the decision that owes it."""

    id: str  # a function of case, event, recipient and occasion: owed once however often decided
    case_ref: str
    event: Event
    recipient: Recipient
    channel: str  # email | fax | teleconference | other | staff
    address: str | None  # None is withheld: staff must say whom to tell
    language: str
    due_at: datetime
    findings: tuple[Finding, ...] = ()
    status: UpdateStatus = UpdateStatus.QUEUED
    attempts: int = 0
    message_id: str | None = None  # set when claimed: <id@domain>
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    sent_at: datetime | None = None
    reason: str | None = None  # why withheld, failed or uncertain, or what it waits for: a code
    zone: str | None = None  # the reader's time zone, where staff said it
    urgent_by: str | None = None  # who sent it past office hours and caps
    job: str | None = None  # the fax server's number for it
    returned: str | None = None  # what came back: "bounced 5.1.1", "delayed", "out_of_office", "delivered"
    meeting_at: datetime | None = None  # proposed for a telephone conference
    sequence: int = 0  # how often that proposal was changed (RFC 5545 SEQUENCE)


@dataclass(frozen=True, slots=True)
class Message:
    """A composed update: template and case reference only, no patient data (R33)."""

    update: str
    message_id: str
    to: str
    subject: str
    text: str
    html: str
    headers: tuple[tuple[str, str], ...]
    return_path: str = ""  # where a bounce goes; "" is the null sender of automatic answers (RFC 3834)
    english: str = ""  # the text in English alone, for a channel that can not show the reader's script


class Outcome(StrEnum):
    SENT = "sent"
    DEFERRED = "deferred"  # temporary: tried again by the ledger's schedule
    FAILED = "failed"  # permanent: staff
    UNCERTAIN = "uncertain"  # the answer to DATA was lost: never blindly resent


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome of one attempt."""

    outcome: Outcome
    code: str  # "250", "450 4.2.0", "timeout", "tls": words from a fixed list, no addresses
    at: datetime
    job: str | None = None  # the fax server's number for what it took
