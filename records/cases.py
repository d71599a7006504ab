"""Cases in the ledger: found by their keys, changed by decisions, and shown in lists by a line made ahead."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from records import commit
from records import tables as t
from records.keys import Keyring
from records.model import CaseRecord, CaseStatus, Decision, Submission
from records.trail import Trail


class Line(NamedTuple):
    """How lists show a case: made when the case changes, so that a list of all cases reads one row of each."""

    version: int  # raised whenever `of` shows something else
    of: Callable[[CaseRecord], Mapping[str, Any]]  # of the case, its documents, held things and submissions


class Cases(Trail):
    """Every case, its record and its line."""

    def __init__(self, url: str, keys: Keyring, line: Line | None = None) -> None:
        super().__init__(url, keys)
        self._line = line or Line(0, lambda record: {"ref": record.case.ref})

    def candidates(self, keys: Sequence[tuple[str, str]]) -> tuple[CaseRecord, ...]:
        """Every case that one of these (kind, value) keys points at, or that it was merged into, by reference."""
        k = t.case_keys
        refs: set[str] = set()
        with self._read() as c:
            for kind, value in keys:
                blind = self.rows.case_key(kind, value)
                refs.update(c.scalars(select(k.c.case_ref).where(k.c.kind == kind, k.c.value == blind)))
            refs = {commit.survivor(c, ref) for ref in refs}
            return tuple(self.rows.record_of(c, ref) for ref in sorted(refs))

    def record(self, ref: str) -> CaseRecord | None:
        with self._read() as c:
            if c.scalar(select(t.cases.c.ref).where(t.cases.c.ref == ref)) is None:
                return None
            return self.rows.record_of(c, ref)

    def counting(self, ref: str) -> CaseRecord | None:
        """The case in which the one of this reference counts: itself, unless it was merged into another."""
        with self._read() as c:
            into = commit.survivor(c, ref)
        return self.record(into)

    def looks_due(self, now: datetime | None) -> list[str]:
        """References of the cases that time alone may change; with None every case that is waiting for time."""
        k = t.cases
        query = select(k.c.ref).where(k.c.look_again_at.is_not(None), k.c.merged_into.is_(None)).order_by(k.c.look_again_at)
        if now is not None:
            query = query.where(k.c.look_again_at <= now)
        with self._read() as c:
            return list(c.scalars(query))

    def cases(self, status: CaseStatus | None = None) -> list[CaseRecord]:
        """Every case with all that is known of it; one that was merged into another is part of that."""
        k = t.cases
        query = select(k.c.ref).where(k.c.merged_into.is_(None)).order_by(k.c.last_activity, k.c.ref)
        if status is not None:
            query = query.where(k.c.status == status)
        with self._read() as c:
            return [self.rows.record_of(c, ref) for ref in c.scalars(query).all()]

    def lines(self, status: CaseStatus | None = None) -> list[dict[str, Any]]:
        """Every case as `Line` shows it, those without activity for longest first."""
        k = t.cases
        query = select(k.c.ref, k.c.line).where(k.c.merged_into.is_(None)).order_by(k.c.last_activity, k.c.ref)
        if status is not None:
            query = query.where(k.c.status == status)
        with self._read() as c:
            kept = [(ref, line) for ref, line in c.execute(query)]
        found: dict[str, dict[str, Any] | None] = {ref: None for ref, _ in kept}
        made = [(ref, line) for ref, line in kept if line]
        for (ref, _), told in zip(made, self.rows.lines_of(made), strict=True):
            version, shown = json.loads(told)
            found[ref] = shown if version == self._line.version else None
        if stale := [ref for ref, line in found.items() if line is None]:
            with self._write() as c:
                found |= {ref: self._draw(c, ref) for ref in stale}
        return [line for line in found.values() if line is not None]

    def data_keys(self, ref: str) -> set[str]:
        """The keys of a case and of its submissions: who destroys them has made all of it unreadable, also in backups."""
        s, f = t.submissions, t.filings
        with self._read() as c:
            return {
                *c.scalars(select(t.cases.c.data_key).where(t.cases.c.ref == ref)),
                *c.scalars(select(s.c.data_key).join(f, f.c.submission == s.c.id).where(f.c.case_ref == ref)),
            }

    def commit(self, decision: Decision, now: datetime, claimed: Submission | None = None) -> None:
        """Write all of a decision, and of those that go with it, or nothing.

        TemporaryError("case_moved") when a case, or the submission as it was `claimed`, is no longer as it was decided from:
        decide again from its new record.
        """
        with self._write() as c:
            if claimed is not None:
                commit.still_claimed(c, claimed.id, claimed.attempts)
            for ref in commit.write(c, self.rows, decision, now):
                self._draw(c, ref)
            for one in (decision, *decision.also):
                for move in one.moves:
                    act = one.why if move.from_status is move.to_status else f"{move.from_status} to {move.to_status}"
                    self._note(c, move.by, act, one.case.ref if one.case else "", now)

    def _draw(self, c: Connection, ref: str) -> dict[str, Any] | None:
        k = t.cases
        data_key = c.scalar(select(k.c.data_key).where(k.c.ref == ref))
        if data_key is None:
            return None
        shown = dict(self._line.of(self.rows.record_of(c, ref)))
        sealed = self.rows.line(ref, data_key, json.dumps([self._line.version, shown]))
        c.execute(update(k).where(k.c.ref == ref).values(line=sealed))
        return shown
