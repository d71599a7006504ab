"""Which language a text is in."""

from __future__ import annotations

import pytest

from classifiers.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The report was sent to the hospital and the patient is well.", "en"),
        ("El informe fue enviado al hospital y la paciente está bien.", "es"),
        ("O relatório não foi enviado ao hospital, mas a doente está bem.", "pt"),
        ("Le compte rendu a été envoyé à l'hôpital et la patiente va bien.", "fr"),
        ("Der Befund wurde nicht an die Klinik geschickt und es geht ihr gut.", "de"),
        ("Il referto è stato inviato alla clinica e la paziente sta bene.", "it"),
        ("Het verslag werd naar het ziekenhuis gestuurd en de patiënt is niet ziek.", "nl"),
        ("Rapor hastaneye gönderildi ve hasta iyi olarak değerlendirildi.", "tr"),
        ("Заключение отправлено в больницу, пациент чувствует себя хорошо.", "ru"),
        ("أرسل التقرير إلى المستشفى وحالة المريض جيدة.", "ar"),
        ("گزارش برای بیمارستان ارسال شد و حال بیمار خوب است.", "fa"),
        ("הדוח נשלח לבית החולים ומצב החולה טוב.", "he"),
        ("报告已寄到医院，患者情况良好。", "zh"),
        ("報告書は病院に送られました。", "ja"),
        ("보고서는 병원으로 보내졌습니다.", "ko"),
    ],
)
def test_a_sentence_tells_its_language(text: str, language: str) -> None:
    """One sentence is enough in each of the fifteen."""
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["", "123 456", "CT MRI", "--- ***"])
def test_too_little_tells_nothing(text: str) -> None:
    """No guess without words."""
    assert language_of(text) is None


def test_latin_abbreviations_do_not_hide_another_script() -> None:
    """A Chinese report full of Latin codes is Chinese."""
    assert language_of("CT MRI DWI T2WI FLAIR SUVmax HER2 Ki-67 未见明显异常信号，双侧脑室对称") == "zh"


def test_ukrainian_is_not_called_russian() -> None:
    """Letters that Russian has not."""
    assert language_of("Висновок надіслано до лікарні, її стан добрий") == "uk"
