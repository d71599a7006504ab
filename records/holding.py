"""The quarantine in the ledger: what is held, and staff's word about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from records import commit
from records import tables as t
from records.cases import Cases
from records.errors import TemporaryError
from records.model import Fate, Held, HeldState, SubmissionState


class Holding(Cases):
    """Held things and rulings."""

    def held(self, state: HeldState | None = HeldState.HELD) -> list[Held]:
        query = select(t.held).order_by(t.held.c.held_at, t.held.c.id)
        if state is not None:
            query = query.where(t.held.c.state == state)
        with self._read() as c:
            return [self.rows.held_of(row) for row in c.execute(query).mappings()]

    def held_by_id(self, held_id: str) -> Held | None:
        with self._read() as c:
            row = c.execute(select(t.held).where(t.held.c.id == held_id)).mappings().first()
        return None if row is None else self.rows.held_of(row)

    def rulings(self, submission: str) -> tuple[Held, ...]:
        """What staff said about things held from this submission."""
        query = select(t.held).where(t.held.c.submission == submission, t.held.c.state != HeldState.HELD).order_by(t.held.c.id)
        with self._read() as c:
            return tuple(self.rows.held_of(row) for row in c.execute(query).mappings())

    def rule(self, ruled: Held, now: datetime, *, read_again: bool = False) -> None:
        """Write staff's word about a held thing and send its submission down the same path again."""
        s = t.submissions
        whole = not ruled.part and ruled.document is None
        discarded = whole and ruled.state is HeldState.DISCARDED
        with self._write() as c:
            waits = (t.held.c.id == ruled.id, t.held.c.state == HeldState.HELD)
            before = c.execute(select(t.held.c.case_ref).where(*waits)).first()
            if before is None:
                raise TemporaryError("held_moved", "another act on it came first")
            data_key = c.execute(select(s.c.data_key).where(s.c.id == ruled.submission)).scalar_one()
            c.execute(update(t.held).where(*waits).values(self.rows.held_row(data_key, ruled, ruled.id)))
            state = SubmissionState.DISCARDED if discarded else SubmissionState.WAITING
            c.execute(update(s).where(s.c.id == ruled.submission).values(state=state, attempts=0, not_before=now))
            if discarded:
                self._ignore(c, ruled.submission, data_key)
            if read_again:
                digest = select(s.c.digest).where(s.c.id == ruled.submission).scalar_subquery()
                c.execute(delete(t.readings).where(t.readings.c.digest == digest))
            if whole and ruled.case_ref:
                self._overrule(c, ruled, data_key)
            for ref in {before.case_ref, ruled.case_ref} - {None}:
                self._draw(c, commit.survivor(c, ref))
            self._note(c, ruled.ruled_by or "", ruled.state.value, ruled.id, now)

    def _overrule(self, c: Connection, ruled: Held, data_key: str) -> None:
        """The newest word about the whole submission's case is the one that counts."""
        h = t.held
        earlier = select(h).where(h.c.submission == ruled.submission, h.c.id != ruled.id, h.c.state == HeldState.RELEASED)
        for row in c.execute(earlier).mappings().all():
            held = self.rows.held_of(row)
            if not held.part and held.document is None:
                bare = self.rows.held_row(data_key, replace(held, case_ref=None), held.id)
                c.execute(update(h).where(h.c.id == held.id).values(bare))

    def _ignore(self, c: Connection, submission: str, data_key: str) -> None:
        f = t.fates
        for row in c.execute(select(f).where(f.c.submission == submission)).mappings().all():
            ignored = replace(self.rows.fate_of(row), fate=Fate.IGNORED, reason="discarded_by_staff")
            mine = (f.c.submission == submission, f.c.number == row["number"])
            c.execute(update(f).where(*mine).values(self.rows.fate_row(submission, data_key, row["number"], ignored)))
