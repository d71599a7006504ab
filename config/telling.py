"""What is told, to whom and when: one table of every update (R28, R30, R31, R35-R37, R41)."""

from __future__ import annotations

from dataclasses import dataclass

from records.model.update import Event, Recipient

_SUBMITTER, _PHYSICIAN, _STAFF = (Recipient.SUBMITTER,), (Recipient.PHYSICIAN,), (Recipient.STAFF,)


@dataclass(frozen=True, slots=True)
class Telling:
    """One row: its words are the templates `outbound/templates/<language>/<event>.j2`."""

    when: str  # what has to happen
    to: tuple[Recipient, ...]
    at_once: bool = False  # any hour, where `rules.hours.acknowledge_at_once` allows; else office hours
    gaps: bool = False  # lists everything that is missing
    advice: bool = False  # adds what is good to know
    passing: bool = False  # true only until the case's next news: a queued one is then superseded
    answer: bool = False  # an automatic answer: null sender, so that nothing comes back (RFC 3834)


TELLINGS: dict[Event, Telling] = {
    Event.ACKNOWLEDGED: Telling("a case begins", _SUBMITTER, at_once=True, answer=True),
    Event.REJECTED: Telling(
        "something is missing, or more than before", _SUBMITTER + _PHYSICIAN, gaps=True, advice=True, passing=True
    ),
    Event.GAP_CLOSED: Telling("a gap is closed, others are left", _SUBMITTER + _PHYSICIAN, gaps=True, advice=True, passing=True),
    Event.STILL_INCOMPLETE: Telling(
        "the cadence, while something is missing", _SUBMITTER + _PHYSICIAN, gaps=True, advice=True, passing=True
    ),
    Event.OPENED: Telling("everything required is there", _PHYSICIAN, advice=True, passing=True),
    Event.STILL_OPEN: Telling("the cadence, while the case waits for approval", _PHYSICIAN, passing=True),
    Event.IN_REVIEW: Telling("staff begin the review of an approved case", _PHYSICIAN),
    Event.LATE_MATERIAL: Telling("more arrives after the review began", _PHYSICIAN),
    Event.STILL_IN_REVIEW: Telling("the cadence, while the case is in review", _PHYSICIAN, passing=True),
    Event.COMPLETED: Telling("staff record that the consultation is complete", _PHYSICIAN),
    Event.CLOSED: Telling("staff close the case", _PHYSICIAN),
    Event.TRANSFERRED: Telling("staff transfer the case for follow-up treatment", _PHYSICIAN),
    Event.IN_PERSON: Telling("an in-person consultation is asked for", _PHYSICIAN + _STAFF),
    Event.RETURNING: Telling("the patient asks for the records back", _SUBMITTER + _PHYSICIAN + _STAFF),
    Event.DISPOSAL_NEAR: Telling("disposal comes near", _STAFF),
}

#: events whose words leave the house
OUTWARD = tuple(event for event, telling in TELLINGS.items() if telling.to != _STAFF)
LISTING = tuple(event for event, telling in TELLINGS.items() if telling.gaps)
PASSING = tuple(event for event, telling in TELLINGS.items() if telling.passing)
#: news of the case's state: it makes queued passing updates untrue
NEWS = (*PASSING, Event.IN_REVIEW, Event.COMPLETED, Event.CLOSED, Event.TRANSFERRED)
