"""The printed words that say what a place on a form is for: signature, date, role, witness, in many languages.

Data first; the only judgement here is which of the words a printed label holds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, pairwise

from reading.words import Word

SIGNATURE = (
    "signature", "signatures", "signed", "sign here", "firma", "firmas", "firmado",
    "firmada", "assinatura", "assinado", "unterschrift", "unterzeichnet", "signe",
    "signee", "firmato", "handtekening", "imza", "imzasi", "podpis", "подпись", "підпис",
    "توقيع", "التوقيع", "امضا", "امضاء", "חתימה", "签名", "签字", "簽名", "署名", "서명", "chu ky",
    "tanda tangan",
)  # fmt: skip
DATE = (
    "date", "dated", "fecha", "fechado", "data", "datum", "tarih", "дата", "تاريخ",
    "التاريخ", "תאריך", "日期", "日付", "날짜", "ngay", "tanggal",
)  # fmt: skip
NOT_THIS_DATE = (
    "birth", "nacimiento", "nascimento", "nascita", "naissance", "geburt", "geburtsdatum",
    "geboorte", "dogum", "рождения", "الميلاد", "ميلاد", "出生", "生年月日", "dob", "report",
    "study", "informe", "estudio", "exam", "examen", "expiry", "expiration", "vencimiento",
    "invoice", "factura", "admission", "ingreso", "discharge", "alta",
)  # fmt: skip
ROLE = (
    "relationship", "relation to patient", "relation to the patient", "parentesco",
    "relacion con", "vinculo", "lien de parente", "lien avec", "verhaltnis zum",
    "parentela", "akrabalik", "صلة القرابة", "صلة", "与患者关系", "続柄", "관계", "степень родства",
)  # fmt: skip
WITNESS = (
    "witness", "witnessed", "testigo", "testigos", "testemunha", "zeuge", "zeugen",
    "temoin", "testimone", "getuige", "tanik", "sahit", "свидетель", "свидетеля", "شاهد",
    "الشاهد", "证人", "見證人", "証人", "立会人", "증인",
)  # fmt: skip
OTHERS = {
    "interpreter": (
        "interpreter", "translator", "interprete", "traductor", "traductora", "dolmetscher",
        "مترجم", "المترجم", "переводчик",
    ),
    "physician": (
        "physician", "doctor", "provider", "medico", "medica", "medecin", "arzt", "arztes",
        "notary", "notario", "clinician", "staff", "hospital", "doktor", "hekim", "врач",
        "врача", "الطبيب", "医师", "医生", "医師", "의사", "investigator", "investigador",
    ),
}  # fmt: skip
PATIENT = (
    "patient", "patients", "paciente", "patienten", "paziente", "hasta", "пациент",
    "пациента", "المريض", "患者", "환자", "participant", "participante", "subject",
    "applicant", "solicitante",
)  # fmt: skip
REPRESENTATIVE = (
    "representative", "guardian", "relative", "parent", "proxy", "surrogate", "behalf",
    "representante", "tutor", "tutora", "familiar", "apoderado", "responsable",
    "responsavel", "representant", "vertreter", "bevollmachtigter", "rappresentante",
    "temsilci", "vekil", "представитель", "представителя", "الممثل", "ممثل", "代理人", "대리인",
    "next of kin",
)  # fmt: skip
NAME = ("name", "nombre", "nome", "nom", "isim", "adi", "اسم", "姓名", "氏名", "이름", "имя", "фио", "naam", "nama")
AND = ("and", "y", "e", "und", "et", "ve", "en", "и", "و")
AGREEMENT = (
    "letter of agreement", "agreement", "informed consent", "consent", "authorization",
    "authorisation", "carta de acuerdo", "acuerdo", "consentimiento", "autorizacion",
    "termo de consentimento", "consentimento", "einwilligung", "vereinbarung",
    "consentement", "accord", "consenso", "accordo", "onam", "riza", "согласие",
    "соглашение", "موافقة", "اتفاقية", "同意书", "同意書", "동의서",
)  # fmt: skip
_SOMEBODY = (*WITNESS, *(word for words in OTHERS.values() for word in words), *REPRESENTATIVE)
HEADING = 4  # words at most
REACH = 10  # lines of print, over which a heading speaks for what stands below it
PLACEHOLDER = re.compile(
    r"""[\[<{«]\s*(?:insert\b|enter\b|inserte\b|escriba\b)?[^\]>}»]{0,40}
        \b(?:patient|paciente|name|nombre|nome|nom\b|hasta|full\ name|dob|المريض)[^\]>}»]{0,60}[\]>}»]""",
    re.IGNORECASE | re.VERBOSE,
)
_SPACED = re.compile(r"[a-z0-9\u0400-\u04ff]")


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """`text` in small letters, without accents, marks and punctuation, digits of any script as 0-9: for comparing only."""
    kept = []
    for letter in unicodedata.normalize("NFKD", text.casefold()):
        category = unicodedata.category(letter)
        if category == "Nd":
            kept.append(str(unicodedata.digit(letter)))
        elif category[0] == "L" and letter != "ـ":  # the Arabic tatweel only stretches
            kept.append("i" if letter == "ı" else letter)
        elif category[0] in "ZPSC" or letter in "\t\n":
            kept.append(" ")
    return " ".join("".join(kept).split())


def holds(text: str, phrases: Iterable[str]) -> bool:
    """Does the plain `text` hold one of the phrases (whole words in scripts that have spaces)?"""
    padded = f" {text} "
    return any((f" {p} " if _SPACED.search(p) else p) in padded for p in map(plain, phrases))


WIDE = 1.5  # heights of a word between two of a row that stand apart


@dataclass(frozen=True, slots=True)
class Label:
    """A printed label and what it asks for."""

    kind: str  # signature | date | role | field
    name: str  # signature, representative, witness, interpreter, physician, date, role, patient
    text: str
    box: tuple[float, float, float, float]  # left, top, right, bottom, in the words' own unit


def right_to_left(words: Sequence[Word]) -> bool:
    """Is the page's script mostly Arabic or Hebrew?"""
    kinds = [unicodedata.bidirectional(letter) for word in words for letter in word.text]
    return sum(kind in ("R", "AL") for kind in kinds) > sum(kind == "L" for kind in kinds)


