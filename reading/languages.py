"""Which OCR model a page needs: from the script that orientation detection names, or from the words of a first pass."""

from __future__ import annotations

import re
from collections import Counter
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
    "Han": ("chi_sim", "chi_tra", "jpn", "kor"),
    "HanS": ("chi_sim",),
    "HanT": ("chi_tra",),
    "Japanese": ("jpn", "chi_sim", "chi_tra"),
    "Hiragana": ("jpn",),
    "Katakana": ("jpn",),
    "Korean": ("kor",),
    "Hangul": ("kor",),
}
EACH_SCRIPT = ("rus", "ara", "heb", "chi_sim", "jpn", "kor")

# frequent little words, and the words of letterheads and tables, without accents: OCR of the wrong model still gets them
_LITTLE_WORDS = {
    "eng": "the of and to in is was for with are that this not be on by from as at or no has have been were which there "
    "patient name date birth sex age report history clinical findings impression physician hospital department result results "
    "page address normal left right seen without diagnosis treatment",
    "spa": "de la el en los las del se con por una un que no es para al su fue como sin lo mas este esta "
    "paciente nombre fecha nacimiento sexo edad informe estudio historia clinica hallazgos conclusion medico servicio resultado "
    "pagina direccion izquierdo derecho izquierda derecha diagnostico tratamiento prueba dia firma cita",
    "por": "de da do em os as dos das com por uma um que nao para ao se foi sem na no mais este esta "
    "paciente nome data nascimento idade sexo laudo exame clinica achados conclusao medico servico resultado pagina endereco "
    "esquerdo direito esquerda direita diagnostico tratamento assinatura",
    "fra": "de la le les des du et est en une un dans sur pour avec au aux par qui pas ce ou sont sans cette "
    "patient patiente nom date naissance sexe age compte rendu examen clinique conclusion medecin service resultat adresse "
    "gauche droit droite diagnostic traitement facture reste total reglement normale",
    "deu": "der die das und in von mit zu den ist im des nicht auf ein eine dem wurde bei am vom nach sich als keine kein "
    "ja nein patient name datum geburtsdatum befund untersuchung klinik beurteilung arzt abteilung ergebnis adresse links rechts "
    "oder sowie wird sind war wurden angaben klinische fragestellung vorliegend unterschrift "
    "sonstiges diagnose behandlung unauffallig nachweis mannlich weiblich geschlecht positiv negativ herz lunge leber",
    "ita": "di il la che del della in per con non una un si le al dei nel sono alla da delle presenta senza "
    "paziente nome data nascita sesso eta referto esame clinica conclusioni medico reparto risultato indirizzo sinistro destro "
    "sinistra destra diagnosi terapia",
    "nld": "de het een van den en in is met voor op te dat niet zijn bij werd aan door ter als geen ook "
    "patient naam datum geboortedatum geslacht verslag onderzoek kliniek conclusie arts afdeling uitslag adres links rechts "
    "gegevens diagnose behandeling",
    "tur": "ve bir bu ile olan olarak icin da de en iki adet olup yok ise veya kadar gore sonra once her daha ancak yer uzere "
    "hasta sol sag tarihi tarih adi ad soyad soyadi dogum yas cinsiyet rapor inceleme klinik sonuc doktor bolum adres normal "
    "izlendi izlenmistir saptanmadi mevcuttur tani tanisi tetkik raporu akciger ust alt uzmani tarafindan tarihinde bilgi "
    "hastane hastanin hastaya hastanesi bulgu bulgular tedavi tedavisi ameliyat onam imza sayin toplam tutar fatura kan",
}
_WORDS = {code: frozenset(words.split()) for code, words in _LITTLE_WORDS.items()}
_SHARE = {word: 1 / sum(word in words for words in _WORDS.values()) for words in _WORDS.values() for word in words}
OFTEN = 4  # a form's "left | right" in every line says no more than four times
# a language that puts its little words behind others: such endings of long words, as the wrong model still reads them
_ENDINGS = {
    "tur": re.compile(
        r"\w{3,}(?:[iu]s?g?t[iu]r|kt[ae]dir|ilir|[ml]ar?in|lerin|masi|mesi|inda|indan|inden|arak|erek|ildi|andi|endi)"
    )
}
_TOKEN = re.compile(r"[^\W\d_]{2,}")
_ARABIC_WORD = re.compile("[\u0600-\u06ff]{2,}")
_IDEOGRAPH = re.compile("[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_KANA = re.compile("[\u3041-\u30ff]")
_WIDE = re.compile("[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
_UNLIKE = 0.9  # what remains of a reading's worth when its letters are not those of its model's language


def letters(word: str) -> int:
    """How much was read: an ideograph or syllable says as much as three letters."""
    return len(word) + 2 * len(_WIDE.findall(word))


def likeness(code: str, text: str) -> float:
    """1.0, or less when a model read a language that shares its script: Arabic has many articles, Japanese has kana."""
    if code in {"ara", "fas"}:
        words = _ARABIC_WORD.findall(text)
        articles = sum(word.startswith("ال") for word in words)
        return 1.0 if (articles >= 0.1 * len(words)) == (code == "ara") else _UNLIKE
    if code == "jpn":
        return 1.0 if len(_KANA.findall(text)) >= 0.08 * len(_IDEOGRAPH.findall(text)) else _UNLIKE
    return 1.0


def iso(models: Iterable[str]) -> str | None:
    """ISO 639-1 of the first model."""
    return next((ISO[code] for code in models if code in ISO), None)


def is_latin(models: Iterable[str]) -> bool:
    """Whether the models read the Latin script."""
    return all(code in _WORDS for code in models)


def latin_language(text: str, installed: Iterable[str]) -> str | None:
    """The Latin-script model whose words stand in `text` clearly more often than any other's, else None."""
    tokens = [anyascii(token).lower() for token in _TOKEN.findall(text)]
    able = [code for code in installed if code in _WORDS]
    seen = {word: min(count, OFTEN) for word, count in Counter(tokens).items()}
    hits = {code: sum(count for word, count in seen.items() if _is_of(word, code)) for code in able}
    votes = {code: sum(count * _SHARE.get(word, 1) for word, count in seen.items() if _is_of(word, code)) for code in able}
    ranked = sorted(votes, key=lambda code: (-votes[code], code))
    if not ranked or hits[ranked[0]] < max(4, 0.08 * sum(seen.values())):
        return None
    clear = len(ranked) == 1 or votes[ranked[0]] >= 1.2 * votes[ranked[1]]
    return ranked[0] if clear else None


def _is_of(word: str, code: str) -> bool:
    """Whether the word, or its ending, is one by which the language is known."""
    return word in _WORDS[code] or (code in _ENDINGS and word not in _SHARE and _ENDINGS[code].fullmatch(word) is not None)
