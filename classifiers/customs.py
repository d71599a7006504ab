"""The customs wording on the commercial invoice of a pathology specimen: six clauses (R17-R20).

What lacks is an advisory to the sender, never a reason to reject.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from rapidfuzz import fuzz

from classifiers.words import skeleton
from records.model import FieldValue, Finding, Kind, Severity

FORGIVING = 85.0  # of 100: how like a clause's wording a page must be
_CLAUSES = (
    "non-infectious and non-contagious human tissue",
    "taken from the",
    "fixed and/or preserved in paraffin",
    "this specimen has never been cultured",
    "for review by the department of pathology at the university of california san diego",
    "the value is us$",
)
_ALSO = {
    1: ("noninfectious and noncontagious human tissue", "non infectious non contagious human tissue"),
    3: ("fixed and preserved in paraffin", "preserved in paraffin", "fixed in formalin and embedded in paraffin"),
    4: ("has never been cultured", "have never been cultured", "never cultured"),
    5: ("review by the department of pathology at uc san diego", "department of pathology at ucsd"),
}
_ORGAN = re.compile(r"taken\s+from\s+(?:the\s+)?([_\s.\-–—…]*)([^\n(]{0,80}|\n[^\n(]{0,60})", re.IGNORECASE)
_ORGAN_END = re.compile(r"\s+(?:which|that|and\s+is|fixed|\()|[.,;(_]|\n", re.IGNORECASE)
_NO_ORGAN = re.compile(r"which\b|that\b|are\b|fixed\b|\(?name of", re.IGNORECASE)
_VALUE = re.compile(r"value\s+(?:is|of|:)?\s*[:=]?\s*(?:U\.?\s?S\.?\s?D?\.?\s?\$?|\$)\s*([\d.,OoIl]{1,12})", re.IGNORECASE)
_ANY_VALUE = re.compile(
    r"(?:declared|total|unit|customs)\s+value[^\n\d]{0,40}?(?:US\s?\$|USD|\$)\s*([\d.,]{1,12})|(?:declared|customs)\s+value[^\n\d]{0,20}([\d.,]{1,12})\s*(?:US\s?\$|USD|\$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CustomsVerdict:
    """`fields`: organ, value_usd where stated; `findings`: what the wording lacks."""

    fields: dict[str, FieldValue]
    findings: tuple[Finding, ...]


@cache
def _wordings(number: int) -> tuple[str, ...]:
    return tuple(_plain(text) for text in (_CLAUSES[number - 1], *_ALSO.get(number, ())))


def _plain(text: str) -> str:
    return " ".join(skeleton(w) for w in re.findall(r"[^\W_]+", text))


def _says(plain: str, number: int) -> bool:
    return any(fuzz.partial_ratio(wording, plain, score_cutoff=FORGIVING) > 0 for wording in _wordings(number))


def organ_in(text: str) -> tuple[str | None, bool]:
    """The organ or tissue named after "taken from the", and whether its place was left blank."""
    m = _ORGAN.search(text)
    if not m:
        return None, False
    named = _ORGAN_END.split(" ".join(m[2].split()) + " ", maxsplit=1)[0].strip(" _.-–—…")
    if len(named) >= 3 and not _NO_ORGAN.match(named) and re.search(r"[^\W\d_]{3}", named):
        return named[:60], False
    return None, True


def value_in(text: str) -> float | None:
    """The value in US dollars that the wording states; None when it states none that can be read."""
    m = _VALUE.search(text) or _ANY_VALUE.search(text)
    if not m:
        return None
    figure = next(g for g in m.groups() if g).translate(str.maketrans("OoIl", "0011")).rstrip(".,")
    whole, _, cents = figure.replace(",", ".").rpartition(".")
    try:
        if whole and len(cents) == 3:  # thousands
            return float(whole.replace(".", "") + cents)
        return float(f"{whole.replace('.', '')}.{cents}") if whole else float(cents)
    except ValueError:
        return None


def judge_customs(text: str) -> CustomsVerdict:
    """Which of the six clauses an invoice's text has, with the organ and the value it names."""
    plain = _plain(text)
    fields: dict[str, FieldValue] = {}
    codes: list[tuple[str, str]] = []
    organ, blank = organ_in(text)
    value = value_in(text)
    if organ:
        fields["organ"] = organ
    if value is not None:
        fields["value_usd"] = value
    codes += [(f"customs_clause_missing_{n}", _CLAUSES[n - 1]) for n in (1, 3, 4, 5) if not _says(plain, n)]
    if blank:
        codes.append(("customs_organ_blank", "taken from the ____"))
    elif not organ:
        codes.append(("customs_clause_missing_2", "organ or tissue named"))
    if value is None:
        codes.append(("customs_clause_missing_6", "The value is US$1.00"))
    elif value != 1.0:
        codes.append(("customs_value_wrong", f"{value:.2f}"))
    requirement = Kind.CUSTOMS_INVOICE.value
    return CustomsVerdict(
        fields, tuple(Finding(code, Severity.ADVISORY, detail, requirement=requirement) for code, detail in sorted(codes))
    )