def mirrored(words: Sequence[Word], width: float) -> list[Word]:
    """The words of a page `width` wide as its mirror shows them: right-to-left pages are read and laid out so."""
    return [replace(word, left=width - word.right, right=width - word.left) for word in words]


def rows(words: Sequence[Word]) -> list[list[Word]]:
    """Words in printed rows, top to bottom, each left to right."""
    found: list[list[Word]] = []
    for word in sorted(words, key=lambda w: (w.top + w.bottom) / 2):
        middle = (word.top + word.bottom) / 2
        last = found[-1][-1] if found else None
        if (
            last is not None
            and last.top < middle < last.bottom
            and abs(middle - (last.top + last.bottom) / 2) < 0.5 * (last.bottom - last.top)
        ):
            found[-1].append(word)
        else:
            found.append([word])
    return [sorted(row, key=lambda w: w.left) for row in found]


def read_rows(words: Sequence[Word]) -> list[list[Word]]:
    """Words in printed rows, each in the order in which its script is read."""
    if not right_to_left(words):
        return rows(words)
    return [row[::-1] for row in rows(words)]


def lines_of(words: Sequence[Word]) -> list[str]:
    """The words of a page as lines of text, each in the order in which its script is read; wide gaps stay seen."""
    leftwards = right_to_left(words)
    return [_line(row, leftwards or right_to_left(row)) for row in rows(words)]


def _line(row: Sequence[Word], leftwards: bool) -> str:
    if not leftwards:
        return _spaced(row)
    runs = [list(run) for _, run in groupby(row, key=lambda word: right_to_left([word]))]
    return _spaced([word for run in runs[::-1] for word in (run[::-1] if right_to_left(run[:1]) else run)])


def _spaced(words: Sequence[Word]) -> str:
    text = words[0].text if words else ""
    for before, word in pairwise(words):
        gap = max(word.left - before.right, before.left - word.right)
        text += ("  " if gap > WIDE * (word.bottom - word.top) else " ") + word.text
    return text


def is_rule(text: str) -> bool:
    """Is this "word" a drawn line: underscores, dots, dashes?"""
    return len(text) >= 3 and not any(letter.isalnum() for letter in text)


