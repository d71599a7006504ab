"""The customs wording on the commercial invoice of a pathology specimen: six clauses (R17-R20).

What lacks is an advisory to the sender, never a reason to reject.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from rapidfuzz import fuzz

from classifiers.words import skeleton
from records.model import FieldValue, Finding, Kind, Severity

FORGIVING = 85.0  # of 100: how like a clause's wording a page must be
FINDING = 80.0  # how like the words before the organ and the value, of which there are few
MOST_ORGAN = 60  # characters of an organ's or tissue's name
MOSTLY = 94.0  # a contrary clause that stands there so clearly is no slip of recognition
WORDING = (
    "Slides and/or paraffin blocks (and corresponding pathology reports) of non-infectious and non-contagious human tissue "
    "taken from the {organ} which are fixed and/or preserved in paraffin. This specimen has never been cultured. It is for "
    "review by the Department of Pathology at the University of California, San Diego. The value is US$1.00."
)
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
    4: ("has never been cultured", "have never been cultured", "never cultured", "has not been cultured"),
    5: ("review by the department of pathology at uc san diego", "review by the department of pathology at ucsd"),
}
_CONTRARY = {1: "of infectious and contagious human tissue", 4: "has been cultured"}  # near in letters, far in meaning
_ORGAN = re.compile(r"([_\s.\-–—…]*)([^\0]{0,110})")
_HINT = re.compile(r"\([^()]{0,12}\b(?:organ|tissue|name of)\b[^()]{0,40}\)?", re.IGNORECASE)
_SENTENCE_GOES_ON = re.compile(r"\s\(?(?:w[hb]i?[ceo]h|w[hb]i|that|which)\s{1,2}(?:are|is)?\b", re.IGNORECASE)
_ORGAN_END = re.compile(r"\s*\b(?:w[hb]i?[ceo]h|that|and\s+is|f[il1]x[ec])|w[hb]ich\b|[.,;(_]|\n\s*\n", re.IGNORECASE)
_NO_ORGAN = re.compile(r"w[hb]ich\b|that\b|are\b|fixed\b|\(?name of", re.IGNORECASE)
_DOLLARS = re.compile(r"[\s:=.,'UIl]*(?:[S5§]|D|\$|[.,\s'])*(?<=[US5§D$,.'\s])([\d|OoIl][\d.,OoIl|]{0,11})", re.IGNORECASE)
_ANY_VALUE = re.compile(
    r"(?:declared|total|unit|customs)\s+value[^\n\d]{0,40}?(?:US\s?\$|USD|\$)\s*([\d.,]{1,12})|(?:declared|customs)\s+value[^\n\d]{0,20}([\d.,]{1,12})\s*(?:US\s?\$|USD|\$)",
    re.IGNORECASE,
)


def wording(organ: str) -> str:
    """The sentence for the commercial invoice, with the organ or tissue named."""
    return WORDING.format(organ=organ)


@dataclass(frozen=True, slots=True)
class CustomsVerdict:
    """`fields`: organ, value_usd where stated; `findings`: what the wording lacks."""

    fields: dict[str, FieldValue]
    findings: tuple[Finding, ...]


class _Solid(NamedTuple):
    """A text's letters and figures alone, folded: recognition loses and invents blanks and dots; `places` leads back."""

    letters: str
    places: tuple[int, ...]


def _solid(text: str) -> _Solid:
    letters: list[str] = []
    places: list[int] = []
    for m in re.finditer(r"[^\W_]+", text):
        bone = skeleton(m[0])
        letters += bone
        places += [min(m.start() + i, m.end() - 1) for i in range(len(bone))]
    return _Solid("".join(letters), tuple(places))


@cache
def _plain(words: str) -> str:
    return _solid(words).letters


def _score(words: str, solid: str) -> float:
    return fuzz.partial_ratio(_plain(words), solid)


def _says(solid: str, number: int) -> bool:
    """Whether a clause stands there, and not its contrary, which is nearly the same letters."""
    said = max(_score(words, solid) for words in (_CLAUSES[number - 1], *_ALSO.get(number, ())))
    contrary = _CONTRARY.get(number)
    return said >= FORGIVING and (contrary is None or _score(contrary, solid) <= min(said, MOSTLY))


def _after(text: str, words: str) -> int:
    """Where in `text` these words end, forgiving slips; 0 when they are not there."""
    solid = _solid(text)
    if len(solid.letters) < len(_plain(words)):
        return 0
    found = fuzz.partial_ratio_alignment(_plain(words), solid.letters, score_cutoff=FINDING)
    return solid.places[found.dest_end - 1] + 1 if found is not None and found.dest_end > found.dest_start else 0


def organ_in(text: str) -> tuple[str | None, bool]:
    """The organ or tissue named after "taken from the", and whether its place was left blank."""
    after = _after(text, "taken from the") or _after(text, "taken from")
    m = _ORGAN.match(text, after) if after else None
    if m is None:
        return None, False
    after_it = _HINT.sub(" ", m[2])
    goes_on = _SENTENCE_GOES_ON.search(after_it[:MOST_ORGAN])
    end = goes_on or _ORGAN_END.search(after_it)
    said = after_it[: end.start()] if end else after_it
    runs_on = end is not None and end[0].strip()[:1].isalpha()  # the sentence goes on: the name may be broken over two lines
    named = " ".join((said if runs_on else said.strip().partition("\n")[0]).split()).strip(" _.,-–—…:*|")
    if len(named) >= 3 and not _NO_ORGAN.match(named) and sum(map(str.isalpha, named)) >= 3:
        return named[:MOST_ORGAN], False
    return None, True


def value_in(text: str) -> float | None:
    """The value in US dollars that the wording states; None when it states none that can be read."""
    after = _after(text, "the value is") or _after(text, "value is")
    m = _DOLLARS.match(text, after) if after else None
    if m is not None and not re.search(r"[USD$§]", text[after : m.start(1)], re.IGNORECASE):
        m = None  # a figure alone may be of any currency
    m = m or _ANY_VALUE.search(text)
    if not m:
        return None
    figure = next(g for g in m.groups() if g).translate(str.maketrans("OoIl|", "00111")).rstrip(".,")
    whole, _, cents = figure.replace(",", ".").rpartition(".")
    try:
        if whole and len(cents) == 3:  # thousands
            return float(whole.replace(".", "") + cents)
        return float(f"{whole.replace('.', '')}.{cents}") if whole else float(cents)
    except ValueError:
        return None


def judge_customs(text: str) -> CustomsVerdict:
    """Which of the six clauses an invoice's text has, with the organ and the value it names."""
    solid = _solid(text).letters
    fields: dict[str, FieldValue] = {}
    codes: list[tuple[str, str]] = []
    organ, blank = organ_in(text)
    value = value_in(text)
    if organ:
        fields["organ"] = organ
    if value is not None:
        fields["value_usd"] = value
    codes += [(f"customs_clause_missing_{n}", _CLAUSES[n - 1]) for n in (1, 3, 4, 5) if not _says(solid, n)]
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
