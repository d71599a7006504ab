"""Mails without documents that come into one case again and again: two machines talking, whatever their headers say.

A person writes a few lines a day.  Beyond a cap the next one is held, so that staff see it, and the others are left in
the mailbox: the case does not grow with them, and so the cost of each stays what it was.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from records.model import CaseRecord, Channel, Held, HeldState
from routing.filing import PACKET
from routing.incoming import whole

LOOP = "mail_loop"
_DAY = timedelta(days=1)


def flooded(record: CaseRecord, cap: int, now: datetime) -> bool:
    """Whether so many mails without documents came for this case within a day, filed or held."""
    brought = {filed.submission for filed in record.documents if filed.document.kind in PACKET}
    filed = {s.id for s in record.submissions if s.envelope.channel is Channel.EMAIL and s.accepted_at > now - _DAY} - brought
    held = {h.submission for h in record.held if _lately(h, now)}
    return len(filed | held) >= cap


def told(record: CaseRecord) -> bool:
    """Whether staff have one of them before them already."""
    return any(h.reason == LOOP and h.state is HeldState.HELD for h in record.held)


def _lately(held: Held, now: datetime) -> bool:
    return whole(held) and held.channel is Channel.EMAIL and held.held_at is not None and held.held_at > now - _DAY
