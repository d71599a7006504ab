"""A writer of compound files (MS-CFB) as small as they can be: what .msg and .doc files in the tests are made with."""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, field

from reading.compound import HEADER_TABLES, MAGIC

Tree = dict[str, "bytes | Tree"]  # a folder: streams are bytes, folders are trees

NOTHING, END, TABLE, LIST = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC
SECTOR, MINI, CUTOFF = 512, 64, 4096
NUMBERS = SECTOR // 4  # a sector holds


@dataclass
class _Line:
    name: str
    kind: int
    content: bytes = b""
    children: list[int] = field(default_factory=list)
    start: int = END
    right: int = NOTHING
    child: int = NOTHING


def compound(tree: Tree) -> bytes:
    """The bytes of a compound file of version 3 that holds `tree`."""
    lines = [_Line("Root Entry", 5)]
    _gather(tree, 0, lines)
    for line in lines:
        for number, after in itertools.pairwise([*line.children, NOTHING]):
            lines[number].right = after
        line.child = line.children[0] if line.children else NOTHING
    mini, mini_table = b"", list[int]()
    for line in lines:
        if line.kind == 2 and 0 < len(line.content) < CUTOFF:
            line.start = len(mini) // MINI
            count = -(-len(line.content) // MINI)
            mini_table += [*range(line.start + 1, line.start + count), END]
            mini += line.content.ljust(count * MINI, b"\0")
    sectors, table = list[bytes](), list[int]()

    def put(content: bytes) -> int:
        if not content:
            return END
        first = len(sectors)
        count = -(-len(content) // SECTOR)
        sectors.extend(content[n * SECTOR : (n + 1) * SECTOR].ljust(SECTOR, b"\0") for n in range(count))
        table.extend([*range(first + 1, first + count), END])
        return first

    for line in lines:
        if line.kind == 2 and len(line.content) >= CUTOFF:
            line.start = put(line.content)
    lines[0].content, lines[0].start = mini, put(mini)
    mini_start = put(struct.pack(f"<{len(mini_table)}I", *mini_table))
    empty = struct.pack("<64sHBBIII36xIQ", b"", 0, 0, 0, NOTHING, NOTHING, NOTHING, 0, 0)
    directory = put(b"".join(map(_packed, lines)) + empty * (-len(lines) % 4))
    return _finished(sectors, table, directory, mini_start, -(-len(mini_table) * 4 // SECTOR))


def _finished(sectors: list[bytes], table: list[int], directory: int, mini_start: int, mini_count: int) -> bytes:
    """Header, sectors, the lists of table sectors that the header has no room for, the table."""
    count = lists = 0
    while count * NUMBERS < len(table) + count + lists:
        count += 1
        lists = -(-max(0, count - HEADER_TABLES) // (NUMBERS - 1))
    first = len(sectors)
    table += [LIST] * lists + [TABLE] * count
    table += [NOTHING] * (count * NUMBERS - len(table))
    named = [*range(first + lists, first + lists + count)]
    named += [NOTHING] * (HEADER_TABLES + lists * (NUMBERS - 1) - count)
    header = struct.pack("<8s16xHHHHH6xIIIIIIIII", MAGIC, 0x3E, 3, 0xFFFE, 9, 6, 0, count, directory, 0, CUTOFF, mini_start,
                         mini_count, first if lists else END, lists)  # fmt: skip
    header += struct.pack(f"<{HEADER_TABLES}I", *named[:HEADER_TABLES])
    for number in range(lists):
        at = HEADER_TABLES + number * (NUMBERS - 1)
        after = first + number + 1 if number + 1 < lists else END
        sectors.append(struct.pack(f"<{NUMBERS}I", *named[at : at + NUMBERS - 1], after))
    return header + b"".join(sectors) + struct.pack(f"<{len(table)}I", *table)


def _gather(tree: Tree, parent: int, lines: list[_Line]) -> None:
    for name, content in sorted(tree.items(), key=lambda pair: (len(pair[0]), pair[0].upper())):
        lines[parent].children.append(len(lines))
        lines.append(_Line(name, 1 if isinstance(content, dict) else 2, b"" if isinstance(content, dict) else content))
        if isinstance(content, dict):
            _gather(content, len(lines) - 1, lines)


def _packed(line: _Line) -> bytes:
    name = line.name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII36xIQ", name, len(name) + 2, line.kind, 1, NOTHING, line.right, line.child, line.start, len(line.content)
    )
