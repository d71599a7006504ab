"""Words and dates as they stand on forms: folded text, the lexicon of forms, dates that OCR has blurred."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache

from classifiers.dates import DateSeen, find_dates, western_digits
from classifiers.sheets import sheet

OTHER_YEARS = ("fa", "ja", "ko", "th", "zh")  # languages whose people also count years otherwise, or write them first
_ERA_LETTER = re.compile(r"(?<![A-Za-z0-9])[RHST]\s?\d{1,2}\s?[年./]\s?\d{1,2}\s?[月./]\s?\d{1,2}(?!\d)")


def plain(text: str) -> str:
    """Small letters without accents and marks, words apart by single spaces."""
    kept = unicodedata.normalize("NFKD", western_digits(text).casefold())
    return " ".join("".join(c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in kept).split())


@cache
def words(section: str, key: str | None = None) -> tuple[str, ...]:
    """One list of `lexicon/forms.toml`."""
    content = sheet("forms.toml")
    return tuple(content[section][key] if key else content[section])


def any_of(text: str, wanted: Sequence[str]) -> bool:
    """Does one of the lexicon's words stand in `text`?"""
    return any(True for word in wanted for _ in places(word, text))


def places(word: str, text: str) -> Iterator[re.Match[str]]:
    """Where a lexicon word stands in `text`, whose letters are folded one for one."""
    return _pattern(word).finditer(_folded(text))


@cache
def _pattern(word: str) -> re.Pattern[str]:
    core = re.escape(plain(word.rstrip("*"))).replace(r"\ ", r"[\s.]+")
    if not re.match(r"[a-z\u0400-\u04ff]", plain(word)):
        return re.compile(core)  # scripts that join article and word, or write without spaces
    return re.compile(r"(?<![^\W_])" + core + ("" if word.endswith("*") else r"(?![^\W_])"))


def _folded(text: str) -> str:
    return "".join((unicodedata.normalize("NFKD", c.casefold()) or c)[0] for c in text)


def like_name(text: str) -> bool:
    """At least two words of two letters, or two letters of a script without spaces."""
    dense = sum("\u3040" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7af" for c in text)
    return dense >= 2 or sum(sum(c.isalpha() for c in w) >= 2 for w in text.split()) >= 2


def mended(text: str) -> str:
    """Digits as 0-9, letters that OCR takes for digits beside digits put right, specks between words out; length unchanged."""
    digits = re.sub(r"(?<=[^\W\d_])[.·\-](?=[^\W\d_]{3})", " ", western_digits(text))
    digits = re.sub(r"(?<=[\d/.\-])[oOQ](?=[\d/.\-]|$|\s)|(?<![^\W\d])[oOQ](?=\d)", "0", digits)
    return re.sub(r"(?<=[\d/.\-])[lI|](?=[\d/.\-]|$|\s)|(?<![^\W\d])[lI|](?=\d)", "1", digits)


def dates_in(text: str, language: str | None) -> Iterator[DateSeen]:
    """Dates in `text`, `ambiguous` when more than one day can be meant; what no rule can tell is left out.

    R10: day and month are never guessed by the language, only the calendar follows it.
    """
    shown = mended(text)
    for seen in find_dates(shown, _calendar(shown, language)):
        days = readings(seen, shown, language)
        if days:
            yield seen._replace(iso=days[0], ambiguous=len(days) > 1)


def _calendar(text: str, language: str | None) -> str | None:
    return "ja" if _ERA_LETTER.search(text) else language if language in ("fa", "ja", "zh") else None


def readings(seen: DateSeen, text: str, language: str | None) -> tuple[str, ...]:
    """Every day (ISO) that a date can mean, the likeliest first; none when its year can not be told.

    `text` is `mended`.  Three short figures may also stand in the order of the East, year first; where years are counted
    otherwise, too, two figures are no year.
    """
    written = text[seen.start : seen.end]
    figures = re.findall(r"\d+", written)
    separated = re.fullmatch(r"\d+\s?([./-])\s?\d+\s?[./-]\s?\d+", written)
    if len(figures) != 3 or not separated or len(figures[0]) == 4:
        return (seen.iso,)
    first, second, last = (int(f) for f in figures)
    swapped = separated[1] != "." and first <= 12 and second <= 12 and first != second
    if len(figures[2]) == 4:
        if not swapped:
            return (seen.iso,)
        return _days((last, second, first), (last, first, second)) if last >= 1900 else ()
    if language in OTHER_YEARS:
        return ()
    orders = [(2000 + last, second, first)]
    orders += [(2000 + last, first, second)] if separated[1] != "." else []
    orders += [(2000 + first, second, last)] if 20 <= first < 40 else []
    return _days(*orders)


def _days(*orders: tuple[int, int, int]) -> tuple[str, ...]:
    """Those of the (year, month, day) that are days, each once."""
    found = []
    for order in orders:
        try:
            found.append(date(*order).isoformat())
        except ValueError:
            continue
    return tuple(dict.fromkeys(found))


def date_in(text: str, language: str | None) -> DateSeen | None:
    """The first date in `text`."""
    return next(dates_in(text, language), None)
