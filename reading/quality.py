"""Whether text from a file's own layer is text at all, or the rubbish of a broken font table."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping

_VOWELS = frozenset("aeiouyàáâãäåèéêëìíîïòóôõöùúûüæœıаеёиоуыэюяіїєαεηιουωάέήίόύώ")
_RULES = re.compile(r"([^\w\s])(?:\s?\1){3,}|_{4,}")  # dots that lead to a number, lines to write on
_WORD = re.compile(r"[^\W\d_]\S{3,}")
_NO_WORD = re.compile(r"[@/_]|https?|www", re.IGNORECASE)
_ODD = re.compile(
    r"[a-zа-яё][0-9<>{}\[\]|\\~^•*=$%&§!;][a-zа-яё]|[A-ZА-ЯЁ][0-9<>{}\[\]|\\~^•*=$%&§!;][A-ZА-ЯЁ]"
    r"|[a-zа-яё][A-ZА-ЯЁ]+[a-zа-яё]|[a-zа-яё][0-9<>{}\[\]|\\~^•*$§;][A-ZА-ЯЁ]"
)  # a digit, sign or capital in the middle of a word: another script's letters read as Latin
_TOGETHER = (frozenset({"LATIN", "CJK", "HANGUL"}), frozenset({"LATIN", "GREEK"}))  # scripts that meet within a word
_LATIN_WORD = re.compile(r"[a-zà-öø-ÿ]{4,}", re.IGNORECASE)


def plausible(text: str) -> bool:
    """False for mojibake, replacement characters, private-use glyphs and shifted alphabets."""
    marks = {mark: count for mark, count in Counter(_RULES.sub(r"\1", text)).items() if not mark.isspace()}
    total = sum(marks.values())
    if not total:
        return False
    bad = sum(count for mark, count in marks.items() if _is_rubbish(mark))
    if bad > 0.03 * total:
        return False
    if _alphanumeric(marks) < 0.45 * total and total > 30:
        return False
    return not _shifted(text) and not _misread(text)


def letters_in(text: str) -> int:
    """How many letters and figures."""
    return _alphanumeric(Counter(text))


def _alphanumeric(marks: Mapping[str, int]) -> int:
    return sum(count for mark, count in marks.items() if mark.isalnum())


def _misread(text: str) -> bool:
    """A third of the words spoilt in their middle, or of letters of scripts that never meet in one."""
    words = [word for word in _WORD.findall(text)[:800] if not _NO_WORD.search(word)]
    odd = sum(_ODD.search(word) is not None for word in words)
    mixed = 0 if text.isascii() else sum(_is_mixed(word) for word in words)
    return len(words) >= 10 and max(odd if len(words) >= 25 else 0, mixed) > 0.3 * len(words)


def _is_mixed(word: str) -> bool:
    scripts = frozenset(_script(character) for character in word if character.isalpha()) - {""}
    return len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER)


@functools.cache
def _script(character: str) -> str:
    """The first word of the letter's name; "" for letters of no script."""
    name = unicodedata.name(character, "").partition(" ")[0].partition("-")[0]
    return {"HIRAGANA": "CJK", "KATAKANA": "CJK", "HALFWIDTH": "CJK", "FULLWIDTH": "LATIN", "MODIFIER": "", "MICRO": "",
            "FEMININE": "", "MASCULINE": ""}.get(name, name)  # fmt: skip


def _is_rubbish(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in ("Co", "Cn", "Cc", "Cs")


def _shifted(text: str) -> bool:
    """Latin words with too few vowels: a substituted alphabet, or codes of glyphs (natural languages have 35-50 %)."""
    letters = "".join(_LATIN_WORD.findall(text)[:400]).lower()
    if len(letters) < 60:
        return False
    counted = Counter(letters)
    return sum(count for letter, count in counted.items() if letter in _VOWELS) < 0.22 * len(letters)
