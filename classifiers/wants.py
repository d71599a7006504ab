"""What a sender asks: words of a few lists together in one clause, where nothing denies it.

One phrase that says it all (`pathology consultation requested`) is a rule of one list; words of the sender's own
(`could you … look at … the slides`) are one of several.  A wish read here is a proposal for staff.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

from classifiers.phrases import Hit, PhraseIndex
from classifiers.sheets import sheet
from classifiers.words import IDEOGRAPHS, Prepared
from records.model import FieldValue

NEAR = 40  # characters between the last two words of a rule
FAR = 120  # characters of its clause that are looked at on either side
_CLAUSE = re.compile(rf"[.;:!?؟](?=\s|$|[{IDEOGRAPHS}])|[。！？；，、,،؛•]|\n\s*\n|\n\s*[-*•]\s")
_ANSWERED_NO = re.compile(
    r"[\s\w]{0,14}[:=]\s*(?:\[\s*\]\s*yes\s*)?(?:no|none|n/a|nein|non|não|nee|нет|hayır|yok|לא|لا|خیر|نه|否|无|無|いいえ|なし|아니오|없음)\b",
    re.IGNORECASE,
)


class _Span(NamedTuple):
    start: int
    end: int


class _Rule(NamedTuple):
    words: tuple[str, ...]  # lists that all have a word there
    never: tuple[str, ...]  # lists that have none


def wants(pages: Iterable[tuple[Prepared, bool]]) -> dict[str, FieldValue]:
    """Wishes as fields, of pages and whether each was recognised; two channels preferred at once are none."""
    found = {wish for page, noisy in pages for wish in _on(page, noisy)}
    channels = {wish for wish in found if wish.startswith("prefers_")}
    fields: dict[str, FieldValue] = dict.fromkeys(sorted(found - channels), True)
    if len(channels) == 1:
        fields["prefers"] = channels.pop().removeprefix("prefers_")
    return fields


def _on(page: Prepared, noisy: bool) -> Iterator[str]:
    names, index, wishes = _lexicon()
    seen: defaultdict[str, list[_Span]] = defaultdict(list)
    for hit in index.find(page, noisy):
        for name in names[hit.phrase]:
            seen[name].append(_span(page, hit))
    for wish, rules in wishes.items():
        if any(_holds(page.text, rule, seen) for rule in rules if all(name in seen for name in rule.words)):
            yield wish


def _holds(text: str, rule: _Rule, seen: dict[str, list[_Span]]) -> bool:
    """Whether words of all its lists stand in one clause, the last two near, and nothing there forbids or denies it."""
    *others, last = rule.words
    pairs = product(seen[others.pop()], seen[last]) if others else ((span, span) for span in seen[last])
    for one, thing in pairs:
        first, second = sorted((one, thing))
        apart = second.start - first.end
        if apart > NEAR or (one == thing and len(rule.words) > 1) or _CLAUSE.search(text, first.end, second.start):
            continue
        said = _Span(first.start, max(first.end, second.end))
        clause = _clause(text, said)
        whole = all(_within(seen[name], clause) for name in others)
        barred = any(_within(seen[name], clause) for name in rule.never if name in seen)
        if whole and not barred and not _denied(text, clause, said, seen):
            return True
    return False


def _denied(text: str, clause: _Span, said: _Span, seen: dict[str, list[_Span]]) -> bool:
    """Whether the clause denies it, or makes it a condition, or it is answered with no; `unstained` denies nothing."""
    stains = seen.get("uncoloured", ())
    before = _within(seen.get("before", ()), _Span(clause.start, said.end))
    after = _within(seen.get("after", ()), _Span(said.start, clause.end))
    denials = [d for d in (*before, *after) if not any(s.start <= d.start and d.end <= s.end for s in stains)]
    return bool(denials) or _ANSWERED_NO.match(text[said.end : said.end + 20]) is not None


def _within(spans: Iterable[_Span], clause: _Span) -> list[_Span]:
    return [span for span in spans if clause.start <= span.start and span.end <= clause.end]


def _clause(text: str, said: _Span) -> _Span:
    """The clause around it, as far as it is looked at."""
    begin = max(0, said.start - FAR)
    starts = [m.end() for m in _CLAUSE.finditer(text, begin, said.start)]
    stop = _CLAUSE.search(text, said.end, said.end + FAR)
    return _Span(starts[-1] if starts else begin, stop.start() if stop else said.end + FAR)


def _span(page: Prepared, hit: Hit) -> _Span:
    if hit.run:
        return _Span(page.run_places[hit.start], page.run_places[hit.end - 1] + 1)
    return _Span(page.words[hit.start].start, page.words[hit.end - 1].end)


@cache
def _lexicon() -> tuple[list[list[str]], PhraseIndex, dict[str, list[_Rule]]]:
    """Which lists each phrase is of, the index of all phrases, and the rules of each wish."""
    table, denials = sheet("wants.toml"), sheet("denials.toml")
    lists = {**table["lists"], **{name: entry["words"] for name, entry in denials.items()}}
    phrases: defaultdict[str, list[str]] = defaultdict(list)
    for name, words in lists.items():
        for word in words:
            phrases[word].append(name)
    wishes = {wish: [_rule(written) for written in rules] for wish, rules in table["wishes"].items()}
    return list(phrases.values()), PhraseIndex(phrases), wishes


def _rule(written: str) -> _Rule:
    names = written.split()
    return _Rule(tuple(n for n in names if n[0] != "!"), tuple(n[1:] for n in names if n[0] == "!"))
