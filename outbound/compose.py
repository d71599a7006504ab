"""From an update to the message that tells it: pure, the same update and time give the same message.

Privacy (R33): a message is made of templates, the case reference, the programme's own facts and, for an imaging
study, its modality, body part and date in our words.  `Finding.detail` and names of any kind never get here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.utils import format_datetime

from config.rules import Programme
from outbound.addresses import is_address, is_fax_number, message_ids
from outbound.markup import blocks
from outbound.wording import GAP_GROUPS, Language, best, environment
from records.errors import ConfigurationError, PermanentError
from records.model import Event, Finding, Message, Severity, Update

STAFF_ONLY = frozenset({"us_requester"})  # R1: flagged to staff, no matter of the sender's
_REFERENCE = re.compile(r"SOMRR-[A-Z0-9]+(?:-[A-Z0-9]+)*")
_UPDATE_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Group:
    """The gaps of one kind, under their heading."""

    title: str
    sentences: tuple[str, ...]


def compose(update: Update, programme: Programme, now: datetime) -> Message:
    """The message for `update`, dated `now`; its language is the update's where the programme has it.

    Raises PermanentError (codes: `no_address`, `bad_address`, `bad_reference`, `bad_id`, `finding_without_text`,
    `nothing_missing`; ConfigurationError `bad_sender`) rather than send something incomplete or unsafe.
    """
    _check(update, programme)
    language = best(update.language, programme.languages)
    subject, text, html = _letter(update, programme, language)
    return Message(
        update=update.id,
        message_id=message_id(update, programme),
        to=update.address or "",
        subject=subject,
        text=text,
        html=html,
        headers=tuple(_headers(update, programme, language, now)),
        return_path="" if update.event is Event.ACKNOWLEDGED else programme.mailbox,
    )


def message_id(update: Update, programme: Programme) -> str:
    """`<id@domain>`: the one the update was claimed with, else made from its id, so that a resend is recognised."""
    claimed = message_ids([update.message_id])
    return claimed[0] if claimed else f"<{update.id}@{programme.mailbox.rpartition('@')[2].lower()}>"


def _check(update: Update, programme: Programme) -> None:
    if not (is_address(programme.mailbox) and programme.sender_name.isprintable()):
        raise ConfigurationError("bad_sender", "programme.mailbox or programme.sender_name")
    if update.address is None:
        raise PermanentError("no_address")
    if not (is_fax_number(update.address) if update.channel == "fax" else is_address(update.address)):
        raise PermanentError("bad_address")
    if not _REFERENCE.fullmatch(update.case_ref):
        raise PermanentError("bad_reference")
    if not _UPDATE_ID.fullmatch(update.id):
        raise PermanentError("bad_id")


def _letter(update: Update, programme: Programme, language: Language) -> tuple[str, str, str]:
    """Subject, text and HTML."""
    facts = {"programme": programme, "ref": update.case_ref, "words": language.words}
    gaps = _gaps(update.findings, language)
    if update.event is Event.REJECTED and not gaps:
        raise PermanentError("nothing_missing")
    template = environment().get_template(f"{language.code}/{update.event.value}.j2")
    context = template.new_context({**facts, "gaps": gaps, "hints": _hints(update.findings, language)})
    prose = {name: "".join(template.blocks[name](context)) for name in ("subject", "heading", "body")}
    subject = f"[{update.case_ref}] {prose['subject'].strip()}"
    page = {
        **facts,
        "subject": subject,
        "heading": prose["heading"].strip(),
        "greeting": language.words["greeting"][update.recipient.value],
        "body": blocks(prose["body"]),
    }
    text, html = (environment().get_template(f"layout.{form}.j2").render(page) for form in ("txt", "html"))
    return subject, f"{text}\n", f"{html}\n"


def _gaps(findings: tuple[Finding, ...], language: Language) -> tuple[Group, ...]:
    """R28: every missing thing, in groups; one that has no text is a fault, for a notice must list every gap."""
    sentences: dict[str, list[str]] = {group: [] for group in GAP_GROUPS}
    for finding in findings:
        if finding.severity is not Severity.MISSING:
            continue
        if finding.code not in language.findings:
            raise PermanentError("finding_without_text", finding.code)
        group = language.findings[finding.code][0]
        sentences[group if group in sentences else "other"].append(language.sentence(finding.code, finding.study))
    titles = language.words["groups"]
    return tuple(Group(titles[group], tuple(dict.fromkeys(said))) for group, said in sentences.items() if said)


def _hints(findings: tuple[Finding, ...], language: Language) -> tuple[str, ...]:
    """Advisory findings as kind hints (R20, R24); doubtful ones are for staff alone (R29)."""
    said = (
        language.sentence(finding.code, finding.study)
        for finding in findings
        if finding.severity is Severity.ADVISORY and finding.code in language.findings and finding.code not in STAFF_ONLY
    )
    return tuple(dict.fromkeys(said))


def _headers(update: Update, programme: Programme, language: Language, now: datetime) -> Iterator[tuple[str, str]]:
    """All header fields but To, Subject and Message-ID, which are the message's own."""
    sender = Address(programme.sender_name, addr_spec=programme.mailbox)
    answered = message_ids([update.in_reply_to])
    thread = message_ids([*update.references, *answered])
    yield "From", str(sender)
    yield "Date", format_datetime(now.astimezone(UTC))
    if answered:
        yield "In-Reply-To", answered[0]
    if thread:
        yield "References", " ".join(thread)
    # RFC 3834 section 5: an answer to a message, or a status report that nobody asked for
    yield "Auto-Submitted", "auto-replied" if answered else "auto-generated"
    yield "X-Auto-Response-Suppress", "All"
    yield "Content-Language", language.code
