"""Whether an update may go out at all: loops, strangers and floods end here (RFC 3834, RFC 8601).

Each question is answered with a reason code, or None: nothing stands against it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

from config.rules import Sending
from outbound.addresses import bare, digits, is_address, is_fax_number
from outbound.authentication import dmarc_passed
from records.model import Mail, Update, UpdateStatus

_MACHINES = re.compile(r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)(?:[+=_-].*)?", re.IGNORECASE)
_LISTS = re.compile(r"owner-.*|.*-(?:request|owner|bounces?|subscribe|unsubscribe)", re.IGNORECASE)


#: the caps let an update wait so long before it is looked at again; only after two days of waiting it is staff's
WAITS = {"address_cap": timedelta(hours=1), "case_cap": timedelta(hours=1), "breaker": timedelta(minutes=15)}
#: reasons that staff can overrule with `outbox retry`
RESUMABLE = (*WAITS, "address_bounced", "fax_program", "bad_sender", "finding_without_text")
MEETINGS = ("teleconference", "other")
CAPS = Sending()


@dataclass(frozen=True, slots=True)
class Traffic:
    """What has gone out already, counted from the ledger: to this address and for this case in 24 hours, to all in one."""

    address_day: int = 0
    case_day: int = 0
    hour: int = 0


def answerable(mail: Mail, own: Collection[str], authserv_id: str | None) -> str | None:
    """Why this mail is answered by nobody, or None when it may be.

    Codes: the reader's own (`auto_submitted`, `list`, `bulk`, `bounce`, `null_sender`), and `no_address`, `bad_address`,
    `own_address`, `machine_address`, `unauthenticated` (only asked when our mail server's `authserv_id` is known).
    """
    if mail.unanswerable is not None:
        return mail.unanswerable
    if mail.return_path == "":
        return "null_sender"
    against = _against_address(mail.from_address, own)
    if against is None and authserv_id and not dmarc_passed(mail.authentication, authserv_id, mail.from_address):
        return "unauthenticated"
    return against


def withhold(
    update: Update,
    own: Collection[str],
    mail: Mail | None = None,
    authserv_id: str | None = None,
    traffic: Traffic = Traffic(),
    caps: Sending = CAPS,
    others: Iterable[Update] = (),
) -> str | None:
    """Why this update may not go out, or None.

    `own` holds our mail addresses and fax numbers, `mail` the mail that the update answers, where it answers one,
    `others` the case's updates.

    Codes: those of `answerable`, `staff_channel` (what only staff can bring), `address_bounced`, and `address_cap`,
    `case_cap`, `breaker` for the caps.  What staff sent themselves (`urgent_by`) passes the caps.
    """
    against = _against_channel(update, own) or _against_bounced(update, others)
    if against is None and mail is not None:
        against = answerable(mail, own, authserv_id)
    return against or (None if update.urgent_by else _against_traffic(traffic, caps))


def _against_channel(update: Update, own: Collection[str]) -> str | None:
    if update.channel in MEETINGS:
        return None  # nothing goes out: staff get a proposal
    if update.channel not in {"email", "fax"}:
        return "staff_channel"
    if not update.address:
        return "no_address"
    if update.channel == "email":
        return _against_address(update.address, own)
    if not is_fax_number(update.address):
        return "bad_address"
    ours = (digits(one) for one in own if is_fax_number(one))
    return "own_address" if any(digits(update.address).endswith(number) for number in ours) else None


def _against_address(address: str, own: Collection[str]) -> str | None:
    if not address:
        return "no_address"
    if not is_address(address):
        return "bad_address"
    if bare(address) in {bare(one) for one in own}:
        return "own_address"
    local = address.partition("@")[0]
    return "machine_address" if _MACHINES.fullmatch(local) or _LISTS.fullmatch(local) else None


def _against_bounced(update: Update, others: Iterable[Update]) -> str | None:
    """An address from which an update came back gets no other until staff have corrected or retried it."""
    dead = {
        one.address for one in others if one.id != update.id and one.status is UpdateStatus.FAILED and one.reason == "bounced"
    }
    return "address_bounced" if update.address in dead else None


def _against_traffic(traffic: Traffic, caps: Sending) -> str | None:
    if traffic.address_day >= caps.address_day:
        return "address_cap"
    if traffic.case_day >= caps.case_day:
        return "case_cap"
    return "breaker" if traffic.hour >= caps.hour else None
