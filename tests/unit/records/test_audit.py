"""The chain of the trail: whatever is done to it shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.audit import START, Entry, broken, link
from tests.makers import NOW


def chain(count: int) -> list[Entry]:
    entries: list[Entry] = []
    before = START
    for seq in range(1, count + 1):
        at, body = NOW + timedelta(seconds=seq), f"sealed {seq}".encode()
        before = link(before, seq, at, body)
        entries.append(Entry(seq, at, body, before))
    return entries


def heads(entries: list[Entry]) -> dict[int, str]:
    return {entries[-1].seq: entries[-1].hash}


def test_an_untouched_chain_holds() -> None:
    """Empty, short and long."""
    for count in (0, 1, 9):
        made = chain(count)
        assert list(broken(made, heads(made) if made else {})) == []


@pytest.mark.parametrize("field", ["at", "body", "hash"])
def test_an_edit_shows_where_it_was_made(field: str) -> None:
    """Time, words or hash."""
    made = chain(6)
    more: dict[str, Any] = {"at": timedelta(microseconds=1), "body": b"x", "hash": "x"}
    made[2] = replace(made[2], **{field: getattr(made[2], field) + more[field]})
    assert next(b.seq for b in broken(made, {})) == 3


def test_an_edit_with_its_hash_mended_shows_at_the_next_entry() -> None:
    """Who edits must write the whole tail anew, and the noted head then says so."""
    made = chain(6)
    noted = heads(made)
    forged = replace(made[2], body=b"forged", hash=link(made[1].hash, 3, made[2].at, b"forged"))
    assert [b.seq for b in broken([*made[:2], forged, *made[3:]], {})] == [4]
    tail, before = [], forged.hash
    for entry in made[3:]:
        before = link(before, entry.seq, entry.at, entry.body)
        tail.append(replace(entry, hash=before))
    rewritten = [*made[:2], forged, *tail]
    assert list(broken(rewritten, {})) == []
    assert [b.seq for b in broken(rewritten, noted)] == [6]


@given(st.integers(0, 6))
def test_a_deletion_shows(at: int) -> None:
    """In the midst by the chain, at the end by the noted head."""
    made = chain(7)
    noted = heads(made)
    assert list(broken(made[:at] + made[at + 1 :], noted))


@given(st.integers(0, 7), st.integers(1, 9))
def test_an_insertion_shows(at: int, seq: int) -> None:
    """Anywhere, with any number; at the very end only against what is there afterwards."""
    made = chain(7)
    before = made[at - 1].hash if at else START
    put = Entry(seq, NOW, b"put in", link(before, seq, NOW, b"put in"))
    found = list(broken([*made[:at], put, *made[at:]], heads(made)))
    assert found or (at == 7 and seq == 8)  # that is an honest entry


@given(st.integers(0, 5))
def test_a_reordering_shows(at: int) -> None:
    """Two neighbours change places."""
    made = chain(7)
    made[at], made[at + 1] = made[at + 1], made[at]
    assert list(broken(made, {}))


@given(st.integers(0, 6))
def test_a_cut_tail_shows_against_the_noted_head(left: int) -> None:
    """Without the head it could not."""
    made = chain(7)
    assert list(broken(made[:left], {})) == []
    assert [b.seq for b in broken(made[:left], heads(made))] == [7]
