"""Words and dates as they stand on forms: folded text, the lexicon of forms, dates that OCR has blurred."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from classifiers.dates import DateSeen, find_dates, western_digits
from classifiers.page import lexicon_file


def plain(text: str) -> str:
    """Small letters without accents and marks, words apart by single spaces."""
    kept = unicodedata.normalize("NFKD", western_digits(text).casefold())
    return " ".join("".join(c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in kept).split())


@cache
def words(section: str, key: str | None = None) -> tuple[str, ...]:
    """One list of `lexicon/forms.toml`."""
    content = lexicon_file("forms.toml")
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
    """Digits as 0-9, and letters that OCR takes for digits beside digits put right; length unchanged."""
    digits = western_digits(text)
    digits = re.sub(r"(?<=[\d/.\-])[oOQ](?=[\d/.\-]|$|\s)|(?<![^\W\d])[oOQ](?=\d)", "0", digits)
    return re.sub(r"(?<=[\d/.\-])[lI|](?=[\d/.\-]|$|\s)|(?<![^\W\d])[lI|](?=\d)", "1", digits)


def dates_in(text: str, language: str | None) -> Iterator[DateSeen]:
    """Dates in `text`; R10: day and month are never guessed by the language, only the Persian calendar follows it."""
    return find_dates(mended(text), "fa" if language == "fa" else None)


def date_in(text: str, language: str | None) -> DateSeen | None:
    """The first date in `text`."""
    return next(dates_in(text, language), None)
