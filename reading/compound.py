"""Compound files (MS-CFB): the small file system inside .msg, .doc and .xls, read with every chain bounded.

A hostile file may let many streams share the same sectors, so each byte handed out is charged to a budget.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from reading.limits import Unreadable

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
NO_SECTOR = 0xFFFFFFFA  # this and above: the end of a chain, a free sector, a table's own
HEADER_TABLES = 109  # table sectors that the header itself names
ENTRY = 128  # bytes of a directory entry
STORAGE, STREAM, ROOT = 1, 2, 5
MAX_ENTRIES = 100_000
MINI = 64  # bytes of a sector of the stream that holds the small ones


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the directory; `left`, `right`, `child` are line numbers of its tree."""

    name: str
    kind: int
    left: int
    right: int
    child: int
    start: int
    size: int


@dataclass(slots=True)
class Storage:
    """A folder of the compound file."""

    file: Compound
    streams: dict[str, Entry] = field(default_factory=dict)
    storages: dict[str, Storage] = field(default_factory=dict)

    def read(self, name: str) -> bytes | None:
        """A stream's bytes, None when there is none of this name."""
        entry = self.streams.get(name)
        return None if entry is None else self.file.content(entry)

    def walk(self) -> Iterator[tuple[str, Entry]]:
        """Every stream in it and below, with its path, in the order of their names."""
        todo = [("", self)]
        while todo:
            path, storage = todo.pop()
            yield from ((path + name, entry) for name, entry in sorted(storage.streams.items()))
            todo.extend((f"{path}{name}/", inner) for name, inner in sorted(storage.storages.items(), reverse=True))

    def weigh(self) -> tuple[int, str]:
        """Its size in bytes and a SHA-256 over all names and streams: who it is, when it has no bytes of its own."""
        size, seed = 0, hashlib.sha256()
        for path, entry in self.walk():
            raw = self.file.content(entry)
            size += len(raw)
            seed.update(f"{path}\0{len(raw)}\0".encode("utf-8", "surrogatepass") + raw)
        return size, seed.hexdigest()


class Compound:
    """A compound file in memory; `spend` is told every byte handed out and raises when it was too much."""

    def __init__(self, raw: bytes, spend: Callable[[int], None]) -> None:
        self._raw, self._spend = raw, spend
        self.cut = False  # whether a stream was shorter than its directory entry says
        if len(raw) < 512 or not raw.startswith(MAGIC):
            raise Unreadable("office_malformed", "no compound file")
        self._shift = int.from_bytes(raw[30:32], "little")
        if self._shift not in (9, 12) or raw[32:34] != b"\x06\0":
            raise Unreadable("office_malformed", "a compound file with unknown sectors")
        directory, self._cutoff, mini_table = struct.unpack_from("<I4xII", raw, 48)
        self._table = self._numbers(self._tables())
        entries = self._entries(b"".join(self._sectors(directory, self._table, MAX_ENTRIES * ENTRY >> self._shift)))
        self._top = entries[0]
        minis = min(self._top.size, len(raw)) // MINI + 1
        self._mini_table = self._numbers(list(self._chain(mini_table, self._table, (minis << 2 >> self._shift) + 1)))
        self._mini: bytes | None = None
        self.root = self._tree(entries)

    # ------------------------------------------------------------ sectors

    def _sector(self, number: int) -> bytes:
        return self._raw[(number + 1) << self._shift : (number + 2) << self._shift]

    def _tables(self) -> list[int]:
        """Numbers of the sectors that hold the table of all chains: from the header, then from a chain of lists."""
        named = list(struct.unpack_from(f"<{HEADER_TABLES}I", self._raw, 76))
        most = (len(self._raw) >> self._shift) + 1
        (at,) = struct.unpack_from("<I", self._raw, 68)
        seen: set[int] = set()
        while at < most and at not in seen and len(named) < most + HEADER_TABLES:
            seen.add(at)
            more = self._numbers([at])
            named, at = named + list(more[:-1]), more[-1] if more else NO_SECTOR
        return [number for number in named if number < most][: (most << 2 >> self._shift) + 2]

    def _numbers(self, sectors: list[int]) -> Sequence[int]:
        raw = b"".join(map(self._sector, sectors))
        return struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) & ~3])

    @staticmethod
    def _chain(start: int, table: Sequence[int], most: int) -> Iterator[int]:
        """Sector numbers from `start` on, at most `most` of them: a loop ends there."""
        for _ in range(min(most, len(table))):
            if start >= len(table):
                return
            yield start
            start = table[start]

    def _sectors(self, start: int, table: Sequence[int], most: int) -> Iterator[bytes]:
        return map(self._sector, self._chain(start, table, most))

    def content(self, entry: Entry) -> bytes:
        """A stream's bytes, as many as there are."""
        if entry.size < self._cutoff:
            return self._small(entry)
        self._spend(min(entry.size, len(self._raw)))
        most = -(-entry.size >> self._shift)
        raw = b"".join(self._sectors(entry.start, self._table, most))[: entry.size]
        self.cut |= len(raw) < entry.size
        return raw

    def _small(self, entry: Entry) -> bytes:
        if self._mini is None:
            most = -(-self._top.size >> self._shift)
            self._mini = b"".join(self._sectors(self._top.start, self._table, most))
        self._spend(entry.size)
        numbers = self._chain(entry.start, self._mini_table, -(-entry.size // MINI))
        raw = b"".join(self._mini[number * MINI : (number + 1) * MINI] for number in numbers)[: entry.size]
        self.cut |= len(raw) < entry.size
        return raw

    # ------------------------------------------------------------ directory

    def _entries(self, raw: bytes) -> list[Entry]:
        entries = []
        for at in range(0, len(raw) - ENTRY + 1, ENTRY):
            length, kind = struct.unpack_from("<HB", raw, at + 64)
            left, right, child = struct.unpack_from("<III", raw, at + 68)
            start, size = struct.unpack_from("<IQ", raw, at + 116)
            name = raw[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
            size &= 0xFFFFFFFF if self._shift == 9 else (1 << 63) - 1  # version 3 leaves dirt in the upper half
            entries.append(Entry(name, kind, left, right, child, start, size))
        if not entries or entries[0].kind != ROOT:
            raise Unreadable("office_malformed", "a compound file without a directory")
        return entries

    def _tree(self, entries: list[Entry]) -> Storage:
        """Folders and streams; an entry that is named twice counts once."""
        root = Storage(self)
        seen = {0}
        todo = [(root, entries[0].child)]
        while todo:
            storage, number = todo.pop()
            if number >= len(entries) or number in seen:
                continue
            seen.add(number)
            entry = entries[number]
            todo += [(storage, entry.left), (storage, entry.right)]
            if entry.kind == STREAM:
                storage.streams.setdefault(entry.name, entry)
            elif entry.kind == STORAGE:
                inner = storage.storages.setdefault(entry.name, Storage(self))
                todo.append((inner, entry.child))
        return root


def names(raw: bytes) -> frozenset[str]:
    """Names at the top of a compound file, none when it is broken."""
    try:
        root = Compound(raw, lambda _: None).root
    except (Unreadable, struct.error):
        return frozenset()
    return frozenset([*root.streams, *root.storages])
