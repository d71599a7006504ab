"""Which study a report is about, and whose it is, where no label says it outright."""

from __future__ import annotations

import hashlib

import pytest

from classifiers.identify import identify
from config.rules import Identifying
from records.model import FieldValue, Kind, Page, Part, Reading, Role, TextSource


def fields(text: str) -> dict[str, FieldValue]:
    """What is read of one page."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    part = Part("r.pdf", digest, 1, "application/pdf", Role.ATTACHMENT, (Page(1, text, TextSource.LAYER),))
    (found,) = identify(Reading("", "", "", (part,)), Identifying())
    assert found.kind is Kind.RADIOLOGY_REPORT
    return dict(found.fields)


ENGLISH = "RADIOLOGY REPORT\nPatient: Synthetic Patient\n{}\nFINDINGS: The lungs are clear.\nIMPRESSION: No acute disease."
GERMAN = "Radiologischer Befund\nPatient: Synthetische Person\n{}\nBefund: Kein Erguss.\nBeurteilung: Unauffällig."
FRENCH = "Compte rendu de radiologie\n{}\nRésultat : pas d'anomalie.\nConclusion : examen normal."
LETTER = GERMAN.replace("Patient: Synthetische Person\n", "")
LISTED = ENGLISH.replace("Synthetic Patient", "Synthetic Patient, {}").format("{}", "CT chest 14 January 2026")
SPANISH = "INFORME RADIOLÓGICO\nPaciente: Persona Sintética\n{}\nHallazgos: sin alteraciones.\nConclusión: normal."


@pytest.mark.parametrize(
    ("text", "day"),
    [
        (ENGLISH.format("CT chest - 14 January 2026"), "2026-01-14"),
        (ENGLISH.format("CT chest, 14 January 2026\nComparison: CT chest of 3 March 2025."), "2026-01-14"),
        (ENGLISH.format("CT chest\nComparison: CT chest of 3 March 2025."), None),
        (ENGLISH.format("CT chest 14 January 2026, CT abdomen 16 January 2026"), None),  # which?
        (ENGLISH.format("CT chest of a patient born on 14 January 1960"), None),
        (GERMAN.format("CT des Thorax vom 15.01.2026"), "2026-01-15"),
        (GERMAN.format("CT des Thorax\nVergleich: CT vom 15.01.2025"), None),
        (FRENCH.format("Scanner thoracique réalisé le 3 décembre 2025."), "2025-12-03"),
        (SPANISH.format("TC de tórax\nEstudio realizado el 27 de noviembre de 2025."), "2025-11-27"),
    ],
)
def test_the_day_beside_the_examinations_name(text: str, day: str | None) -> None:
    """A heading or sentence that names the examination dates it; another study's day, a birth and two days do not."""
    assert fields(text).get("study_date") == day


@pytest.mark.parametrize(
    ("text", "name", "born"),
    [
        (LETTER.format("Ihre Patientin Synthetische Person, geboren am 31.01.1979\nCT Thorax"),
         "Synthetische Person", "1979-01-31"),
        (LETTER.format("Frau Synthetische Person, *31.01.1979\nCT Thorax"),
         "Synthetische Person", "1979-01-31"),
        (FRENCH.format("Scanner thoracique\nMadame Synthétique PERSONNE, née le 17 septembre 1951"),
         "Synthétique PERSONNE", "1951-09-17"),
        (FRENCH.format("Nom : Personne   Prénom : Synthétique\nScanner thoracique"), "Synthétique Personne", None),
        (LISTED.format("30-Jun-1945"),
         "Synthetic Patient", "1945-06-30"),
        (LISTED.format("13-Jan-2026"),
         "Synthetic Patient", None),  # not a birth
        (ENGLISH.format("CT chest\nThe patient was born prematurely."), "Synthetic Patient", None),
    ],
)  # fmt: skip
def test_the_patient_in_letters(text: str, name: str, born: str | None) -> None:
    """A name before `born on`, names apart, a star before the day, a day right after the name."""
    found = fields(text)
    assert (found.get("patient_name"), found.get("birth_date")) == (name, born)


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("Accession #: 88213047", "88213047"),
        ("Accession # 88213047", "88213047"),
        ("Acc.-Nr.: 88-2026", "88-2026"),
        ("Order no.: X9", None),
    ],
)
def test_numbers_behind_abbreviations(line: str, number: str | None) -> None:
    """A dot or a number sign between label and colon; what is too short is no number."""
    assert fields(ENGLISH.format(f"CT chest\n{line}")).get("accession") == number


def test_a_language_with_accents_puts_the_day_first() -> None:
    """Too little text to tell the language, enough to tell that it is not English."""
    found = fields(
        "RESSONÂNCIA MAGNÉTICA DO CRÂNIO\nPaciente: Pessoa Sintética   Data Nasc: 02/04/1981\nConclusão: exame normal."
    )
    assert found["birth_date"] == "1981-04-02"
