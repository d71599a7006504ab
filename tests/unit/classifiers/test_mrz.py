"""Machine-readable lines, built here with right check digits from synthetic people."""

from __future__ import annotations

from classifiers.mrz import check_digit, find_mrz


def passport(name: str = "PATIENT<<SYNTHETIC<ALPHA", birth: str = "610403", sex: str = "F", expiry: str = "300101") -> str:
    """A TD3 block of the specimen state UTO."""
    number = "S00000042"
    first = ("P<UTO" + name).ljust(44, "<")
    second = f"{number}{check_digit(number)}UTO{birth}{check_digit(birth)}{sex}{expiry}{check_digit(expiry)}".ljust(43, "<") + "0"
    return f"{first}\n{second}"


def card(birth: str = "610403") -> str:
    """A TD1 block of the specimen state UTO."""
    number, expiry = "S00000042", "300101"
    return "\n".join(
        (
            f"I<UTO{number}{check_digit(number)}".ljust(30, "<"),
            f"{birth}{check_digit(birth)}F{expiry}{check_digit(expiry)}UTO".ljust(29, "<") + "0",
            "PATIENT<<SYNTHETIC<ALPHA".ljust(30, "<"),
        )
    )


def test_a_passport_says_who_it_is() -> None:
    """Name, birth date and sex, with agreeing check digits."""
    found = find_mrz("PASSPORT\n" + passport())
    assert found is not None and found.checked
    assert found.fields == {"patient_name": "PATIENT, SYNTHETIC ALPHA", "birth_date": "1961-04-03", "sex": "F"}


def test_a_card_of_three_lines_is_read() -> None:
    """TD1 puts birth date and name elsewhere."""
    found = find_mrz(card())
    assert found is not None and found.checked
    assert found.fields["birth_date"] == "1961-04-03"


def test_ocr_slips_are_mended_where_only_digits_or_letters_can_stand() -> None:
    """O for 0 in a date, 0 for O in a name, blanks between."""
    spoiled = passport().replace("610403", "6I04O3").replace("SYNTHETIC", "5YNTHETIC").replace("<<<<", "<< <<", 1)
    found = find_mrz(spoiled)
    assert found is not None and found.checked
    assert found.fields["patient_name"] == "PATIENT, SYNTHETIC ALPHA"
    assert found.fields["birth_date"] == "1961-04-03"


def test_a_wrong_check_digit_gives_no_birth_date() -> None:
    """What does not agree is not believed."""
    found = find_mrz(passport().replace("610403", "610408"))
    assert found is not None and not found.checked
    assert "birth_date" not in found.fields


def test_a_child_and_an_elder_are_told_apart_by_the_expiry() -> None:
    """Two-digit years: 20 before an expiry of 30 is a child, 28 is an elder."""
    child, elder = find_mrz(passport(birth="200403")), find_mrz(passport(birth="280403"))
    assert child is not None and child.fields["birth_date"] == "2020-04-03"
    assert elder is not None and elder.fields["birth_date"] == "1928-04-03"


def test_plain_text_has_no_machine_readable_lines() -> None:
    """Words and rules are none."""
    assert find_mrz("RADIOLOGY REPORT\n" + "-" * 44 + "\nFINDINGS") is None
