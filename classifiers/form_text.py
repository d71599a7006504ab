"""A form judged by its text alone: what follows its labels, what stands where a placeholder stood.

Text can show that a line is empty or dated; it can never show that a form was signed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from classifiers.form_words import any_of, date_in, dates_in, places, words
from records.model import Page, TextSource

_RULE = re.compile(r"^[\s_.…·\-–—:|]*$")
_PLACEHOLDER = re.compile(
    r"[\[<{«][^\]>}»\n]{0,40}(?:patient|paciente|nombre|\bname)[^\]>}»\n]{0,60}[\]>}»]|_{3,}\s*\((?:patient|paciente)",
    re.IGNORECASE,
)
_NAMED = re.compile(r"[^\W\d_]{2,}\s+[^\W\d_]{2,}\s*[,(]\s*$")


def signed(pages: Sequence[Page]) -> tuple[str, str]:
    """("no" | "unclear", why)."""
    after = list(_after(pages, words("signature"), words("witness")))
    if any(any_of(p.text, words("typed")) for p in pages):
        return "unclear", "the text says that it was signed electronically, which words can not show"
    if after and _exact(pages) and all(_RULE.match(rest) for rest in after):
        return "no", "the line for the signature is empty"
    return "unclear", "a typed name is no signature" if after else "no signature can be seen in the text"


def dated(pages: Sequence[Page], language: str | None) -> tuple[str, str]:
    """("yes", the date's text) or ("no" | "unclear", why)."""
    after = list(_after(pages, words("date"), (*words("witness"), *words("other_date"))))
    written = [rest for rest in after if date_in(rest, language)]
    if written and _exact(pages):
        return "yes", written[0]
    if after and _exact(pages) and all(_RULE.match(rest) for rest in after):
        return "no", "the line for the date is empty"
    return "unclear", "no date of signing can be read in the text"


def placeholder(pages: Sequence[Page]) -> bool:
    """Does a placeholder for the patient still stand in the text?"""
    return any(_PLACEHOLDER.search(p.text) for p in pages)


def names_patient(pages: Sequence[Page], language: str | None, signing: str) -> bool:
    """Does a name with a date of birth stand in the text?  `signing`: the form's own date (ISO), or "" when unknown."""
    for line in (line for p in pages for line in p.text.splitlines()):
        for seen in dates_in(line, language):
            before = line[: seen.start]
            older = int((signing or "9999")[:4]) > int(seen.iso[:4])
            if older and (_NAMED.search(before) or any_of(before, words("born", "words"))):
                return True
    return False


def _exact(pages: Sequence[Page]) -> bool:
    """What is drawn by hand is not in words that were recognised."""
    return all(p.source is TextSource.LAYER for p in pages)


def _after(pages: Sequence[Page], labels: Sequence[str], but: Sequence[str]) -> Iterator[str]:
    """What follows each label: the rest of its line up to the next label, or the next line when that is all there is."""
    every = (*words("signature"), *words("date"))
    lines = [line for p in pages for line in p.text.splitlines()]
    for line, following in pairwise([*lines, ""]):
        hits = sorted(m.end() for word in labels for m in places(word, line))
        if (
            not hits
            or len(line.split()) > 14
            or any_of(line[: hits[-1]].split(":")[-1], but)
            or any_of(line[hits[-1] :][:20], but)
        ):
            continue
        rest = _beyond(line[hits[-1] :], following)
        rest = rest[: min((m.start() for word in every for m in places(word, rest)), default=len(rest))]
        if not rest.strip(" :") and following.strip() and not any_of(following, every):
            rest = following
        yield rest


def _beyond(rest: str, following: str) -> str:
    """`rest` of a line without the rest of its label: "Signature of patient: ____", or the line is drawn below it."""
    if ":" in rest[:60] and not _RULE.match(rest.split(":")[0]):
        return rest.split(":", 1)[1]
    if "_" in rest or (following.strip() and _RULE.match(following)):
        return rest[rest.find("_") :] if "_" in rest else ""
    return rest
