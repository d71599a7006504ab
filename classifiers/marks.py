"""Words that mark a text: whose form it is, and what its sender wishes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache

from classifiers.phrases import Hit
from classifiers.sheets import sheet
from classifiers.sight import MARK, Sight, longest
from classifiers.words import Prepared, is_ideographic
from records.model import FieldValue

WISHES = ("pathology_requested", "mentions_specimen", "return_requested", "video_requested")
_CLAUSE = re.compile(r"[.;:!?。；！？،؛,，、•]\s*|\n\s*\n|\n\s*[-*•]\s")
_ANSWERED_NO = re.compile(
    r"[\s\w]{0,14}[:：=]\s*(?:\[\s*\]\s*yes\s*)?(?:no|none|n/a|nein|non|não|nee|нет|hayır|yok|לא|لا|خیر|نه|否|无|無|いいえ|なし|아니오|없음)\b",
    re.IGNORECASE,
)
FAR = 90  # characters of its clause in which a word can deny a wish


def marks_of(seen: Iterable[Sight]) -> dict[str, int]:
    """How often each mark stands on a page."""
    return dict(Counter(phrase.kind for _, phrase in seen if phrase.level == MARK))


def wished_on(page: Prepared, seen: Iterable[Sight]) -> dict[str, int]:
    """The same without wishes that their own clause denies or makes a condition: `no pathology review is needed`."""
    marks = longest(s for s in seen if s.phrase.level == MARK)
    return dict(Counter(s.phrase.kind for s in marks if s.phrase.kind not in WISHES or not is_denied(page, s.hit)))


def is_denied(page: Prepared, hit: Hit) -> bool:
    """Whether a word of denial, or of condition, stands with this phrase in one clause."""
    if hit.run:
        start, end = page.run_places[hit.start], page.run_places[hit.end - 1] + 1
    else:
        start, end = page.words[hit.start].start, page.words[hit.end - 1].end
    before = _CLAUSE.split(page.text[max(0, start - FAR) : start])[-1]
    after = _CLAUSE.split(page.text[end : end + FAR])[0]
    if _ANSWERED_NO.match(page.text[end : end + 20]):
        return True
    return any(p.search(_folded(words)) for words, p in ((before, _denials("before")), (after, _denials("after"))))


def _folded(text: str) -> str:
    """Lower case, without accents, words one blank apart."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.findall(r"[^\W_]+", "".join(c for c in plain.replace("ı", "i") if not unicodedata.combining(c))))


@cache
def _denials(where: str) -> re.Pattern[str]:
    ways = []
    for word in sheet("denials.toml")[where]["words"]:
        plain = re.escape(_folded(word))
        if is_ideographic(word):
            ways.append(re.escape(unicodedata.normalize("NFKD", word)).replace(r"\ ", r"\s?"))
        else:
            ways.append(rf"\b{plain}" + ("" if word.endswith("*") else r"\b"))
    return re.compile("|".join(ways))


def is_programme(marks: Mapping[str, int]) -> bool:
    """Whether a form's words say it is this programme's own: its name, or a second opinion as its subject."""
    if marks.get("research", 0) > 1 and not marks.get("second_opinion"):
        return False
    return bool(marks.get("programme")) or marks.get("second_opinion", 0) >= 2


def wishes(marks: Mapping[str, int]) -> dict[str, FieldValue]:
    """Fields for what the sender asks: pathology review, return, video visit, channel; and the slides' stain."""
    fields: dict[str, FieldValue] = {wish: True for wish in WISHES if marks.get(wish)}
    for way in ("email", "fax", "teleconference"):
        if marks.get(f"prefers_{way}"):
            fields["prefers"] = way
    stained, unstained = bool(marks.get("stained")), bool(marks.get("unstained"))
    if stained or unstained:
        fields["slides"] = "both" if stained and unstained else ("stained" if stained else "unstained")
    return fields
