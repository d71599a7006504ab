"""The short form of `make fuzz`: what the campaign kept, and some fresh inputs for every entry point."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import kept
from tests.fuzz.entries import ENTRIES, LONGEST, Entry

FRESH, FRESH_SLOW = 300, 40

Edit = tuple[int, int, bytes]  # where, how much goes, what comes
EDITS = st.lists(st.tuples(st.integers(0, LONGEST), st.integers(0, 40), st.binary(max_size=12)), max_size=6)


def edited(raw: bytes, edits: list[Edit]) -> bytes:
    for at, gone, put in edits:
        place = at % (len(raw) + 1)
        raw = raw[:place] + put + raw[place + gone :]
    return raw


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_what_fuzzing_found_stays_mended(entry: Entry) -> None:
    """The seeds, and the minimised corpus of the last campaign."""
    for raw in (*entry.seeds(), *kept(entry.name)):
        entry.run(raw)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_no_input_escapes(entry: Entry) -> None:
    """Seeds with pieces cut out, put in and changed, and bytes without sense."""
    seeds = st.sampled_from([*entry.seeds(), *kept(entry.name)])

    @settings(max_examples=FRESH_SLOW if entry.slow else FRESH)
    @given(st.one_of(st.builds(edited, seeds, EDITS), st.binary(max_size=400)))
    def fuzzed(raw: bytes) -> None:
        entry.run(raw)

    fuzzed()
