"""Custody in the ledger: what arrived, which submission it is, and whose turn it is to be decided."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, case, delete, insert, select, update

from records import tables as t
from records.errors import TemporaryError
from records.model import Arrival, Envelope, Kept, PartFate, Reading, Submission, SubmissionState
from records.trail import Trail


class Accepted(NamedTuple):
    submission: Submission
    new: bool  # False: these bytes are in custody already


class Custody(Trail):
    """Everything that was taken in."""

    def known(self, source: str, keys: Sequence[str]) -> set[str]:
        """Which of these keys of the source are in custody."""
        blind = {self.rows.arrival_key(source, key): key for key in keys}
        wanted = list(blind)
        found: set[str] = set()
        with self._read() as c:
            for start in range(0, len(wanted), 500):
                some = wanted[start : start + 500]
                query = select(t.arrivals.c.key).where(t.arrivals.c.source == source, t.arrivals.c.key.in_(some))
                found.update(blind[key] for key in c.scalars(query))
        return found

    def accept(self, arrival: Arrival, kept: Kept, now: datetime) -> Accepted:
        """Write the row that makes custody complete; the same arrival, or the same bytes, twice is one submission.

        TemporaryError("erasing") while the same bytes are being disposed of: what was kept just now would go with them.
        """
        a, s = t.arrivals, t.submissions
        data_key, key = kept.key or self.rows.keys.mint(), self.rows.arrival_key(arrival.source, arrival.key)
        with self._write() as c:
            row = c.execute(select(s).where(s.c.digest == self.rows.digest(kept.digest))).mappings().first()
            new = row is None
            submission = _fresh_submission(arrival.envelope, kept, now)
            if row is not None:
                submission = self.rows.submission_of(row, self.rows.cases_of(c, row["id"]))
            if new:
                self._stays(c, kept)
                c.execute(insert(s).values(self.rows.submission_row(submission, data_key, now)))
            if c.execute(select(a.c.key).where(a.c.source == arrival.source, a.c.key == key)).first() is None:
                c.execute(insert(a).values(source=arrival.source, key=key, submission=submission.id, seen_at=now))
        return Accepted(submission, new)

    def _stays(self, c: Connection, kept: Kept) -> None:
        """Neither the object nor its key is on the list of what is destroyed after a disposal, or was since it was kept."""
        e, names = t.erasures, [self.rows.digest(kept.digest), kept.key]
        listed = c.scalar(select(e.c.name).where(e.c.name.in_(names)).limit(1)) is not None
        if listed or (kept.key and not self.rows.keys.holds(kept.key)):
            raise TemporaryError("erasing")

    def claim(self, now: datetime) -> Submission | None:
        """The next waiting submission, its attempt counted and committed before it is touched.

        The oldest, but what was tried before comes after what was not.
        """
        s = t.submissions
        with self._write() as c:
            query = (
                select(s)
                .where(s.c.state == SubmissionState.WAITING, s.c.not_before <= now)
                .order_by(s.c.attempts, s.c.accepted_at, s.c.id)
                .limit(1)
            )
            row = c.execute(query).mappings().first()
            if row is None:
                return None
            c.execute(update(s).where(s.c.id == row["id"]).values(attempts=s.c.attempts + 1))
            claimed = self.rows.submission_of(row, self.rows.cases_of(c, row["id"]))
        return replace(claimed, attempts=claimed.attempts + 1)

    def defer(self, submission: str, until: datetime, give_back: bool = False) -> None:
        """Let it wait; a temporary fault gives the attempt back, since it says nothing about the bytes."""
        s = t.submissions
        values: dict[str, Any] = {"not_before": until}
        if give_back:
            values["attempts"] = case((s.c.attempts > 0, s.c.attempts - 1), else_=0)  # staff may have set it to none
        with self._write() as c:
            c.execute(update(s).where(s.c.id == submission).values(values))

    def reading(self, digest: str, version: str) -> Reading | None:
        """What this version of the reader remembered of these bytes."""
        r = t.readings
        query = select(r).where(r.c.digest == self.rows.digest(digest), r.c.version == version)
        with self._read() as c:
            row = c.execute(query).mappings().first()
        return None if row is None else self.rows.reading_of(row)

    def remember(self, reading: Reading) -> None:
        """Keep what was read, under the key of the submission that it was read from; nobody's bytes are not kept."""
        s, digest = t.submissions, self.rows.digest(reading.sha256)
        with self._write() as c:
            data_key = c.scalar(select(s.c.data_key).where(s.c.digest == digest))
            c.execute(delete(t.readings).where(t.readings.c.digest == digest))
            if data_key is not None:
                c.execute(insert(t.readings).values(self.rows.reading_row(reading, data_key)))

    def submissions(self) -> list[Submission]:
        """Everything in custody, as it was accepted."""
        with self._read() as c:
            return list(self.rows.submissions_of(c, None))

    def submission(self, submission_id: str) -> Submission | None:
        with self._read() as c:
            row = c.execute(select(t.submissions).where(t.submissions.c.id == submission_id)).mappings().first()
            return None if row is None else self.rows.submission_of(row, self.rows.cases_of(c, submission_id))

    def fates(self, submission: str) -> list[PartFate]:
        query = select(t.fates).where(t.fates.c.submission == submission).order_by(t.fates.c.number)
        with self._read() as c:
            return [self.rows.fate_of(row) for row in c.execute(query).mappings()]


def _fresh_submission(envelope: Envelope, kept: Kept, now: datetime) -> Submission:
    return Submission(secrets.token_hex(8), kept.digest, kept.size, envelope, SubmissionState.WAITING, 0, now)
