"""What every way in promises: list what is there, hand over its bytes, change nothing until we hold them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from records.errors import TemporaryError
from records.model import Arrival, Channel

Known = Callable[[Sequence[str]], set[str]]  # which of these keys of this source the ledger has

PART_BYTES = 1 << 20  # the largest piece that `fetch` yields
KEYS_AT_ONCE = 500  # databases limit the parameters of one statement


class ArrivalError(TemporaryError):
    """This one arrival can not be had now; the source is well, so the caller may go on with the next."""


class Doomed(NamedTuple):
    """A submission whose case was disposed of: what bears its key goes, when it has these bytes."""

    submission: str
    digest: str  # SHA-256


class Disposed(Protocol):
    """What the ledger knows of this source's arrivals whose cases were disposed of."""

    def by_key(self, keys: Sequence[str]) -> Mapping[str, Doomed]:
        """Those of these keys that are of such arrivals."""

    def by_size(self, size: int) -> Sequence[Doomed]:
        """Those of so many bytes; none whose bytes belong to a living case as well."""

    def going(self, doomed: Doomed) -> None:
        """Written down just before the copy goes; when it raises, the copy stays."""


class Source(Protocol):
    """One mailbox, Maildir or drop folder; used by one thread at a time.

    The order is: `poll` → `fetch` → (bytes and row durable) → `acknowledge`.  All but `wait` and `close` may raise
    `TemporaryError`: the caller waits and polls again, and nothing is lost, since the next poll lists anew.
    """

    name: str  # "imap:INBOX", "maildir", "fax", "courier"
    channel: Channel
    unfinished: int  # how many things the last poll left only because they have not rested long enough
    patience: float  # seconds in which those are finished, if nobody writes on

    def poll(self, known: Known) -> Iterator[Arrival]:
        """List all that is there, subtract what the ledger has and yield the rest; logs the count when exhausted or closed."""

    def fetch(self, arrival: Arrival) -> Iterator[bytes]:
        """Yield the raw bytes in parts of at most 1 MiB; raises when they can not be had whole and unchanged."""

    def acknowledge(self, arrival: Arrival) -> None:
        """Mark or move the original as configured; called only when bytes and row are durable.  May be repeated."""

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Return after `seconds`, sooner on a hint that something came, and within a second when `stop` is set."""

    def forget(self, gone: Callable[[str], bool]) -> int:
        """Remove the copies that we made of arrivals whose SHA-256 is `gone` (R40); returns how many."""

    def withdraw(self, disposed: Disposed) -> Iterator[tuple[Doomed, str]]:
        """Remove originals of disposed cases that still lie where they came (R40), only what is byte for byte the same.

        Yields each with a code: `removed`, or why it was left.  May be repeated: what is gone is not found again.
        """

    def close(self) -> None:
        """Let go of connections and watches; the source may be polled again afterwards."""


def in_ledger(known: Known, keys: Sequence[str]) -> set[str]:
    """Those of `keys` that the ledger has, asked for in portions."""
    found: set[str] = set()
    for start in range(0, len(keys), KEYS_AT_ONCE):
        found |= known(keys[start : start + KEYS_AT_ONCE])
    return found
