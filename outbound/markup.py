"""The few marks that the prose templates use: `# heading`, `- entry`, and paragraphs between blank lines.

Text and HTML are both laid out from the same blocks, so that they can not come to say different things.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Literal

WIDTH = 76  # below the 78 columns of RFC 5322 2.1.1, with room for a quoting mark


@dataclass(frozen=True, slots=True)
class Block:
    """`lines` holds one text for a heading or a paragraph, one for each entry of a list."""

    kind: Literal["heading", "paragraph", "list"]
    lines: tuple[str, ...]


def blocks(prose: str) -> tuple[Block, ...]:
    """Read prose into blocks; line ends inside a block are spaces."""
    chunks = ("\n".join(line.strip() for line in chunk) for chunk in _chunks(prose))
    return tuple(_block(chunk) for chunk in chunks)


def fill(text: str, first: str = "", rest: str = "") -> str:
    """Wrap `text` for the plain-text layout; `first` and `rest` stand before the lines."""
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _chunks(prose: str) -> list[list[str]]:
    chunks: list[list[str]] = [[]]
    for line in prose.splitlines():
        if line.strip():
            chunks[-1].append(line)
        elif chunks[-1]:
            chunks.append([])
    return [chunk for chunk in chunks if chunk]


def _block(chunk: str) -> Block:
    if chunk.startswith("# "):
        return Block("heading", (_joined(chunk[2:]),))
    if chunk.startswith("- "):
        return Block("list", tuple(_joined(entry) for entry in f"\n{chunk}".split("\n- ")[1:]))
    return Block("paragraph", (_joined(chunk),))


def _joined(text: str) -> str:
    return " ".join(text.split())
