"""What the campaign found, counted: form state × way it came, by language, against the bars; and docs/FORMS.md."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from tests.campaign.run import OUTCOMES, Result
from tests.campaign.states import EITHER, NEVER, PASS, STATES
from tests.campaign.ways import TEXTUAL, WAYS
from tests.servers.signing import LOOKS

BARS = {
    **dict.fromkeys(TEXTUAL, 0.95),
    **dict.fromkeys(("scan", "fax", "fax noisy", "fax coarse", "mixed"), 0.90),
    **dict.fromkeys(("photo", "photo dim"), 0.80),
}
MAY = {PASS: "must pass", EITHER: "may pass or be doubtful", NEVER: "must never pass"}
Key = Callable[[Result], str]


class Tally:
    """What became of the forms."""

    def __init__(self, results: Iterable[Result]) -> None:
        self.results = tuple(results)

    @property
    def ways(self) -> list[str]:
        return [way for way in WAYS if any(way == r.way for r in self.results)]

    @property
    def count(self) -> int:
        return len(self.results)

    @property
    def unsafe(self) -> list[str]:
        """Forms that passed and must not."""
        return [f"UNSAFE {_told(r)}" for r in self.results if r.outcome == "pass" and STATES[r.state].may(r.way) == NEVER]

    @property
    def wronged(self) -> list[str]:
        """Complete forms that were rejected."""
        return [f"rejected: {_told(r)}" for r in self._complete() if r.outcome == "reject"]

    @property
    def wrong(self) -> list[str]:
        """Facts that were believed and are not so."""
        return [f"{fact}: {_told(r)}" for r in self.results for fact in r.wrong]

    def complete(self, way: str) -> int:
        return len(self._complete(way))

    def share(self, way: str) -> float:
        """Of the complete forms that came this way, how many passed."""
        mine = self._complete(way)
        return sum(r.outcome == "pass" for r in mine) / len(mine)

    def missed(self) -> list[str]:
        """Ways whose bar is missed."""
        return [way for way in self.ways if self.complete(way) and self.share(way) < BARS[way]]

    def _complete(self, way: str = "") -> list[Result]:
        return [r for r in self.results if way in ("", r.way) and STATES[r.state].may(r.way) == PASS]

    def table(self) -> str:
        """Markdown: pass / doubtful / reject of each state by each way."""
        return _table(
            "state", [s for s in STATES if any(s == r.state for r in self.results)], self.ways, self._by(lambda r: r.state)
        )

    def languages(self) -> str:
        """The same by language and by what a form may come to."""
        rows = [f"{language}, {MAY[may]}" for language in ("en", "es", "ar") for may in MAY]
        counts = self._by(lambda r: f"{r.language}, {MAY[STATES[r.state].may(r.way)]}")
        return _table("language", [row for row in rows if any(key[0] == row for key in counts)], self.ways, counts)

    def _by(self, key: Key) -> dict[tuple[str, str], Counter[str]]:
        counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for result in self.results:
            counts[key(result), result.way][result.outcome] += 1
        return counts

    def summary(self) -> str:
        """The bars, and what it cost."""
        pages = max(1, sum(r.form_pages for r in self.results))
        lines = [
            f"- unsafe passes: {len(self.unsafe)} of {sum(STATES[r.state].may(r.way) == NEVER for r in self.results)} forms "
            "that must never pass",
            f"- complete forms that were rejected: {len(self.wronged)} of {len(self._complete())}",
            f"- facts believed that are not so (dates, versions, who signed): {len(self.wrong)}",
            f"- {sum(r.form_seconds for r in self.results) / pages:.2f} s of CPU a form page to find its blank and look at its "
            f"places, {sum(r.seconds for r in self.results) / max(1, self.count):.2f} s a file in all",
            "",
            "| way | complete forms | passed | bar |",
            "| --- | --- | --- | --- |",
        ]
        shares = [(w, self.complete(w)) for w in self.ways if self.complete(w)]
        return "\n".join(lines + [f"| {w} | {n} | {self.share(w):.1%} | {BARS[w]:.0%} |" for w, n in shares])


def _told(result: Result) -> str:
    where = f"{LOOKS[result.cell.look].name} in {result.language}, seed {result.seed}"
    return f"{result.state} by {result.way}, {where}: {result.said}"


def _table(head: str, rows: Sequence[str], ways: Sequence[str], counts: dict[tuple[str, str], Counter[str]]) -> str:
    lines = [f"| {head} | {' | '.join(ways)} |", "| --- |" + " --- |" * len(ways)]
    for row in rows:
        cells = [counts.get((row, way), Counter()) for way in ways]
        lines.append(f"| {row} | {' | '.join(' / '.join(str(c[o]) for o in OUTCOMES) if c else '' for c in cells)} |")
    return "\n".join(lines)


INTRODUCTION = """\
# Returned forms: what becomes of each

Generated by `make forms-campaign CAMPAIGN="--results FILE --write docs/FORMS.md"`; do not edit. `--part 1/8` runs a share of
it, and what stands in FILE is not run again.

{count} of {whole} forms were run.{codes} Each is synthetic, has its own hand and noise, and is judged beside a report that names
the patient. Registered are three layouts and three versions of a letter of two pages, one of them withdrawn, in English, Spanish
and Arabic, and the fixtures' letter and consent in English and Spanish. \
"""


def page(tally: Tally, whole: int) -> str:
    """`docs/FORMS.md`."""
    programmes = len({r.code for r in tally.results})
    codes = "" if programmes == 1 else f" They come from {programmes} states of the code."
    wrong = [*tally.unsafe, *tally.wronged, *tally.wrong]
    told = [
        INTRODUCTION.format(count=tally.count, whole=whole, codes=codes).strip(),
        tally.summary(),
        "## Form state by the way it came",
        "pass / doubtful / reject",
        tally.table(),
        "## By language",
        tally.languages(),
        "## States",
        "\n".join(f"- `{name}`: {_means(name)}" for name in STATES),
        *(["## What went wrong", "\n".join(f"- {line}" for line in wrong)] if wrong else []),
    ]
    return "\n\n".join(told) + "\n"


def _means(name: str) -> str:
    state = STATES[name]
    paper = f" ({MAY[state.on_paper]} on paper)" if state.on_paper != state.verdict else ""
    words = " ".join((state.make.__doc__ or "").split())
    return f"{MAY[state.verdict]}{paper}{'. ' if words else ''}{words}".rstrip(".") + "."
