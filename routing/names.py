"""Two spellings of one name, or two names?  Word by word, through order, accents, scripts and slips of recognition (R8, R24).

Words are the same, near (a slip or a variant: proves nothing) or different.  Names agree when two words or more are the
same and only one side has words left over; they clash when both have.  Across scripts only what no romanisation could
make alike is a clash.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import permutations

from anyascii import anyascii
from rapidfuzz.distance import Levenshtein


class Verdict(StrEnum):
    AGREE = "agree"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


LATIN, CYRILLIC, GREEK, ARABIC, HEBREW, HAN, KANA, HANGUL, OTHER = (
    "latin", "cyrillic", "greek", "arabic", "hebrew", "han", "kana", "hangul", "other",
)  # fmt: skip
_BLOCKS = (
    ("\u0370", "\u03ff", GREEK), ("\u0400", "\u052f", CYRILLIC), ("\u0590", "\u05ff", HEBREW), ("\u0600", "\u06ff", ARABIC),
    ("\u3040", "\u30ff", KANA), ("\u3400", "\u9fff", HAN), ("\uac00", "\ud7af", HANGUL),
)  # fmt: skip
_SPELLED = frozenset({LATIN, CYRILLIC, GREEK})  # a letter has a sound, so that words can be compared across them
_CONSONANTAL = frozenset({ARABIC, HEBREW})  # vowels are not written
_UNNAMED = frozenset(
    {
        "anonymous",
        "anonymised",
        "anonymized",
        "anon",
        "anonymus",
        "anonimo",
        "anonyme",
        "unknown",
        "deidentified",
        "noname",
        "xxx",
    }
)
_PARTICLES = frozenset(
    {"de", "del", "la", "las", "los", "da", "das", "do", "dos", "di", "du", "van", "von", "der", "den", "ter", "zu", "y", "e",
     "al", "el", "bin", "ibn", "bint", "ben", "mr", "mrs", "ms", "miss", "dr", "jr", "sr", "sra", "srta", "nee", "geb"}
)  # fmt: skip
_ATTACHED = re.compile(
    "^(?:dela|delos|delas|del|de|la|al|el|van|von|da|do|di)(?=.{3})"
)  # particles written as one word with a name
_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("0", "o"), ("1", "l"), ("5", "s"), ("8", "b"), ("rn", "m"), ("vv", "w"),
        ("shch|tsch|sch|sh", "s"), ("tch|cz|ch|ts|tz", "c"), ("zh", "z"), ("kh", "h"), ("gh", "g"), ("ph", "f"), ("th", "t"),
        ("ck|q", "k"), ("x", "ks"), ("ae", "a"), ("oe", "o"), ("ue", "u"), ("ou|oo|oy", "u"), ("ee", "i"), ("w", "v"),
        ("[jyl]", "i"), (r"(.)\1+", r"\1"),
    )
)  # fmt: skip
_KOREAN = str.maketrans({"g": "k", "b": "p", "d": "t", "r": "l", "j": "c"})
_ARABIC_FOLDS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك", "ـ": ""})


def script(name: str) -> str:
    """The script of a name: that of its first letter outside Latin."""
    for ch in name:
        if ch.isalpha() and ord(ch) > 0x24F and not "\u1e00" <= ch <= "\u1eff":
            return next((called for first, last, called in _BLOCKS if first <= ch <= last), OTHER)
    return LATIN


def compare_names(a: str, b: str, recognised: bool = False) -> Verdict:
    """`recognised`: one of the two was read by OCR, where a letter may be wrong.

    A name written in several scripts at once (`Yamada^Taro=山田^太郎`, PS3.5 6.2.1) agrees when one of them does.
    """
    found = {_one_way(x, y, recognised) for x in _ways(a) for y in _ways(b)}
    for verdict in (Verdict.AGREE, Verdict.CONFLICT):
        if verdict in found:
            return verdict
    return Verdict.UNKNOWN


def _ways(name: str) -> list[str]:
    """The spellings in one name, and their sum where they share a script (a maiden name in brackets)."""
    ways = [way for way in re.split(r"[=()（）]|\s/\s", name) if any(map(str.isalpha, way))]
    whole = [" ".join(ways)] if len(ways) > 1 and len({script(way) for way in ways}) == 1 else []
    return [*whole, *ways] or [""]


def _one_way(a: str, b: str, recognised: bool) -> Verdict:
    if not any(map(str.isalpha, a)) or not any(map(str.isalpha, b)) or _unnamed(a) or _unnamed(b):
        return Verdict.UNKNOWN
    scripts = {script(a), script(b)}
    if len(scripts) == 1:
        return _undivided(a, b, recognised) if scripts & {HAN, HANGUL, KANA} else _by_words(_words(a), _words(b), across=False)
    if scripts <= _SPELLED:
        return _by_words(_words(a), _words(b), across=True)
    if scripts & _CONSONANTAL and scripts - _CONSONANTAL <= _SPELLED and len(scripts - _CONSONANTAL) == 1:
        return _by_consonants(a, b)
    return _romanised(a, b)


def _unnamed(name: str) -> bool:
    words = {w.strip("0123456789") for w in re.findall(r"[^\W_]+", anyascii(name).casefold())}
    return bool(words & _UNNAMED)


def _words(name: str) -> list[str]:
    """Folded words in Latin letters (Arabic and Hebrew keep their own), without particles and titles."""
    plain = unicodedata.normalize("NFKD", name.replace("^", " ").translate(_ARABIC_FOLDS))
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    folded = kept if script(name) in _CONSONANTAL else anyascii(kept)
    words = re.findall(r"[^\W_]+", folded.casefold().replace("'", "").replace("`", "").replace("’", ""))
    strong = [w for w in words if w not in _PARTICLES]
    return strong or words


def _sound(word: str) -> str:
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return word


def _same(a: str, b: str) -> bool:
    if len(a) == 1 or len(b) == 1:
        return a[0] == b[0]  # an initial
    return _sound(a) == _sound(b) or _sound(_ATTACHED.sub("", a)) == _sound(b) or _sound(a) == _sound(_ATTACHED.sub("", b))


def _near(a: str, b: str) -> bool:
    short = min(len(a), len(b))
    allowed = 0 if short < 4 else (1 if short < 7 else 2)
    return any(Levenshtein.distance(x, y, score_cutoff=allowed) <= allowed for x, y in ((a, b), (_sound(a), _sound(b))))


def _by_words(a: list[str], b: list[str], *, across: bool) -> Verdict:
    left, right = list(a), list(b)
    same = _pair_off(left, right, _same)
    if left and right and sorted(_sound("".join(left))) == sorted(_sound("".join(right))) and _joined(left, right):
        same, left, right = same + 1, [], []  # `De La Cruz`, `Delacruz`
    near = _pair_off(left, right, _near)
    if left and right:
        return Verdict.UNKNOWN if across and (same or near) else Verdict.CONFLICT
    if near or same < 2:
        return Verdict.UNKNOWN
    return Verdict.AGREE


def _pair_off(left: list[str], right: list[str], alike: Callable[[str, str], bool]) -> int:
    """Take alike words off both lists, full words before initials; how many pairs of full words."""
    count = 0
    for word in sorted(left, key=len, reverse=True):
        match = next((w for w in sorted(right, key=len, reverse=True) if alike(word, w)), None)
        if match is not None:
            left.remove(word)
            right.remove(match)
            count += len(word) > 1 and len(match) > 1
    return count


def _joined(left: Sequence[str], right: Sequence[str]) -> bool:
    few = len(left) <= 4 and len(right) <= 4
    return few and bool({_sound("".join(p)) for p in permutations(left)} & {_sound("".join(p)) for p in permutations(right)})


def _undivided(a: str, b: str, recognised: bool) -> Verdict:
    """Names of few characters and no sure division into words."""
    x, y = ("".join(c for c in unicodedata.normalize("NFKC", name) if c.isalpha()) for name in (a, b))
    if x == y:
        return Verdict.AGREE
    if anyascii(x) == anyascii(y):
        return Verdict.UNKNOWN  # simplified and traditional, or two names of one sound
    slip = recognised and Levenshtein.distance(x, y) <= 1
    return Verdict.UNKNOWN if slip else Verdict.CONFLICT


def _bones(word: str) -> str:
    """Consonants alone, those written alike made one; the Arabic article is left out."""
    word = word[2:] if word.startswith("ال") and len(word) > 4 else word
    plain = re.sub(r"(.)\1+", r"\1", "".join(c for c in anyascii(word).casefold() if c.isalpha()))
    hard = re.sub("h$", "", re.sub("kh|ch|q|c", "k", re.sub("([sgtd])h", r"\1", plain)))
    return re.sub("[aeiouywv]", "", hard)


def _by_consonants(a: str, b: str) -> Verdict:
    left, right = ([_bones(w) for w in _words(name)] for name in (a, b))
    shared = [bone for bone in set(left) & set(right) if bone]
    if len(shared) >= 2 and sum(map(len, shared)) >= 6:
        return Verdict.AGREE
    told = [bones for bones in (left, right) if sum(map(len, bones)) >= 4]
    apart = all(Levenshtein.normalized_similarity(x, y) < 0.5 for x in left for y in right if x and y)
    return Verdict.CONFLICT if len(told) == 2 and apart else Verdict.UNKNOWN


def _romanised(a: str, b: str) -> Verdict:
    """Ideographs and syllables against letters: alike by one romanisation is agreement, unlike proves nothing."""
    korean = HANGUL in {script(a), script(b)}
    spelled = [re.findall(r"[a-z]+", anyascii(name).casefold()) for name in (a, b)]
    if any(len(words) > 5 or not words for words in spelled):
        return Verdict.UNKNOWN

    def ways(words: list[str]) -> set[str]:
        joined = {_sound("".join(p)) for p in permutations(words)}
        return {way.translate(_KOREAN) for way in joined} if korean else joined

    return Verdict.AGREE if ways(spelled[0]) & ways(spelled[1]) else Verdict.UNKNOWN
