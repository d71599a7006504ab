"""From an update to the message that tells it: pure, the same update and time give the same message.

Privacy (R33): a message is made of templates, the case reference, the programme's own facts and, for an imaging
study, its modality, body part and date in our words.  `Finding.detail` and names of any kind never get here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.utils import format_datetime
from typing import Any

from config.rules import Programme
from config.telling import TELLINGS
from outbound.addresses import is_address, is_fax_number, message_ids
from outbound.markup import Block, blocks
from outbound.wording import BELOW, GAP_GROUPS, Language, best, environment, language
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


@dataclass(frozen=True, slots=True)
class Letter:
    """An update's prose in one language, laid out by `layout.txt.j2` and `layout.html.j2`."""

    words: Mapping[str, Any]
    subject: str
    heading: str
    greeting: str
    body: tuple[Block, ...]


def compose(update: Update, programme: Programme, now: datetime, bounce_tag: str = "") -> Message:
    """The message for `update`, dated `now`: in the update's language where the programme has it, with English below.

    With a `bounce_tag` ("+") what bounces comes to `mailbox+ID@domain`, which says which update it was.

    Raises PermanentError (codes: `no_address`, `bad_address`, `bad_reference`, `bad_id`, `finding_without_text`,
    `nothing_missing`; ConfigurationError `bad_sender`) rather than send something incomplete or unsafe.
    """
    _check(update, programme)
    first = best(update.language, programme.languages)
    spoken = (first,) if first.code == BELOW else (first, language(BELOW))
    letters = tuple(_letter(update, programme, one) for one in spoken)
    return Message(
        update=update.id,
        message_id=message_id(update, programme),
        to=update.address or "",
        subject=f"[{update.case_ref}] {letters[0].subject}",
        text=_laid_out("txt", letters, update, programme),
        html=_laid_out("html", letters, update, programme),
        headers=tuple(_headers(update, programme, spoken, now)),
        return_path="" if TELLINGS[update.event].answer else bounce_address(update.id, programme, bounce_tag),
        english=_laid_out("txt", letters[-1:], update, programme),
    )


def bounce_address(update: str, programme: Programme, tag: str) -> str:
    """Where what can not be delivered comes back to; the update's id is unguessable, so it proves that it was ours."""
    local, _, domain = programme.mailbox.rpartition("@")
    tagged = f"{local}{tag}{update}@{domain}"
    return tagged if tag and is_address(tagged) else programme.mailbox


def message_id(update: Update, programme: Programme) -> str:
    """`<id@domain>`: the one the update was claimed with, else made from its id, so that a resend is recognised."""
    claimed = message_ids([update.message_id])
    return claimed[0] if claimed else f"<{update.id}@{programme.mailbox.rpartition('@')[2].lower()}>"


def _check(update: Update, programme: Programme) -> None:
    if not (is_address(programme.mailbox) and programme.sender_name.isprintable()):
        raise ConfigurationError("bad_sender", "programme.mailbox or programme.sender_name")
    right = {"fax": is_fax_number, "email": is_address}.get(update.channel)  # else a summary that staff bring
    if right is not None and update.address is None:
        raise PermanentError("no_address")
    if right is not None and not right(update.address):
        raise PermanentError("bad_address")
    if not _REFERENCE.fullmatch(update.case_ref):
        raise PermanentError("bad_reference")
    if not _UPDATE_ID.fullmatch(update.id):
        raise PermanentError("bad_id")


def _letter(update: Update, programme: Programme, spoken: Language) -> Letter:
    gaps = _gaps(update.findings, spoken, programme.fees) if TELLINGS[update.event].gaps else ()
    if TELLINGS[update.event].gaps and not gaps and update.event is not Event.GAP_CLOSED:
        raise PermanentError("nothing_missing")
    template = environment().get_template(f"{spoken.code}/{update.event.value}.j2")
    hints = _hints(update.findings, spoken, gaps, programme.fees)
    facts = {"programme": programme, "words": spoken.words, "gaps": gaps, "hints": hints}
    context = template.new_context(facts)
    prose = {name: "".join(template.blocks[name](context)) for name in ("subject", "heading", "body")}
    greeting = spoken.words["greeting"][update.recipient.value]
    return Letter(spoken.words, prose["subject"].strip(), prose["heading"].strip(), greeting, blocks(prose["body"]))


def _laid_out(form: str, letters: tuple[Letter, ...], update: Update, programme: Programme) -> str:
    page = {"letters": letters, "ref": update.case_ref, "programme": programme}
    return environment().get_template(f"layout.{form}.j2").render(page).rstrip("\n") + "\n"


def _gaps(findings: tuple[Finding, ...], spoken: Language, fees: Mapping[str, str]) -> tuple[Group, ...]:
    """R28: every missing thing, in groups; one that has no text is a fault, for a notice must list every gap."""
    sentences: dict[str, list[str]] = {group: [] for group in GAP_GROUPS}
    for finding in findings:
        if finding.severity is not Severity.MISSING:
            continue
        if finding.code not in spoken.findings:
            raise PermanentError("finding_without_text", finding.code)
        group = _group(finding, spoken)
        sentences[group if group in sentences else "other"].append(spoken.sentence(finding.code, finding.study, fees))
    for group, said in sentences.items():  # what explains a gap stands below it
        advice = [f for f in _advice(findings, spoken) if said and _group(f, spoken) == group]
        said += [spoken.sentence(f.code, f.study, fees) for f in advice]
    titles = spoken.words["groups"]
    return tuple(Group(titles[group], tuple(dict.fromkeys(said))) for group, said in sentences.items() if said)


def _hints(findings: tuple[Finding, ...], spoken: Language, gaps: tuple[Group, ...], fees: Mapping[str, str]) -> tuple[str, ...]:
    """Advisory findings as kind hints (R20, R24), but for those that a gap has told already."""
    told = {sentence for group in gaps for sentence in group.sentences}
    said = (spoken.sentence(finding.code, finding.study, fees) for finding in _advice(findings, spoken))
    return tuple(dict.fromkeys(one for one in said if one not in told))


def _advice(findings: tuple[Finding, ...], spoken: Language) -> list[Finding]:
    """What is good to know; doubtful findings are for staff alone (R29)."""
    return [f for f in findings if f.severity is Severity.ADVISORY and f.code in spoken.findings and f.code not in STAFF_ONLY]


def _group(finding: Finding, spoken: Language) -> str:
    return spoken.findings[finding.code][0]


def _headers(update: Update, programme: Programme, spoken: tuple[Language, ...], now: datetime) -> Iterator[tuple[str, str]]:
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
    yield "Content-Language", ", ".join(one.code for one in spoken)