def chunks(row: Sequence[Word], aspect: float) -> list[list[Word]]:
    """A row cut where a label may end: after a colon, at a drawn line, at a wide gap.  `aspect` is page width / height."""
    cut: list[list[Word]] = [[]]
    for word in row:
        if is_rule(word.text):
            cut.append([])
            continue
        previous = cut[-1][-1] if cut[-1] else None
        if previous is not None and (
            previous.text.endswith((":", "：")) or (word.left - previous.right) * aspect > 1.3 * (previous.bottom - previous.top)
        ):
            cut.append([])
        cut[-1].append(Word(word.text.rstrip("_.…") or word.text, *_box([word]), word.confidence))
        if word.text.endswith("___"):
            cut.append([])
    return [chunk for chunk in cut if chunk]


def _box(words: Sequence[Word]) -> tuple[float, float, float, float]:
    return min(w.left for w in words), min(w.top for w in words), max(w.right for w in words), max(w.bottom for w in words)


def labels(words: Sequence[Word], aspect: float = 0.77) -> list[Label]:
    """Every label among `words` in left-to-right order.  Running text is no label: a label is short and stands alone."""
    found, headings = [], []
    for row in rows(words):
        for chunk in chunks(row, aspect):
            text = " ".join(w.text for w in chunk)
            named = name_of(text)
            if named is not None:
                found.append(Label(*named, text, _box(chunk)))
            elif len(chunk) <= HEADING and holds(plain(text), (*PATIENT, *_SOMEBODY)):
                headings.append(Label("", signer_of(plain(text)), text, _box(chunk)))
    return [_under_heading(label, headings) for label in found]


def _under_heading(label: Label, headings: Sequence[Label]) -> Label:
    """A bare "Signature" is that of the person who is named above it: "Witness" over a column or a block."""
    if label.name != "signature" or holds(plain(label.text), PATIENT):
        return label
    left, top, right, bottom = label.box
    over = [h for h in headings if h.box[2] > left and h.box[0] < right and 0 < top - h.box[3] < REACH * (bottom - top)]
    return replace(label, name=max(over, key=lambda h: h.box[3]).name) if over else label


def name_of(text: str) -> tuple[str, str] | None:
    """(kind, name) of a label's text, None when it is no label of ours."""
    bare = plain(text)
    if not bare or len(bare.split()) > (12 if text.rstrip().endswith(":") else 9) or text.rstrip().endswith((".", ",", ";")):
        return None
    if holds(bare, ROLE):
        return "role", "role"
    if holds(bare, SIGNATURE) and not _of_a_name(bare) and not _of_a_day(bare, text):
        return "signature", signer_of(bare)
    if holds(bare, DATE) and len(bare.split()) <= 5 and not holds(bare, NOT_THIS_DATE):
        return "date", f"{signer_of(bare)}_date".removeprefix("signature_")
    return ("field", "patient") if holds(bare, PATIENT) and holds(bare, NAME) else None


def _of_a_day(bare: str, text: str) -> bool:
    """ "Date signed", "Signature date": asks for a day though it speaks of a signature; "Signature / date" asks for both."""
    words = bare.split()
    ends = holds(words[0], DATE) or holds(words[-1], DATE)
    return ends and not holds(bare, AND) and not any(mark in text for mark in "/&+,")


def _of_a_name(bare: str) -> bool:
    """ "Printed name of the signer": asks for a name though it speaks of a signature."""
    words = bare.split()
    first = next((i for i, word in enumerate(words) if holds(word, NAME)), None)
    signed = next((i for i, word in enumerate(words) if holds(word, SIGNATURE)), len(words))
    return first is not None and first < signed and not holds(" ".join(words[first:signed]), AND)


def signer_of(bare: str) -> str:
    """Whose signature a plain label asks for; `signature` is the patient's or whoever signs for the patient."""
    if holds(bare, WITNESS):
        return "witness"
    if holds(bare, PATIENT):
        return "representative" if _first(bare, REPRESENTATIVE) < _first(bare, PATIENT) else "signature"
    for name, phrases in OTHERS.items():
        if holds(bare, phrases):
            return name
    return "representative" if holds(bare, REPRESENTATIVE) else "signature"


def _first(bare: str, phrases: Iterable[str]) -> int:
    """At which word the first of the phrases stands; beyond the end when none does."""
    words = bare.split()
    return next((i for i, word in enumerate(words) if holds(word, phrases)), len(words))
