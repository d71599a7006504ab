"""Terms of the programme are the same word everywhere within a language, and stand wherever the English has them."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from outbound.wording import language, languages

# what the English says, and what each language calls it (as a pattern, for words that bend)
TERMS: dict[str, dict[str, str]] = {
    r"Letter of Agreement": dict.fromkeys(
        ("es", "pt", "fr", "ar", "ru", "zh", "ja"), r"\(Letter of Agreement\)|（Letter of Agreement）"
    ),
    r"the Letter of Agreement\b": {
        "es": "Carta de Acuerdo",
        "pt": "Carta de Acordo",
        "fr": "lettre d'accord",
        "ar": "خطاب الاتفاق",
        "ru": "исьм[а-я]+-соглашени",
        "zh": "协议书",
        "ja": "合意書",
    },
    r"informed consent": {
        "es": "consentimiento informado",
        "pt": "consentimento informado",
        "fr": "consentement éclairé",
        "ar": "الموافقة المستنيرة",
        "ru": "информированно[гм]о? согласи",
        "zh": "知情同意书",
        "ja": "インフォームド・コンセント",
    },
    r"[Ss]econd opinion": {
        "es": "segunda opinión",
        "pt": "segunda opinião",
        "fr": "second avis",
        "ar": "الرأي (?:الطبي )?الثاني|رأي طبي ثان",
        "ru": "торо[а-я]+ (?:медицинского )?мнени",
        "zh": "第二意见",
        "ja": "セカンドオピニオン",
    },
    r"[Cc]ase reference": {
        "es": "eferencia del caso",
        "pt": "eferência do caso",
        "fr": "éférence du dossier",
        "ar": "رقم الملف",
        "ru": "омер дела",
        "zh": "病例编号",
        "ja": "症例番号",
    },
    r"pathology report\b": {
        "es": "informe de patología",
        "pt": "laudo de patologia",
        "fr": "compte rendu de pathologie",
        "ar": "تقرير علم الأمراض",
        "ru": "заключени[еяюм]+ патолога",
        "zh": "病理报告",
        "ja": "病理報告書",
    },
    r"specimen review|review of (?:the|a pathology) specimen": {
        "es": "revis(?:ión|ar) (?:de )?(?:la|una) muestra",
        "pt": "revisão d[ae] (?:uma )?amostra",
        "fr": "relecture",
        "ar": "لمراجعة (?:ال)?عينة|مراجعة العينة",
        "ru": "ересмотр[ае]? препарата",
        "zh": "标本(?:的)?复核|复核标本",
        "ja": "標本の再検討",
    },
    r"commercial invoice": {
        "es": "factura comercial",
        "pt": "fatura comercial",
        "fr": "facture commerciale",
        "ar": "الفاتورة التجارية",
        "ru": "коммерческом счёте",
        "zh": "商业发票",
        "ja": "コマーシャルインボイス（商業送り状）",
    },
    r"image files \(DICOM\)": {
        "es": r"archivos de imagen (?:originales )?\(DICOM\)",
        "pt": r"arquivos de imagem (?:originais )?\(DICOM\)",
        "fr": r"fichiers d'image (?:d'origine|eux-mêmes) \(DICOM\)",
        "ar": r"ملفات الصور (?:الأصلية|نفسها) \(DICOM\)",
        "ru": r"файлы снимков \(DICOM\)",
        "zh": "影像文件(?:本身)?（DICOM）",
        "ja": "画像ファイル(?:そのもの)?（DICOM）",
    },
    r"[Tt]hank you": {
        "es": "[Gg]racias",
        "pt": "[Aa]gradecemos|Recebemos novos documentos",
        "fr": "[Mm]erci",
        "ar": "شكرًا",
        "ru": "[Сс]пасибо",
        "zh": "感谢|谢谢",
        "ja": "ありがとうございま",
    },
}
OTHERS = sorted(languages() - {"en"})


def texts(code: str) -> dict[str, str]:
    """Everything that a language says, by where it stands."""
    words = language(code).words
    said = {name: text for name, (_, text) in language(code).findings.items()} | {
        "note": words["reach"]["note"],
        "ref": words["reference"],
    }
    folder = files("outbound").joinpath("templates", code)
    return said | {f.name: f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith(".j2")}


@pytest.mark.parametrize("code", OTHERS)
def test_a_term_is_called_the_same_everywhere(code: str) -> None:
    """A reader who knows the form by one name finds it in the next letter by the same."""
    english, own = texts("en"), texts(code)
    strayed = [
        (where, term)
        for term, names in TERMS.items()
        for where, text in english.items()
        if re.search(term, text) and not re.search(names[code], own[where])
    ]
    assert strayed == []


MARKS = {
    "fr": r"(?<=\w)[ ]?[;!?](?=\s|$)|\w:(?=\s|$)|«[^\u00a0]|[^\u00a0]»| [:;!?](?=\s|$)",  # after a blank that does not break
    "zh": r"[\u3400-\u9fff][,.;:!?()]|[,;:!?()][\u3400-\u9fff]",  # full-width marks beside Chinese
    "ja": r"[\u3040-\u9fff][,.;:!?()]|[,;:!?()][\u3040-\u9fff]",
    "ar": r"[\u0621-\u064a][,;?]",  # the Arabic comma, semicolon and question mark
}


@pytest.mark.parametrize("code", sorted(MARKS))
def test_marks_are_those_of_the_language(code: str) -> None:
    """Punctuation as its readers set it."""
    said = {where: re.sub(r"\{[%{#].*?[%}#]\}", "X", text) for where, text in texts(code).items()}
    assert {
        where: re.findall(f".{{0,12}}(?:{MARKS[code]})", text) for where, text in said.items() if re.search(MARKS[code], text)
    } == {}


def test_isolates_are_closed() -> None:
    """UAX 9: each Latin name or English sentence in Arabic is isolated, and each isolate ends."""
    for where, text in texts("ar").items():
        assert text.count("\u2066") == text.count("\u2069"), where
        assert not re.search(r"(?<!\u2066)\{\{ programme\.(?:hospital|name)", text), where
