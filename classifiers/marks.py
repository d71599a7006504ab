"""Words that mark a text: whose form it is, and what its sender wishes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from classifiers.sight import MARK, Sight
from records.model import FieldValue

WISHES = ("pathology_requested", "mentions_specimen", "return_requested", "video_requested")


def marks_of(seen: Iterable[Sight]) -> dict[str, int]:
    """How often each mark stands on a page."""
    return dict(Counter(phrase.kind for _, phrase in seen if phrase.level == MARK))


def is_programme(marks: Mapping[str, int]) -> bool:
    """Whether a form's words say it is this programme's own: its name, or a second opinion as its subject."""
    if marks.get("research", 0) > 1 and not marks.get("second_opinion"):
        return False
    return bool(marks.get("programme")) or marks.get("second_opinion", 0) >= 2


def wishes(marks: Mapping[str, int]) -> dict[str, FieldValue]:
    """Fields for what the sender asks: pathology review, return, video visit, channel; and the slides' stain."""
    fields: dict[str, FieldValue] = {wish: True for wish in WISHES if marks.get(wish)}
    for way in ("email", "fax", "teleconference"):
        if marks.get(f"prefers_{way}"):
            fields["prefers"] = way
    stained, unstained = bool(marks.get("stained")), bool(marks.get("unstained"))
    if stained or unstained:
        fields["slides"] = "both" if stained and unstained else ("stained" if stained else "unstained")
    return fields
