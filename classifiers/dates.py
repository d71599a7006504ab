"""Dates as people write them in fifteen languages, in ISO 8601; what is not sure is left out or marked.

The language decides between day-month and month-day; other dates on the same page may settle it.
Japanese eras and Persian solar years are converted by rule, Buddhist and lunar years are left out.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import NamedTuple

from classifiers.sheets import sheet
from classifiers.words import skeleton

_SEPARATED = re.compile(r"(?<![\d.,/])(\d{1,4})\s?([./\-年년])\s?(\d{1,2})\s?[./\-月월]\s?(\d{1,4})(?!\d|[./-]\d)")
_ERA = re.compile(
    r"(令和|平成|昭和|大正|中華民國|民國|民国)\s?(\d{1,3}|元)\s?(?:年|[./])\s?(\d{1,2})\s?(?:月|[./])\s?(\d{1,2})\s?日?"
)
_ERA_LETTER = re.compile(r"(?<![A-Za-z0-9])([RHST])\s?(\d{1,2})\s?[年./]\s?(\d{1,2})\s?[月./]\s?(\d{1,2})(?!\d)")
_REPUBLIC = re.compile(r"(?<![\d民國国])(1[0-4]\d)\s?年\s?(\d{1,2})\s?月\s?(\d{1,2})\s?日")  # the years of Taiwan, from 1911
_NAMED = re.compile(
    r"(?<!\d)(\d{1,2})(?:\s?(?:st|nd|rd|th|er|º|ª|°))?[\s.,\-/]*(?:de\s|di\s|of\s|d['’])?\s*([^\W\d_]{3,12})\.?,?[\s.,\-/]*(?:de\s|del\s)?\s*(\d{4})(?!\d)"
)
_NAMED_FIRST = re.compile(r"([^\W\d_]{3,12})\.?\s+(\d{1,2})(?:st|nd|rd|th)?\s*,?\s+(\d{4})(?!\d)")
_NAMED_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})[\s.,\-/]+([^\W\d_]{3,12})\.?[\s.,\-/]+(\d{1,2})(?!\d)")
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


class DateSeen(NamedTuple):
    """A date in a text: ISO 8601, where, and whether day and month could be the other way round."""

    iso: str
    start: int
    end: int
    ambiguous: bool


def western_digits(text: str) -> str:
    """`text` with every decimal digit of any script as 0-9, length unchanged."""
    return text if text.isascii() else text.translate(_western())


@cache
def _western() -> dict[int, str]:
    digits = (chr(n) for n in range(128, sys.maxunicode + 1) if chr(n).isdecimal())
    return {ord(c): str(unicodedata.decimal(c)) for c in digits}


@cache
def _months(table: str) -> tuple[dict[str, int], tuple[tuple[str, int], ...]]:
    exact: dict[str, int] = {}
    stems: list[tuple[str, int]] = []
    for names in sheet("dates.toml")[table].values():
        for number, spellings in enumerate(names, 1):
            for spelling in spellings.split():
                if spelling.endswith("*"):
                    stems.append((skeleton(spelling[:-1]), number))
                else:
                    exact.setdefault(skeleton(spelling), number)
    return exact, tuple(stems)


def _month(name: str, table: str = "months") -> int | None:
    exact, stems = _months(table)
    bone = skeleton(name)
    return exact.get(bone) or next((number for stem, number in stems if bone.startswith(stem)), None)


def gregorian(year: int, month: int, day: int) -> date | None:
    """The Gregorian date of a Persian solar one (33-year rule, right for 1210-1635)."""
    if not (1210 <= year <= 1635 and 1 <= month <= 12 and 1 <= day <= (31 if month <= 6 else 30)):
        return None
    shifted = year - 979
    days = 365 * shifted + shifted // 33 * 8 + (shifted % 33 + 3) // 4 + day - 1
    days += 31 * (month - 1) if month <= 7 else 186 + 30 * (month - 7)
    return date.fromordinal(date(1600, 3, 20).toordinal() + days)


def _iso(year: int, month: int, day: int) -> str | None:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _full_year(text: str) -> int | None:
    if len(text) == 4:
        return int(text)
    return 2000 + int(text) if len(text) == 2 and int(text) < 40 else None


def day_first(text: str, language: str | None) -> bool | None:
    """Whether numeric dates in `text` put the day first; None when nothing settles it (English)."""
    firsts = seconds = False
    for m in _SEPARATED.finditer(text):
        if len(m[1]) <= 2 and m[2] in "/-":
            firsts |= int(m[1]) > 12 >= int(m[3])
            seconds |= int(m[3]) > 12 >= int(m[1])
    if firsts != seconds:
        return firsts
    return None if language in {None, "en"} else True


def _numeric(m: re.Match[str], persian: bool, order: bool | None) -> tuple[str | None, bool]:
    first, mark, middle, last = m[1], m[2], m[3], m[4]
    if len(first) == 4 and len(last) <= 2:
        if persian and int(first) < 1500:
            found = gregorian(int(first), int(middle), int(last))
            return (found.isoformat() if found else None), False
        return _iso(int(first), int(middle), int(last)), False
    if len(first) > 2:
        return None, False
    if persian and len(last) == 4 and int(last) < 1500:
        found = gregorian(int(last), int(middle), int(first))
        return (found.isoformat() if found else None), False
    year = _full_year(last)
    if year is None:
        return None, False
    day, month = int(first), int(middle)
    unsure = mark != "." and order is None and day <= 12 and month <= 12 and day != month
    if month > 12 or (mark != "." and order is False) or (unsure and mark != "."):
        day, month = month, day
    if month > 12:
        day, month = month, day
    return _iso(year, month, day), unsure


def find_dates(text: str, language: str | None = None, order: bool | None = None) -> Iterator[DateSeen]:
    """Every date in `text`, by place; `order` is `day_first` of the whole page."""
    plain = western_digits(text)
    if order is None:
        order = day_first(plain, language)
    found: list[DateSeen] = []

    def add(iso: str | None, m: re.Match[str], ambiguous: bool = False) -> None:
        if iso and not any(d.start < m.end() and m.start() < d.end for d in found):
            found.append(DateSeen(iso, m.start(), m.end(), ambiguous))

    for m in _ERA.finditer(plain):
        era = sheet("dates.toml")["eras"][m[1]]
        add(_iso(era + (1 if m[2] == "元" else int(m[2])), int(m[3]), int(m[4])), m)
    if language == "ja":
        for m in _ERA_LETTER.finditer(plain):
            add(_iso(sheet("dates.toml")["eras"][m[1]] + int(m[2]), int(m[3]), int(m[4])), m)
    for m in _REPUBLIC.finditer(plain) if language == "zh" else ():
        add(_iso(sheet("dates.toml")["eras"]["民國"] + int(m[1]), int(m[2]), int(m[3])), m)
    for m in _SEPARATED.finditer(plain):
        if not (m[2] == "年" and plain[: m.start()].rstrip().endswith(("和", "成", "正"))):
            iso, unsure = _numeric(m, language == "fa", order)
            add(iso, m, unsure)
    for pattern, (day, month, year) in ((_NAMED, (1, 2, 3)), (_NAMED_FIRST, (2, 1, 3)), (_NAMED_YEAR_FIRST, (3, 2, 1))):
        for m in pattern.finditer(plain):
            if (number := _month(m[month])) is not None:
                add(_iso(int(m[year]), number, int(m[day])), m)
            elif language == "fa" and (number := _month(m[month], "jalali")) is not None:
                persian = gregorian(int(m[year]), number, int(m[day]))
                add(persian.isoformat() if persian else None, m)
    return iter(sorted(found, key=lambda d: d.start))


def first_date(text: str, language: str | None = None, order: bool | None = None) -> DateSeen | None:
    """The first date in `text`."""
    return next(find_dates(text, language, order), None)
