"""Words that mark a text: whose form it is, and the stain of slides it speaks of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from classifiers.sight import MARK, Sight, longest
from records.model import FieldValue


def marks_of(seen: Iterable[Sight]) -> dict[str, int]:
    """How often each mark stands on a page."""
    return dict(Counter(phrase.kind for _, phrase in seen if phrase.level == MARK))


def is_programme(marks: Mapping[str, int]) -> bool:
    """Whether a form's words say it is this programme's own: its name, or a second opinion as its subject."""
    if marks.get("research", 0) > 1 and not marks.get("second_opinion"):
        return False
    return bool(marks.get("programme")) or marks.get("second_opinion", 0) >= 2


def stain_of(seen: Iterable[Sight]) -> dict[str, FieldValue]:
    """The slides' stain, on which the fee depends; `stained` inside `unstained` is none of its own."""
    stains = {s.phrase.kind for s in longest(s for s in seen if s.phrase.level == MARK)} & {"stained", "unstained"}
    return {"slides": "both" if len(stains) == 2 else stains.pop()} if stains else {}
