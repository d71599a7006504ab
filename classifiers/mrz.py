"""Machine-readable lines of passports and identity cards (ICAO 9303 parts 4 to 6), through OCR noise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from records.model import FieldValue

_SHAPES = {44: 2, 36: 2, 30: 3}  # characters a line: lines
_LINE = re.compile(r"^[A-Z0-9<]{28,46}$")
_TO_DIGIT = str.maketrans("OQDILZSGB", "000112568")
_TO_LETTER = str.maketrans("015826", "OISBZG")
_VALUE = {c: i for i, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}


@dataclass(frozen=True, slots=True)
class Mrz:
    """What the lines say; `checked` when the birth date's and the document number's check digits agree."""

    checked: bool
    fields: dict[str, FieldValue]


def check_digit(text: str) -> int:
    """ICAO 9303-3: weights 7, 3, 1, modulo 10."""
    return sum(_VALUE[c] * (7, 3, 1)[i % 3] for i, c in enumerate(text)) % 10


def _agrees(text: str, digit: str) -> bool:
    digit = digit.translate(_TO_DIGIT)
    return digit.isdigit() and check_digit(text) == int(digit)


def _lines(text: str) -> list[str]:
    raw = (re.sub(r"\s", "", line).replace("«", "<<").replace("‹", "<").upper() for line in text.split("\n"))
    return [line if _LINE.match(line) else "" for line in raw]


def _fit(line: str, size: int) -> str:
    """A line whose filler was lost or doubled by OCR, brought to its length."""
    return (line + "<" * size)[:size] if abs(len(line) - size) <= 2 else ""


def find_mrz(text: str) -> Mrz | None:
    """The first block of machine-readable lines, or None."""
    lines = _lines(text)
    for size, rows in _SHAPES.items():
        for i in range(len(lines) - rows + 1):
            block = [_fit(line, size) if line else "" for line in lines[i : i + rows]]
            if all(block) and "<<" in "".join(block) and block[0][0] in "PIACVD":
                found = _read(block, size)
                if found.checked or block[0].count("<") + block[-1].count("<") >= 6:
                    return found
    return None


def _read(block: Sequence[str], size: int) -> Mrz:
    if size == 30:
        number, number_check, second, names = block[0][5:14], block[0][14], block[1], block[2]
        birth, birth_check, sex, expiry, expiry_check = second[:6], second[6], second[7], second[8:14], second[14]
    else:
        second, names = block[1], block[0][5:]
        number, number_check = second[:9], second[9]
        birth, birth_check, sex, expiry, expiry_check = second[13:19], second[19], second[20], second[21:27], second[27]
    birth, expiry = birth.translate(_TO_DIGIT), expiry.translate(_TO_DIGIT)
    good_birth = birth.isdigit() and _agrees(birth, birth_check)
    good_expiry = expiry.isdigit() and _agrees(expiry, expiry_check)
    fields: dict[str, FieldValue] = {}
    surname, _, given = names.translate(_TO_LETTER).partition("<<")
    name = ", ".join(part for part in (surname.replace("<", " ").strip(), given.replace("<", " ").strip()) if part)
    if name and surname.strip("<"):
        fields["patient_name"] = name
    if good_birth and good_expiry and (iso := _birth_date(birth, int(expiry[:2]))):
        fields["birth_date"] = iso
    if sex in "MF":
        fields["sex"] = sex
    number_good = all(c in _VALUE for c in number) and _agrees(number, number_check)
    return Mrz(good_birth and (number_good or good_expiry), fields)


def _birth_date(digits: str, expiry_year: int) -> str | None:
    """Two-digit years: a holder is born at least five years before the paper runs out."""
    year, month, day = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{(2000 if year <= expiry_year - 5 else 1900) + year:04d}-{month:02d}-{day:02d}"
