"""A case, its record, and a decision about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from records.model.arrival import Channel, Submission, SubmissionState
from records.model.document import Document, FieldValue, Finding
from records.model.update import Update


class CaseStatus(StrEnum):
    """`received → rejected ⇄ open → in_review → completed → closed | transferred`; resting → `disposed`."""

    RECEIVED = "received"
    REJECTED = "rejected"
    OPEN = "open"
    IN_REVIEW = "in_review"
    COMPLETED = "completed"
    CLOSED = "closed"
    TRANSFERRED = "transferred"
    DISPOSED = "disposed"


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact about a case and who said so; staff's word outranks one read by machine."""

    name: str  # e.g. "physician_email", "paid", "pathology_requested", "match"
    value: FieldValue
    by: str  # a person's name, or "machine"
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """Who brought a submission of the case, and how to answer them."""

    submission: str
    channel: Channel
    address: str  # mail address, or fax caller id; "" when none is known
    name: str = ""
    language: str = "en"
    message_id: str | None = None
    references: tuple[str, ...] = ()
    unanswerable: str | None = None  # why this sender may not be answered by machine
    reply_to: str = ""  # where they wish answers; never written to by machine


@dataclass(frozen=True, slots=True)
class Case:
    """One patient's second-opinion request."""

    ref: str
    status: CaseStatus
    created_at: datetime
    last_activity: datetime  # R38: arrivals from people and acts of staff only
    last_arrival: datetime
    opened_at: datetime | None = None
    look_again_at: datetime | None = None  # when time alone may change the decision (settle, cadence)
    token: str = ""  # random, never sent: makes the case's message ids unguessable
    contacts: tuple[Contact, ...] = ()  # one a submission, oldest first
    facts: Mapping[str, Fact] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()  # of the last decision
    flags: tuple[str, ...] = ()
    merged_into: str | None = None  # staff's word: what it holds counts there, until they take the word back


class Fate(StrEnum):
    """R26: every byte received ends in exactly one of these."""

    FILED = "filed"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class PartFate:
    """What became of one part."""

    part: str
    sha256: str
    fate: Fate
    reason: str = ""  # why ignored or quarantined; which document a duplicate repeats
    case_ref: str | None = None  # the case that it counts in


class HeldState(StrEnum):
    HELD = "held"
    RELEASED = "released"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Held:
    """A thing in quarantine: a whole submission (`document` and `part` empty), a part or a document."""

    id: str  # of submission, part, document and reason, so held once however often decided; in the ledger a keyed hash of it
    submission: str
    reason: str  # docs/PROBLEMS.md, or a doubtful finding's code
    detail: str
    case_ref: str | None = None
    part: str = ""
    sha256: str = ""  # of the part, or of the submission's raw bytes
    document: Document | None = None
    state: HeldState = HeldState.HELD
    channel: Channel | None = None
    received_at: datetime | None = None
    attempts: int = 0
    ruled_kind: str | None = None  # release --as KIND
    ruled_by: str | None = None
    ruled_why: str | None = None
    held_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FiledDocument:
    """A document in a case, with the submission that brought it."""

    document: Document
    submission: str
    channel: Channel
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """One step of a case's life and why."""

    from_status: CaseStatus | None
    to_status: CaseStatus
    why: str
    by: str = "machine"
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """All that is known of a case, and of those merged into it: what `decide` is a function of.

    Documents, held things, submissions and contacts are those of all of them; updates, moves and facts its own.
    """

    case: Case
    documents: tuple[FiledDocument, ...] = ()
    held: tuple[Held, ...] = ()
    updates: tuple[Update, ...] = ()
    submissions: tuple[Submission, ...] = ()
    moves: tuple[Move, ...] = ()
    revision: int = 0  # a commit made from an older one is refused
    merged: tuple[CaseRecord, ...] = ()  # as they were and will be again when staff take the merging back

    @property
    def refs(self) -> tuple[str, ...]:
        """Every reference under which it is known."""
        return (self.case.ref, *(ref for one in self.merged for ref in one.refs))

    @property
    def message_ids(self) -> frozenset[str]:
        """Of all mail that was ever sent about it."""
        return frozenset({u.message_id for u in self.updates if u.message_id}.union(*(one.message_ids for one in self.merged)))


@dataclass(frozen=True, slots=True)
class Decision:
    """All that one `commit` writes; several patients in one submission are as many decisions, written together."""

    why: str  # one sentence for the history
    submission: str | None = None  # None: the case was looked at again without an arrival
    submission_state: SubmissionState | None = None
    case: Case | None = None  # as it stands afterwards; None when the submission belongs to no case
    new_case: bool = False
    documents: tuple[FiledDocument, ...] = ()  # newly filed
    fates: tuple[PartFate, ...] = ()
    held: tuple[Held, ...] = ()  # newly held
    updates: tuple[Update, ...] = ()  # newly owed
    superseded: tuple[str, ...] = ()  # ids of queued updates that no longer tell the truth
    moves: tuple[Move, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()  # (kind, value) by which later arrivals find the case
    revision: int = 0  # of the record that it was made from
    takes: tuple[tuple[str, str], ...] = ()  # (submission, case): they leave that case for this one, and are decided anew
    again: tuple[str, ...] = ()  # submissions of which those are decided anew that repeated another's papers
    also: tuple[Decision, ...] = ()  # what is written with it: of other cases
