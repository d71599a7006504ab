"""Whose document is it?  One patient a case (R8, R24): agreement, conflict or unknown, with the evidence."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from anyascii import anyascii

from records.model import Document
from routing.names import Verdict, compare_names

__all__ = ["Patient", "Verdict", "compare", "compare_names", "conflicts", "difference", "name_key", "patient_of"]


@dataclass(frozen=True, slots=True)
class Patient:
    """What one document says of its patient; "" where it says nothing."""

    name: str
    birth_date: str
    sex: str
    patient_id: str
    recognised: bool = False  # read by OCR, where one digit may be misread
    unsure: bool = False  # day and month may have changed places

    @property
    def known(self) -> bool:
        return bool(self.name or self.birth_date or _telling(self.patient_id))


def patient_of(document: Document) -> Patient:
    def text(name: str) -> str:
        return str(document.fields.get(name, "") or "").strip()

    return Patient(
        text("patient_name"),
        text("birth_date"),
        text("sex").upper()[:1],
        text("patient_id"),
        document.text_source == "ocr",
        bool(document.fields.get("date_ambiguous")),
    )


def name_key(name: str) -> str:
    """Folded and sorted words of a name: the same for `DOE^JANE`, `Jane Doe` and `DOE, Jané`."""
    words = "".join(ch if ch.isalnum() else " " for ch in anyascii(name).casefold()).split()
    return " ".join(sorted(words))


def compare(a: Patient, b: Patient) -> Verdict:
    """A clear clash in name, birth date or sex is a conflict (R8); a name or a number in common without one is agreement.

    A birth date alone is likely the same person, and twins have one, too.
    """
    if difference(a, b):
        return Verdict.CONFLICT
    names = compare_names(a.name, b.name, a.recognised or b.recognised)
    if names is Verdict.AGREE or _same_number(a, b):
        return Verdict.AGREE
    return Verdict.LIKELY if _dates(a, b, names) is Verdict.AGREE else Verdict.UNKNOWN


def difference(a: Patient, b: Patient) -> str:
    """What makes them two people, for staff; "" when nothing does."""
    names = compare_names(a.name, b.name, a.recognised or b.recognised)
    dates = _dates(a, b, names)
    told = []
    if names is Verdict.CONFLICT and not (_same_number(a, b) and dates is Verdict.AGREE):  # a married name
        told.append("names differ")
    if dates is Verdict.CONFLICT:
        told.append("birth dates differ")
    if {a.sex, b.sex} == {"F", "M"}:
        told.append("sex differs")
    if names is Verdict.UNKNOWN and a.name and b.name and _two_numbers(a, b):
        told.append("names are not the same and numbers differ")
    return ", ".join(told)


def _dates(a: Patient, b: Patient, names: Verdict) -> Verdict:
    if not a.birth_date or not b.birth_date:
        return Verdict.UNKNOWN
    if a.birth_date == b.birth_date:
        return Verdict.AGREE
    excused = names is Verdict.AGREE and (_misread(a, b) or _swapped(a, b))
    return Verdict.UNKNOWN if excused else Verdict.CONFLICT


def _misread(a: Patient, b: Patient) -> bool:
    """One digit of difference, where a machine read at least one of the two dates from a picture."""
    differing = sum(x != y for x, y in zip(a.birth_date, b.birth_date, strict=False))
    return (a.recognised or b.recognised) and len(a.birth_date) == len(b.birth_date) and differing == 1


def _swapped(a: Patient, b: Patient) -> bool:
    """03/04 read as March here and as April there, where a document wrote it so that both are possible."""
    (y1, _, rest1), (y2, _, rest2) = a.birth_date.partition("-"), b.birth_date.partition("-")
    return (a.unsure or b.unsure) and y1 == y2 and rest1 == "-".join(reversed(rest2.split("-")))


def _telling(number: str) -> bool:
    """Whether an identifier can be one person's: long enough, and no row of one or two figures."""
    bare = re.sub(r"[^0-9A-Za-z]", "", number)
    return len(bare) >= 5 and len(set(bare)) >= 3 and any(c.isdigit() for c in bare)


def _same_number(a: Patient, b: Patient) -> bool:
    return _telling(a.patient_id) and _bare(a.patient_id) == _bare(b.patient_id)


def _two_numbers(a: Patient, b: Patient) -> bool:
    """Two identifiers of one shape, so of one house as it seems, and not the same."""
    both = _telling(a.patient_id) and _telling(b.patient_id)
    return both and _shape(a.patient_id) == _shape(b.patient_id) and _bare(a.patient_id) != _bare(b.patient_id)


def _bare(number: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", number.upper()).lstrip("0")


def _shape(number: str) -> str:
    return re.sub("[A-Za-z]+", "A", re.sub(r"\d", "9", number))


Clash = tuple[Document, Document, str]


def conflicts(documents: Iterable[Document], settled: Collection[str] = ()) -> list[Clash]:
    """Every pair of documents that speak of two patients and what differs, in a stable order.

    Between documents that are both `settled` (ids), staff's word stands.
    """
    known = sorted(((d, patient_of(d)) for d in documents), key=lambda both: both[0].id)
    known = [(d, p) for d, p in known if p.known]
    differing: dict[tuple[Patient, Patient], str] = {}  # a packet of a hundred papers names few patients
    found = []
    for place, (a, one) in enumerate(known):
        for b, other in known[place + 1 :]:
            if one == other or (a.id in settled and b.id in settled):
                continue
            if (one, other) not in differing:
                differing[one, other] = differing[other, one] = difference(one, other)
            if why := differing[one, other]:
                found.append((a, b, why))
    return found


def told(clashes: Collection[Clash], most: int = 3) -> str:
    """The clashes in words for staff: what differs, and in which files."""
    lines = [f"{why}: {_place(a)} against {_place(b)}" for a, b, why in clashes]
    more = f"; and {len(lines) - most} more" if len(lines) > most else ""
    return "; ".join(lines[:most]) + more


def _place(document: Document) -> str:
    """The file, and the pages of it: one fax holds many papers."""
    pages = document.pages
    return f"{document.part}, page {pages[0]}" + (f"-{pages[-1]}" if len(pages) > 1 else "") if pages else document.part
