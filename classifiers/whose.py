"""Whose a report is when no label says it: a name that its packet's other papers give and that stands in it, else doubt (R8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from classifiers.words import skeleton
from records.model import Document, Finding, Kind, Part, Severity

REPORTS = frozenset({Kind.RADIOLOGY_REPORT, Kind.PATHOLOGY_REPORT})
SAYS_WHO = ("birth_date", "patient_id")
_NEAR = 6  # words within which all words of a name stand


def whose(documents: Sequence[Document], studies: Iterable[Document], parts: Sequence[Part]) -> list[Document]:
    """The documents, each report without a name with the one found in it, or with the doubt."""
    papers = {part.path: part for part in parts}
    names = {str(d.fields["patient_name"]): None for d in (*documents, *studies) if d.fields.get("patient_name")}
    nameless = {d.id for d in documents if d.kind in REPORTS and not d.fields.get("patient_name")}
    return [_told(d, papers, list(names)) if d.id in nameless else d for d in documents]


def _told(document: Document, papers: Mapping[str, Part], names: Sequence[str]) -> Document:
    part = papers.get(document.part)
    text = "\n".join(p.text for p in part.pages if p.number in document.pages) if part else ""
    words = [skeleton(w) for w in _words(text)]
    standing = [name for name in names if _stands(name, words)]
    if standing:
        says = "a name of the packet's other papers stands in it"
        return replace(document, fields={**document.fields, "patient_name": standing[0]}, evidence=(*document.evidence, says))
    if any(document.fields.get(name) for name in SAYS_WHO):
        return document
    doubt = Finding("identity_unread", Severity.DOUBTFUL, "no name, birth date or number of a patient can be read")
    return replace(document, findings=(*document.findings, replace(doubt, requirement=document.kind.value)))


def _stands(name: str, words: Sequence[str]) -> bool:
    """Whether all words of the name, two at least, stand together in a text: with fewer it may be a relative's."""
    wanted = {skeleton(w) for w in _words(name) if len(w) > 1}
    near = (set(words[place : place + _NEAR]) for place, word in enumerate(words) if word in wanted)
    return len(wanted) >= 2 and any(wanted <= together for together in near)


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text).split()
