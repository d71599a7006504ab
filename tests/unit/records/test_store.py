"""The ledger: one method one transaction, nothing twice, nothing half."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import CreateTable

from records import tables
from records.engine import sqlite_url
from records.errors import ConfigurationError, TemporaryError
from records.model import (
    Arrival,
    Channel,
    Delivery,
    Envelope,
    HeldState,
    Kept,
    Outcome,
    Reading,
    SubmissionState,
    UpdateStatus,
)
from records.store import Store
from routing.acts import Act, act
from routing.decide import decide
from routing.matching import keys_of
from tests.makers import NOW, incoming, packet, world

SOON = NOW + timedelta(seconds=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(sqlite_url(tmp_path / "records.db"))
    yield made
    made.close()


def arrival(key: str, source: str = "imap:INBOX") -> Arrival:
    return Arrival(source, key, Envelope(Channel.EMAIL, NOW, message_id="<one@clinic.example>"))


def kept(text: str) -> Kept:
    return Kept((text * 64)[:64], 10)


def put(store: Store, name: str = "a") -> None:
    """A complete packet, accepted, decided and committed."""
    accepted = store.accept(arrival(name), kept(name), NOW).submission
    brought = replace(incoming(packet()), submission=accepted)
    decision = decide(brought, store.candidates(keys_of(brought)), world())
    store.commit(decision, 0, NOW)


def test_the_same_arrival_and_the_same_bytes_are_one_submission(store: Store) -> None:
    """A restored mailbox (new UIDVALIDITY) or a repeated poll brings nothing new, and every key is known."""
    first = store.accept(arrival("1;1"), kept("a"), NOW)
    again = store.accept(arrival("1;1"), kept("a"), SOON)
    renumbered = store.accept(arrival("2;9"), kept("a"), SOON)
    assert (first.new, again.new, renumbered.new) == (True, False, False)
    assert first.submission.id == again.submission.id == renumbered.submission.id
    assert store.known("imap:INBOX", ["1;1", "2;9", "3;3"]) == {"1;1", "2;9"}
    assert store.known("fax", ["1;1"]) == set()


def test_an_attempt_is_counted_before_it_is_made(store: Store) -> None:
    """A crash while reading leaves a trace; a temporary fault gives the attempt back and waits."""
    store.accept(arrival("1"), kept("a"), NOW)
    claimed = store.claim(NOW)
    assert claimed is not None
    assert claimed.attempts == 1
    again = store.claim(NOW)
    assert again is not None
    assert again.attempts == 2
    store.defer(again.id, SOON, give_back=True)
    assert store.claim(NOW) is None
    third = store.claim(SOON)
    assert third is not None
    assert third.attempts == 2


def test_a_reading_is_remembered_for_its_version(store: Store) -> None:
    """An upgrade reads again, a retry does not."""
    reading = Reading("a" * 64, "1", "message/rfc822", ())
    store.remember(reading)
    assert store.reading("a" * 64, "1") == reading
    assert store.reading("a" * 64, "2") is None
    store.remember(replace(reading, version="2"))
    assert store.reading("a" * 64, "1") is None


def test_a_decision_is_written_whole_and_found_again(store: Store) -> None:
    """Case, documents, updates, history and keys come back as they were decided."""
    put(store)
    (record,) = store.cases()
    assert record.case.status == "open"
    assert len(record.documents) == 5
    assert [u.status for u in record.updates] == [UpdateStatus.QUEUED] * 2
    assert [m.to_status for m in record.moves] == ["open"]
    assert record.submissions[0].state is SubmissionState.DECIDED
    again = incoming(packet(), "b")
    assert [r.case.ref for r in store.candidates(keys_of(again))] == [record.case.ref]
    assert store.record(record.case.ref) == record


def test_a_decision_from_an_old_record_is_refused_whole(store: Store) -> None:
    """Decisions on one case never overtake each other."""
    put(store)
    (record,) = store.cases()
    approved = act(record, Act("approve", "Staff Example"), world())
    store.commit(approved, record.revision, NOW)
    with pytest.raises(TemporaryError, match="case_moved"):
        store.commit(act(record, Act("note", "Staff Example", "late"), world()), record.revision, NOW)
    (after,) = store.cases()
    assert [m.why for m in after.moves][-1].startswith("approve")


def test_deciding_a_submission_again_replaces_what_it_brought(store: Store) -> None:
    """A release from quarantine runs the same path: no document and no mail twice."""
    put(store)
    (record,) = store.cases()
    brought = replace(incoming(packet()), submission=record.submissions[0])
    store.commit(decide(brought, [record], world()), record.revision, SOON)
    (after,) = store.cases()
    assert len(after.documents) == 5
    assert len(after.updates) == 2


def test_a_held_thing_keeps_its_day_and_staffs_word(store: Store) -> None:
    """Held once however often decided; a ruling is found when the submission is decided again."""
    accepted = store.accept(arrival("1"), kept("a"), NOW).submission
    brought = replace(incoming([packet()[0]]), submission=accepted, problems=())
    two = replace(brought, documents=(packet()[0], replace(packet()[4], fields={"birth_date": "1999-01-01"})))
    held_whole = decide(two, [], world())
    store.commit(held_whole, 0, NOW)
    store.commit(held_whole, 0, SOON)
    (held,) = store.held()
    assert (held.reason, held.held_at) == ("identity_conflict", NOW)
    store.rule(replace(held, state=HeldState.RELEASED, ruled_by="Staff Example", case_ref="new"), SOON)
    assert store.held() == []
    assert [r.ruled_by for r in store.rulings(accepted.id)] == ["Staff Example"]
    assert store.claim(SOON) is not None


def test_an_update_is_claimed_before_it_is_sent_and_owed_once(store: Store) -> None:
    """The attempt is committed first; the outcome decides what happens next."""
    put(store)
    first, second = store.due(NOW), store.due(NOW)
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert store.due(NOW) is None
    assert store.record_delivery(first, Delivery(Outcome.SENT, "250", NOW), None) is UpdateStatus.SENT
    later = NOW + timedelta(minutes=5)
    assert store.record_delivery(second, Delivery(Outcome.DEFERRED, "450", NOW), later) is UpdateStatus.QUEUED
    assert store.due(NOW) is None
    again = store.due(later)
    assert again is not None
    assert again.attempts == 2
    assert store.record_delivery(again, Delivery(Outcome.DEFERRED, "450", later), None) is UpdateStatus.FAILED


def test_a_run_that_died_while_sending_leaves_uncertain_not_a_second_mail(store: Store) -> None:
    """Before the point of no return the claim is free again; after it nobody resends blindly, unless repeating is harmless."""
    put(store)
    claimed, sending = store.due(NOW), store.due(NOW)
    assert claimed is not None
    assert sending is not None
    store.sending(sending.id, "<x@example.org>", NOW)
    assert store.recover(repeatable=False) == 1
    statuses = {u.id: u.status for u in store.outbox()}
    assert statuses == {claimed.id: UpdateStatus.QUEUED, sending.id: UpdateStatus.UNCERTAIN}
    assert store.retry(sending.id, NOW)
    assert not store.retry(claimed.id, NOW)


def test_what_died_while_writing_a_file_is_written_again(store: Store) -> None:
    """The embedded default writes the same file again: harmless, so nothing is uncertain."""
    put(store)
    owed = store.due(NOW)
    assert owed is not None
    store.sending(owed.id, "<x@example.org>", NOW)
    assert store.recover(repeatable=True) == 0
    assert {u.status for u in store.outbox()} == {UpdateStatus.QUEUED}


def test_the_ledger_pays_for_durability(store: Store) -> None:
    """WAL with synchronous=FULL: a commit that returned survives a power cut."""
    with store.engine.connect() as c:
        assert c.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert c.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_the_migrations_make_exactly_the_tables(store: Store) -> None:
    """The numbered steps and the code's tables agree."""
    with store.engine.connect() as c:
        assert compare_metadata(MigrationContext.configure(c), tables.metadata) == []


def test_a_database_that_can_not_be_opened_is_a_configuration_fault(tmp_path: Path) -> None:
    """The daemon does not start, and says why."""
    with pytest.raises(ConfigurationError):
        Store(sqlite_url(tmp_path / "no-such-folder" / "records.db"))


def test_times_come_back_in_utc(store: Store) -> None:
    """Whatever zone a moment is written in, the ledger answers in UTC."""
    from zoneinfo import ZoneInfo

    local = datetime(2026, 3, 8, 3, 30, tzinfo=ZoneInfo("America/Los_Angeles"))
    accepted = store.accept(replace(arrival("1"), envelope=Envelope(Channel.FAX, local)), kept("a"), local)
    found = store.submission(accepted.submission.id)
    assert found is not None
    assert found.envelope.received_at == local
    assert found.envelope.received_at.tzinfo is UTC


def test_the_ledger_is_portable_sql() -> None:
    """Every table and index can be made in PostgreSQL as well."""
    dialect: Dialect = PGDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy does not type it
    ddl = [str(CreateTable(table).compile(dialect=dialect)) for table in tables.metadata.sorted_tables]
    assert len(ddl) == len(tables.metadata.tables)
    assert all("CREATE TABLE" in statement for statement in ddl)
