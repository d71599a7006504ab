"""The ledger's tables, portable SQL: times are UTC ISO 8601 text (they sort), bodies are sealed JSON.

In clear stand only random ids, references, states, kinds, counts and times of our own work; whatever says who
somebody is or what a document holds is in a `body`, sealed for its row.  What must be found again by a value
(`digest`, `key`, `value`, `document`) is blind: a keyed hash.  `data_key` is the id of the key under which
everything of that submission or case is sealed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)


class Utc(TypeDecorator[datetime]):
    """An aware datetime kept as fixed-width UTC text, the same in every database."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else datetime.fromisoformat(value)


metadata = MetaData()

house = Table(
    "house",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("body", LargeBinary, nullable=False),  # known words: who can not open them has the wrong keyring
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("data_key", String(18), nullable=False),
    Column("size", Integer, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("received_at", Utc, nullable=False),
    Column("body", LargeBinary, nullable=False),  # digest, sender, message id
    Column("envelope_ref", String(32)),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Utc, nullable=False),
    Column("accepted_at", Utc, nullable=False),
    Index("submissions_waiting", "state", "not_before"),
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("source", String(255), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("submission", ForeignKey("submissions.id"), nullable=False),
    Column("seen_at", Utc, nullable=False),
)

readings = Table(
    "readings",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("ref", String(32), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("last_activity", Utc, nullable=False),
    Column("last_arrival", Utc, nullable=False),
    Column("look_again_at", Utc),
    Column("revision", Integer, nullable=False),
    Column("data_key", String(18), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("line", LargeBinary),  # the case as lists show it; empty: to be made anew from all of its rows
    Column("merged_into", String(32)),  # what it holds counts there
    Index("cases_status", "status"),
    Index("cases_look_again", "look_again_at"),
    Index(
        "cases_merged",
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
)

filings = Table(  # which cases hold papers of a submission: one a patient
    "filings",
    metadata,
    Column("submission", ForeignKey("submissions.id"), primary_key=True),
    Column("case_ref", ForeignKey("cases.ref"), primary_key=True),
    Index("filings_case", "case_ref"),
)

case_keys = Table(
    "case_keys",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("value", String(64), primary_key=True),
    Column("case_ref", ForeignKey("cases.ref"), primary_key=True),
    Index("case_keys_case", "case_ref"),
)

documents = Table(
    "documents",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("case_ref", ForeignKey("cases.ref"), nullable=False),
    Column("submission", ForeignKey("submissions.id"), nullable=False),
    Column("document", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("submission", "document"),
    Index("documents_case", "case_ref"),
)

fates = Table(
    "fates",
    metadata,
    Column("submission", ForeignKey("submissions.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("fate", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),  # part, sha256, reason
)

held = Table(
    "held",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("submission", ForeignKey("submissions.id"), nullable=False),
    Column("case_ref", String(32)),
    Column("state", String(16), nullable=False),
    Column("held_at", Utc, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("held_state", "state"),
    Index("held_submission", "submission"),
    Index("held_case", "case_ref"),
)

updates = Table(
    "updates",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("case_ref", ForeignKey("cases.ref"), nullable=False),
    Column("status", String(16), nullable=False),
    Column("due_at", Utc, nullable=False),
    Column("next_try", Utc, nullable=False),
    Column("claimed_at", Utc),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", Utc),
    Column("message_id", Text),
    Column("reason", String(64)),
    Column("body", LargeBinary, nullable=False),
    Index("updates_due", "status", "next_try"),
    Index("updates_sent", "status", "sent_at"),
    Index("updates_case", "case_ref"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("name", String(64), primary_key=True),
)

trail = Table(
    "trail",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("body", LargeBinary, nullable=False),  # who, what, to which record; under the house's key, it outlives the case
    Column("hash", String(64), nullable=False),
)

history = Table(
    "history",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("case_ref", String(32), nullable=False),
    Column("at", Utc, nullable=False),
    Column("from_status", String(16)),
    Column("to_status", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),  # why, by
    Index("history_case", "case_ref"),
)
