"""The state of the ledger in figures: only the columns that lie in clear are read, and most of them from an index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from records import tables as t
from records.audit import Entry, sound
from records.model import HeldState, SubmissionState, UpdateStatus
from records.store import Store


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts by their names, and since when the oldest of a kind waits (None: none does)."""

    submissions: dict[tuple[str, str], int]  # by channel and state
    cases: dict[str, int]  # by status
    updates: dict[str, int]  # by status
    held: int
    oldest_waiting: datetime | None
    oldest_held: datetime | None
    oldest_queued: datetime | None
    last_arrivals: dict[str, datetime]  # by source
    trail: int
    trail_sound: bool  # the newest entry is bound to the one before it


def figures(store: Store) -> Figures:
    """All of them, of one moment."""
    s, h, u, k = t.submissions.c, t.held.c, t.updates.c, t.cases.c
    with store.engine.connect().execution_options(somrr_read=True) as c, c.begin():
        held, oldest_held = c.execute(select(func.count(), func.min(h.held_at)).where(h.state == HeldState.HELD)).one()
        by_channel = c.execute(select(s.channel, s.state, func.count()).group_by(s.channel, s.state))
        entries = _newest(c)
        return Figures(
            submissions={(channel, state): count for channel, state, count in by_channel},
            cases=dict(c.execute(select(k.status, func.count()).group_by(k.status)).all()),
            updates=dict(c.execute(select(u.status, func.count()).group_by(u.status)).all()),
            held=held,
            oldest_waiting=c.scalar(select(func.min(s.accepted_at)).where(s.state == SubmissionState.WAITING)),
            oldest_held=oldest_held,
            oldest_queued=c.scalar(select(func.min(u.next_try)).where(u.status == UpdateStatus.QUEUED)),
            last_arrivals=last_arrivals(c),
            trail=entries[-1].seq if entries else 0,
            trail_sound=sound(entries),
        )


def last_arrivals(c: Connection) -> dict[str, datetime]:
    a = t.arrivals.c
    return dict(c.execute(select(a.source, func.max(a.seen_at)).group_by(a.source)).all())


def _newest(c: Connection) -> list[Entry]:
    """The last two entries of the trail, the older first."""
    rows = c.execute(select(t.trail).order_by(t.trail.c.seq.desc()).limit(2)).mappings().all()
    return [Entry(row["seq"], row["at"], row["body"], row["hash"]) for row in reversed(rows)]
