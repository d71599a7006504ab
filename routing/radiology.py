"""Which report speaks of which image set?  One to one, with reasons; what can not be told is asked, never guessed (R13).

The surest pairs go first.  Then what is left over may join a pair: a second report of the same study (an addendum, a
translation, a copy), and an image set of one of several body parts that one report covers.  What then stands alone is
missing its partner, unless something might be that partner: then it is unclear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from records.model import Document
from routing.imagesets import ImageSet, image_sets
from routing.likeness import Grade, Likeness, accession, likeness, plain_number, regions

_SEVERAL_A_DAY = frozenset({"XR", "US", "RF", "XA", ""})


@dataclass(frozen=True, slots=True)
class Pair:
    """A report with its images; `reasons` for staff."""

    report: Document
    images: ImageSet
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pairing:
    """`lone`: no partner came; `unclear`: something came that may be the partner."""

    pairs: tuple[Pair, ...]
    lone_reports: tuple[Document, ...] = ()
    lone_images: tuple[ImageSet, ...] = ()
    unclear_reports: tuple[Document, ...] = ()
    unclear_images: tuple[ImageSet, ...] = ()


Likenesses = Mapping[tuple[str, str], Likeness]


def pair(reports: Sequence[Document], images: Sequence[Document], tolerance_days: int = 1) -> Pairing:
    """The same answer in whatever order they came."""
    reports = sorted(reports, key=lambda d: d.id)
    sets = image_sets(images)
    alike = {(r.id, s.id): likeness(r, s, tolerance_days) for r in reports for s in sets}
    firm = _one_to_one(reports, sets, alike)
    joined = [p for r in reports if r.id not in {p.report.id for p in firm} for p in _second_reports(r, firm, alike)]
    covered = [p for s in sets if s.id not in {p.images.id for p in firm} for p in _other_parts(s, firm, alike)]
    pairs = (*firm, *joined, *covered)
    told, shown = {p.report.id for p in pairs}, {p.images.id for p in pairs}
    open_reports = [r for r in reports if r.id not in told]
    open_sets = [s for s in sets if s.id not in shown]
    unclear_reports = tuple(r for r in open_reports if any(_may_be(alike[r.id, s.id], s in open_sets) for s in sets))
    unclear_images = tuple(s for s in open_sets if any(_may_be(alike[r.id, s.id], r in open_reports) for r in reports))
    return Pairing(
        pairs,
        tuple(r for r in open_reports if r not in unclear_reports),
        tuple(s for s in open_sets if s not in unclear_images),
        unclear_reports,
        unclear_images,
    )


def _one_to_one(reports: Sequence[Document], sets: Sequence[ImageSet], alike: Likenesses) -> list[Pair]:
    """Sure pairs, the best first; equals in the order of their ids."""
    ranked = sorted(
        ((r, s) for r in reports for s in sets if alike[r.id, s.id].grade is Grade.SURE),
        key=lambda both: (-alike[both[0].id, both[1].id].score, both[0].id, both[1].id),
    )
    firm: dict[str, Pair] = {}
    taken: set[str] = set()
    for r, s in ranked:
        if r.id not in firm and s.id not in taken:
            firm[r.id] = Pair(r, s, alike[r.id, s.id].reasons)
            taken.add(s.id)
    return [firm[key] for key in sorted(firm)]


def _second_reports(report: Document, firm: Sequence[Pair], alike: Likenesses) -> list[Pair]:
    """A further report of a study that has one: surely of that very day, and no study of its own."""
    for p in firm:
        found = alike[report.id, p.images.id]
        same_day = report.fields.get("study_date") == p.report.fields.get("study_date") and not _numbered_apart(report, p.images)
        if found.grade is Grade.SURE and (found.exact or same_day) and _one_study(report, p.report):
            return [Pair(report, p.images, (*found.reasons, "second report of the study"))]
    return []


def _numbered_apart(report: Document, images: ImageSet) -> bool:
    """Whether both have an accession number and not the same."""
    numbers = {plain_number(number) for number in images.words("accession")} - {""}
    return bool(accession(report) and numbers) and accession(report) not in numbers


def _one_study(a: Document, b: Document) -> bool:
    """Whether two reports that fit one image set are of one study; what is done several times a day needs more to be sure."""
    numbers = accession(a), accession(b)
    if all(numbers):
        return numbers[0] == numbers[1]
    if a.fields.get("study_uid") and a.fields.get("study_uid") == b.fields.get("study_uid"):
        return True
    once = str(a.fields.get("modality", "") or "") not in _SEVERAL_A_DAY
    return once or bool(a.fields.get("addendum") or b.fields.get("addendum")) or a.language != b.language


def _other_parts(images: ImageSet, firm: Sequence[Pair], alike: Likenesses) -> list[Pair]:
    """A report of several body parts covers the image set of one of them, besides the one it is paired with."""
    mine = images.words("body_part")
    for p in firm:
        found = alike[p.report.id, images.id]
        other = not mine & p.images.words("body_part")
        if found.grade is Grade.SURE and (found.exact or other) and mine and mine < regions(p.report):
            return [Pair(p.report, images, (*found.reasons, "one report of several body parts"))]
    return []


def _may_be(found: Likeness, free: bool) -> bool:
    """Whether a partner is thinkable: surely alike though taken, or possibly and free, or too little said to exclude any."""
    if found.grade is Grade.SURE:
        return found.exact or free
    return found.grade is Grade.POSSIBLE and (free or found.vague)


def study(document: Document) -> dict[str, str]:
    """Modality, body part and date, as far as known: the words by which R13 names a study."""
    fields = document.fields
    named = {
        "modality": fields.get("modality"),
        "body_part": fields.get("body_part"),
        "date": fields.get("study_date") or fields.get("report_date"),
    }
    return {word: str(value) for word, value in named.items() if value}
