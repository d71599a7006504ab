"""The few marks that the prose templates use: `# heading`, `- entry`, and paragraphs between blank lines.

Text and HTML are both laid out from the same blocks, so that they can not come to say different things.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from dataclasses import dataclass
from typing import Literal

WIDTH = 76  # below the 78 columns of RFC 5322 2.1.1, with room for a quoting mark

# Chinese and Japanese have no spaces to wrap at: a line may end after any character, but none begins with a mark that
# closes something, and none ends with one that opens something (JIS X 4051, without its finer rules)
_CJK = "\u3000-\u30ff\u3400-\u9fff\uff00-\uffef"
_CLOSING = "、。，．：；？！」』）】〉》’”ー々・ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
_OPENING = "「『（【〈《‘“"
_PIECES = re.compile(rf"[{_OPENING}]*(?:[{_CJK}]|[^\s{_CJK}{_OPENING}{_CLOSING}]+|)[{_CLOSING}]*\s*(?<=.)", re.DOTALL)


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
    if not any(_wide(mark) for mark in text):
        return textwrap.fill(
            text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
        )
    lines, line = [], first
    for piece in _PIECES.findall(text):
        fresh = line in (first, rest)
        if not fresh and columns(line + piece.rstrip()) > WIDTH:
            lines.append(line.rstrip())
            line = rest
        line += piece
    return "\n".join([*lines, line.rstrip()])


def columns(text: str) -> int:
    """How wide `text` is where every letter has one column and a Chinese or Japanese character two."""
    return sum(2 if _wide(mark) else 1 for mark in text)


def underline(text: str, mark: str) -> str:
    """A line of `mark` as long as a heading."""
    return mark * min(columns(text), WIDTH)


def left_to_right(text: str) -> str:
    """A number or an address inside a script written from right to left keeps its order (UAX 9, isolates)."""
    return f"\u2066{text}\u2069"


def _wide(mark: str) -> bool:
    return unicodedata.east_asian_width(mark) in "WF"


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
    return re.sub(r"[ \t\n]+", " ", text).strip()  # not the blank that keeps French marks with their word
