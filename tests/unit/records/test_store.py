"""The ledger: one method one transaction, nothing twice, nothing half."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import CreateTable

from records import migrations, tables
from records.engine import open_engine, sqlite_url
from records.errors import ConfigurationError, PermanentError, TemporaryError
from records.keys import Keyring
from records.model import (
    Arrival,
    Case,
    CaseRecord,
    CaseStatus,
    Channel,
    Decision,
    Delivery,
    Envelope,
    Held,
    HeldState,
    Kept,
    Kind,
    Outcome,
    Reading,
    SubmissionState,
    UpdateStatus,
)
from records.rows import Rows
from records.store import Line, Store
from records.vault import Vault
from routing.acts import Act, act
from routing.decide import decide
from routing.matching import keys_of
from routing.rulings import release
from tests.makers import NOW, document, incoming, packet, world

SOON = NOW + timedelta(seconds=1)
HELD_WHOLE = Held("f" * 16, "", "encrypted", "locked by somebody", part="histology of a sister.pdf", sha256="d" * 64)


@pytest.fixture
def store(tmp_path: Path, keys: Keyring) -> Iterator[Store]:
    made = Store(sqlite_url(tmp_path / "records.db"), keys)
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
    store.commit(decision, NOW)


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


def test_what_was_tried_comes_after_what_was_not(store: Store) -> None:
    """One that took too long, or with which a run died, keeps no fresh one waiting, and is not forgotten."""
    slow = store.accept(arrival("1"), kept("a"), NOW).submission.id
    store.claim(NOW)
    fresh = store.accept(arrival("2"), kept("b"), SOON).submission.id
    turns = []
    for _ in range(2):
        claimed = store.claim(SOON)
        assert claimed is not None
        turns.append(claimed.id)
        store.defer(claimed.id, SOON + timedelta(hours=1))
    assert turns == [fresh, slow]


def test_a_word_of_staff_while_it_is_decided_is_not_lost(store: Store) -> None:
    """What was decided from the record before that word is not written; the submission waits to be decided with it."""
    store.accept(arrival("1"), kept("a"), NOW)
    doubtful = incoming([*packet(), document(Kind.MEDICAL_RECORD, doubtful=("identity_conflict",), name="other")])
    claimed = store.claim(NOW)
    assert claimed is not None
    brought = replace(doubtful, submission=claimed)
    store.commit(decide(brought, (), world()), NOW, claimed)
    (held,) = store.held()
    again = replace(brought, submission=replace(claimed, case_refs=(world().ref,)))
    late = decide(again, store.candidates(keys_of(again)), world())
    store.rule(release(held, "Staff Example"), NOW)
    with pytest.raises(TemporaryError, match="case_moved"):
        store.commit(late, NOW, claimed)
    assert store.held() == []
    store.defer(claimed.id, NOW, give_back=True)
    waiting = store.claim(NOW)
    assert waiting is not None
    assert waiting.attempts == 1


def test_a_reading_is_remembered_for_its_version(store: Store) -> None:
    """An upgrade reads again, a retry does not."""
    reading = Reading("a" * 64, "1", "message/rfc822", ())
    store.accept(arrival("1"), kept("a"), NOW)
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
    store.commit(approved, NOW)
    with pytest.raises(TemporaryError, match="case_moved"):
        store.commit(act(record, Act("note", "Staff Example", "late"), world()), NOW)
    (after,) = store.cases()
    assert [m.why for m in after.moves][-1].startswith("approve")


def test_deciding_a_submission_again_replaces_what_it_brought(store: Store) -> None:
    """A release from quarantine runs the same path: no document and no mail twice."""
    put(store)
    (record,) = store.cases()
    brought = replace(incoming(packet()), submission=record.submissions[0])
    store.commit(decide(brought, [record], world()), SOON)
    (after,) = store.cases()
    assert len(after.documents) == 5
    assert len(after.updates) == 2


def test_a_held_thing_keeps_its_day_and_staffs_word(store: Store) -> None:
    """Held once however often decided; a ruling is found when the submission is decided again."""
    accepted = store.accept(arrival("1"), kept("a"), NOW).submission
    brought = replace(incoming([packet()[0]]), submission=accepted, problems=())
    two = replace(brought, documents=(packet()[0], replace(packet()[4], fields={"birth_date": "1999-01-01"})))
    held_whole = decide(two, [], world())
    store.commit(held_whole, NOW)
    store.commit(held_whole, SOON)
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


def test_a_ledger_of_the_first_step_is_brought_up_to_date(tmp_path: Path, keys: Keyring) -> None:
    """What was filed stays in its case, and the indexed look-ups are used."""
    engine = open_engine(sqlite_url(tmp_path / "records.db"))
    steps = AlembicConfig()
    steps.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.connect() as c, c.begin():
        steps.attributes["connection"] = c
        upgrade(steps, "0001")
        rows = Rows(keys)
        came = incoming(packet()).submission
        case = CaseRecord(Case("SOMRR-1", CaseStatus.RECEIVED, NOW, NOW, NOW)).case
        old = {**rows.submission_row(came, keys.mint(), NOW), "case_ref": case.ref}
        new = rows.case_row(case, keys.mint())
        new.pop("merged_into")
        for table, row in (("submissions", old), ("cases", {**new, "ref": case.ref, "revision": 1})):
            values = {k: v.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(v, datetime) else v for k, v in row.items()}
            columns = ", ".join(values)
            c.exec_driver_sql(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(values))})", tuple(values.values()))  # noqa: S608 - our own names
    engine.dispose()
    store = Store(sqlite_url(tmp_path / "records.db"), keys)
    (record,) = store.cases()
    assert [s.case_refs for s in record.submissions] == [("SOMRR-1",)]
    with store.engine.connect() as c:
        for sought, index in (
            ("SELECT * FROM case_keys WHERE case_ref = 'x'", "case_keys_case"),
            ("SELECT * FROM cases WHERE look_again_at <= 'x' AND merged_into IS NULL", "cases_look_again"),
            ("SELECT * FROM updates WHERE status = 'sent' AND sent_at > 'x'", "updates_sent"),
        ):
            plan = c.exec_driver_sql(f"EXPLAIN QUERY PLAN {sought}").fetchall()
            assert index in str(plan), plan
    store.close()


def test_a_database_that_can_not_be_opened_is_a_configuration_fault(tmp_path: Path, keys: Keyring) -> None:
    """The daemon does not start, and says why."""
    with pytest.raises(ConfigurationError):
        Store(sqlite_url(tmp_path / "no-such-folder" / "records.db"), keys)


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


def test_nothing_of_a_person_stands_in_the_database(tmp_path: Path, store: Store) -> None:
    """No name, birth date, address, part name or digest in any page of the ledger or of its log."""
    put(store)
    (record,) = store.cases()
    held = replace(HELD_WHOLE, submission=record.submissions[0].id, case_ref=record.case.ref)
    store.commit(
        Decision("held", held.submission, SubmissionState.DECIDED, record.case, held=(held,), revision=record.revision), SOON
    )
    store.commit(act(store.cases()[0], Act("note", "Staff Example", "spoke with the family"), world()), SOON)
    stored = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("records.db*")))
    assert stored.startswith(b"SQLite format 3")
    assert record.case.ref.encode() in stored
    said = {str(value) for f in record.documents for value in f.document.fields.values()}
    said |= {f.document.part for f in record.documents} | {c.address for c in record.case.contacts}
    said |= {"Staff Example", "spoke with the family", held.detail, held.part, "one@clinic.example", kept("a").digest}
    said |= {sha for f in record.documents for sha in f.document.sha256s} | {value for _, value in keys_of(incoming(packet()))}
    words = {word for word in said if len(word) > 4}
    assert len(words) > 12
    assert [word for word in sorted(words) if word.encode() in stored] == []


def test_another_keyring_is_refused_at_the_door(tmp_path: Path, store: Store) -> None:
    """Before it could seal anything that the right one does not open."""
    put(store)
    with pytest.raises(ConfigurationError, match="not those of these records"):
        Store(sqlite_url(tmp_path / "records.db"), Keyring(tmp_path / "other"))


def test_a_row_moved_to_another_place_does_not_open(store: Store) -> None:
    """Who can write into the database can not give one case the documents of another."""
    put(store)
    with store.engine.begin() as c:
        c.exec_driver_sql("UPDATE documents SET submission = submission, document = 'f' || substr(document, 2)")
    with pytest.raises(PermanentError, match="sealed_field"):
        store.cases()


def test_destroyed_keys_close_a_case_also_in_an_older_copy(tmp_path: Path, keys: Keyring, store: Store) -> None:
    """Yesterday's backup and today's keys give nothing of it; other cases stay."""
    put(store)
    (record,) = store.cases()
    with closing(sqlite3.connect(tmp_path / "records.db")) as c:
        c.execute("VACUUM INTO ?", (str(tmp_path / "yesterday.db"),))
    ids = store.data_keys(record.case.ref)
    assert len(ids) == 2
    assert keys.destroy(ids) == 2
    yesterday = Store(sqlite_url(tmp_path / "yesterday.db"), Keyring(keys.folder))
    for ledger in (store, yesterday):
        for look in (ledger.cases, ledger.submissions, ledger.lines, ledger.outbox):
            with pytest.raises(PermanentError, match="key_gone"):
                look()
    yesterday.close()


def test_a_crash_between_key_object_and_row_leaves_one_key_that_counts(tmp_path: Path, keys: Keyring, store: Store) -> None:
    """The bytes come again after the crash: the row names the key under which they lie, so destroying it destroys them."""
    keys.mint()  # a key, then the crash: nothing is sealed under it
    first = Vault(tmp_path / "vault", keys, reserve=0).keep([b"bytes"])  # an object, then the crash: no row
    again = Keyring(keys.folder)
    vault = Vault(tmp_path / "vault", again, reserve=0)
    second = vault.keep([b"bytes"])
    submission = store.accept(arrival("1"), second, NOW).submission
    assert second == first
    with store.engine.connect() as c:
        assert c.exec_driver_sql("SELECT data_key FROM submissions").scalar() == first.key
    again.destroy([first.key])
    with pytest.raises(PermanentError, match="key_gone"):
        b"".join(vault.open(submission.digest))


def test_the_line_of_a_case_follows_all_that_it_shows(tmp_path: Path, keys: Keyring) -> None:
    """After every act the list reads what a look at the whole record would have said."""

    def shown(record: CaseRecord) -> dict[str, object]:
        waiting = sum(h.state is HeldState.HELD for h in record.held)
        return {"ref": record.case.ref, "status": record.case.status, "documents": len(record.documents), "held": waiting}

    store = Store(sqlite_url(tmp_path / "records.db"), keys, Line(1, shown))
    put(store)
    (record,) = store.cases()
    assert store.lines() == [shown(record)]
    held = replace(HELD_WHOLE, submission=record.submissions[0].id, case_ref=record.case.ref)
    store.commit(
        Decision("held", held.submission, SubmissionState.DECIDED, record.case, held=(held,), revision=record.revision), SOON
    )
    assert store.lines() == [shown(store.cases()[0])]
    assert store.lines()[0]["held"] == 1
    (waiting,) = store.held()
    assert waiting.id not in {HELD_WHOLE.id, ""}  # made of file names: never in clear
    store.rule(replace(waiting, state=HeldState.DISCARDED), SOON)
    assert store.lines() == [shown(store.cases()[0])]
    assert store.lines(CaseStatus.CLOSED) == []
    store.close()
    later = Store(sqlite_url(tmp_path / "records.db"), keys, Line(2, lambda record: {"new": record.case.ref}))
    assert later.lines() == later.lines() == [{"new": record.case.ref}]
    later.close()


def test_a_ledger_of_before_is_refused_with_a_sentence(tmp_path: Path, keys: Keyring) -> None:
    """One kept in clear, and one made by a newer version."""
    for name, statement in (
        ("old", "CREATE TABLE cases (ref TEXT)"),
        ("new", "CREATE TABLE alembic_version AS SELECT '9999' AS version_num"),
    ):
        with closing(sqlite3.connect(tmp_path / f"{name}.db")) as c, c:
            c.execute(statement)
        with pytest.raises(ConfigurationError, match="earlier" if name == "old" else "newer"):
            Store(sqlite_url(tmp_path / f"{name}.db"), keys)
