"""Payment card numbers are found and masked; other long numbers are left alone."""

from __future__ import annotations

import pytest

from classifiers.cards import MASK, card_spans, has_card, luhn, mask, masked
from records.model import FormSeen, Mail, Page, Part, Problem, Reading, Role, TextSource, ZoneSeen

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


@pytest.mark.parametrize(
    "text",
    [
        "card 4111  1111  1111  1111",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111\t1111\t1111\t1111",
        "4111/1111/1111/1111",
        "4111.1111.1111.1111",
        "4111\u20141111\u20141111\u20141111",
        "Card number 4111 1111\n1111 1111",
        "cc#4111111111111111",
        "\uff14\uff11\uff11\uff11 \uff11\uff11\uff11\uff11 \uff11\uff11\uff11\uff11 \uff11\uff11\uff11\uff11",
        "رقم البطاقة ٤١١١ ١١١١ ١١١١ ١١١١",
        "номер карты 4111111111111111",
    ],
)
def test_however_its_figures_are_spaced_and_written(text: str) -> None:
    """Blanks and dashes of every kind, full-width and Arabic figures, a number broken over two lines."""
    hidden = mask(text)
    assert not any(c.isdecimal() for c in hidden)
    assert len(hidden) == len(text)
    assert has_card(text)
    assert has_card(hidden), "a masked page is still known for what it was"


def test_a_kept_reading_holds_no_number() -> None:
    """Pages, a form's fields, the subject and the notes."""
    number = TEST_NUMBERS[0]
    zone = ZoneSeen("patient", "field", 0.1, 3, 0.5, f"card {number}", None)
    page = Page(1, f"card {number}", TextSource.LAYER, form=FormSeen("f", "letter_of_agreement", "1", 1, 1, 0.9, (zone,)))
    part = Part("a.pdf", "0" * 64, 1, "application/pdf", Role.ATTACHMENT, (page,), links=(f"https://pay.example/{number}",))
    mail = Mail("a@b.example", f"{number}", "<1@b.example>", (), (), f"card {number}", None)
    kept = masked(Reading("", "", "", (part,), (Problem("illegible", "a.pdf", f"card {number}"),), mail, (number,)))
    assert number not in repr(kept)
    assert masked(kept) == kept


def test_a_misread_digit_beside_the_label_is_still_a_card() -> None:
    """A scan that fails the check is held all the same."""
    for text in (
        "Karten-Nr. 4111111111111111",
        "please charge my card 4111111111111111",
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


@pytest.mark.parametrize(
    "name",
    ["scan/4111111111111111.pdf", "card_4111-1111-1111-1111_exp.pdf", "tarjeta-4111111111111111.jpg", "4111_1111_1111_1111.tif"],
)
def test_a_number_in_a_files_name_is_hidden_where_lists_show_it(name: str) -> None:
    """Joined to words by dashes and underscores, or the whole name; the lengths stay."""
    assert "1111" not in mask(name)
    assert len(mask(name)) == len(name)


@pytest.mark.parametrize(
    "text",
    [
        "IBAN ES91 4111 1111 1111 1111 1332",
        "Accession number 4111 1111 1111 1111",
        "полис ОМС 4111 1111 1111 1111",
        "Health insurance card 4111 1111 1111 1111",
        "IMG_20260114_101530.jpg",
        "study_4111111111111111.dcm",
    ],
)
def test_what_names_itself_otherwise_is_no_card(text: str) -> None:
    """Accounts, accession and insurance numbers have a card's groups, and now and then its check digit."""
    assert mask(text) == text
    assert "1111" not in mask(text.partition(" ")[0] + " credit card number: 4111 1111 1111 1111")


def test_luhn_finds_a_single_wrong_digit() -> None:
    """ISO/IEC 7812-1."""
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")
