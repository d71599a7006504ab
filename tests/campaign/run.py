"""One form after another through reading and judging, and what became of each; every outcome is kept as a line of JSON."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from classifiers.identify import identify
from config.rules import Identifying
from fixtures.forms import FORMS, LANGUAGES, draw, form_toml
from reading.blanks import register
from records.model import Document, Kind, Severity
from routing.filing import _with_date_judged
from routing.identity import conflicts
from tests.campaign import sheets
from tests.campaign.desk import LocalDesk
from tests.campaign.states import BORN, DAY, PASS, STATES, TODAY, entry
from tests.campaign.ways import WAYS
from tests.servers import sealing
from tests.servers.signing import LOOKS, TEXTS, form_pdf

OUTCOMES = ("pass", "doubt", "reject")
ROOMS = ("reading", "classifiers", "routing", "records")


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


def cells(states: Iterable[str], ways: Sequence[str], languages: Iterable[str], seeds: Iterable[int]) -> Iterator[Cell]:
    """Every state by every way that it may come by, in every language."""
    for state in states:
        for way in ways:
            if not STATES[state].ways or way in STATES[state].ways:
                yield from (Cell(state, way, language, seed) for language in languages for seed in seeds)


def register_all(home: Path) -> None:
    """Blanks registered from their PDFs alone: three layouts and three versions of a long letter in three languages.

    Beside them the fixtures' own forms as their TOML has them, and an authority that vouches for digital signatures.
    """
    for language in TEXTS:
        for look in LOOKS:
            register(home, f"{look.name}-{language}", form_pdf(look, language), "letter_of_agreement", "1", language)
        for version in sheets.VERSIONS:
            blank = sheets.bound(sheets.long_form(language, version))
            toml = register(home, f"long-{language}-{version}", blank, "letter_of_agreement", version, language) / "form.toml"
            if version == sheets.WITHDRAWN:
                toml.write_text(
                    toml.read_text(encoding="utf-8").replace("withdrawn = false", "withdrawn = true"), encoding="utf-8"
                )
    for form in FORMS:
        for language in LANGUAGES:
            pdf, zones = draw(form, language)
            folder = home / f"{form}-{language}"
            folder.mkdir()
            (folder / "blank.pdf").write_bytes(pdf)
            (folder / "form.toml").write_text(form_toml(form, language, zones), encoding="utf-8")
    (home / "trust").mkdir()
    (home / "trust" / "authority.pem").write_bytes(sealing.authority())


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one form."""

    state: str
    way: str
    language: str
    seed: int
    outcome: str
    said: str
    wrong: tuple[str, ...]  # facts that were believed and are not so
    seconds: float  # of CPU, in all
    form_seconds: float  # of CPU, to lay its pages over the blanks
    form_pages: int
    code: str  # of the programme that gave it

    @property
    def cell(self) -> Cell:
        return Cell(self.state, self.way, self.language, self.seed)


def run(
    forms: Path, every: Iterable[Cell], keep: Path | None = None, show: bool = False, results: Path | None = None
) -> list[Result]:
    """Each form read and judged; with `results` each outcome is kept there, and what is kept is not run again."""
    done = kept(results)
    desk, code = LocalDesk(forms, kept=keep), programme()
    found: list[Result] = []
    for cell in every:
        if cell not in done:
            done[cell] = _one(desk, cell, code)
            if results:
                with results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(done[cell]), ensure_ascii=False) + "\n")
        found.append(done[cell])
        if show and done[cell].outcome != (PASS if STATES[cell.state].may(cell.way) == PASS else done[cell].outcome):
            print(done[cell].outcome, cell, LOOKS[cell.look].name, done[cell].said, flush=True)
    return found


def kept(results: Path | None) -> dict[Cell, Result]:
    """The outcomes of earlier runs."""
    if results is None or not results.exists():
        return {}
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    read = [Result(**{**line, "wrong": tuple(line["wrong"])}) for line in lines]
    return {result.cell: result for result in read if result.state in STATES and result.way in WAYS}


def programme() -> str:
    """A digest of the code that reads and judges."""
    seed = hashlib.sha256()
    root = Path(__file__).parents[2]
    for path in sorted(p for room in ROOMS for p in (root / room).rglob("*") if p.suffix in (".py", ".toml")):
        seed.update(path.read_bytes())
    return seed.hexdigest()[:8]


def _one(desk: LocalDesk, cell: Cell, code: str) -> Result:
    look = LOOKS[cell.look]
    ending, raw = WAYS[cell.way](entry(cell.state, look, cell.language, cell.hand), look, cell.language, cell.hand)
    before, pages, began = desk.form_seconds, desk.form_pages, time.process_time()
    documents = identify(desk.read(raw, f"form.{ending}"), Identifying())
    seconds = time.process_time() - began
    outcome, said = judged(documents, cell)
    wrong = tuple(misread(documents, cell)) + (tuple(misnamed(documents, cell)) if outcome == PASS else ())
    told = round(seconds, 3), round(desk.form_seconds - before, 3), desk.form_pages - pages
    return Result(cell.state, cell.way, cell.language, cell.seed, outcome, said, wrong, *told, code)


def misread(documents: Iterable[Document], cell: Cell) -> Iterator[str]:
    """Dates of letters of agreement that are not what stands there, and were believed."""
    if STATES[cell.state].ways:
        return
    born = "1987-12-25" if cell.state == "another-birth-date" else "1938-10-27" if cell.state == "another-patient" else BORN
    for letter in (d for d in documents if d.kind is Kind.LETTER_OF_AGREEMENT):
        for name, true in (("date", (DAY, "2027-12-24")), ("birth_date", (born,))):
            if letter.fields.get(name, true[0]) not in true:
                yield f"{name} misread as {letter.fields[name]}"


def misnamed(documents: Iterable[Document], cell: Cell) -> Iterator[str]:
    """Another version than the one returned, and a relative who was taken for the patient."""
    for letter in (d for d in documents if d.kind is Kind.LETTER_OF_AGREEMENT):
        version, role = letter.fields.get("form_version"), letter.fields.get("signer_role")
        if STATES[cell.state].version not in ("", version):
            yield f"version {version} named"
        if role == "patient" or (role == "representative") > (cell.state == "representative"):
            yield f"signed as {role}"


def judged(documents: Iterable[Document], cell: Cell) -> tuple[str, str]:
    """pass | doubt | reject for the forms in question, beside a report that names the patient, and what was found."""
    kinds = [Kind(kind) for kind in STATES[cell.state].kinds]
    forms = [_with_date_judged(d, TODAY) for d in documents if d.kind in kinds]
    if {d.kind for d in forms} != set(kinds):
        return "doubt", "no form of that kind was recognised"
    findings = [f for form in forms for f in form.findings]
    said = ", ".join(sorted({f.code for f in findings}))
    if any(f.severity is Severity.MISSING for f in findings):
        return "reject", said
    letters = [d for d in forms if d.kind is Kind.LETTER_OF_AGREEMENT]
    clash = conflicts([*letters, _report(cell.language)])
    said = ", ".join([*filter(None, [said]), *(["identity_conflict"] if clash else [])])
    return ("doubt" if clash or any(f.severity is Severity.DOUBTFUL for f in findings) else "pass"), said


def _report(language: str) -> Document:
    """Another paper of the packet, that names whose it is."""
    whose = {"patient_name": TEXTS[language]["name"], "birth_date": BORN}
    kind = Kind.RADIOLOGY_REPORT
    return Document("report", kind, 1.0, "report.pdf", ("report.pdf",), ("0",), (1,), language, "layer", (), whose)
