"""Dates in fifteen languages, and the calendars that are not ours."""

from __future__ import annotations

from datetime import date

import pytest

from classifiers.dates import day_first, find_dates, first_date, gregorian


@pytest.mark.parametrize(
    ("text", "language", "iso"),
    [
        ("2026-03-04", "en", "2026-03-04"),
        ("13/04/2026", "en", "2026-04-13"),
        ("04/13/2026", "en", "2026-04-13"),
        ("03/04/2026", "es", "2026-04-03"),
        ("03.04.2026", "de", "2026-04-03"),
        ("12 de marzo de 1961", "es", "1961-03-12"),
        ("12 de março de 1961", "pt", "1961-03-12"),
        ("1er août 2024", "fr", "2024-08-01"),
        ("5. Mai 2024", "de", "2024-05-05"),
        ("7 giugno 2024", "it", "2024-06-07"),
        ("9 maart 2024", "nl", "2024-03-09"),
        ("5 марта 2024 г.", "ru", "2024-03-05"),
        ("14 Şubat 2024", "tr", "2024-02-14"),
        ("١٢ مارس ٢٠٢٤", "ar", "2024-03-12"),
        ("3 במרץ 2024", "he", None),
        ("3 מרץ 2024", "he", "2024-03-03"),
        ("2024年3月5日", "zh", "2024-03-05"),
        ("2024年 3月 5日", "ja", "2024-03-05"),
        ("2024. 3. 5.", "ko", "2024-03-05"),
        ("2024년 3월 5일", "ko", "2024-03-05"),
        ("March 12, 1961", "en", "1961-03-12"),
        ("12-Mar-2024", "en", "2024-03-12"),
    ],
)
def test_dates_are_read_as_their_language_writes_them(text: str, language: str, iso: str | None) -> None:
    """Day and month in the order of the language, months by name."""
    seen = first_date(text, language)
    assert (seen.iso if seen else None) == iso


def test_an_english_date_that_can_be_read_two_ways_is_marked() -> None:
    """03/04 is two dates in English, one in Spanish."""
    english, spanish = first_date("03/04/2026", "en"), first_date("03/04/2026", "es")
    assert english is not None and english.ambiguous
    assert spanish is not None and not spanish.ambiguous


def test_another_date_on_the_page_settles_the_order() -> None:
    """A page with 25/03 puts the day first everywhere."""
    assert day_first("seen 25/03/2026, born 03/04/1961", "en") is True
    dates = list(find_dates("seen 25/03/2026, born 03/04/1961", "en"))
    assert [d.iso for d in dates] == ["2026-03-25", "1961-04-03"]
    assert not any(d.ambiguous for d in dates)


@pytest.mark.parametrize(
    ("text", "iso"), [("令和6年3月5日", "2024-03-05"), ("平成元年4月1日", "1989-04-01"), ("昭和36年4月3日", "1961-04-03")]
)
def test_japanese_eras_are_converted(text: str, iso: str) -> None:
    """The era's first year is year one."""
    seen = first_date(text, "ja")
    assert seen is not None and seen.iso == iso


@pytest.mark.parametrize(
    ("text", "language", "iso"),
    [
        ("R6.4.18", "ja", "2024-04-18"),
        ("S30.7.21", "ja", "1955-07-21"),
        ("令和6.4.18", "ja", "2024-04-18"),
        ("民國113年5月6日", "zh", "2024-05-06"),
        ("檢查日期：113年5月6日", "zh", "2024-05-06"),
    ],
)
def test_eras_in_short_and_the_years_of_taiwan(text: str, language: str, iso: str) -> None:
    """A letter stands for the era in Japanese forms; Taiwan counts from 1911."""
    seen = first_date(text, language)
    assert seen is not None and seen.iso == iso


def test_short_eras_and_bare_years_mean_nothing_elsewhere() -> None:
    """`S5.2.1` names a level of the spine in other languages, and 113 is no year there."""
    assert first_date("S5.2.1", "en") is None
    assert first_date("113年5月6日", "ko") is None


def test_persian_solar_dates_are_converted_only_in_persian() -> None:
    """Nowruz 1403 began on 20 March 2024; the same figures elsewhere are no date of ours."""
    assert gregorian(1403, 1, 1) == date(2024, 3, 20)
    assert gregorian(1357, 11, 22) == date(1979, 2, 11)
    assert gregorian(1403, 13, 1) is None
    persian = first_date("۱۴۰۳/۰۱/۰۱", "fa")
    assert persian is not None and persian.iso == "2024-03-20"
    assert first_date("1403/01/01", "ar") is None


@pytest.mark.parametrize("text", ["2569-03-01", "1445/05/01", "31.02.2024", "12/03/61", "00/00/0000", "1.2.840.10008.5.1"])
def test_what_is_not_sure_is_left_out(text: str) -> None:
    """Buddhist and lunar years, days that are not, two-digit birth years, identifiers."""
    assert first_date(text, "en") is None
