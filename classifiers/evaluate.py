"""How right the classifier is on a labelled folder: per kind, by confusion, and what each threshold would trade.

Pure arithmetic over (truth, best guess, confidence).  Identify with a threshold of 0 to have best guesses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

OTHER = "other"  # a label for everything that no checklist asks for
THRESHOLDS = tuple(round(0.3 + 0.05 * n, 2) for n in range(14))


class Judged(NamedTuple):
    """One labelled document: the label, the best guess before abstaining, and its confidence (0..1)."""

    truth: str
    guess: str
    confidence: float


@dataclass(frozen=True, slots=True)
class KindScore:
    """Of one kind: how many there were, how many abstained, and the three measures (0..1)."""

    kind: str
    count: int
    abstained: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Report:
    """All measures at one threshold; `precision` is that of what was not abstained, `coverage` its share."""

    threshold: float
    kinds: tuple[KindScore, ...]
    macro_f1: float
    precision: float
    coverage: float
    confusion: tuple[tuple[str, str, int], ...]  # (truth, said, how often), "" said = abstained


def folded(judged: Iterable[Judged], kinds: Sequence[str]) -> list[Judged]:
    """The same with every kind outside `kinds` taken as `other`, as labelled folders often do."""
    return [Judged(j.truth if j.truth in kinds else OTHER, j.guess if j.guess in kinds else OTHER, j.confidence) for j in judged]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def report(judged: Sequence[Judged], threshold: float) -> Report:
    """The measures when everything below `threshold` is abstained; macro F1 is over the kinds that the labels have."""
    said = [(j.truth, j.guess if j.confidence >= threshold else "") for j in judged]
    confusion = Counter(said)
    right = Counter(truth for truth, guess in said if truth == guess)
    claimed = Counter(guess for _, guess in said if guess)
    there = Counter(truth for truth, _ in said)
    kinds = []
    for kind in sorted(there | claimed):
        precision, recall = _ratio(right[kind], claimed[kind]), _ratio(right[kind], there[kind])
        f1 = _ratio(2 * precision * recall, precision + recall)
        kinds.append(KindScore(kind, there[kind], confusion[kind, ""], precision, recall, f1))
    present = [k.f1 for k in kinds if k.count]
    answered = sum(claimed.values())
    return Report(
        threshold=threshold,
        kinds=tuple(kinds),
        macro_f1=_ratio(sum(present), len(present)),
        precision=_ratio(sum(right.values()), answered),
        coverage=_ratio(answered, len(judged)),
        confusion=tuple(sorted((t, g, n) for (t, g), n in confusion.items())),
    )


def trade_off(judged: Sequence[Judged], thresholds: Sequence[float] = THRESHOLDS) -> tuple[Report, ...]:
    """A report for each threshold, lowest first: what more coverage costs in precision."""
    return tuple(report(judged, threshold) for threshold in sorted(thresholds))
