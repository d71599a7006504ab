"""Every phrase of the lexicon that stands on a page, found in one pass: kinds' words, labels, marks, anatomy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from classifiers.phrases import Hit, PhraseIndex
from classifiers.sheets import sheet, sheet_names
from classifiers.words import Prepared

LABEL, MARK, MODALITY, BODY_PART = "label", "mark", "modality", "body_part"
WEIGHING = frozenset({"title", "heading", "sure", "strong", "some", "weak"})


class Phrase(NamedTuple):
    """One lexicon entry: `level` is a weight's name, or one of the four above; `kind` the class, label, mark or code."""

    text: str
    kind: str
    level: str


class Sight(NamedTuple):
    """A phrase and where it was seen."""

    hit: Hit
    phrase: Phrase


def _kind_phrases() -> Iterator[Phrase]:
    for name in sheet_names():
        content = sheet(name)
        if "language" in content or name == "common.toml":
            for kind, levels in content.items():
                if isinstance(levels, dict):
                    for level in WEIGHING & levels.keys():
                        yield from (Phrase(term, kind, level) for term in levels[level])


def _other_phrases() -> Iterator[Phrase]:
    labels = sheet("labels.toml")
    for key, terms in labels["labels"].items():
        yield from (Phrase(way, key, LABEL) for term in terms for way in _numbered(term))
    for key in ("stop", "phone", "fax"):
        yield from (Phrase(term, key, LABEL) for term in labels[key]["words"])
    for mark, table in sheet("marks.toml").items():
        yield from (Phrase(term, mark, MARK) for term in table["words"])
    for axis, codes in sheet("anatomy.toml").items():
        for code, terms in codes.items():
            yield from (Phrase(term, code, axis) for term in terms)


def _numbered(term: str) -> Iterator[str]:
    """A label, and its shorter spellings where it begins with the word for number (`número de`, `núm. de`, `N.º de`)."""
    yield term
    for long in (
        "número de ",
        "número do ",
        "numéro de ",
        "numéro d ",
        "numero di ",
        "numero ",
        "numéro ",
        "n do ",
        "n de ",
        "n ",
    ):
        if term.startswith(long):
            particle = " ".join(long.split()[1:])
            rest = term.removeprefix(long)
            yield from (" ".join(f"{short} {particle} {rest}".split()) for short in ("n", "n o", "no", "núm", "nro", "nr"))
            return


@cache
def _lexicon() -> tuple[tuple[Phrase, ...], PhraseIndex]:
    phrases = tuple(dict.fromkeys(sorted((*_kind_phrases(), *_other_phrases()))))
    return phrases, PhraseIndex(phrase.text for phrase in phrases)


def sights(page: Prepared, noisy: bool = False) -> tuple[Sight, ...]:
    """All phrases on the page in order of place; `noisy` forgives OCR slips."""
    phrases, index = _lexicon()
    return tuple(Sight(hit, phrases[hit.phrase]) for hit in index.find(page, noisy))


def longest(seen: Iterable[Sight]) -> list[Sight]:
    """Those that stand inside no longer one, by place."""
    kept: list[Sight] = []
    for sight in sorted(seen, key=lambda s: (s.hit.start - s.hit.end, s.hit.run, s.hit.start)):
        a = sight.hit
        size = a.end - a.start
        if not any(
            b.run == a.run and b.start <= a.start and a.end <= b.end and b.end - b.start > size for b in (k.hit for k in kept)
        ):
            kept.append(sight)
    return sorted(kept, key=lambda s: (s.hit.run, s.hit.start))
