"""Whose document is it?  One patient a case (R8, R24): agreement, conflict or unknown, with the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from anyascii import anyascii
from rapidfuzz import fuzz

from records.model import Document

AGREE = 88.0  # token-set similarity of two spellings of one name
CONFLICT = 60.0  # below: two names


class Verdict(StrEnum):
    AGREE = "agree"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Patient:
    """What one document says of its patient; "" where it says nothing."""

    name: str
    birth_date: str
    sex: str
    patient_id: str
    recognised: bool = False  # read by OCR, where one digit may be misread

    @property
    def known(self) -> bool:
        return bool(self.name or self.birth_date)


def patient_of(document: Document) -> Patient:
    def text(name: str) -> str:
        return str(document.fields.get(name, "") or "").strip()

    return Patient(
        text("patient_name"), text("birth_date"), text("sex").upper()[:1], text("patient_id"), document.text_source == "ocr"
    )


def name_key(name: str) -> str:
    """Folded and sorted words of a name: the same for `DOE^JANE`, `Jane Doe` and `DOE, Jané`."""
    words = "".join(ch if ch.isalnum() else " " for ch in anyascii(name).casefold()).split()
    return " ".join(sorted(words))


def compare_names(a: str, b: str) -> Verdict:
    if not a or not b:
        return Verdict.UNKNOWN
    if _script(a) != _script(b):
        return Verdict.UNKNOWN  # transliterations prove nothing by themselves
    score = fuzz.token_set_ratio(name_key(a), name_key(b))
    if score >= AGREE:
        return Verdict.AGREE
    return Verdict.CONFLICT if score < CONFLICT else Verdict.UNKNOWN


def compare(a: Patient, b: Patient) -> Verdict:
    """A birth date weighs more than a spelling; a clear clash in either is a conflict (R8)."""
    names = compare_names(a.name, b.name)
    dates = Verdict.UNKNOWN
    if a.birth_date and b.birth_date:
        dates = Verdict.AGREE if a.birth_date == b.birth_date else Verdict.CONFLICT
        if dates is Verdict.CONFLICT and names is Verdict.AGREE and _misread(a, b):
            dates = Verdict.UNKNOWN
    sexes_clash = a.sex in "FM" and b.sex in "FM" and bool(a.sex and b.sex) and a.sex != b.sex
    if Verdict.CONFLICT in (names, dates) or sexes_clash:
        return Verdict.CONFLICT
    return Verdict.AGREE if Verdict.AGREE in (names, dates) else Verdict.UNKNOWN


def _misread(a: Patient, b: Patient) -> bool:
    """One digit of difference, where a machine read at least one of the two dates from a picture."""
    differing = sum(x != y for x, y in zip(a.birth_date, b.birth_date, strict=False))
    return (a.recognised or b.recognised) and len(a.birth_date) == len(b.birth_date) and differing == 1


def conflicts(documents: Iterable[Document]) -> list[tuple[Document, Document]]:
    """Every pair of documents that speak of two patients, in a stable order."""
    known = sorted((d for d in documents if patient_of(d).known), key=lambda d: d.id)
    return [
        (a, b)
        for place, a in enumerate(known)
        for b in known[place + 1 :]
        if compare(patient_of(a), patient_of(b)) is Verdict.CONFLICT
    ]


def _script(name: str) -> str:
    """`latin`, or the block of the first letter outside it."""
    for ch in name:
        if ch.isalpha() and ord(ch) > 0x24F:
            return hex(ord(ch) >> 9)
    return "latin"
