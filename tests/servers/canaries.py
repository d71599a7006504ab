"""Words that occur nowhere else, in four scripts, and every way in which one could lie in a file unnoticed."""

from __future__ import annotations

import base64
import quopri
import random
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

LETTERS = {
    "Latin": "BCDFGHJKLMNPRSTVWXZaeiouáéíóúñü",
    "Cyrillic": "БГДЖЗКЛМНПРСТФХЦЧШЩаеиоуыэюя",
    "Arabic": "بتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "Han": "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭馬羅梁宋鄭謝韓唐馮于董蕭",
}
DIGITS = {"Latin": "0123456789", "Cyrillic": "0123456789", "Arabic": "٠١٢٣٤٥٦٧٨٩", "Han": "〇一二三四五六七八九"}
DATES = {"Latin": "{d} Zomber {y}", "Cyrillic": "{d} жюмбря {y} года", "Arabic": "{d} زمبر {y} م", "Han": "{y}年{d}月{d}日生"}
NAMES, DATED, NUMBERED = 24, 15, 15  # of each script: more than two hundred in all


def canaries(seed: int = 7) -> list[str]:
    """Names, dates and numbers, the same in every run."""
    chance = random.Random(seed)  # noqa: S311 - the same in every run, no secret
    return [word for script in LETTERS for word in _of(script, chance)]


def _of(script: str, chance: random.Random) -> Iterator[str]:
    letters, digits = LETTERS[script], DIGITS[script]

    def some(alphabet: str, count: int) -> str:
        return "".join(chance.choice(alphabet) for _ in range(count))

    for _ in range(NAMES):
        yield f"{some(letters, 6)} {some(letters, 8)}"
    for _ in range(DATED):
        yield DATES[script].format(d=some(digits, 2), y=some(digits, 4))
    for _ in range(NUMBERED):
        yield some(digits, 11)


def disguises(word: str) -> set[bytes]:
    """The word as it is, decomposed, in capitals, in UTF-16, base64 at each offset, quoted-printable, hex, percent-encoded."""
    plain = word.encode()
    found = {plain, unicodedata.normalize("NFD", word).encode(), word.upper().encode(), word.encode("utf-16-le")}
    found |= {word.encode("utf-16-be"), quopri.encodestring(plain).rstrip(), plain.hex().encode(), plain.hex().upper().encode()}
    found |= {quote(word).encode(), quote(word, safe="").lower().encode(), word.encode("unicode_escape")}
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + plain)
        found.add(whole[4 if offset else 0 : -4])  # what does not depend on the neighbours
    return found


def sightings(folder: Path, words: list[str], but: tuple[str, ...] = ()) -> set[str]:
    """Which words can be found below the folder, in a file or a name, as `word in file`; top folders in `but` left out."""
    patterns = [(word, disguise) for word in words for disguise in disguises(word)]
    found = set()
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if relative.parts[0] in but:
            continue
        content = str(relative).encode() + (path.read_bytes() if path.is_file() else b"")
        found |= {f"{word} in {relative}" for word, disguise in patterns if disguise in content}
    return found
