"""A page's text as words that survive OCR: folded letters, where each stands, and the run of ideographs.

A *skeleton* is a word in which the letters that scanners confuse are written alike (`rn` and `m`, `l`,
`1` and `i`, `0` and `o`), without accents or case: phrases and page meet there.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

FAX_LINE = 140  # characters of a fax machine's line, at most
MAX_CHARS = 40_000  # of one page; a longer text part is judged by its beginning

IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[^\W_{IDEOGRAPHS}]+")
_IDEOGRAPH = re.compile(f"[{IDEOGRAPHS}]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u0000-\u0008\u000b\u000e-\u001f]")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u0002\u2010]\s*\n\s*(?=[a-zà-ÿа-я])")
_SPACED_OUT = re.compile(r"(?<!\S)(?:[^\W\d_] ){4,}[^\W\d_](?!\S)")

_FOLD = str.maketrans(
    {
        "ı": "i", "ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th",
        "ـ": "", "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ة": "ه", "ۀ": "ه",
        "ھ": "ه", "ہ": "ه", "ک": "ك", "ؤ": "و", "ئ": "ي",
        "ך": "כ", "ם": "מ", "ן": "נ", "ף": "פ", "ץ": "צ",
    }
)  # fmt: skip
_DIGIT_LOOKALIKES = str.maketrans("015836", "olsbbb")
_LOOKALIKES = str.maketrans({"l": "i", "m": "rn", "w": "vv", "|": "i"})
_ARABIC = re.compile("[\u0600-\u06ff]")
_HEBREW = re.compile("[\u0590-\u05ff]")
_ARABIC_TURNED = ("اال", "واال", "باال", "لال")  # article before alef, ligature turned round
_ARABIC_CLITICS = ("وبال", "وال", "بال", "كال", "فال", "ولل", "ال", "لل", "و", "ب", "ل", "ف")


_CLOCK = re.compile(r"\b\d{1,2}:\d{2}\b")
_COUNTER = re.compile(r"\bp(?:ages?|ág|g)?\s*[.:]?\s*[\dOo]{1,4}\b", re.IGNORECASE)
_CALL = re.compile(r"\b(?:from|to|fax|tel)\b|\+?\d[\d ()\-]{6,}\d", re.IGNORECASE)
_DAY = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")


class Word(NamedTuple):
    """One word: its skeleton, its span in `Prepared.text`, its line and its place in that line."""

    skeleton: str
    start: int
    end: int
    line: int
    place: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A page made ready: `text` is what fields and evidence quote; `run` is lower-case text without blanks."""

    text: str
    words: tuple[Word, ...]
    lines: tuple[tuple[int, int], ...]  # span of each line in `text`
    line_words: tuple[int, ...]  # how many words each line has
    run: str  # "" when the page holds no ideographs
    run_lines: tuple[tuple[int, int], ...]  # span of each line in `run`
    run_places: tuple[int, ...]  # where in `text` each character of `run` stands


@lru_cache(maxsize=20_000)  # a text is made of few words
def skeleton(word: str) -> str:
    """`word` without case, accents and what scanners confuse."""
    folded = word.casefold()
    if not folded.isascii():
        if _IDEOGRAPH.search(folded):
            return folded
        decomposed = unicodedata.normalize("NFKD", folded)
        folded = "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_FOLD)
        folded = folded.replace("لا", "ال")  # PDF text layers turn the lam-alef ligature round
    if not folded.isalpha():
        digits = sum(c.isdigit() for c in folded)
        if len(folded) - digits >= max(3, 2 * digits):
            folded = folded.translate(_DIGIT_LOOKALIKES)
    return folded.translate(_LOOKALIKES)


def variants(bone: str) -> tuple[str, ...]:
    """`bone`, and what is left of it when Arabic or Hebrew article and prepositions are taken off."""
    if bone.isascii():
        return (bone,)
    if _ARABIC.search(bone):
        bare = (bone[len(c) :] for c in _ARABIC_CLITICS if bone.startswith(c) and len(bone) - len(c) >= 3)
        turned = ("ا" + bone[len(c) :] for c in _ARABIC_TURNED if bone.startswith(c) and len(bone) - len(c) >= 2)
        return (bone, *bare, *turned)
    if _HEBREW.search(bone):
        return (bone, *(bone[n:] for n in (1, 2) if len(bone) - n >= 3 and all(c in "הובלמשכ" for c in bone[:n])))
    return (bone,)


def without_fax_line(text: str) -> str:
    """A recognised page without the line that the sender's fax machine wrote over it, which is no word of the document."""
    head, _, rest = text.lstrip().partition("\n")
    said = [pattern.search(head) is not None for pattern in (_COUNTER, _CALL, _DAY)]
    return rest if _CLOCK.search(head) and sum(said) >= 2 and len(head) <= FAX_LINE else text


def prepare(text: str) -> Prepared:
    """Make a page's text ready for matching; at most `MAX_CHARS` are looked at."""
    clean = unicodedata.normalize("NFKC", _INVISIBLE.sub(lambda m: "-" if m[0] == "\u0002" else "", text[:MAX_CHARS]))
    clean = _SPACED_OUT.sub(lambda m: m[0].replace(" ", ""), _HYPHENATED.sub("", clean))
    words: list[Word] = []
    counts: list[int] = []
    lines: list[tuple[int, int]] = []
    run: list[str] = []
    run_lines: list[tuple[int, int]] = []
    run_places: list[int] = []
    ideographic = _IDEOGRAPH.search(clean) is not None
    offset = length = 0
    for number, line in enumerate(clean.split("\n")):
        found = [
            Word(skeleton(m[0]), offset + m.start(), offset + m.end(), number, place)
            for place, m in enumerate(_WORD.finditer(line))
        ]
        words += found
        counts.append(len(found))
        lines.append((offset, offset + len(line)))
        if ideographic:
            solid = [(folded, offset + i) for i, c in enumerate(line) if not c.isspace() for folded in c.casefold()]
            run += [folded for folded, _ in solid]
            run_places += [place for _, place in solid]
            run_lines.append((length, length + len(solid)))
            length += len(solid)
        offset += len(line) + 1
    return Prepared(clean, tuple(words), tuple(lines), tuple(counts), "".join(run), tuple(run_lines), tuple(run_places))


def term_words(term: str) -> tuple[str, ...]:
    """A lexicon term as word patterns (`stem*`, `*end`), folded as a page's words are."""
    pieces: list[str] = []
    for chunk in unicodedata.normalize("NFKC", _INVISIBLE.sub("", term)).split():
        for m in re.finditer(r"\*?[^\W_]+\*?", chunk):
            core = skeleton(m[0].strip("*"))
            if core.startswith("اال"):
                core = "ا" + core[3:]
            elif core.startswith("ال") and len(core) > 4:
                core = core[2:]
            pieces.append(("*" if m[0][0] == "*" else "") + core + ("*" if m[0][-1] == "*" else ""))
    return tuple(pieces)


def is_ideographic(term: str) -> bool:
    """Whether a term is looked for in `Prepared.run` instead of among the words."""
    return _IDEOGRAPH.search(term) is not None
