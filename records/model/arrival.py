"""What comes in: an arrival is still the sender's problem, a submission is ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Channel(StrEnum):
    """R21: the three ways in."""

    EMAIL = "email"
    FAX = "fax"
    COURIER = "courier"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sent it, when and how, as the channel itself says; what the bytes say is in `Reading.mail`."""

    channel: Channel
    received_at: datetime  # UTC; INTERNALDATE, the sidecar's time, or the file's own
    sender: str | None = None  # fax caller id, or who recorded a courier drop; never taken from mail bytes
    message_id: str | None = None  # of a mail, with angle brackets
    case_ref: str | None = None  # set only by staff (courier drop under a case, `somrr courier REF`)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One mail, one fax or one courier drop as it came.

    `(source, key)` names it for ever: mailbox `imap:INBOX` + `UIDVALIDITY;UID`, Maildir unique name,
    or drop folder name + device, inode, size and time.
    """

    source: str
    key: str
    envelope: Envelope
    size: int | None = None  # bytes, when the source knows


class Kept(NamedTuple):
    """What the vault answers when the bytes are durable."""

    digest: str  # SHA-256, hexadecimal
    size: int  # bytes
    key: str = ""  # id of the data key that they are sealed under; "": none yet


class SubmissionState(StrEnum):
    """`waiting → decided | quarantined`; `quarantined → waiting | discarded`; at its end `→ disposed`."""

    WAITING = "waiting"
    DECIDED = "decided"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"
    DISPOSED = "disposed"


@dataclass(frozen=True, slots=True)
class Submission:
    """An arrival that we have taken custody of: its bytes are in the vault under `digest`."""

    id: str
    digest: str  # SHA-256 of the raw bytes, hexadecimal
    size: int
    envelope: Envelope
    state: SubmissionState
    attempts: int  # counted and committed before each try
    accepted_at: datetime
    case_refs: tuple[str, ...] = ()  # the cases that hold its papers: one a patient, so nearly always one

    @property
    def case_ref(self) -> str | None:
        """The case, or the first of several; None while it is in none."""
        return self.case_refs[0] if self.case_refs else None
