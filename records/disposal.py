"""Disposal in the ledger: the transaction that ends a record, and the list of what is still to be destroyed after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from records import erase
from records import tables as t
from records.erase import Erasure
from records.errors import TemporaryError
from records.model import CaseRecord, Submission
from records.trail import Trail


class Disposal(Trail):
    """The ends of cases, and of submissions without one."""

    def dispose(self, records: Sequence[CaseRecord], by: str, now: datetime) -> None:
        """Turn cases into their tombstones, those that share arrivals together; `erasures` lists what lies elsewhere.

        TemporaryError("case_moved") when one changed since, or another holds papers of the same arrival: judge again.
        """
        with self._write() as c:
            erase.erase_cases(c, self.rows, records, by, now)
            for ref in [ref for record in records for ref in record.refs]:
                self._note(c, by, "disposed", ref, now)

    def dispose_stray(self, submission: Submission, by: str, now: datetime) -> None:
        """The same for a submission that is in no case."""
        with self._write() as c:
            state = c.scalar(select(t.submissions.c.state).where(t.submissions.c.id == submission.id))
            if state != submission.state:
                raise TemporaryError("case_moved", "judged from an older record")
            erase.erase_submission(c, self.rows, submission)
            self._note(c, by, "disposed", submission.id, now)

    def erasures(self) -> list[Erasure]:
        """Keys and originals of what was disposed of, not yet destroyed; keys first."""
        with self._read() as c:
            return erase.erasures(c)

    def erased(self, done: Sequence[Erasure]) -> None:
        with self._write() as c:
            erase.erased(c, done)

    def newest(self) -> datetime | None:
        """The newest moment that the records tell of: a clock that is behind it, or far ahead of it, is suspect."""
        with self._read() as c:
            told = [
                c.scalar(select(func.max(column))) for column in (t.submissions.c.accepted_at, t.trail.c.at, t.updates.c.sent_at)
            ]
        return max((moment for moment in told if moment is not None), default=None)
