"""Which OCR model a page needs: from the script that orientation detection names, or from the words of a first pass."""

from __future__ import annotations

import re
from collections.abc import Iterable

ISO = {
    "eng": "en", "spa": "es", "por": "pt", "fra": "fr", "deu": "de", "ita": "it", "nld": "nl", "tur": "tr", "rus": "ru",
    "ara": "ar", "heb": "he", "fas": "fa", "chi_sim": "zh", "chi_tra": "zh", "jpn": "ja", "kor": "ko",
}  # fmt: skip

# Tesseract's script names (osd.traineddata) to the models tried for them, best first
BY_SCRIPT = {
    "Cyrillic": ("rus",),
    "Arabic": ("ara", "fas"),
    "Hebrew": ("heb",),
    "Han": ("chi_sim", "chi_tra"),
    "HanS": ("chi_sim",),
    "HanT": ("chi_tra",),
    "Japanese": ("jpn",),
    "Hiragana": ("jpn",),
    "Katakana": ("jpn",),
    "Korean": ("kor",),
    "Hangul": ("kor",),
}

# frequent little words that OCR of the wrong model still gets right (no accents needed)
_LITTLE_WORDS = {
    "eng": "the of and to in is was for with are that this not be on by from as at or no has patient",
    "spa": "de la el en los las del se con por una que no es para al su fue como sin paciente",
    "por": "de da do em os as dos das com por uma que nao para ao se foi sem na no paciente",
    "fra": "de la le les des et du est en une un dans sur pour avec au par qui pas patient",
    "deu": "der die das und in von mit zu den ist im des nicht auf ein eine dem wurde patient bei",
    "ita": "di il la che del della in per con non una si le al dei nel sono alla paziente",
    "nld": "de het een van en in is met voor op te dat niet zijn bij werd patient aan door",
    "tur": "ve bir bu ile olan olarak icin hasta da de sol sag tarihi olup yok",
}
_WORDS = {code: frozenset(words.split()) for code, words in _LITTLE_WORDS.items()}
_TOKEN = re.compile(r"[^\W\d_]+")


def iso(models: Iterable[str]) -> str | None:
    """ISO 639-1 of the first model."""
    return next((ISO[code] for code in models if code in ISO), None)


def latin_language(text: str, installed: Iterable[str]) -> str | None:
    """The Latin-script model whose little words stand in `text` clearly more often than any other's, else None."""
    tokens = [token.lower() for token in _TOKEN.findall(text)]
    if len(tokens) < 12:
        return None
    scores = {code: sum(token in _WORDS[code] for token in tokens) / len(tokens) for code in installed if code in _WORDS}
    ranked = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    if not ranked or ranked[0][1] < 0.08 or (len(ranked) > 1 and ranked[0][1] < 1.15 * ranked[1][1]):
        return None
    return ranked[0][0]
