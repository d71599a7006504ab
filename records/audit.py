"""The trail: who did what to which record, each entry bound to the one before it by its hash.

The hash runs over what is stored, which is sealed, so that the chain is verified without any key.  An entry that is
edited, left out, put in or moved breaks the chain where it happened.  A tail that was cut leaves a sound chain
behind: it shows only against a head that was noted elsewhere, so the daemon writes each head into the journal
(`records.audit.anchored`), and `broken` is given those heads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

START = "0" * 64  # what the first entry is bound to


@dataclass(frozen=True, slots=True)
class Entry:
    """One act, as it is kept."""

    seq: int  # from 1, without gaps
    at: datetime
    body: bytes  # sealed: actor, act, subject
    hash: str  # of the entry before it, and of these


@dataclass(frozen=True, slots=True)
class Said:
    """One act, opened.  No reasons in people's words: those lie with the case, and go with it."""

    seq: int
    at: datetime
    actor: str  # a person's name, `machine`, or `user NAME` for who was logged in
    act: str
    subject: str  # a case reference, or the id of a held thing or an update


class Break(NamedTuple):
    """Where the chain does not hold."""

    seq: int
    what: str


def link(before: str, seq: int, at: datetime, body: bytes) -> str:
    """The hash of an entry; each piece has its length before it, so that no two entries are written alike."""
    sha = hashlib.sha256()
    for piece in (before.encode(), str(seq).encode(), at.astimezone(UTC).isoformat().encode(), body):
        sha.update(len(piece).to_bytes(8, "big") + piece)
    return sha.hexdigest()


def sound(newest: Sequence[Entry]) -> bool:
    """Is the last of these bound to the one before it?  A quick look at the end; `broken` looks at all."""
    if not newest:
        return True
    last = newest[-1]
    before = newest[-2].hash if len(newest) > 1 else START
    return last.hash == link(before, last.seq, last.at, last.body) and (len(newest) > 1 or last.seq == 1)


def broken(entries: Iterable[Entry], heads: Mapping[int, str]) -> Iterator[Break]:
    """Every place where the chain does not hold, in order; `heads` are the hashes noted elsewhere, by `seq`."""
    before, expected = START, 1
    seen: dict[int, str] = {}
    for entry in entries:
        if entry.seq != expected:
            yield Break(entry.seq, f"entry {expected} should stand here: something was left out, put in or moved")
        if entry.hash != link(before, entry.seq, entry.at, entry.body):
            yield Break(entry.seq, "is not what was written after the entry before it")
        before, expected = entry.hash, entry.seq + 1
        seen[entry.seq] = entry.hash
    for seq, head in sorted(heads.items()):
        if seq not in seen:
            yield Break(seq, "was noted elsewhere and is no longer here: the tail was cut")
        elif seen[seq] != head:
            yield Break(seq, "is another entry than the one noted elsewhere")
