"""Where one document ends and the next begins in a file of many pages (one fax = a whole packet, or two).

Each observation between two neighbouring pages speaks for or against a boundary in log-odds; their sum decides,
and its logistic is the boundary's confidence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp

from rapidfuzz import fuzz

from classifiers.page import Scored
from classifiers.sight import Sight
from classifiers.words import Prepared
from records.model import FieldValue, Kind, Page

_PAGE_OF = re.compile(
    r"(?:pages?|página|pág\.?|pagina|seite|blatt|стр(?:аница)?\.?|лист|sayfa|صفحة|صفحه|עמוד|דף|第|p\.|pg\.?)?\s*(\d{1,3})\s*(?:页|頁|ページ|쪽)?\s*(?:of|de|di|von|sur|van|из|/|من|از|מתוך|共|ve)\s*(\d{1,3})\b",
    re.IGNORECASE,
)
_PAGE_WORD = re.compile(r"page|pág|pagina|seite|blatt|стр|лист|sayfa|صفح|עמוד|דף|第|页|頁|ページ|쪽|p\.|pg", re.IGNORECASE)
_FAX_HEADER = re.compile(r"\A[^\n]*(?:\d{2}:\d{2}|\+?\d[\d ()\-]{6,}\d|\bfax\b)[^\n]*(?:\n|\Z)", re.IGNORECASE)
_MARGIN = 220  # characters at a page's top and bottom where its number stands
_SAME_NAME = 80.0
_TELLING = frozenset({"letter_of_agreement", "informed_consent"})


@dataclass(frozen=True, slots=True)
class PageFacts:
    """All that a boundary is judged by."""

    page: Page
    prepared: Prepared
    seen: tuple[Sight, ...]
    scored: Scored
    fields: dict[str, FieldValue] = field(default_factory=dict)
    alone: bool = False  # a page that is always its own document (a payment card)


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring pages of one document; `certain` is how sure its first boundary is (1.0 for the first)."""

    pages: tuple[PageFacts, ...]
    certain: float


def page_of(text: str) -> tuple[int, int] | None:
    """`page n of m` at the page's top or bottom; the line a fax machine adds counts the transmission and is left out."""
    text = _FAX_HEADER.sub("", text.lstrip(), count=1)
    for place in (text[-_MARGIN:], text[:_MARGIN]):
        for m in _PAGE_OF.finditer(place):
            number, total = int(m[1]), int(m[2])
            if _PAGE_WORD.search(m[0]) and 1 <= number <= total <= 300:
                return number, total
    return None


def _differ(a: PageFacts, b: PageFacts, key: str) -> bool | None:
    left, right = a.fields.get(key), b.fields.get(key)
    if left is None or right is None:
        return None
    if key == "patient_name":
        return fuzz.token_sort_ratio(str(left).casefold(), str(right).casefold()) < _SAME_NAME
    return str(left).casefold() != str(right).casefold()


def _counts_whole_file(pages: Sequence[PageFacts]) -> bool:
    """Whether page numbers count the file rather than a document: every one that is read equals its place in the file."""
    told = [(page_of(facts.page.text), place) for place, facts in enumerate(pages, 1)]
    return len(pages) > 1 and all(number in {None, (place, len(pages))} for number, place in told)


def _numbering(before: PageFacts, after: PageFacts, whole_file: bool) -> float:
    this, previous = page_of(after.page.text), page_of(before.page.text)
    if this is None:
        return 0.0
    if this[0] == 1:
        return 3.0
    follows = previous is not None and previous == (this[0] - 1, this[1])
    return (-1.5 if whole_file else -4.0) if follows else -1.0


def _forms(before: PageFacts, after: PageFacts) -> float:
    a, b = before.page.form, after.page.form
    if b is not None and b.form:
        if a is not None and a.form == b.form and b.page > a.page:
            return -5.0
        return 3.0
    return 2.0 if a is not None and a.form and a.page >= a.pages else 0.0


def _identity(before: PageFacts, after: PageFacts) -> float:
    score = 0.0
    for key, differs, agrees in (
        ("patient_id", 2.0, -0.3), ("birth_date", 2.0, -0.3), ("patient_name", 1.5, -0.3),
        ("accession", 2.0, -2.0),
        ("modality", 1.5, -0.1),
        ("body_part", 1.2, -0.1), ("study_date", 1.5, -0.2), ("report_date", 0.7, -0.2),
    ):  # fmt: skip
        told = _differ(before, after, key)
        if told is not None:
            score += differs if told else agrees
    return score


def _title_words(scored: Scored) -> str:
    titles = [s for s in scored.seen if s.title and s.kind == scored.title]
    return max(titles, key=lambda s: s.weight).words.casefold() if titles else ""


def _kinds(before: PageFacts, after: PageFacts) -> float:
    a, b = before.scored, after.scored
    score = 0.0
    if b.title is not None:
        score += 2.0 if b.title != a.looks_like else 1.4
    if b.title is not None and b.title == a.title:
        score += 1.0 if _title_words(a) != _title_words(b) else -0.8
    if b.kind is Kind.UNKNOWN and b.title is None:
        score -= 1.2
    elif a.kind is not Kind.UNKNOWN and b.kind is not Kind.UNKNOWN:
        score += 1.6 if a.kind is not b.kind else -0.8
    if {a.kind.value, b.kind.value} & _TELLING and a.kind is not b.kind and b.title is not None:
        score += 0.5
    if a.kind is Kind.COVER_SHEET and b.kind is not Kind.COVER_SHEET:
        score += 2.5
    return score


def _flow(before: PageFacts, after: PageFacts) -> float:
    """A sentence that runs over the page break speaks against a boundary."""
    end, start = before.page.text.rstrip()[-1:], after.page.text.lstrip()[:1]
    return -1.5 if (end.isalpha() or end in {",", "-"}) and start.islower() else 0.0


def boundary(before: PageFacts, after: PageFacts, blank_between: bool, whole_file: bool = False) -> float:
    """Log-odds that a new document begins with `after`."""
    if before.alone or after.alone:
        return 8.0
    told = (
        _kinds(before, after),
        _numbering(before, after, whole_file),
        _forms(before, after),
        _identity(before, after),
        _flow(before, after),
    )
    return sum(told) - 0.3 + (0.7 if blank_between else 0.0)


def runs_of(pages: Sequence[PageFacts]) -> tuple[Run, ...]:
    """Group a part's pages; blank pages stay with what they follow (or precede)."""
    groups: list[tuple[list[PageFacts], float]] = []
    waiting: list[PageFacts] = []
    last: PageFacts | None = None
    whole_file = _counts_whole_file(pages)
    for facts in pages:
        if facts.page.blank or not facts.page.text.strip():
            (groups[-1][0] if groups else waiting).append(facts)
            continue
        blank_between = last is not None and groups[-1][0][-1] is not last
        odds = 9.0 if last is None else boundary(last, facts, blank_between, whole_file)
        if odds > 0:
            groups.append(([*waiting, facts], 1.0 if last is None else 1 / (1 + exp(-odds))))
            waiting = []
        else:
            groups[-1][0].append(facts)
        last = facts
    if waiting:
        groups.append((waiting, 1.0))
    return tuple(Run(tuple(group), round(certain, 3)) for group, certain in groups)
