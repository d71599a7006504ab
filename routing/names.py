"""Two spellings of one name, or two names?  Word by word, through order, accents, scripts and slips of recognition (R8, R24).

Words are the same, near (a slip or a variant: proves nothing) or different.  Names agree when two words or more are the
same and only one side has words left over; they clash when both have.  Across scripts only what no romanisation could
make alike is a clash.  A father and a son of one name are told apart by their suffix, where it is written.
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
    LIKELY = "likely"  # of two patients: one birth date, and names that neither agree nor clash; a question, as twins share it


LATIN, CYRILLIC, GREEK, ARABIC, HEBREW, HAN, KANA, HANGUL, OTHER = (
    "latin", "cyrillic", "greek", "arabic", "hebrew", "han", "kana", "hangul", "other",
)  # fmt: skip
_BLOCKS = (
    ("\u0370", "\u03ff", GREEK), ("\u0400", "\u052f", CYRILLIC), ("\u0590", "\u05ff", HEBREW), ("\u0600", "\u06ff", ARABIC),
    ("\u3040", "\u30ff", KANA), ("\u3400", "\u9fff", HAN), ("\uac00", "\ud7af", HANGUL),
)  # fmt: skip
_SPELLED = frozenset({LATIN, CYRILLIC, GREEK, KANA})  # a letter has a sound, so that words can be compared across them
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
    {"de", "del", "la", "las", "los", "da", "das", "do", "dos", "di", "du", "van", "von", "der", "den", "ter", "zu",
     "al", "el", "bin", "ibn", "bint", "ben", "mr", "mrs", "ms", "miss", "dr", "med", "prof", "sr", "sra", "srta", "herr", "frau",
     "nee", "geb", "epouse"}
)  # fmt: skip
_ATTACHED = re.compile(
    "^(?:dela|delos|delas|del|de|la|al|el|vander|vanden|vande|van|von|da|do|di)(?=.{3})"
)  # particles written as one word with a name
_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("0", "o"), ("1", "l"), ("5", "s"), ("8", "b"), ("rn", "m"), ("vv", "w"),
        ("shch|tsch|sch|sh", "s"), ("tch|cz|ch|ts|tz", "c"), ("zh", "z"), ("kh", "h"), ("gh", "g"), ("ph", "f"), ("th", "t"),
        ("ck|q", "k"), ("x", "ks"), ("ae", "a"), ("oe", "o"), ("ue", "u"), ("ou|oo|oy", "u"), ("oh$", "o"), ("ee", "i"),
        ("w", "v"), ("[jyl]", "i"), (r"(.)\1+", r"\1"),
    )
)  # fmt: skip
_SUFFIXES = {
    "jr": "son", "junior": "son", "filho": "son", "hijo": "son", "fils": "son", "ii": "son",
    "sr": "father", "senior": "father", "pai": "father", "pere": "father", "iii": "grandson", "iv": "fourth",
    "neto": "grandson", "sobrinho": "nephew",
}  # fmt: skip
_WRITTEN_OUT = (
    (re.compile(r"\bm(?:a\.|ª)"), "maria"), (re.compile(r"\bmohd\b"), "mohammed"), (re.compile(r"\bfco\b"), "francisco"),
    (re.compile(r"\babd[\s-]+(?:[aeu][a-z][\s-]+)?|\babd[aeu](?:l|r(?=r))[\s-]*(?!lah?\b|ah\b)"), "abd"),
    (re.compile(r"(?<=\w\s)[ye](?=\s\w\w)"), " "),  # `Ruiz y Ortega`, but the initial of `Y. Ortega`
)  # fmt: skip
_LONG = (  # Japanese vowels and syllables that are romanised in two ways
    ("ou|oo|oh(?![aeiou])", "o"), ("uu", "u"), ("sy|si", "shi"), ("ty|ti", "chi"), ("tu", "tsu"), ("hu", "fu"), ("zy|zi|j", "ji"),
    ("nb", "mb"), ("np", "mp"), ("i+", "i"),
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
    a, b = (unicodedata.normalize("NFKC", name.replace("ª", "a.")) for name in (a, b))
    found = {_one_way(x, y, recognised) for x in _ways(a) for y in _ways(b)}
    verdict = next((v for v in (Verdict.AGREE, Verdict.CONFLICT) if v in found), Verdict.UNKNOWN)
    if verdict is not Verdict.AGREE:
        return verdict
    generations = _generation(a), _generation(b)
    if generations[0] != generations[1]:
        return Verdict.CONFLICT if all(generations) else Verdict.UNKNOWN
    return Verdict.UNKNOWN if _halved(a, b) or _halved(b, a) or _turned(a, b) else verdict


def _generation(name: str) -> str:
    """What a suffix says of father and son (`Jr`, `Filho`, the fifth component of a DICOM name); "" without one."""
    parts = name.split("^")
    words = re.findall(r"[^\W_]+", anyascii(parts[4] if len(parts) > 4 else name if len(parts) == 1 else "").casefold())
    return _SUFFIXES.get(words[-1], "") if words and (len(words) > 2 or len(parts) > 4) else ""


def _halved(a: str, b: str) -> bool:
    """Whether only half of a hyphened name stands on the other side: `Karl-Heinz` may have a brother Karl."""
    others = _words(b)
    whole = {_sound(w) for w in others}
    for first, second in re.findall(r"([^\W\d_]{2,})-([^\W\d_]{2,})", a):
        halves = [bool(_words(half)) and any(_same(_words(half)[0], w) for w in others) for half in (first, second)]
        if (
            script(a) in _SPELLED
            and script(b) in _SPELLED
            and halves[0] != halves[1]
            and _sound("".join(_words(first + second))) not in whole
        ):
            return True
    return False


def _turned(a: str, b: str) -> bool:
    """Whether two names in Arabic begin with different ones of their words: `Yusuf Ibrahim` is the son of `Ibrahim Yusuf`."""
    words = (
        [_words(name) for name in (a, b)] if script(a) == script(b) == ARABIC and "^" not in a + b and "," not in a + b else []
    )
    return len(words) == 2 and words[0][0] != words[1][0] and words[0][0] in words[1] and words[1][0] in words[0]


def _ways(name: str) -> list[str]:
    """The spellings in one name, and their sum where they share a script (a maiden name in brackets)."""
    ways = [way for way in re.split(r"[=()（）]|\s/\s", name) if any(map(str.isalpha, way))]
    whole = [" ".join(ways)] if len(ways) > 1 and len({script(way) for way in ways}) == 1 else []
    return [*whole, *ways] or [""]


def _one_way(a: str, b: str, recognised: bool) -> Verdict:
    if not any(map(str.isalpha, a)) or not any(map(str.isalpha, b)) or _unnamed(a) or _unnamed(b):
        return Verdict.UNKNOWN
    scripts = {script(a), script(b)}
    if len(scripts) == 1 and scripts & {HAN, HANGUL, KANA}:
        return _undivided(a, b, recognised)
    if scripts <= _SPELLED and (KANA not in scripts or scripts == {KANA, LATIN}):
        words = [_words(name) for name in (a, b)]
        if KANA in scripts:
            words = [[_short(w) for w in some] for some in words]
            if min(map(len, words)) < 2:
                return _romanised(a, b)
        return _by_words(*words, across=len(scripts) > 1 and KANA not in scripts, recognised=recognised)
    if scripts & _CONSONANTAL and scripts - _CONSONANTAL <= _SPELLED - {KANA} and len(scripts - _CONSONANTAL) <= 1:
        return _by_consonants(a, b) if len(scripts) > 1 else _by_words(_words(a), _words(b), across=False, recognised=recognised)
    return _romanised(a, b)


def _unnamed(name: str) -> bool:
    words = {w.strip("0123456789") for w in re.findall(r"[^\W_]+", anyascii(name).casefold())}
    return bool(words & _UNNAMED)


def _words(name: str) -> list[str]:
    """Folded words in Latin letters (Arabic and Hebrew keep their own), without particles and titles."""
    spaced = name.replace("^", " ").translate(_ARABIC_FOLDS)
    plain = spaced if script(name) == KANA else unicodedata.normalize("NFKD", spaced)  # the marks of kana are sounds
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    folded = kept if script(name) in _CONSONANTAL else anyascii(kept)
    written = re.sub("['`’]", "", folded.casefold())
    for pattern, meant in _WRITTEN_OUT:
        written = pattern.sub(meant, written)
    words = re.findall(r"[^\W_]+", written)
    strong = [w for w in words if w not in _PARTICLES and w not in _SUFFIXES]
    return strong or words


def _short(word: str) -> str:
    for pattern, sound in _LONG:
        word = re.sub(pattern, sound, word)
    return word


def _sound(word: str) -> str:
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return word


def _same(a: str, b: str) -> bool:
    if len(a) == 1 or len(b) == 1:
        return a[0] == b[0] or {a[0], b[0]} <= set("eyji")  # an initial; `Elena` is `Yelena`, `Jelena`
    return _sound(a) == _sound(b) or _sound(_ATTACHED.sub("", a)) == _sound(b) or _sound(a) == _sound(_ATTACHED.sub("", b))


def _near(a: str, b: str, recognised: bool = False) -> bool:
    bare = _sound(_ATTACHED.sub("", a)), _sound(_ATTACHED.sub("", b))
    pairs = ((a, b), (_sound(a), _sound(b)), bare)
    return any(Levenshtein.distance(x, y, score_cutoff=3) <= _slips(max(len(x), len(y)), recognised) for x, y in pairs)


def _slips(letters: int, recognised: bool) -> int:
    """How many letters of a word may differ before it is another one; more where a machine read it."""
    if recognised:
        return 0 if letters < 4 else (1 if letters < 7 else 2)
    return 0 if letters < 5 else (1 if letters < 8 else 2)


def _by_words(a: list[str], b: list[str], *, across: bool, recognised: bool = False) -> Verdict:
    left, right = _run_together(a, b), _run_together(b, a)
    same = _pair_off(left, right, _same)
    if left and right and sorted(_sound("".join(left))) == sorted(_sound("".join(right))) and _joined(left, right):
        same, left, right = same + 1, [], []  # `De La Cruz`, `Delacruz`
    near = _pair_off(left, right, lambda x, y: _near(x, y, recognised or across))
    if left and right:
        return Verdict.UNKNOWN if across and _may_be_one(left, right) else Verdict.CONFLICT
    if near or same < 2:
        return Verdict.UNKNOWN
    return Verdict.AGREE


def _run_together(words: Sequence[str], others: Sequence[str]) -> list[str]:
    """`words` with two neighbours made one where the other side writes them so (`Anne Sophie`, `Annesophie`)."""
    whole = {_sound(w) for w in others if len(w) > 4}
    made = list(words)
    for place in range(len(made) - 2, -1, -1):
        if min(map(len, made[place : place + 2])) > 1 and _sound(made[place] + made[place + 1]) in whole:
            made[place : place + 2] = [made[place] + made[place + 1]]
    return made


def _may_be_one(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether any two words left over sound so alike that another romanisation may be behind it."""
    return any(Levenshtein.normalized_similarity(_sound(x), _sound(y)) > 0.5 for x in left for y in right)


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
    left, right = (
        [bone for w in _words(name) if (bone := _bones(w if script(w) != LATIN else _ATTACHED.sub("", w)))] for name in (a, b)
    )
    left, right = _run_together(left, right), _run_together(right, left)
    shared = [bone for bone in left if bone in right]
    _pair_off(left, right, lambda x, y: x == y)
    near = _pair_off(left, right, lambda x, y: Levenshtein.normalized_similarity(x, y) >= 0.5)
    if left and right:
        told = bool(shared or near) or min(sum(map(len, left)), sum(map(len, right))) >= 4
        return Verdict.CONFLICT if told else Verdict.UNKNOWN
    return Verdict.AGREE if not near and len(shared) >= 2 and sum(map(len, shared)) >= 6 else Verdict.UNKNOWN


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
