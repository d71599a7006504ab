"""The trail in the ledger: an act's entry is written in the transaction of the act itself (`records.audit` says why)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, insert, select

from records import audit
from records import tables as t
from records.keys import HOUSE
from records.ledger import Ledger


class Trail(Ledger):
    """Who did what to which record."""

    def note(self, actor: str, act: str, subject: str, now: datetime) -> None:
        """Write an act that changes nothing else into the trail: a view, a key changed, a backup."""
        with self._write() as c:
            self._note(c, actor, act, subject, now)

    def trail(self) -> Iterator[audit.Entry]:
        """Every entry as it is kept."""
        with self._read() as c:
            for row in c.execute(select(t.trail).order_by(t.trail.c.seq)).mappings():
                yield audit.Entry(row["seq"], row["at"], row["body"], row["hash"])

    def head(self) -> tuple[int, str]:
        """Number and hash of the newest entry; (0, the start) when there is none."""
        with self._read() as c:
            return self._head(c)

    def said(self, entry: audit.Entry) -> audit.Said:
        """An entry opened; PermanentError when it was not sealed for its place."""
        actor, act, subject = json.loads(self.rows.keys.unseal(entry.body, f"trail.body/{entry.seq}"))
        return audit.Said(entry.seq, entry.at, actor, act, subject)

    def _head(self, c: Connection) -> tuple[int, str]:
        row = c.execute(select(t.trail.c.seq, t.trail.c.hash).order_by(t.trail.c.seq.desc()).limit(1)).first()
        return (row.seq, row.hash) if row else (0, audit.START)

    def _note(self, c: Connection, actor: str, act: str, subject: str, now: datetime) -> None:
        """In the transaction of the act itself; two that write at once get one number, and the second tries again."""
        last, before = self._head(c)
        seq = last + 1
        body = self.rows.keys.seal(HOUSE, json.dumps([actor, act, subject]), f"trail.body/{seq}")
        c.execute(insert(t.trail).values(seq=seq, at=now, body=body, hash=audit.link(before, seq, now, body)))
