"""What stands in a place, read more than once and believed where the readings agree.

One reading may lose a figure, or take 03 for 08, and be sure of it all the same; two that saw the place otherwise
(at another size, without the lines over it, by another language's model) hardly ever err alike.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from rapidfuzz import fuzz

from reading.labels import plain

Reading = tuple[str, float]  # text and confidence

LIKE = 80.0  # likeness of two readings of one line
ENOUGH = 3  # readings that must agree where the page's own words say otherwise or nothing
SURE = 0.6  # confidence at which a word is a word
CERTAIN = 0.9  # and at which it is what was typed
SLIPPED = 0.8  # confidence below which figures that are no day are a slip
DISPUTED = 0.45  # confidence in a date that the readings give with other figures
_NUMERIC = r"\d{1,4}\s?[./\-年년]\s?\d{1,2}\s?[./\-月월]\s?\d{1,4}"
_NAMED = (
    r"\d{1,2}(?:st|nd|rd|th|º|ª)?[\s.,/\-]{0,2}(?:de[\s.\-]|of\s)?\s?[^\W\d_]{3,12}\.?,?[\s.,/\-]{1,2}(?:del?[\s.\-])?\s?\d{4}"
)
_NAMED_FIRST = r"[^\W\d_]{3,12}\.?\s\d{1,2}(?:st|nd|rd|th)?,?\s\d{4}"
_AFTER = r"(?<![^\d]0)(?=[\s.,،;:)\]|_'’\"日일]|$)(?!\s?[./\-]?\d)"  # a last figure that was half read is none
_DATE = re.compile(rf"(?<!\d)(?<!\d[\s./\-])(?:{_NUMERIC}|{_NAMED}|{_NAMED_FIRST}){_AFTER}")


def date_part(text: str) -> str:
    """The part of `text` that looks like a date; "" when none does, or when a stray figure beside it may belong to it."""
    hit = _DATE.search(text)
    return hit[0] if hit else ""


def words_of(text: str) -> str:
    """The folded words of `text` that hold letters, without those that hold figures."""
    return " ".join(word for word in plain(text).split() if word.isalpha())


def figures(text: str) -> str:
    """What two readings of a date must have in common: its figures and the name of its month."""
    return plain(date_part(text))


def agreed(page: Reading, own: Iterable[Reading], whole: bool = False) -> Reading:
    """The date (or the `whole` text with a date in it) that the page's words and a reading of its own agree on.

    When the first such reading does not, all are asked: at most one, the page's words or another, may then differ.
    `own` is asked only as far as needed.
    """
    votes = [page]
    for count, reading in enumerate(own):
        votes.append(reading)
        if count == 0 and figures(page[0]) and figures(reading[0]) == figures(page[0]):
            if whole:
                return page[0], max(page[1], alike(page, reading))
            return _surest(votes, figures(page[0]), whole)
    if whole:  # models for other letters have a say in the date, not in the name
        votes = [vote for vote in votes if fuzz.ratio(plain(vote[0]), plain(page[0])) > LIKE] or [page]
    said = Counter(filter(None, (figures(text) for text, _ in votes)))
    if said:
        first, times = said.most_common(1)[0]
        others = [(text, sure) for text, sure in votes if figures(text) not in ("", first)]
        slips = [vote for vote in others if _slip(vote)]
        if times >= ENOUGH and len(others) - len(slips) + bool(slips) <= 1:
            return _surest(votes, first, whole)
    text, sure = max(votes, key=lambda vote: (bool(figures(vote[0])), vote[1]))
    return text, min(sure, DISPUTED)


def _slip(reading: Reading) -> bool:
    """Is it no day, and unsure?  A month 63 says that one model errs about one figure, however often it says so."""
    short = [int(part) for part in figures(reading[0]).split() if part.isdigit() and len(part) <= 2]
    day = all(number <= 31 for number in short) and (len(short) < 2 or min(short) <= 12)
    return not day and reading[1] < SLIPPED


def alike(one: Reading, other: Reading) -> float:
    """The confidence that two readings which give the same words, both with some confidence, deserve together."""
    return CERTAIN if plain(one[0]) == plain(other[0]) != "" and min(one[1], other[1]) >= SURE else 0.0


def _surest(votes: Iterable[Reading], date: str, whole: bool) -> Reading:
    votes = [vote for vote in votes if figures(vote[0]) == date]
    text, sure = max(votes, key=lambda vote: vote[1])
    return (text if whole else date_part(text)), round(sure, 3)
