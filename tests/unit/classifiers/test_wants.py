"""Wishes in a sender's own words, in eight languages: asked for, denied, or something else altogether (R5, R32, R36, R37)."""

from __future__ import annotations

import pytest

from classifiers.identify import identify
from classifiers.wants import wants
from classifiers.words import prepare
from config.rules import Identifying
from records.model import FieldValue, Page, Part, Reading, Role, TextSource

ASKED = [
    ("return_requested", "Could the slides be shipped back to our laboratory once you have finished?"),
    ("return_requested", "Les pedimos devolver los discos cuando hayan terminado."),
    ("return_requested", "Se ruega la devolución de las placas al paciente."),
    ("return_requested", "Gostaria de receber de volta os exames originais."),
    ("return_requested", "Merci de nous renvoyer les CD après votre analyse."),
    ("return_requested", "Просим вернуть диски после изучения."),
    ("return_requested", "نرجو إعادة الأقراص إلينا بعد الانتهاء."),
    ("return_requested", "审阅完毕后请把光盘寄回给我们。"),
    ("return_requested", "CDは送り返していただきたいです。"),
    ("video_requested", "Our doctor would be glad to join a Zoom call with your team."),
    ("video_requested", "Возможна ли консультация по видеосвязи?"),
    ("video_requested", "主治医がオンライン面談を希望しています。"),
    ("in_person_requested", "We would also like an in-person consultation in San Diego."),
    ("in_person_requested", "Quisiéramos solicitar también una cita presencial."),
    ("in_person_requested", "نرغب أيضا في استشارة حضورية."),
    ("written_requested", "Desejamos receber o parecer por escrito."),
    ("written_requested", "Nous souhaitons un avis écrit."),
    ("written_requested", "请出具书面报告。"),
]
NOT_ASKED = [
    "Please return this form signed and dated to our fax number.",
    "Please return to the clinic in three months for follow-up.",
    "Video-assisted thoracoscopic surgery was performed.",
    "You do not need to send the discs back.",
    "If you wish your documents returned, tick the box.",
    "No es necesario devolver los discos.",
    "La paciente regresa a control con placas en tres meses.",
    "Não é preciso devolver os exames.",
    "Les clichés ne sont pas à renvoyer.",
    "Retour à domicile le 3 mai, clichés de contrôle à faire.",
    "Возвращать диски не нужно.",
    "لا حاجة لإعادة الأقراص.",
    "光盘无需退还。",
    "ディスクの返却は不要です。",
    "E-mail: office@clinic.example  Fax: +52 55 0000 0000",
    "联系电话：000-0000，电子邮件：a@b.example",
]


def wished(text: str, noisy: bool = False) -> dict[str, FieldValue]:
    return wants([(prepare(text), noisy)])


@pytest.mark.parametrize(("wish", "said"), ASKED)
def test_a_wish_in_ones_own_words_is_seen(wish: str, said: str) -> None:
    """That wish, and no other."""
    assert wished(f"Dear colleagues.\n\n{said}\n\nKind regards") == {wish: True}


@pytest.mark.parametrize("said", NOT_ASKED)
def test_what_asks_for_nothing_is_no_wish(said: str) -> None:
    """Denied, a condition, a course of illness, an address."""
    assert wished(f"Dear colleagues.\n\n{said}\n\nKind regards") == {}


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("email", "Prefiero que me contacten por correo electrónico."),
        ("fax", "Kindly reply via fax, our internet is unreliable."),
        ("teleconference", "Le docteur préfère être joint par téléphone."),
        (None, "Please answer by fax. I can also be reached, contact me by e-mail."),
    ],
)
def test_one_channel_is_preferred_or_none(way: str | None, said: str) -> None:
    """Two at once say nothing about which."""
    assert wished(said).get("prefers") == way


def test_a_faxed_letter_may_have_slips() -> None:
    """One letter wrong in a long word, and those that scanners confuse."""
    said = "We kindly request a revievv of the biopsy slides by your pathoiogists."
    assert wished(said, noisy=True).get("pathology_requested") is True
    assert wished("P1ease have the original discs retumed.", noisy=True) == {"return_requested": True}


@pytest.mark.parametrize(
    "said",
    [
        "Please send the discs. We look forward to hearing back",
        "Please return the form, the discs are yours to keep.",
        "Return of the discs: no",
    ],
)
def test_words_of_two_clauses_are_no_wish(said: str) -> None:
    """What stands beyond a comma or a full stop belongs to something else; an answer of no is none."""
    assert wished(said) == {}


def test_a_letter_carries_the_wish_to_staff() -> None:
    """As a field of the letter; a form's own printed words are nobody's wish."""
    text = "Dear colleagues,\n\nkindly mail the discs back to us once the review is finished.\n\nKind regards, Dr. Example"
    body = Part("body.txt", "0" * 64, len(text), "text/plain", Role.BODY, (Page(1, text, TextSource.LAYER),))
    (letter,) = identify(Reading("0" * 64, "1", "message/rfc822", (body,)), Identifying())
    assert letter.fields.get("return_requested") is True
