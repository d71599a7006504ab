"""Which study a report is about: modality, body part and day, from its labels, then its headings, then its first words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from functools import cache

from classifiers.dates import DateSeen, day_first, find_dates, western_digits
from classifiers.fields import labelled_values, labels_on
from classifiers.sheets import sheet
from classifiers.sight import BODY_PART, MODALITY, Sight, longest
from classifiers.studies import body_part_in
from classifiers.words import Prepared
from records.model import FieldValue, Kind

HEADING_WORDS = 14
HEADING_LINES = 30
BEGINNING = 25  # lines in which a study is named when no heading does


@cache
def _births() -> tuple[str, ...]:
    return tuple(label.casefold() for label in sheet("labels.toml")["labels"]["birth_date"] if len(label) > 3)


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


def exam_fields(page: Prepared, seen: Sequence[Sight], kind: Kind, language: str | None = None) -> dict[str, FieldValue]:
    """`modality`, `body_part`, `study_date` of a report as its first page says them; of a tissue report the part alone."""
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
    if (day := _day_beside(page, anatomy, exams, language)) is not None:
        found["study_date"] = day.iso
        if day.ambiguous:
            found["date_ambiguous"] = True
    return found


def _day_beside(page: Prepared, anatomy: Sequence[Sight], exams: Set[int], language: str | None) -> DateSeen | None:
    """The one day that stands in the lines that name the examination, headings first; none where they tell of several."""
    named = {s.hit.line for s in anatomy if s.phrase.level == MODALITY and s.hit.line < BEGINNING}
    short = {line for line in named if page.line_words[line] <= HEADING_WORDS}
    order = day_first(western_digits(page.text), language)
    for lines in (exams | short, named - short):
        days = [day for line in sorted(lines) for day in _own_days(page, line, language, order)]
        if days:
            return days[0] if len({day.iso for day in days}) == 1 else None
    return None


def _own_days(page: Prepared, line: int, language: str | None, order: bool | None) -> list[DateSeen]:
    """Dates in a line up to where it speaks of a birth; none where it speaks of an earlier study, nor those in brackets."""
    start, end = page.lines[line]
    text = page.text[start:end].split("(*", 1)[0]
    folded = text.lower()
    if any(stem in folded for stem in sheet("earlier.toml")["stems"]):
        return []
    told = min((folded.find(label) for label in _births() if label in folded), default=len(text))
    return [day for day in find_dates(text[:told], language, order) if "(" not in text[max(0, day.start - 2) : day.start]]
