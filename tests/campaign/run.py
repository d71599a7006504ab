"""One form after another through reading and judging, and what became of each."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from classifiers.identify import identify
from config.rules import Identifying
from fixtures.forms import FORMS, LANGUAGES, draw, form_toml
from reading.blanks import register
from records.model import Document, Kind, Severity
from routing.filing import _with_date_judged
from tests.campaign.desk import LocalDesk
from tests.campaign.states import BORN, DAY, NEVER, PASS, STATES, entry
from tests.campaign.ways import TODAY, WAYS
from tests.servers.signing import LOOKS, TEXTS, form_pdf

BARS = {
    **dict.fromkeys(("text", "fields", "flattened", "inked", "pasted"), 0.95),
    **dict.fromkeys(("scan", "fax", "fax noisy", "fax coarse", "mixed"), 0.90),
    **dict.fromkeys(("photo", "photo dim"), 0.80),
}
OUTCOMES = ("pass", "doubt", "reject")


@dataclass(frozen=True, slots=True)
class Cell:
    """One form of the campaign."""

    state: str
    way: str
    language: str
    seed: int

    @property
    def look(self) -> int:
        """Layouts go round: each cell of the table sees others."""
        place = list(STATES).index(self.state) + list(WAYS).index(self.way) + list(TEXTS).index(self.language)
        return (place + self.seed) % len(LOOKS)

    @property
    def hand(self) -> int:
        """The seed of its signature and of the paper's noise, another one in each cell."""
        places = list(STATES).index(self.state), list(WAYS).index(self.way), list(TEXTS).index(self.language)
        return 1000 * self.seed + 40 * places[0] + 3 * places[1] + places[2]


def cells(states: Iterable[str], ways: Iterable[str], languages: Iterable[str], seeds: Iterable[int]) -> Iterator[Cell]:
    """Every state by every way in every language."""
    for state in states:
        for way in ways:
            yield from (Cell(state, way, language, seed) for language in languages for seed in seeds)


def register_all(home: Path) -> None:
    """The looks in three languages, registered from their PDFs alone, and the fixtures' own forms as their TOML has them."""
    for look in LOOKS:
        for language in TEXTS:
            register(home, f"{look.name}-{language}", form_pdf(look, language), "letter_of_agreement", "1", language)
    for form in FORMS:
        for language in LANGUAGES:
            pdf, zones = draw(form, language)
            folder = home / f"{form}-{language}"
            folder.mkdir()
            (folder / "blank.pdf").write_bytes(pdf)
            (folder / "form.toml").write_text(form_toml(form, language, zones), encoding="utf-8")


@dataclass(slots=True)
class Tally:
    """What became of the forms."""

    outcomes: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    unsafe: list[str] = field(default_factory=list)
    wronged: list[str] = field(default_factory=list)  # complete, and yet rejected
    misread: list[str] = field(default_factory=list)  # a date taken for another
    seconds: float = 0.0
    form_seconds: float = 0.0

    @property
    def ways(self) -> list[str]:
        return [way for way in WAYS if any(way == w for _, w in self.outcomes)]

    @property
    def count(self) -> int:
        return sum(sum(c.values()) for c in self.outcomes.values())

    def complete(self, way: str) -> int:
        return sum(sum(c.values()) for (state, w), c in self.outcomes.items() if w == way and STATES[state][0] == PASS)

    def share(self, way: str) -> float:
        """Of the complete forms that came this way, how many passed."""
        return sum(c["pass"] for (s, w), c in self.outcomes.items() if w == way and STATES[s][0] == PASS) / self.complete(way)

    def take(self, cell: Cell, outcome: str, said: str) -> None:
        self.outcomes[cell.state, cell.way][outcome] += 1
        told = f"{cell.state} by {cell.way}, {LOOKS[cell.look].name} in {cell.language}, seed {cell.seed}: {said}"
        if outcome == "pass" and STATES[cell.state][0] == NEVER:
            self.unsafe.append(f"UNSAFE {told}")
        if outcome == "reject" and STATES[cell.state][0] == PASS:
            self.wronged.append(f"rejected: {told}")

    def table(self) -> str:
        """Markdown: pass / doubtful / reject of each state by each way."""
        rows = [f"| state | {' | '.join(self.ways)} |", "| --- |" + " --- |" * len(self.ways)]
        for state in STATES:
            if any(state == s for s, _ in self.outcomes):
                counts = (" / ".join(str(self.outcomes[state, way][o]) for o in OUTCOMES) for way in self.ways)
                rows.append(f"| {state} | {' | '.join(counts)} |")
        return "\n".join(rows)


def run(forms: Path, every: Iterable[Cell], keep: Path | None = None, show: bool = False) -> Tally:
    """Each form read and judged."""
    desk, tally = LocalDesk(forms, kept=keep), Tally()
    began = time.perf_counter()
    for cell in every:
        look = LOOKS[cell.look]
        ending, raw = WAYS[cell.way](entry(cell.state, look, cell.language, cell.hand), look, cell.language, cell.hand)
        documents = identify(desk.read(raw, f"form.{ending}"), Identifying())
        outcome, said = judged(documents)
        tally.take(cell, outcome, said)
        tally.misread += [f"{wrong}: {cell}" for wrong in misread(documents)]
        if show and outcome != ("pass" if STATES[cell.state][0] == PASS else outcome):
            print(outcome, cell, look.name, said, flush=True)
    tally.seconds = (time.perf_counter() - began) / max(1, tally.count)
    tally.form_seconds = desk.form_seconds / max(1, desk.form_pages)
    return tally


def misread(documents: Iterable[Document]) -> Iterator[str]:
    """Dates of letters of agreement that are not what stands there, and were believed."""
    for letter in (d for d in documents if d.kind is Kind.LETTER_OF_AGREEMENT):
        for name, true in (("date", (DAY, "2027-12-24")), ("birth_date", (BORN,))):
            if letter.fields.get(name, true[0]) not in true:
                yield f"{name} misread as {letter.fields[name]}"


def judged(documents: Iterable[Document]) -> tuple[str, str]:
    """pass | doubt | reject for the letter of agreement among the documents, and what was found."""
    letters = [_with_date_judged(d, TODAY) for d in documents if d.kind is Kind.LETTER_OF_AGREEMENT]
    if not letters:
        return "doubt", "no letter of agreement was recognised"
    findings = [f for letter in letters for f in letter.findings]
    said = ", ".join(sorted({f.code for f in findings}))
    if any(f.severity is Severity.MISSING for f in findings):
        return "reject", said
    return ("doubt" if any(f.severity is Severity.DOUBTFUL for f in findings) else "pass"), said
