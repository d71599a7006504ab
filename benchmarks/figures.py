"""A figure with its goal, and the table or JSON that shows all of them with the machine they were measured on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TextIO

from rich.console import Console
from rich.table import Table

RATIO = "×"


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`; without a goal it is there to understand the others."""

    area: str
    name: str
    value: float
    unit: str
    least: float | None = None  # the goal is at least this,
    most: float | None = None  # or at most this
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met as shown, None when there is none."""
        if self.least is None and self.most is None:
            return None
        shown = float(spelt(self.value, self.unit))
        return (self.least is None or shown >= self.least) and (self.most is None or shown <= self.most)

    @property
    def goal(self) -> str:
        if self.least is not None:
            return f"≥ {self.least:g}"
        return f"≤ {self.most:g}" if self.most is not None else ""


def spelt(value: float, unit: str) -> str:
    """The digits that the measurement is worth."""
    return f"{value:.0f}" if unit == "MB" or abs(value) >= 1000 else f"{value:.2f}"


def as_json(machine: Mapping[str, str], figures: Sequence[Figure], left_out: Sequence[str], stream: TextIO) -> None:
    """One object: machine, figures, what was left out."""
    rows = [{**asdict(figure), "value": round(figure.value, 4), "met": figure.met} for figure in figures]
    stream.write(json.dumps({"machine": dict(machine), "figures": rows, "left_out": list(left_out)}, ensure_ascii=False) + "\n")


def as_table(machine: Mapping[str, str], figures: Sequence[Figure], left_out: Sequence[str], stream: TextIO) -> None:
    """What people read."""
    console = Console(file=stream, highlight=False, width=None if stream.isatty() else 150)
    table = Table("", "measured", "figure", "goal", "met", "note", title="somrr, measured in one run", title_justify="left")
    table.columns[2].justify = table.columns[3].justify = "right"
    area = ""
    for figure in figures:
        met = {None: "", True: "yes", False: "NO"}[figure.met]
        value = f"{spelt(figure.value, figure.unit)} {figure.unit}"
        table.add_row(figure.area if figure.area != area else "", figure.name, value, figure.goal, met, figure.note)
        area = figure.area
    console.print(table)
    for line in left_out:
        console.print(f"left out: {line}")
    console.print("; ".join(f"{name} {value}" for name, value in machine.items()))
