"""The ledger: one method, one transaction.  What is not in here did not happen.

SQLite in WAL mode with `synchronous=FULL` by default; any SQLAlchemy URL otherwise.  Times are UTC.
What says who somebody is or what a document holds is sealed before it gets here (`records.rows`).
This is the one door; each room behind it has a file of its own.
"""

from __future__ import annotations

from sqlalchemy import func, select

from records import tables as t
from records.cases import Line
from records.custody import Accepted, Custody
from records.disposal import Disposal
from records.holding import Holding
from records.outbox import Outbox

__all__ = ["Accepted", "Line", "Store"]


class Store(Custody, Holding, Outbox, Disposal):
    """The ledger behind `url`; safe for several processes, each method commits or leaves nothing."""

    def counts(self) -> dict[str, int]:
        """How many submissions are in each state, how many things are held, how many updates in each status."""
        answer: dict[str, int] = {}
        with self._read() as c:
            for name, column in (
                ("submissions", t.submissions.c.state),
                ("held", t.held.c.state),
                ("updates", t.updates.c.status),
            ):
                for value, n in c.execute(select(column, func.count()).group_by(column)):
                    answer[f"{name}.{value}"] = n
        return answer
