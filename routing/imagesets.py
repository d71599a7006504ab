"""The images of one study, in however many documents they came, and whether together they are whole (R13)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from math import gcd

from records.model import Document, Finding, Severity

ROUND = 100  # the distance at which machines begin another block of numbers


@dataclass(frozen=True, slots=True)
class ImageSet:
    """`documents` in the order of their ids; the first speaks for the set."""

    documents: tuple[Document, ...]

    @property
    def id(self) -> str:
        return self.documents[0].id

    def words(self, field: str) -> frozenset[str]:
        """What any of its documents says under `field`, `+` taken apart."""
        said = (str(d.fields.get(field, "") or "").upper() for d in self.documents)
        return frozenset(word for text in said for word in text.split("+") if word)

    @property
    def faults(self) -> list[Finding]:
        """Its documents' doubts; of gaps counts what they have together: they fill each other's, or leave one between them."""
        told = [f for d in self.documents for f in d.findings if f.severity is not Severity.ADVISORY]
        if len(self.documents) == 1:
            return told
        if self._is_whole():
            return [f for f in told if f.code != "series_incomplete"]
        gap = not all(map(_unbroken, self._numbers().values()))
        if gap and not any(f.code == "series_incomplete" for f in told):
            named = {"modality": "modality", "body_part": "body_part", "study_date": "date"}
            study = {word: str(self.documents[0].fields[key]) for key, word in named.items() if self.documents[0].fields.get(key)}
            told.append(Finding("series_incomplete", Severity.DOUBTFUL, "together its mails leave out images", study=study))
        return told

    def _numbers(self) -> dict[str, set[int]]:
        numbers: defaultdict[str, set[int]] = defaultdict(set)
        for d in self.documents:
            for series, present in numbers_in(str(d.fields.get("numbers", ""))):
                numbers[series] |= present
        return dict(numbers)

    def _is_whole(self) -> bool:
        numbers = self._numbers()
        listed = max(int(d.fields.get("listed", 0) or 0) for d in self.documents)
        scouts = all(d.fields.get("scouts") for d in self.documents)
        counted = sum(len(present) for present in numbers.values())
        return bool(numbers) and not scouts and counted >= listed and all(map(_unbroken, numbers.values()))


def image_sets(documents: Iterable[Document]) -> tuple[ImageSet, ...]:
    """Documents of one study and one patient are one set; one without a study's identifier stands for itself."""
    together: defaultdict[tuple[str, str], list[Document]] = defaultdict(list)
    for d in sorted(documents, key=lambda d: d.id):
        uid = str(d.fields.get("study_uid", "") or "")
        together[uid or d.id, str(d.fields.get("birth_date", "")) if uid else ""].append(d)
    return tuple(sorted((ImageSet(tuple(some)) for some in together.values()), key=lambda s: s.id))


def numbers_in(said: str) -> Iterable[tuple[str, set[int]]]:
    """`1.2.3:1-40,42 1.2.4:1-20` as the classifiers write it: series and the instance numbers that are here."""
    for series, _, runs in (piece.partition(":") for piece in said.split()):
        spans = (run.partition("-") for run in runs.split(","))
        yield series, {n for a, _, b in spans for n in range(int(a), min(int(b or a), int(a) + 100_000) + 1)}


def _unbroken(numbers: Set[int]) -> bool:
    """Whether numbers follow at one step, or in blocks of one length at round distances, as echoes and phases do."""
    ordered = sorted(numbers)
    steps = [b - a for a, b in pairwise(ordered)]
    if not steps:
        return True
    step = reduce(gcd, steps)
    starts = [ordered[0], *(b for (_, b), s in zip(pairwise(ordered), steps, strict=True) if s != step)]
    lengths = {sum(a <= n < b for n in ordered) for a, b in pairwise([*starts, ordered[-1] + 1])}
    round_apart = all((b - a) % ROUND == 0 for a, b in pairwise(starts))
    return len(starts) == 1 or (len(lengths) == 1 and lengths != {1} and round_apart)
