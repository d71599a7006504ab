"""What waits, by the columns that lie in clear: no more is opened than waits, so that it costs little with many cases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from records import tables as t
from records.model import HeldState, Update, UpdateStatus
from records.store import Store

UNTOLD = (UpdateStatus.FAILED, UpdateStatus.WITHHELD, UpdateStatus.UNCERTAIN)


class Pile(NamedTuple):
    """How many wait, and since when the first of them does."""

    number: int
    since: datetime


def untold(store: Store) -> list[Update]:
    """The updates that staff must bring or look after: failed, withheld, uncertain; what no longer tells the truth left out."""
    u = t.updates
    true = (u.c.reason != "superseded") | u.c.reason.is_(None)
    query = select(u).where(u.c.status.in_(UNTOLD), true).order_by(u.c.due_at, u.c.id)
    with _reading(store) as c:
        return [store.rows.update_of(row) for row in c.execute(query).mappings()]


def quarantined(store: Store, before: datetime | None = None) -> Pile | None:
    """Everything held, or what was held before a moment; None when there is nothing."""
    h = t.held
    query = select(func.count(), func.min(h.c.held_at)).where(h.c.state == HeldState.HELD)
    if before is not None:
        query = query.where(h.c.held_at < before)
    with _reading(store) as c:
        count, since = c.execute(query).one()
    return Pile(count, since) if count else None


@contextmanager
def _reading(store: Store) -> Iterator[Connection]:
    with store.engine.connect().execution_options(somrr_read=True) as c, c.begin():
        yield c
