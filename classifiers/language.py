"""Which language a text is in: scripts first, then the small words that every sentence needs.

No model and no list of foreign origin: some thirty function words a language, weighed by how many of the
other languages share them, and letters that only some alphabets have.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from classifiers.sheets import sheet
from classifiers.words import Prepared, prepare, skeleton

LOOKED_AT = 8_000  # characters that decide
OFFERED = frozenset({"en", "es", "pt", "fr", "de", "it", "nl", "tr", "ru", "ar", "he", "fa", "zh", "ja", "ko"})
_PERSIAN = re.compile("[پچژگ\u06cc\u06a9\u200c]")
_SCRIPTS = (
    ("kana", re.compile("[\u3041-\u30fa\u30fd-\u30ff]")),
    ("hangul", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("han", re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")),
    ("cyrillic", re.compile("[\u0400-\u04ff]")),
    ("arabic", re.compile("[\u0600-\u06ff\ufb50-\ufdff\ufe70-\ufeff]")),
    ("hebrew", re.compile("[\u0590-\u05ff]")),
    ("latin", re.compile("[A-Za-z\u00c0-\u024f]")),
)


@cache
def _shares() -> dict[str, tuple[tuple[str, float], ...]]:
    """Each function word's languages, weighed by how few languages share it."""
    owners: dict[str, set[str]] = {}
    for language, words in sheet("languages.toml")["function_words"].items():
        if language in {"ar", "fa"}:
            continue
        for word in words.split():
            owners.setdefault(skeleton(word), set()).add(language)
    return {word: tuple(sorted((language, 1 / len(who)) for language in who)) for word, who in owners.items()}


def _latin(text: str, words: list[str]) -> str | None:
    votes: Counter[str] = Counter()
    for word in words:
        for language, share in _shares().get(word, ()):
            votes[language] += share  # type: ignore[assignment]  # Counter of floats
    lower = text.casefold()
    for language, letters in sheet("languages.toml")["letters"].items():
        votes[language] += min(4.0, 0.7 * sum(lower.count(c) for c in letters))  # type: ignore[assignment]  # as above
    ranked = votes.most_common(2)
    if not ranked or ranked[0][1] < 1.0:
        return None
    if len(ranked) > 1 and ranked[0][1] < 1.1 * ranked[1][1]:
        return None
    return ranked[0][0]


def language_of_prepared(page: Prepared) -> str | None:
    """ISO 639-1 code of a prepared page's language; None when nothing tells."""
    text = page.text[:LOOKED_AT]
    if text.isascii():
        return _latin(text, [w.skeleton for w in page.words if w.start < LOOKED_AT]) if re.search("[A-Za-z]", text) else None
    counts = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS}
    # ideographs say more per character than letters: a Chinese report full of Latin abbreviations is Chinese
    weighed = {**counts, "han": 3 * counts["han"], "kana": 3 * counts["kana"], "hangul": 2 * counts["hangul"]}
    if not any(counts.values()):
        return None
    script = max(weighed, key=lambda name: weighed[name])
    if script in {"han", "kana"}:
        return "ja" if counts["kana"] > 0.04 * (counts["han"] + counts["kana"]) else "zh"
    if script == "hangul":
        return "ko"
    if script == "hebrew":
        return "he"
    if script == "cyrillic":
        return "uk" if re.search("[іїєґ]", text) and not re.search("[ыэъ]", text) else "ru"
    if script == "arabic":
        tokens = re.findall("[\u0600-\u06ff]+", text)
        small = {language: set(sheet("languages.toml")["function_words"][language].split()) for language in ("ar", "fa")}
        persian = sum(t in small["fa"] for t in tokens) + 2 * len(_PERSIAN.findall(text))
        arabic = sum(t in small["ar"] for t in tokens) + sum(t.startswith("ال") for t in tokens)
        return "fa" if persian > arabic else "ar"
    return _latin(text, [w.skeleton for w in page.words if w.start < LOOKED_AT])


def language_of(text: str) -> str | None:
    """ISO 639-1 code of the language `text` is written in; None when nothing tells."""
    return language_of_prepared(prepare(text))
