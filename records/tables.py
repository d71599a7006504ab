"""The ledger's tables, portable SQL: times are UTC ISO 8601 text (they sort), bodies are JSON text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Dialect, ForeignKey, Index, Integer, MetaData, String, Table, Text, TypeDecorator, UniqueConstraint


class Utc(TypeDecorator[datetime]):
    """An aware datetime kept as fixed-width UTC text, the same in every database."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


metadata = MetaData()

submissions = Table(
    "submissions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("size", Integer, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("received_at", Utc, nullable=False),
    Column("sender", Text),
    Column("message_id", Text),
    Column("envelope_ref", String(32)),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Utc, nullable=False),
    Column("accepted_at", Utc, nullable=False),
    Column("case_ref", String(32)),
    Index("submissions_waiting", "state", "not_before"),
    Index("submissions_case", "case_ref"),
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("source", String(255), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("submission", ForeignKey("submissions.id"), nullable=False),
    Column("seen_at", Utc, nullable=False),
)

readings = Table(
    "readings",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("body", Text, nullable=False),
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
    Column("body", Text, nullable=False),
    Index("cases_status", "status"),
    Index("cases_look_again", "look_again_at"),
)

case_keys = Table(
    "case_keys",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("value", String(64), primary_key=True),
    Column("case_ref", ForeignKey("cases.ref"), primary_key=True),
)

documents = Table(
    "documents",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("case_ref", ForeignKey("cases.ref"), nullable=False),
    Column("submission", ForeignKey("submissions.id"), nullable=False),
    Column("document", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("submission", "document"),
    Index("documents_case", "case_ref"),
)

fates = Table(
    "fates",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("submission", ForeignKey("submissions.id"), nullable=False),
    Column("part", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("fate", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Index("fates_submission", "submission"),
)

held = Table(
    "held",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("submission", ForeignKey("submissions.id"), nullable=False),
    Column("case_ref", String(32)),
    Column("state", String(16), nullable=False),
    Column("held_at", Utc, nullable=False),
    Column("body", Text, nullable=False),
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
    Column("body", Text, nullable=False),
    Index("updates_due", "status", "next_try"),
    Index("updates_case", "case_ref"),
)

history = Table(
    "history",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("case_ref", String(32), nullable=False),
    Column("at", Utc, nullable=False),
    Column("from_status", String(16)),
    Column("to_status", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("by", Text, nullable=False),
    Index("history_case", "case_ref"),
)
