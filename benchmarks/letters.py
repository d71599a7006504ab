"""The character error rate: letters changed, put in or left out, by the letters that stand there."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein


def character_errors(read: str, truth: str) -> float:
    """Edits by the length of `truth`, 0 is perfect; runs of white space count as one space."""
    read, truth = " ".join(read.split()), " ".join(truth.split())
    return Levenshtein.distance(read, truth) / max(len(truth), 1)


def percent(read: Sequence[str], truths: Sequence[str]) -> float:
    """Of all pages together, in percent; a page that was not read counts whole."""
    pages = [*read, *[""] * (len(truths) - len(read))]
    edits = sum(character_errors(text, truth) * len(truth) for text, truth in zip(pages, truths, strict=True))
    return 100 * edits / sum(map(len, truths))
