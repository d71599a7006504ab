"""Whose document is it: agreement, conflict, or unknown; never a guess."""

import pytest

from routing.identity import Patient, Verdict, compare, name_key


def patient(name: str = "", born: str = "", sex: str = "", *, ocr: bool = False) -> Patient:
    return Patient(name, born, sex, "", ocr)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DOE^JANE", "Jane Doe"),
        ("PÉREZ GARCÍA, María", "maria perez garcia"),
        ("Ms. Jane Q Doe", "Jane Doe"),
        ("MÜLLER-ÖZ Anna", "Anna Muller Oz"),
    ],
)
def test_spellings_of_one_name_agree(one: str, other: str) -> None:
    """Order, case, accents and DICOM's carets do not make another person."""
    assert compare(patient(one), patient(other)) is Verdict.AGREE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (patient("Jane Doe", "1961-04-03"), patient("Jane Doe", "1975-12-30")),
        (patient("Jane Doe", "1961-04-03"), patient("Boris Sample", "1961-04-03")),
        (patient("Jane Doe", "1961-04-03", "F"), patient("Jane Doe", "1961-04-03", "M")),
        (patient("Jane Doe", "1961-04-03"), patient("Jane Doe", "1961-04-08")),
    ],
)
def test_a_clear_clash_is_a_conflict(one: Patient, other: Patient) -> None:
    """R8: another birth date, another name or another sex is another person until staff say otherwise."""
    assert compare(one, other) is Verdict.CONFLICT
    assert compare(other, one) is Verdict.CONFLICT


def test_one_misread_digit_of_a_fax_is_no_second_patient() -> None:
    """The same name and a birth date that OCR may have misread in one digit: unknown is not a conflict."""
    assert compare(patient("Jane Doe", "1980-11-21"), patient("Jane Doe", "1980-11-24", ocr=True)) is Verdict.AGREE
    assert compare(patient("Jane Doe", "1980-11-21"), patient("Jane Doe", "1980-12-24", ocr=True)) is Verdict.CONFLICT
    assert compare(patient("", "1980-11-21"), patient("Jane Doe", "1980-11-24", ocr=True)) is Verdict.CONFLICT


def test_scripts_alone_prove_nothing() -> None:
    """A transliteration is neither the same name nor another one."""
    assert compare(patient("Иванов Пётр"), patient("Petr Ivanov")) is Verdict.UNKNOWN
    assert compare(patient("山田 太郎", "1961-04-03"), patient("Yamada Taro", "1961-04-03")) is Verdict.AGREE


def test_a_relatives_name_is_not_agreement() -> None:
    """Two children of one family share most of a name; without a birth date nothing is known."""
    assert compare(patient("María García López"), patient("José García López")) is not Verdict.AGREE


def test_a_key_holds_sorted_folded_words() -> None:
    """The key is the same however the name is written."""
    assert name_key("DOE^JANE") == name_key("Jané  doe") == "doe jane"
