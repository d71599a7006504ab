"""Whether text from a file's own layer is text at all, or the rubbish of a broken font table."""

from __future__ import annotations

import re
import unicodedata

_VOWELS = frozenset("aeiouyàáâãäåèéêëìíîïòóôõöùúûüæœıаеёиоуыэюяіїєαεηιουωάέήίόύώ")
_LATIN_WORD = re.compile(r"[a-zà-öø-ÿ]{4,}", re.IGNORECASE)


def plausible(text: str) -> bool:
    """False for mojibake, replacement characters, private-use glyphs and shifted alphabets."""
    marks = [character for character in text if not character.isspace()]
    if not marks:
        return False
    bad = sum(_is_rubbish(character) for character in marks)
    if bad > 0.03 * len(marks):
        return False
    letters = sum(character.isalnum() for character in marks)
    if letters < 0.45 * len(marks) and len(marks) > 30:
        return False
    return not _shifted(text)


def _is_rubbish(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in ("Co", "Cn", "Cc", "Cs")


def _shifted(text: str) -> bool:
    """Latin words with too few vowels: a substituted alphabet, or codes of glyphs (natural languages have 35-50 %)."""
    letters = "".join(_LATIN_WORD.findall(text)[:400]).lower()
    if len(letters) < 60:
        return False
    return sum(letter in _VOWELS for letter in letters) < 0.22 * len(letters)
