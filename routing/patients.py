"""The papers of several patients in one transmission, told apart where that is certain (R8).  Pure.

Certain is: every paper that counts names its own patient by name and birth date, or by name and number; within a
patient's papers each two agree; between two patients names differ, and birth dates or numbers as well; and no file
holds papers of two.  What counts for nobody in particular and could count (an unread file, a doubt, a wish without a
name) leaves it to staff.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from records.model import Document, Fate, Kind, PartFate
from routing import filing, identity
from routing.identity import Patient, Verdict, compare_names, patient_of
from routing.incoming import Incoming

MOST = 4  # patients in one transmission; a list of more is a person's business
REASON = "between_patients"  # why a part is left out of every case
_WISHES = (
    "pathology_requested",
    "mentions_specimen",
    "slides",
    "return_requested",
    "video_requested",
    "in_person_requested",
    "written_requested",
    "prefers",
)
_LETTERS = (Kind.CORRESPONDENCE, Kind.COVER_SHEET, Kind.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Share:
    """One patient's part of a transmission: the submission with nobody else's papers in it."""

    incoming: Incoming
    documents: tuple[Document, ...]

    @property
    def requests(self) -> bool:
        """Does it begin a request of its own: a letter of agreement and something to go with it?"""
        kinds = {d.kind for d in self.documents}
        return Kind.LETTER_OF_AGREEMENT in kinds and len(kinds & set(filing.PACKET)) > 1


def shares(incoming: Incoming, documents: Sequence[Document]) -> tuple[Share, ...]:
    """Each patient's, in a stable order; empty where it is not certain."""
    if {p.part for p in incoming.problems} - filing.settled_problems(incoming):
        return ()
    letters = [d for d in documents if _counts_for_nobody(d)]
    groups = _groups([d for d in documents if d not in letters])
    if not 2 <= len(groups) <= MOST:
        return ()
    parts = [{path for d in group for path in d.parts} for group in groups]
    if any(one & other for one, other in combinations(parts, 2)):
        return ()
    made = []
    for group, mine in zip(groups, parts, strict=True):
        within = [d for d in letters if set(d.parts) <= mine]
        if any(identity.compare(patient_of(a), patient_of(b)) is Verdict.CONFLICT for a in within for b in group):
            return ()
        theirs = tuple(d for d in documents if d in group or d in within)
        files = tuple(p for p in incoming.parts if p.path in mine)
        made.append(Share(replace(incoming, documents=theirs, parts=files, problems=()), theirs))
    return tuple(made)


def left_out(incoming: Incoming, several: Sequence[Share]) -> tuple[PartFate, ...]:
    """The fates of what is no patient's own: letters about all of them, programs, pictures in a mail."""
    taken = {part.path for share in several for part in share.incoming.parts}
    rest = [part for part in incoming.parts if part.path not in taken]
    written = {path for d in incoming.documents for path in d.parts}
    bare = replace(incoming, parts=tuple(rest), documents=(), problems=())
    plain = filing.file(bare, (), None).fates
    return tuple(PartFate(fate.part, fate.sha256, Fate.IGNORED, REASON) if fate.part in written else fate for fate in plain)


def _counts_for_nobody(document: Document) -> bool:
    """A letter or cover without a wish and without a doubt: no checklist reads it."""
    wishes = any(document.fields.get(name) for name in _WISHES)
    return document.kind in _LETTERS and filing.doubt(document) is None and not wishes


def _groups(documents: Sequence[Document]) -> list[list[Document]]:
    """Papers by patient; empty unless each two of them are certainly one person's or certainly two people's."""
    groups: list[list[Document]] = []
    for document in sorted(documents, key=lambda d: (d.part, d.id)):
        patient = patient_of(document)
        if document.kind is Kind.PAYMENT_CARD or not _strong(patient):
            return []
        same = [group for group in groups if _one_person(patient, patient_of(group[0]))]
        if len(same) > 1:
            return []
        if same:
            same[0].append(document)
        else:
            groups.append([document])
    known = [sorted({patient_of(d) for d in group}, key=repr) for group in groups]
    agree = all(_one_person(a, b) for people in known for a, b in combinations(people, 2))
    differ = all(_two_people(a, b) for one, other in combinations(known, 2) for a in one for b in other)
    return groups if agree and differ else []


def _strong(patient: Patient) -> bool:
    return bool(patient.name) and bool(patient.birth_date or _number(patient).known)


def _one_person(a: Patient, b: Patient) -> bool:
    if _names(a, b) is not Verdict.AGREE or identity.compare(a, b) is not Verdict.AGREE:
        return False
    return (a.birth_date == b.birth_date != "") or identity.compare(_number(a), _number(b)) is Verdict.AGREE


def _two_people(a: Patient, b: Patient) -> bool:
    """Another name, and another birth date by more than a digit; where one has none, another number of the same shape."""
    if _names(a, b) is not Verdict.CONFLICT:
        return False
    if a.birth_date and b.birth_date:
        return sum(x != y for x, y in zip(a.birth_date, b.birth_date, strict=False)) > 1
    shapes = {re.sub(r"\d", "9", p.patient_id.upper()) for p in (a, b)}
    both = _number(a).known and _number(b).known
    return both and len(shapes) == 1 and identity.compare(_number(a), _number(b)) is not Verdict.AGREE


def _names(a: Patient, b: Patient) -> Verdict:
    return compare_names(a.name, b.name, a.recognised or b.recognised)


def _number(patient: Patient) -> Patient:
    return Patient("", "", "", patient.patient_id)
