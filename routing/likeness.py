"""How alike are a report and an image set?  Sure, possible or impossible, with reasons (R13).

Sure: the same identifier; the same accession with nothing against it; or the same day (a day's difference across
time zones allowed) with modality or body part agreeing and neither clashing.  Possible: nothing clashes, yet too little
is said; or one fact clashes that is often wrong.  Facts that are silent prove nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from records.model import Document
from routing.imagesets import ImageSet

LAG = 14  # days after a study within which its report is written, as a rule
_PARTS_OF = {
    "ABDOMEN": {"KIDNEY"},
    "PELVIS": {"UTERUS", "HIP"},
    "CHEST": {"HEART"},
    "HEAD": {"SINUS"},
    "SPINE": {"CSPINE", "TSPINE", "LSPINE"},
    "EXTREMITY": {"KNEE", "HIP", "SHOULDER"},
}
_KIN = ({"XR", "RF", "XA"}, {"PT", "CT"}, {"PT", "MR"}, {"NM", "CT"}, {"MG", "US"})  # done together, or named for each other


class Grade(IntEnum):
    IMPOSSIBLE = 0
    POSSIBLE = 1
    SURE = 2


@dataclass(frozen=True, slots=True)
class Likeness:
    """`score` orders sure ones; `vague`: too little is said, so that any set may be meant; `exact`: nothing had to be excused."""

    grade: Grade
    score: int = 0
    vague: bool = False
    exact: bool = False
    reasons: tuple[str, ...] = ()


_NO = Likeness(Grade.IMPOSSIBLE)


@dataclass(frozen=True, slots=True)
class _Facts:
    """Each True, False or None (silent); `apart` in days."""

    uid: bool | None
    accession: bool | None
    modality: bool | None
    region: bool | None
    apart: int | None
    written_after: int | None


def likeness(report: Document, images: ImageSet, tolerance_days: int = 1) -> Likeness:
    """Grade a report against an image set."""
    f = _Facts(
        _any(_said(report, "study_uid"), images.words("study_uid")),
        _any(accession(report), {plain_number(a) for a in images.words("accession")}),
        _modality(report, images),
        regions_agree(regions(report), images.words("body_part")),
        _apart(report, images),
        _written_after(report, images),
    )
    if f.uid is not None:
        return Likeness(Grade.SURE, 1000, exact=True, reasons=("same study identifier",)) if f.uid else _NO
    sure = _sure(f, tolerance_days)
    return sure or _possible(f, report, images, tolerance_days)


def _sure(f: _Facts, tolerance: int) -> Likeness | None:
    near = f.apart is not None and f.apart <= tolerance
    clash = f.modality is False or (f.apart is not None and not near)
    if clash:
        return None
    reasons = _reasons(f)
    if f.accession:
        return Likeness(Grade.SURE, 500 + _points(f), exact=True, reasons=reasons)
    if f.accession is False and f.apart:
        return None  # another number and another day: the next study, as likely as not
    if near and f.modality and f.region is not False:
        return Likeness(Grade.SURE, 100 + _points(f), exact=f.apart == 0 and f.accession is None, reasons=reasons)
    if near and f.region and f.accession is None:
        return Likeness(Grade.SURE, 50 + _points(f), exact=f.apart == 0, reasons=reasons)
    dated = f.apart is None and f.written_after is not None and 0 <= f.written_after <= LAG
    if dated and f.modality and f.region and f.accession is None:
        return Likeness(Grade.SURE, _points(f), reasons=reasons)
    return None


def _points(f: _Facts) -> int:
    day = 20 - 5 * f.apart if f.apart is not None else 0
    late = -(f.written_after or 0) if f.apart is None else 0
    return 10 * (f.modality is True) + 10 * (f.region is True) + day + late - 15 * (f.accession is False)


def _possible(f: _Facts, report: Document, images: ImageSet, tolerance: int) -> Likeness:
    if f.accession:
        return Likeness(Grade.POSSIBLE)  # a number written twice, or another fact misread
    if f.written_after is not None and f.written_after < -tolerance:
        return _NO
    near = f.apart is None or f.apart <= tolerance
    kin = f.modality is not False or _are_kin(report, images)
    if near and kin and f.region is not False:
        # with the day known, only what says neither modality nor body part may be anything
        vague = f.apart is None or (f.modality is None and f.region is None)
        return Likeness(Grade.POSSIBLE, vague=vague and f.modality is not False)
    if f.apart is not None and near and f.modality:
        return Likeness(Grade.POSSIBLE)  # the machine's word for the body part is often a protocol's
    misread = f.modality and f.region and f.apart is not None and _slip(report, images)
    return Likeness(Grade.POSSIBLE) if misread else _NO


def _reasons(f: _Facts) -> tuple[str, ...]:
    day = None
    if f.apart is not None:
        day = "same day" if f.apart == 0 else f"{f.apart} day(s) apart"
    elif f.written_after is not None:
        day = f"reported {f.written_after} day(s) later"
    told = (
        "same accession number" if f.accession else None,
        day,
        "same modality" if f.modality else None,
        "body part in common" if f.region else None,
    )
    return tuple(reason for reason in told if reason)


def regions(document: Document) -> frozenset[str]:
    return frozenset(str(document.fields.get("body_part", "") or "").upper().split("+")) - {""}


def regions_agree(a: frozenset[str], b: frozenset[str]) -> bool | None:
    """Whether two scans have a part in common; a part lies in its whole (`KIDNEY` in `ABDOMEN`)."""
    if not a or not b:
        return None
    return any(_within(x, y) or _within(y, x) for x in a for y in b)


def _within(part: str, whole: str) -> bool:
    return part == whole or whole == "WHOLEBODY" or part in _PARTS_OF.get(whole, ())


def accession(document: Document) -> str:
    return plain_number(_said(document, "accession"))


def plain_number(number: str) -> str:
    """An accession number without punctuation and leading zeros; "" when too short to tell anything."""
    bare = "".join(c for c in number.upper() if c.isalnum()).lstrip("0")
    return bare if len(bare) >= 2 else ""


def _said(document: Document, name: str) -> str:
    return str(document.fields.get(name, "") or "").strip().upper()


def _any(mine: str, theirs: frozenset[str] | set[str]) -> bool | None:
    theirs = theirs - {""}
    return mine in theirs if mine and theirs else None


def _modality(report: Document, images: ImageSet) -> bool | None:
    """A report of either half of a hybrid study (PET and CT) speaks of it, by its leading modality or its accession."""
    said, leading = _said(report, "modality"), images.words("modality")
    if not said or not leading:
        return None
    if said in leading:
        return True
    return None if said in images.words("modalities") else False


def _are_kin(report: Document, images: ImageSet) -> bool:
    said = _said(report, "modality")
    return any(said in kin and kin & images.words("modality") for kin in _KIN)


def _days(document: Document) -> list[date]:
    """The day of a study, in both readings when day and month could be either."""
    day = _day(document, "study_date")
    if day is None:
        return []
    swapped = day.replace(day=day.month, month=day.day) if document.fields.get("date_ambiguous") and day.day <= 12 else day
    return [day, swapped]


def _day(document: Document, name: str) -> date | None:
    try:
        return date.fromisoformat(str(document.fields.get(name, "")))
    except ValueError:
        return None


def _apart(report: Document, images: ImageSet) -> int | None:
    theirs = [day for d in images.documents if (day := _day(d, "study_date"))]
    return min((abs((a - b).days) for a in _days(report) for b in theirs), default=None)


def _written_after(report: Document, images: ImageSet) -> int | None:
    """Days from the study to the report's own date, where the report does not say the study's."""
    written = _day(report, "report_date")
    theirs = [day for d in images.documents if (day := _day(d, "study_date"))]
    return min(((written - day).days for day in theirs), key=abs, default=None) if written else None


def _slip(report: Document, images: ImageSet) -> bool:
    """Whether one figure of the day may have been misread from a picture, or day and month have changed places."""
    mine = _day(report, "study_date")
    if mine is None:
        return False
    for d in images.documents:
        if (day := _day(d, "study_date")) is not None:
            differing = sum(x != y for x, y in zip(mine.isoformat(), day.isoformat(), strict=True))
            if (report.text_source == "ocr" and differing == 1) or (mine.year, mine.month, mine.day) == (
                day.year,
                day.day,
                day.month,
            ):
                return True
    return False
