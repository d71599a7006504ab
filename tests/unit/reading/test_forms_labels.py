"""Printed labels: what they ask for and of whom, in many languages, and what is no label at all."""

from __future__ import annotations

import numpy as np
import pytest

from reading.blanks import Blank
from reading.forms import _continued
from reading.labels import Label, holds, labels, mirrored, name_of, plain, read_rows, right_to_left, rows
from reading.words import Word
from reading.zones import places
from records.model import Zone, ZoneSeen


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Signature", ("signature", "signature")),
        ("Signature of patient or authorized representative:", ("signature", "signature")),
        ("Firma del paciente", ("signature", "signature")),
        ("Unterschrift des Patienten", ("signature", "signature")),
        ("توقيع المريض", ("signature", "signature")),
        ("署名", ("signature", "signature")),
        ("Nombre y firma", ("signature", "signature")),
        ("Signature / Date", ("signature", "signature")),
        ("Signature of legal guardian", ("signature", "representative")),
        ("Legal representative (if patient is a minor) signature", ("signature", "representative")),
        ("Witness signature", ("signature", "witness")),
        ("Firma del testigo", ("signature", "witness")),
        ("Signature of interpreter", ("signature", "interpreter")),
        ("Firma del médico", ("signature", "physician")),
        ("Date", ("date", "date")),
        ("Fecha:", ("date", "date")),
        ("التاريخ", ("date", "date")),
        ("Date signed", ("date", "date")),
        ("Signature date", ("date", "date")),
        ("Witness date", ("date", "witness_date")),
        ("Relationship to patient", ("role", "role")),
        ("Parentesco con el paciente (si no es el paciente)", ("role", "role")),
        ("Patient name", ("field", "patient")),
        ("Nombre del paciente:", ("field", "patient")),
    ],
)
def test_labels_say_what_they_ask_for(text: str, asked: tuple[str, str]) -> None:
    """Kind and name of a place by the words beside it."""
    assert name_of(text) == asked


@pytest.mark.parametrize(
    "text",
    [
        "Date of birth", "Fecha de nacimiento", "Printed name", "Nombre de quien firma", "Report date", "Telephone", "",
        "By signing, I agree to the terms of this letter on my own behalf", "Please sign and date this form.",
    ],
)  # fmt: skip
def test_what_is_no_label_of_ours(text: str) -> None:
    """Other dates, printed names and sentences ask for neither signature nor date."""
    assert name_of(text) is None


def test_labels_on_one_row_are_told_apart() -> None:
    """A colon, a drawn line and a wide gap end a label."""
    words = [
        Word("Signature:", 0.1, 0.5, 0.2, 0.512), Word("__________", 0.2, 0.5, 0.5, 0.512), Word("Date:", 0.51, 0.5, 0.55, 0.512),
        Word("____", 0.55, 0.5, 0.7, 0.512), Word("Witness", 0.1, 0.6, 0.16, 0.612), Word("signature", 0.165, 0.6, 0.24, 0.612),
        Word("Date", 0.6, 0.601, 0.64, 0.613),
    ]  # fmt: skip
    found = labels(words)
    assert [(x.kind, x.name, x.text) for x in found] == [
        ("signature", "signature", "Signature:"),
        ("date", "date", "Date:"),
        ("signature", "witness", "Witness signature"),
        ("date", "date", "Date"),
    ]
    assert found[2] == Label("signature", "witness", "Witness signature", (0.1, 0.6, 0.24, 0.612))


def test_rows_read_left_to_right_and_top_to_bottom() -> None:
    """Words a little off their row's middle belong to it; the next row does not."""
    words = [Word("b", 0.5, 0.101, 0.6, 0.12), Word("a", 0.1, 0.1, 0.2, 0.119), Word("c", 0.1, 0.13, 0.2, 0.15)]
    assert [[w.text for w in row] for row in rows(words)] == [["a", "b"], ["c"]]
    assert rows([]) == []


def test_plain_text_forgets_accents_marks_and_scripts_digits() -> None:
    """What only differs in accent, case, punctuation or the script of its digits compares equal."""
    assert plain("  Ñandú, N.º ١٢٣ — İmza ") == "nandu n o 123 imza"
    assert plain("توقيـــع") == plain("توقيع")
    assert plain("____") == ""


