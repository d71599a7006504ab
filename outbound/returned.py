"""What comes back to us about an update: bounces (RFC 3464), out-of-office answers (RFC 3834), and what they mean.

Pure.  A claim counts only when it names an update by its id, which nobody can guess (`compose.bounce_address`,
the ENVID of RFC 3461, or our Message-ID in what is quoted); whether there is such an update the ledger knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from records.model import Mail, Update, UpdateStatus

_ID = re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{32}(?![0-9a-zA-Z])")
_FIELD = r"^{}:[ \t]*(?:[a-z0-9-]+[ \t]*;[ \t]*)?(\S.*?)[ \t]*$"
_ACTION = re.compile(_FIELD.format("Action"), re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"^Status:[ \t]*([245]\.\d{1,3}\.\d{1,3})\b", re.IGNORECASE | re.MULTILINE)
_ENHANCED = re.compile(r"(?<![\d.])5\.\d{1,3}\.\d{1,3}(?![\d.])")
_BASIC = re.compile(r"(?<![\d.-])55[0-9](?=[ -](?!\d))")
_POSTMEN = re.compile(r"(?:mailer-daemon|postmaster|mail-daemon)@", re.IGNORECASE)
_MOST_TEXT, _MOST_IDS = 200_000, 8

BOUNCED, FAX_FAILED = "bounced", "fax_failed"
DELAYED, DELIVERED, OUT_OF_OFFICE = "delayed", "delivered", "out_of_office"


@dataclass(frozen=True, slots=True)
class Returned:
    """What an automatic mail says: `updates` are ids that it names, `what` is "bounced 5.1.1", "delayed" and so on."""

    updates: tuple[str, ...]
    what: str


def read(mail: Mail | None, texts: Iterable[str], mailbox: str) -> Returned | None:
    """What this mail tells about updates of ours; None when it was written by a person or names none of them."""
    if mail is None or mail.unanswerable not in ("bounce", "null_sender", "auto_submitted"):
        return None
    text = "\n".join(texts)[:_MOST_TEXT].replace("\r", "")
    ids = tuple(dict.fromkeys(_ids(mail, text, mailbox)))[:_MOST_IDS]
    return Returned(ids, _what(mail, text)) if ids else None


def judged(owed: Update, what: str) -> Update:
    """The update with this knowledge: a bounce fails what was taken for sent, anything else is only noted."""
    noted = replace(owed, returned=what)
    taken = owed.status in (UpdateStatus.SENT, UpdateStatus.UNCERTAIN)
    if what.startswith((BOUNCED, FAX_FAILED)) and taken:
        return replace(noted, status=UpdateStatus.FAILED, reason=what.partition(" ")[0], sent_at=None)
    if what == DELIVERED and owed.status is UpdateStatus.UNCERTAIN:
        return replace(noted, status=UpdateStatus.SENT, reason=None, sent_at=owed.sent_at or owed.due_at)
    return noted


def _ids(mail: Mail, text: str, mailbox: str) -> Iterator[str]:
    """By the address that it came back to, by what it answers, by what it quotes."""
    domain = mailbox.rpartition("@")[2].lower()
    for address in mail.to:
        if address.rpartition("@")[2] == domain:
            yield from _ID.findall(address.partition("@")[0])
    for answered in (*mail.in_reply_to, *mail.references):
        yield from _ID.findall(answered)
    if mail.unanswerable == "bounce" or _POSTMEN.match(mail.from_address):
        yield from _ID.findall(text)


def _what(mail: Mail, text: str) -> str:
    actions = {action.lower() for action in _ACTION.findall(text)}
    status = next(iter(_STATUS.findall(text)), "")
    if "failed" in actions:
        return f"{BOUNCED} {status}".strip()
    if actions:
        return DELAYED if "delayed" in actions else DELIVERED
    if mail.unanswerable == "bounce" or _POSTMEN.match(mail.from_address):
        found = _ENHANCED.search(text) or _BASIC.search(text)  # not the form of RFC 3464: the words of older servers
        return f"{BOUNCED} {found[0]}" if found else BOUNCED
    return OUT_OF_OFFICE
