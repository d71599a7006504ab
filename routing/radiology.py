"""Which report speaks of which image set?  One to one, with reasons (R13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from records.model import Document


@dataclass(frozen=True, slots=True)
class Pairing:
    pairs: tuple[tuple[Document, Document], ...]  # (report, images)
    lone_reports: tuple[Document, ...]
    lone_images: tuple[Document, ...]
    unclear: tuple[Document, ...]  # reports that say too little to be paired, while image sets stand alone


def pair(reports: Sequence[Document], images: Sequence[Document], tolerance_days: int = 1) -> Pairing:
    """Strongest agreement first; ties by document id, so that order of arrival changes nothing."""
    scored = sorted(
        ((score, r, i) for r in reports for i in images if (score := agreement(r, i, tolerance_days)) > 0),
        key=lambda entry: (-entry[0], entry[1].id, entry[2].id),
    )
    report_done: set[str] = set()
    image_done: set[str] = set()
    pairs = []
    for _, report, image in scored:
        if report.id not in report_done and image.id not in image_done:
            report_done.add(report.id)
            image_done.add(image.id)
            pairs.append((report, image))
    lone_reports = sorted((r for r in reports if r.id not in report_done), key=lambda d: d.id)
    lone_images = tuple(sorted((i for i in images if i.id not in image_done), key=lambda d: d.id))
    # a report that names neither modality nor date might be the partner of any lone image set: ask
    unclear = tuple(r for r in lone_reports if lone_images and not (r.fields.get("modality") or r.fields.get("study_date")))
    return Pairing(tuple(pairs), tuple(r for r in lone_reports if r not in unclear), lone_images, unclear)


def agreement(report: Document, image: Document, tolerance_days: int = 1) -> int:
    """0: can not be the same study; else higher for more agreeing facts."""
    if report.fields.get("study_uid") and report.fields.get("study_uid") == image.fields.get("study_uid"):
        return 100
    accession = _same(report, image, "accession")
    modality = _same(report, image, "modality")
    body_part = _same_region(report, image)
    day = _days_apart(report, image)
    if modality is False or (day is not None and day > tolerance_days):
        return 0
    if accession:
        return 50 + bool(modality)
    if modality is None and day is None:
        return 0  # nothing agrees: not a pair by guess
    score = 8 * (modality is True) + (12 - day if day is not None else 0)
    if body_part is not None:
        score += 4 if body_part else -6
    return max(score, 0)


def study(document: Document) -> Mapping[str, str]:
    """Modality, body part and date, as far as known: the words by which R13 names a study."""
    names = {"modality": "modality", "body_part": "body_part", "study_date": "date"}
    return {word: str(document.fields[key]) for key, word in names.items() if document.fields.get(key)}


def _same(a: Document, b: Document, name: str) -> bool | None:
    left, right = str(a.fields.get(name, "") or ""), str(b.fields.get(name, "") or "")
    return left.casefold() == right.casefold() if left and right else None


def _same_region(a: Document, b: Document) -> bool | None:
    """A scan of two regions (`CHEST+ABDOMEN`) has both: one in common is enough."""
    left, right = (set(str(d.fields.get("body_part", "") or "").upper().split("+")) - {""} for d in (a, b))
    return bool(left & right) if left and right else None


def _days_apart(a: Document, b: Document) -> int | None:
    try:
        return abs((date.fromisoformat(str(a.fields["study_date"])) - date.fromisoformat(str(b.fields["study_date"]))).days)
    except (KeyError, ValueError):
        return None
