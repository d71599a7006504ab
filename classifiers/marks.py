"""Words that mark a text: whose form it is, and what its sender wishes."""

from __future__ import annotations

from functools import cache

from classifiers.phrases import PhraseIndex
from classifiers.sheets import sheet
from classifiers.words import Prepared
from records.model import FieldValue

WISHES = ("pathology_requested", "mentions_specimen", "return_requested", "video_requested")


@cache
def _index() -> tuple[tuple[str, ...], PhraseIndex]:
    named = [(mark, term) for mark, table in sheet("marks.toml").items() for term in table["words"]]
    return tuple(mark for mark, _ in named), PhraseIndex(term for _, term in named)


def marks_of(page: Prepared, noisy: bool = False) -> dict[str, int]:
    """How often each mark stands on the page."""
    marks, index = _index()
    counts: dict[str, int] = {}
    for hit in index.find(page, noisy):
        mark = marks[hit.phrase]
        counts[mark] = counts.get(mark, 0) + 1
    return counts


def is_programme(marks: dict[str, int]) -> bool:
    """Whether a form's words say it is this programme's own: its name, or a second opinion as its subject."""
    if marks.get("research", 0) > 1 and not marks.get("second_opinion"):
        return False
    return bool(marks.get("programme")) or marks.get("second_opinion", 0) >= 2


def wishes(marks: dict[str, int]) -> dict[str, FieldValue]:
    """Fields for what the sender asks: pathology review, return, video visit, channel; and the slides' stain."""
    fields: dict[str, FieldValue] = {wish: True for wish in WISHES if marks.get(wish)}
    for way in ("email", "fax", "teleconference"):
        if marks.get(f"prefers_{way}"):
            fields["prefers"] = way
    stained, unstained = bool(marks.get("stained")), bool(marks.get("unstained"))
    if stained or unstained:
        fields["slides"] = "both" if stained and unstained else ("stained" if stained else "unstained")
    return fields
