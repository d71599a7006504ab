"""Which study a report is about: modality and body part, from its labels, then its headings, then its first words."""

from __future__ import annotations

from collections import Counter
from functools import cache

from classifiers.fields import labelled_values
from classifiers.phrases import PhraseIndex
from classifiers.sheets import sheet
from classifiers.studies import body_part_in
from classifiers.words import Prepared, prepare
from records.model import FieldValue, Kind

HEADING_WORDS = 14
BEGINNING = 1_500  # characters in which a study is named when no heading does


@cache
def _modalities() -> tuple[tuple[str, ...], PhraseIndex]:
    named = [(code, term) for code, terms in sheet("anatomy.toml")["modality"].items() for term in terms]
    return tuple(code for code, _ in named), PhraseIndex(term for _, term in named)


def modality_in(text: str) -> str | None:
    """The modality a short text names most; PET/CT is PT, the longest names count."""
    codes, index = _modalities()
    hits = sorted(index.find(prepare(text)), key=lambda h: (h.start - h.end, h.start))
    taken: set[tuple[bool, int]] = set()
    counts: Counter[str] = Counter()
    first: dict[str, tuple[bool, int]] = {}
    for hit in hits:
        places = {(hit.run, i) for i in range(hit.start, hit.end)}
        if not places & taken:
            taken |= places
            code = codes[hit.phrase]
            counts[code] += 1
            first[code] = min(first.get(code, (hit.run, hit.start)), (hit.run, hit.start))
    if "PT" in counts:
        return "PT"
    return min(counts, key=lambda code: (-counts[code], first[code])) if counts else None


def exam_fields(page: Prepared, kind: Kind, noisy: bool = False) -> dict[str, FieldValue]:
    """`modality` and `body_part` of a report's first page, as far as it says them."""
    if kind is not Kind.RADIOLOGY_REPORT:
        part = body_part_in(page.text[:400])
        return {"body_part": part} if part else {}
    labelled = " ".join(value for label, value in labelled_values(page, noisy) if label.key == "exam")
    lines = [line.strip() for line in page.text.split("\n") if line.strip()]
    headings = [line for line in lines[:30] if 0 < len(line.split()) <= HEADING_WORDS and len(line) <= 120]
    named = [line for line in headings if modality_in(line) and body_part_in(line)]
    found: dict[str, FieldValue] = {}
    for text in (labelled, *named[:1], page.text[:BEGINNING]):
        modality, part = modality_in(text), body_part_in(text[:160])
        if modality and "modality" not in found:
            found["modality"] = modality
        if part and "body_part" not in found:
            found["body_part"] = part
    return found
