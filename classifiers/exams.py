"""Which study a report is about: modality and body part, from its labels, then its headings, then its first words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from classifiers.fields import labelled_values, labels_on
from classifiers.sight import BODY_PART, MODALITY, Sight, longest
from classifiers.studies import body_part_in
from classifiers.words import Prepared
from records.model import FieldValue, Kind

HEADING_WORDS = 14
HEADING_LINES = 30
BEGINNING = 25  # lines in which a study is named when no heading does


def modality_in(seen: Iterable[Sight]) -> str | None:
    """The modality named most, the first of equals; PET/CT is PT."""
    named = [s.phrase.kind for s in longest(s for s in seen if s.phrase.level == MODALITY)]
    counts = Counter(named)
    if "PT" in counts:
        return "PT"
    return max(counts, key=lambda code: (counts[code], -named.index(code))) if counts else None


def _narrowest(part: str | None) -> str | None:
    """The parts named, without the whole spine where a stretch of it is named."""
    named = part.split("+") if part else []
    if any(p.endswith("SPINE") and p != "SPINE" for p in named):
        named = [p for p in named if p != "SPINE"]
    return "+".join(named) or None


def exam_fields(page: Prepared, seen: Sequence[Sight], kind: Kind) -> dict[str, FieldValue]:
    """`modality` and `body_part` of a report's first page, as far as it says them; a tissue report has no modality."""
    anatomy = [s for s in seen if s.phrase.level in {MODALITY, BODY_PART}]
    if kind is not Kind.RADIOLOGY_REPORT:
        part = body_part_in(s for s in anatomy if s.hit.line <= 8)
        return {"body_part": part} if part else {}
    exams = {label.line for label, _ in labelled_values(page, labels_on(page, seen)) if label.key == "exam"}
    short = {s.hit.line for s in anatomy if page.line_words[s.hit.line] <= HEADING_WORDS and s.hit.line < HEADING_LINES}
    by_line = {line: [s for s in anatomy if s.hit.line == line] for line in sorted(short)}
    heading = next((of for of in by_line.values() if {s.phrase.level for s in of} == {MODALITY, BODY_PART}), [])
    found: dict[str, FieldValue] = {}
    for group in ([s for s in anatomy if s.hit.line in exams], heading, [s for s in anatomy if s.hit.line < BEGINNING]):
        modality, part = modality_in(group), _narrowest(body_part_in(group))
        if modality and "modality" not in found:
            found["modality"] = modality
        if part and "body_part" not in found:
            found["body_part"] = "+".join(part.split("+")[:2]) if group is not heading else part
    return found
