"""How answers reach the terminal: JSON Lines for scripts, tables for people.

Tables have colour on a terminal, plain words in pipes and under NO_COLOR, and stay readable in a narrow window.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
import pydantic_core
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from classifiers.cards import mask

PIPE_WIDTH = 160  # nobody wraps a pipe
MANY_ROWS = 500  # drawing ten thousand rows with lines and folds takes seconds
NARROW = 100  # columns of a window below which tables have no lines
WIDE, GAP = 40, 3
_STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")  # all but the end of a line


@dataclass(frozen=True, slots=True)
class Styled:
    """A cell with a colour of the terminal's own palette (or `bold`, `dim`)."""

    text: str
    style: str


Row = Mapping[str, Any]
Cell = object  # anything is shown by its words; None is empty


def emit(rows: Iterable[Row]) -> None:
    """JSON Lines on standard output."""
    _put(mask(to_json(row)) for row in rows)  # R12, in file names too


def emit_masked(rows: Iterable[Row]) -> None:
    """The same for rows that were masked when they were made."""
    _put(map(to_json, rows))


def to_json(row: Row) -> str:
    return pydantic_core.to_json(row).decode()  # three times as fast as `json`, and lists may be long


def _put(lines: Iterable[str]) -> None:
    if text := "\n".join(lines):
        click.echo(text)


def console() -> Console:
    """Where people read; rich itself minds NO_COLOR, FORCE_COLOR, TERM and what is no terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def table(
    title: str,
    columns: Iterable[str],
    rows: Iterable[Iterable[Cell]],
    empty: str,
    *,
    spare: Sequence[str] = (),
    lines: bool = True,
) -> None:
    """`columns` beginning with `!` are never broken; those in `spare` go, the first one first, where the window is too narrow."""
    to, cells = console(), [list(row) for row in rows]
    names = [name.lstrip("!") for name in columns]
    if not cells:
        to.print(escape(empty))
        return
    if len(cells) > MANY_ROWS:
        colour = to.color_system is not None and not to.no_color
        click.echo("\n".join(_plain(title, names, cells, colour=colour)), color=colour)
        return
    whole = {name.lstrip("!") for name in columns if name.startswith("!")}
    lines = lines and to.width >= NARROW
    places = _fitting(names, cells, list(spare), to.width)
    shown = Table(box=Table().box if lines else None, pad_edge=lines, show_header=any(names))
    for place in places:
        shown.add_column(escape(names[place]), no_wrap=names[place] in whole, overflow="fold")
    for row in cells:
        shown.add_row(*(_rich(row[place]) for place in places))
    if title:
        to.print(Text(title, style="italic"))
    to.print(shown)


def _fitting(names: list[str], cells: list[list[Cell]], spare: list[str], width: int) -> list[int]:
    """The columns that are shown, when each may have `WIDE` characters before it is folded."""
    wanted = [max([len(name), *(min(len(_words(row[place])), WIDE) for row in cells)]) + GAP for place, name in enumerate(names)]
    places = list(range(len(names)))
    while spare and sum(wanted[place] for place in places) > width:
        gone = spare.pop(0)
        places = [place for place in places if names[place] != gone]
    return places


def say(line: str = "", style: str = "") -> None:
    """One line, wrapped at the window's edge."""
    console().print(Text(tame(line), style=style))


def tame(text: str) -> str:
    """As a terminal may have it: card numbers masked (R12), and nothing that steers it, writes its title or its clipboard."""
    return _STEERING.sub("", mask(text))


def _rich(cell: Cell) -> Text:
    return Text(tame(cell.text), style=cell.style) if isinstance(cell, Styled) else Text(_words(cell))


def _words(cell: Cell) -> str:
    return "" if cell is None else tame(cell.text if isinstance(cell, Styled) else str(cell))


def _plain(title: str, names: list[str], cells: list[list[Cell]], *, colour: bool) -> Iterator[str]:
    """Columns by blanks alone."""
    words = [[_words(cell) for cell in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(names, *words, strict=True)]
    yield title
    yield "  ".join(name.ljust(width) for name, width in zip(names, widths, strict=True)).rstrip()
    for row, said in zip(cells, words, strict=True):
        padded = [text.ljust(width) for text, width in zip(said, widths, strict=True)]
        if colour:
            padded = [_ansi(text, cell) for text, cell in zip(padded, row, strict=True)]
        yield "  ".join(padded).rstrip()


def _ansi(text: str, cell: Cell) -> str:
    if not isinstance(cell, Styled) or not cell.style:
        return text
    plain = {word: True for word in cell.style.split() if word in ("bold", "dim")}
    colours = [word for word in cell.style.split() if word not in plain]
    return click.style(text, fg=colours[0] if colours else None, bold=plain.get("bold"), dim=plain.get("dim"))
