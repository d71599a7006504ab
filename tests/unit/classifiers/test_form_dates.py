"""Dates of signing as signers of many calendars write them: read, or left to staff, never taken for another day (R10)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.form_words import date_in
from classifiers.forms import judge
from records.model import FormSeen, Kind, Page, Severity, TextSource, ZoneSeen

DAY = "2026-03-14"
READ = [
    ("14/03/2026", None), ("2026-03-14", "en"), ("14.3.26", "de"), ("14 de marzo de 2026", "es"), ("١٤/٠٣/٢٠٢٦", "ar"),
    ("٢٠٢٦/٠٣/١٤", "ar"), ("١٤ مارس ٢٠٢٦", "ar"), ("۱۴۰۴/۱۲/۲۳", "fa"), ("23/12/1404", "fa"), ("令和8年3月14日", "ja"),
    ("R8.3.14", "ja"), ("R8.3.14", None), ("2026年3月14日", "zh"), ("2026.3.14", "ko"), ("民國115年3月14日", "zh"),
]  # fmt: skip
LEFT = [
    ("14/03/2569", "th"), ("๑๔/๐๓/๒๕๖๙", "th"), ("14 มีนาคม 2569", "th"), ("14/03/69", "th"), ("1404/12/23", "en"),
    ("۱۴۰۴/۱۲/۲۳", "ar"), ("٢٥/٠٩/١٤٤٧", "ar"), ("1447-09-25", None), ("04/12/23", "fa"), ("26.3.14", "ja"), ("8.3.14", "ja"),
    ("115/03/14", "zh"), ("5786/03/14", "he"), ("03/04/1404", "fa"), ("31/02/2026", "es"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "language"), READ)
def test_dates_of_many_calendars_are_read(text: str, language: str | None) -> None:
    """Digits of several scripts, month names, eras, the Persian year: one day, and no other."""
    seen = date_in(text, language)
    assert seen is not None
    assert (seen.iso, seen.ambiguous) == (DAY, False)


@pytest.mark.parametrize(("text", "language"), LEFT)
def test_what_no_rule_can_tell_is_left_to_staff(text: str, language: str | None) -> None:
    """Buddhist and lunar years, Persian ones on other pages, short years where years are counted otherwise: not read."""
    assert date_in(text, language) is None


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("03/04/2026", ("2026-04-03", "2026-03-04")),
        ("26/03/14", ("2014-03-26", "2026-03-14")),
        ("3/4/26", ("2026-04-03", "2026-03-04")),
        ("24.05.26", ("2026-05-24", "2024-05-26")),
    ],
)
def test_every_day_that_can_be_meant_is_told(text: str, days: tuple[str, ...]) -> None:
    """The evidence names each reading, the earliest is kept, and no day is claimed."""
    zones = (
        ZoneSeen("signature", "signature", 0.1, 3, 0.5, "", None, "", "pen"),
        ZoneSeen("date", "date", 0.1, 8, 0.5, text, None, "", "print"),
    )
    page = Page(1, "", TextSource.LAYER, form=FormSeen("f", "informed_consent", "1", 1, 1, 0.9, zones, 1))
    said = judge(Kind.INFORMED_CONSENT, [page], None)
    assert [(f.code, f.severity) for f in said.findings] == [("consent_date_ambiguous", Severity.ADVISORY)]
    assert "date" not in said.fields
    assert said.fields["date_earliest"] == min(days)
    assert any(" or ".join(days) in line for line in said.evidence)


@given(st.dates(date(2020, 1, 1), date(2039, 12, 31)), st.sampled_from("/-."), st.sampled_from(["en", "es", "ar", None]))
def test_a_short_date_is_never_taken_for_another_day(day: date, mark: str, language: str | None) -> None:
    """Day first, month first, year first with two figures for the year: the true day is read or is among what may be meant."""
    for order in ("%d{0}%m{0}%y", "%m{0}%d{0}%y", "%y{0}%m{0}%d"):
        if mark == "." and order.startswith("%m"):
            continue  # nobody writes so
        seen = date_in(day.strftime(order.format(mark)), language)
        assert seen is None or seen.ambiguous or seen.iso == day.isoformat()
