"""Payment card numbers are found and masked; other long numbers are left alone."""

from __future__ import annotations

import pytest

from classifiers.cards import MASK, card_spans, luhn, mask

TEST_NUMBERS = [
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "3782 822463 10005",
    "6011 1111 1111 1117",
]  # issuers' public test numbers


@pytest.mark.parametrize("number", TEST_NUMBERS)
def test_grouped_card_numbers_are_masked(number: str) -> None:
    """Printed in a card's groups they need no other words."""
    hidden = mask(f"please charge {number} thank you")
    assert not any(c.isdigit() for c in hidden)
    assert hidden.count(MASK) == sum(c.isdigit() or c == "-" for c in number)


def test_an_ungrouped_number_counts_beside_words_about_cards() -> None:
    """Sixteen digits alone are a file number; beside `card number` they are a card."""
    assert list(card_spans("file 4111111111111111")) == []
    assert list(card_spans("Card number: 4111111111111111"))
    assert list(card_spans("Número de tarjeta 4111111111111111"))


def test_ocr_slips_in_the_digits_are_seen_through() -> None:
    """O for 0, l for 1, S for 5."""
    assert list(card_spans("card 4lll 1111 l111 1111"))
    assert list(card_spans("card 6O11 1111 1111 1117"))


def test_a_misread_digit_beside_the_label_is_still_a_card() -> None:
    """A scan that fails the check is held all the same."""
    for text in (
        "Card number: 4111 4111 1141 1111",
        "Número de tarjeta: 4111 4111 1141 1111",
        "Kartennummer 4111 4111 1141 1111",
    ):
        assert "4111" not in mask(text)
    assert mask("Order 4111 4111 1141 1111") == "Order 4111 4111 1141 1111"


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # fails the check
        "1.2.840.113619.2.55.3.4111111111111111.1",  # a DICOM identifier
        "+52 55 4111 1111 11",
        "2026-03-14 10:00:00 2026-03-14",
        "MRN 0000 0000 0000 0000",
    ],
)
def test_other_numbers_are_no_cards(text: str) -> None:
    """Identifiers, telephone numbers and dates stay."""
    assert list(card_spans(text)) == []
    assert mask(text) == text


def test_luhn_finds_a_single_wrong_digit() -> None:
    """ISO/IEC 7812-1."""
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")
