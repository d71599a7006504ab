"""Which OCR model a page needs: from the script that orientation detection names, or from the words of a first pass."""

from __future__ import annotations

import re
from collections.abc import Iterable

from anyascii import anyascii

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

# frequent little words, and the words of letterheads and tables, without accents: OCR of the wrong model still gets them
_LITTLE_WORDS = {
    "eng": "the of and to in is was for with are that this not be on by from as at or no has patient name date birth sex age "
    "report history clinical findings impression physician hospital department result results page address normal",
    "spa": "de la el en los las del se con por una que no es para al su fue como sin paciente nombre fecha nacimiento sexo edad "
    "informe estudio historia clinica hallazgos conclusion medico servicio resultado pagina direccion izquierdo derecho",
    "por": "de da do em os as dos das com por uma que nao para ao se foi sem na no paciente nome data nascimento idade sexo "
    "laudo exame clinica achados conclusao medico servico resultado pagina endereco esquerdo direito",
    "fra": "de la le les des et du est en une un dans sur pour avec au par qui pas patient nom date naissance sexe age "
    "compte rendu examen clinique conclusion medecin service resultat adresse gauche droit",
    "deu": "der die das und in von mit zu den ist im des nicht auf ein eine dem wurde patient bei name datum geburtsdatum "
    "befund untersuchung klinik beurteilung arzt abteilung ergebnis adresse links rechts",
    "ita": "di il la che del della in per con non una si le al dei nel sono alla paziente nome data nascita sesso eta "
    "referto esame clinica conclusioni medico reparto risultato indirizzo sinistro destro",
    "nld": "de het een van en in is met voor op te dat niet zijn bij werd patient aan door naam datum geboortedatum geslacht "
    "verslag onderzoek kliniek conclusie arts afdeling uitslag adres links rechts",
    "tur": "ve bir bu ile olan olarak icin hasta da de sol sag tarihi olup yok adi soyadi dogum cinsiyet rapor inceleme "
    "klinik sonuc doktor bolum adres normal",
}
_WORDS = {code: frozenset(words.split()) for code, words in _LITTLE_WORDS.items()}
_TOKEN = re.compile(r"[^\W\d_]{2,}")


def iso(models: Iterable[str]) -> str | None:
    """ISO 639-1 of the first model."""
    return next((ISO[code] for code in models if code in ISO), None)


def is_latin(models: Iterable[str]) -> bool:
    """Whether the models read the Latin script."""
    return all(code in _WORDS for code in models)


def latin_language(text: str, installed: Iterable[str]) -> str | None:
    """The Latin-script model whose words stand in `text` clearly more often than any other's, else None."""
    tokens = [anyascii(token).lower() for token in _TOKEN.findall(text)]
    hits = {code: sum(token in _WORDS[code] for token in tokens) for code in installed if code in _WORDS}
    ranked = sorted(hits.items(), key=lambda pair: (-pair[1], pair[0]))
    if not ranked or ranked[0][1] < max(4, 0.08 * len(tokens)):
        return None
    clear = len(ranked) == 1 or ranked[0][1] >= 1.2 * ranked[1][1]
    return ranked[0][0] if clear else None