def test_whole_words_are_meant_where_words_are_spaced() -> None:
    """`date` is not found in `update`, `签名` is found within a run."""
    assert not holds(plain("Update the candidates"), ("date",))
    assert holds(plain("患者签名处"), ("签名",))


def test_right_to_left_pages_are_read_in_their_mirror() -> None:
    """An Arabic label stands to the right of its line; the words of a row run from the right."""
    words = [
        Word("توقيع", 0.84, 0.5, 0.9, 0.515),
        Word("المريض:", 0.76, 0.5, 0.83, 0.515),
        Word("التاريخ:", 0.33, 0.5, 0.4, 0.515),
    ]
    assert right_to_left(words)
    assert [w.text for row in rows(mirrored(words, 1.0)) for w in row] == ["توقيع", "المريض:", "التاريخ:"]
    ink = np.zeros((1600, 1240), np.uint8)
    ink[824:826, 550:930] = ink[824:826, 140:400] = 1
    zones = {z.name: z.box for z in places(words, ink, 1)}
    assert zones["signature"][::2] == pytest.approx((550 / 1240, 930 / 1240), abs=0.01)
    assert zones["date"][::2] == pytest.approx((140 / 1240, 400 / 1240), abs=0.01)
    assert not right_to_left([Word("Signature", 0.1, 0.5, 0.2, 0.51), Word("2026", 0.3, 0.5, 0.4, 0.51)])


def test_rows_are_read_the_way_their_script_runs() -> None:
    """An Arabic placeholder comes out in its own order, a Latin one too."""
    arabic = [Word("[اسم", 0.8, 0.5, 0.9, 0.51), Word("المريض]", 0.6, 0.5, 0.75, 0.51)]
    assert [w.text for w in read_rows(arabic[::-1])[0]] == ["[اسم", "المريض]"]
    latin = [Word("[PATIENT", 0.1, 0.5, 0.2, 0.51), Word("NAME]", 0.3, 0.5, 0.4, 0.51)]
    assert [w.text for w in read_rows(latin[::-1])[0]] == ["[PATIENT", "NAME]"]


def two_lines(first: ZoneSeen, then: ZoneSeen) -> tuple[ZoneSeen, ...]:
    """What is seen of a highlight that began at the end of one line and ended at the beginning of the next."""
    words = (Word("This", 0.1, 0.10, 0.14, 0.12), Word("NAME", 0.8, 0.10, 0.88, 0.12), Word("BIRTH", 0.1, 0.13, 0.2, 0.15))
    zones = (
        Zone("patient", "field", 1, (0.75, 0.10, 0.88, 0.12), "PATIENT NAME"),
        Zone("patient_2", "field", 1, (0.1, 0.13, 0.3, 0.15), "DATE OF BIRTH"),
    )
    return _continued(
        (first, then), Blank("loa", "letter_of_agreement", "1", "en", 1, 1, words, np.zeros((9, 9), np.uint8), zones)
    )


def held(text: str, placeholder: str, look: str = "print") -> ZoneSeen:
    return ZoneSeen("patient", "field", 0.1, 9, 0.9, text, None, placeholder, look)


@pytest.mark.parametrize(
    ("first", "then", "texts"),
    [
        ("Anna Muster,", "3 May 1970", ["Anna Muster, 3 May 1970"]),
        ("Anna Muster", "", ["Anna Muster"]),
        ("PATIENT NAME", "3 May 1970", ["PATIENT NAME", "3 May 1970"]),
        ("Anna Muster /", "OF BIRTH", ["Anna Muster /", "OF BIRTH"]),
        ("Anna Muster", "DATE OF BIRTH", ["Anna Muster", "DATE OF BIRTH"]),
    ],
)
def test_a_field_that_runs_on_to_the_next_line_is_one(first: str, then: str, texts: list[str]) -> None:
    """A shorter text leaves its end empty; a part that still holds its placeholder is told by itself."""
    look = "print" if then else "empty"
    assert [z.text for z in two_lines(held(first, "PATIENT NAME"), held(then, "DATE OF BIRTH", look))] == texts


def test_handwriting_on_the_second_line_is_told_by_itself() -> None:
    """It is not typed, whatever stands before it."""
    assert len(two_lines(held("Anna Muster", "PATIENT NAME"), held("3 May 1970", "DATE OF BIRTH", "pen"))) == 2
