"""What is done once a day: who took the day's turn, and how far it came.  Two that take it at once: one is refused.

One row of the house's own table, so that it survives restarts, kills and restores.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from records import tables as t
from records.errors import TemporaryError
from records.keys import HOUSE
from records.store import Store


class Turn(NamedTuple):
    """`claimed → sending → sent | failed | uncertain`, `claimed → deferred | empty`."""

    day: str  # ISO, by the office's calendar
    state: str
    at: datetime  # when it came into this state; of a deferred one, when it is tried again
    attempts: int = 0


class Daily:
    """The turns of one daily duty, by name."""

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.name = store, name

    def last(self) -> Turn | None:
        """The newest turn that was taken."""
        return self._opened(self._body())

    def move(self, before: Turn | None, after: Turn) -> bool:
        """From `before`, and only from there; durable when it answers."""
        h, body = t.house, self._body()
        if self._opened(body) != before:
            return False
        said = json.dumps([after.day, after.state, after.at.isoformat(), after.attempts])
        sealed = self.store.rows.keys.seal(HOUSE, said, self._place)
        try:
            with self.store.engine.connect() as c, c.begin():
                if body is None:
                    c.execute(insert(h).values(name=self.name, body=sealed))
                    return True
                changed = c.execute(update(h).where(h.c.name == self.name, h.c.body == body).values(body=sealed))
                return changed.rowcount == 1
        except IntegrityError:
            return False
        except OperationalError as error:
            raise TemporaryError("database", type(error.orig).__name__) from None

    @property
    def _place(self) -> str:
        return f"house.body/{self.name}"

    def _body(self) -> bytes | None:
        with self.store.engine.connect().execution_options(somrr_read=True) as c, c.begin():
            body: bytes | None = c.scalar(select(t.house.c.body).where(t.house.c.name == self.name))
            return body

    def _opened(self, body: bytes | None) -> Turn | None:
        if body is None:
            return None
        day, state, at, attempts = json.loads(self.store.rows.keys.unseal(body, self._place))
        return Turn(day, state, datetime.fromisoformat(at), attempts)
