"""Where one document ends and the next begins."""

from __future__ import annotations

import pytest

from classifiers.identify import identify
from classifiers.segment import page_of
from config.rules import Identifying
from records.model import Page, Part, Reading, Role, TextSource

HEAD = "Patient: SYNTHETIC PATIENT ALPHA\nMRN: SYN-1\n"
CHEST = "CT CHEST\n" + HEAD + "Exam date: 2026-03-14\nFindings: no pleural effusion, lungs are clear."
ABDOMEN = "CT ABDOMEN\n" + HEAD + "Exam date: 2026-03-14\nFindings: liver and spleen unremarkable, no hydronephrosis."
LETTER = "DISCHARGE SUMMARY\n" + HEAD + "He was admitted with abdominal pain and treated with ceftriaxone 2 g daily. The"


def runs(*texts: str) -> list[tuple[int, ...]]:
    pages = tuple(Page(n, text, TextSource.OCR, blank=not text) for n, text in enumerate(texts, 1))
    part = Part("fax.tif", "a" * 64, 1, "image/tiff", Role.ATTACHMENT, pages)
    return [d.pages for d in identify(Reading("0" * 64, "1", "image/tiff", (part,)), Identifying())]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("text\nPage 2 of 3", (2, 3)),
        ("Página 1 de 4\ntexto", (1, 4)),
        ("texte\nPage 2/5", (2, 5)),
        ("Seite 3 von 3", (3, 3)),
        ("стр. 1 из 2", (1, 2)),
        ("第 2 页 共 3 页", (2, 3)),
        ("taken 2 of 3 tablets", None),
        ("03/04", None),
        ("Page 7 of 3", None),
    ],
)
def test_page_numbers_in_many_languages(text: str, found: tuple[int, int] | None) -> None:
    """A page's number needs the word, a total, and sense."""
    assert page_of(text) == found


def test_two_studies_of_one_day_are_two_reports() -> None:
    """Same patient, same date, another part of the body."""
    assert runs(CHEST, ABDOMEN) == [(1,), (2,)]


def test_a_repeated_heading_is_no_new_report() -> None:
    """Some systems print the heading on every page."""
    assert runs(CHEST + "\nPage 1 of 2", "CT CHEST\n" + HEAD + "No bone lesion.\nPage 2 of 2") == [(1, 2)]


def test_a_sentence_over_the_page_break_stays_whole() -> None:
    """The second page goes on in the middle of a sentence and has no title."""
    assert runs(LETTER, "fever fell within two days and he was discharged home in good condition.") == [(1, 2)]


def test_page_one_of_something_begins_anew() -> None:
    """Even without a title."""
    assert runs(CHEST, "The patient was admitted with fever and treated with ceftriaxone.\nPage 1 of 2") == [(1,), (2,)]


def test_another_birth_date_is_another_patient() -> None:
    """Two patients in one fax are never one document."""
    one = LETTER + "\nDate of birth: 3 April 1961"
    assert runs(one, one.replace("1961", "1975").replace("ALPHA", "BRAVO").replace("SYN-1", "SYN-2")) == [(1,), (2,)]


def test_the_fax_machines_own_page_numbers_join_nothing() -> None:
    """The header of the transmission counts all its pages."""
    texts = [f"FROM: EXAMPLE CLINIC +15550101 P.0{n}/03\n{text}" for n, text in enumerate((CHEST, LETTER, ABDOMEN), 1)]
    assert runs(*texts) == [(1,), (2,), (3,)]


def test_page_numbers_of_a_whole_scan_weigh_less_than_titles() -> None:
    """A scanner's footer counts the file, not its documents."""
    texts = [f"{text}\nPage {n} of 3" for n, text in enumerate((LETTER, CHEST, ABDOMEN), 1)]
    assert runs(*texts) == [(1,), (2,), (3,)]


def test_another_title_of_the_same_kind_begins_anew() -> None:
    """A discharge summary and laboratory results are two records."""
    labs = "LABORATORY RESULTS\n" + HEAD + "Hemoglobin 11.2 g/dL (12.0-16.0)\nCreatinine 0.9 mg/dL (0.6-1.2)"
    assert runs(LETTER + " rest.", labs) == [(1,), (2,)]


def test_blank_pages_alone_are_no_document() -> None:
    """Nothing but paper."""
    assert runs("", "") == []
