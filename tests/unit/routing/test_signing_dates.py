"""The date of signature against today: future, long past and ambiguous ones (R10)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from records.model import Kind
from routing.filing import ruled
from tests.makers import document, incoming

TODAY = date(2026, 11, 24)


def codes(**fields: Any) -> list[str]:
    (judged,) = ruled(incoming([document(Kind.LETTER_OF_AGREEMENT, **fields)]), TODAY)
    return [finding.code for finding in judged.findings]


@pytest.mark.parametrize("signed_on", ["2026-11-25", "2026-11-24", "2026-03-14", "2024-11-24"])
def test_a_recent_date_says_nothing(signed_on: str) -> None:
    """Up to two years ago, and a day ahead where the signer's calendar is."""
    assert codes(date=signed_on) == []


@pytest.mark.parametrize("signed_on", ["2026-11-26", "2027-12-24", "1961-04-03"])
def test_a_future_or_long_past_date_is_doubtful(signed_on: str) -> None:
    """A date of birth on the line for the date is no date of signature."""
    assert codes(date=signed_on) == ["loa_date_implausible"]


def test_an_ambiguous_date_is_doubtful_when_every_reading_lies_ahead() -> None:
    """03/04/2027 is in the future whichever way it is read; an undated form says nothing here."""
    assert codes(date_ambiguous=True, date_earliest="2027-03-04") == ["loa_date_implausible"]
    assert codes(date_ambiguous=True, date_earliest="2026-03-04") == []
    assert codes() == []
