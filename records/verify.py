"""Is everything there and whole?  Every row has its object, every object its row, every key opens what it should."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import select

from records import tables as t
from records.errors import PermanentError
from records.model import SubmissionState
from records.store import Store
from records.vault import Vault

PAUSE = 2.0  # seconds in which custody that is being taken right now is complete


class Fault(NamedTuple):
    """One thing that is not as it should be: `what` it is about, by id, and a code."""

    check: str  # objects | strays | records
    what: str
    code: str


class Verified(NamedTuple):
    counts: dict[str, int]
    faults: list[Fault]


def verify(store: Store, vault: Vault) -> Verified:
    """All originals are read to their ends, all rows are opened; safe while the daemon works."""
    names = list(vault.names())
    counts, faults = {"objects": len(names)}, list[Fault]()
    for name, found in _originals(store, vault):
        counts[name] = counts.get(name, 0) + 1
        faults += found
    faults += _strays(store, vault, names)
    for name, found in _rows(store):
        counts[name] = counts.get(name, 0) + 1
        faults += found
    return Verified(counts, faults)


def _originals(store: Store, vault: Vault) -> Iterator[tuple[str, list[Fault]]]:
    for row in _each(store, t.submissions):
        if row["state"] == SubmissionState.DISPOSED:
            continue
        try:
            vault.check(store.rows.submission_of(row).digest)
        except PermanentError as fault:
            yield "submissions", [Fault("objects", row["id"], fault.code)]
        else:
            yield "submissions", []


def _strays(store: Store, vault: Vault, names: list[str]) -> list[Fault]:
    """An object without a row: its bytes were kept, its custody never completed."""

    def without_row() -> set[str]:
        return {name for name in names if vault.at(name).exists()} - {row["digest"] for row in _each(store, t.submissions)}

    if without_row():
        time.sleep(PAUSE)
    return [Fault("strays", name, "no_record") for name in sorted(without_row())]


def _rows(store: Store) -> Iterator[tuple[str, list[Fault]]]:
    rows = store.rows
    opened: tuple[tuple[str, Any, Callable[[Any], object]], ...] = (
        ("readings", t.readings, rows.reading_of),
        ("cases", t.cases, rows.case_of),
        ("documents", t.documents, rows.document_of),
        ("fates", t.fates, rows.fate_of),
        ("held", t.held, rows.held_of),
        ("updates", t.updates, rows.update_of),
        ("history", t.history, rows.move_of),
    )
    for name, table, open_row in opened:
        for row in _each(store, table):
            try:
                open_row(row)
            except (PermanentError, ValueError) as fault:
                code = fault.code if isinstance(fault, PermanentError) else "unreadable"
                about = row.get("ref") or row.get("case_ref") or row.get("submission") or row.get("digest", "")[:16]
                yield name, [Fault("records", f"{name} {about}", code)]
            else:
                yield name, []


def _each(store: Store, table: Any) -> Iterator[Any]:
    """Rows one by one, however many there are; the ledger is not held meanwhile."""
    with store.engine.connect().execution_options(somrr_read=True, yield_per=500) as c, c.begin():
        yield from c.execute(select(table)).mappings()
