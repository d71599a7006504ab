"""Addresses and wishes that were seen but that nobody has confirmed: staff may take them over, the machine never does (R30).

Pure.  What a document says may be misread or planted, and a Reply-To is whatever its sender wrote.  A wish for the
records back, for a video visit or for another channel (R5, R32, R37) is a wish until staff make it a fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from records.model import CaseRecord
from routing.announce import physician_of

#: wish seen in a document → the fact by which staff grant it
_WISHES = {
    "return_requested": "return_requested",
    "video_requested": "video",
    "in_person_requested": "in_person",
    "written_requested": "delivery",
    "prefers": "prefers",
}
_OF_PHYSICIANS = ("physician_name", "physician_email", "physician_fax")


@dataclass(frozen=True, slots=True)
class Proposal:
    """One thing that could be set on the case, and where it was seen."""

    what: str  # physician_email, physician_fax, physician_name, reply_to, or one of `_WISHES`
    value: str
    seen: str  # the kind of document and how it was read, or "mail"


def proposals(record: CaseRecord) -> tuple[Proposal, ...]:
    """Each once, in the order in which they came; what is set or confirmed already is left out."""
    known = {value for value in (physician_of(record).email, physician_of(record).fax) if value}
    known |= {str(fact.value) for fact in record.case.facts.values()}
    found = {(one.what, one.value.casefold()): one for one in reversed([*_documents(record), *_mails(record)])}
    return tuple(one for one in reversed(found.values()) if one.value not in known)


def _documents(record: CaseRecord) -> Iterator[Proposal]:
    for filed in record.documents:
        for name in _OF_PHYSICIANS:
            value = str(filed.document.fields.get(name, "")).strip()
            if value:
                yield Proposal(name, value, f"{filed.document.kind}, {filed.document.text_source}")
        for wish, fact in _WISHES.items():
            if filed.document.fields.get(wish) and fact not in record.case.facts:
                asked = str(filed.document.fields[wish]) if wish == "prefers" else "asked for"
                yield Proposal(wish, asked, f"{filed.document.kind}, {filed.document.text_source}")


def _mails(record: CaseRecord) -> Iterator[Proposal]:
    for contact in record.case.contacts:
        if contact.reply_to and contact.reply_to != contact.address:
            yield Proposal("reply_to", contact.reply_to, "mail")
