"""Which arrivals of a source were of cases that are disposed of: what a source asks before it removes an original (R40)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Select, select

from records import tables as t
from records.model import Submission, SubmissionState
from records.store import Store


def by_key(store: Store, source: str, keys: Sequence[str]) -> Mapping[str, Submission]:
    """Those of these keys whose submission ended with its case; one that was in no case is not among them."""
    a, s = t.arrivals, t.submissions
    blind = {store.rows.arrival_key(source, key): key for key in keys}
    query = _ended().add_columns(a.c.key.label("arrival")).join(a, a.c.submission == s.c.id)
    query = query.where(a.c.source == source, a.c.key.in_(list(blind)))
    with store.engine.connect().execution_options(somrr_read=True) as c, c.begin():
        return {blind[row["arrival"]]: store.rows.submission_of(row) for row in c.execute(query).mappings()}


def by_size(store: Store, source: str, size: int) -> Sequence[Submission]:
    """Those of so many bytes; none whose bytes came again and live: by its bytes alone one copy is as good as the other."""
    a, s = t.arrivals, t.submissions
    query = _ended().where(s.c.size == size, s.c.id.in_(select(a.c.submission).where(a.c.source == source)))
    with store.engine.connect().execution_options(somrr_read=True) as c, c.begin():
        found = [store.rows.submission_of(row) for row in c.execute(query).mappings()]
        names = {store.rows.digest(submission.digest): submission for submission in found}
        living = set(c.scalars(select(s.c.digest).where(s.c.digest.in_(list(names)))))
    return [submission for name, submission in names.items() if name not in living]


def _ended() -> Select[tuple[object, ...]]:
    s, f = t.submissions, t.filings
    filed = select(f.c.submission).where(f.c.submission == s.c.id).exists()
    return select(s).where(s.c.state == SubmissionState.DISPOSED, filed)
