"""Short papers in Russian, Arabic, Hebrew, Persian, Turkish, Chinese, Japanese and Korean; and texts that only speak of them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from classifiers.page import Scored, classify_page
from records.model import Kind

PAPERS = tomllib.loads((Path(__file__).parent / "scripts.toml").read_text(encoding="utf-8"))


def known(text: str) -> Scored:
    """What a page with this text is."""
    return classify_page(text)


@pytest.mark.parametrize("text", PAPERS["radiology_report"].values(), ids=PAPERS["radiology_report"])
def test_a_short_imaging_report(text: str) -> None:
    """A few lines are enough, with a title or without one."""
    assert known(text).kind is Kind.RADIOLOGY_REPORT


@pytest.mark.parametrize("text", PAPERS["pathology_report"].values(), ids=PAPERS["pathology_report"])
def test_a_short_tissue_report(text: str) -> None:
    """Tissue words tell it, not the word biopsy."""
    assert known(text).kind is Kind.PATHOLOGY_REPORT


@pytest.mark.parametrize("text", PAPERS["informed_consent"].values(), ids=PAPERS["informed_consent"])
def test_a_short_consent_or_refusal(text: str) -> None:
    """Somebody agrees or refuses, in the first person or by signing."""
    assert known(text).kind is Kind.INFORMED_CONSENT


@pytest.mark.parametrize("text", PAPERS["medical_record"].values(), ids=PAPERS["medical_record"])
def test_a_short_record(text: str) -> None:
    """A record that quotes an image or sends tissue away stays a record."""
    assert known(text).kind is Kind.MEDICAL_RECORD


@pytest.mark.parametrize("text", PAPERS["unknown"].values(), ids=PAPERS["unknown"])
def test_a_text_that_only_speaks_of_papers_is_none_of_them(text: str) -> None:
    """Articles, judgments, policies and programs name reports and consents without being one."""
    assert known(text).kind is Kind.UNKNOWN


def test_the_last_name_in_a_line_of_ideographs_is_the_papers() -> None:
    """A check-up's consent is a consent; a particle after a name makes it a topic."""
    assert known("体检知情同意书").title == "informed_consent"
    assert known("同意書\n").title == "informed_consent"
    assert known("同意書を読みました").title is None
    assert known("病历号：12345").title is None


def test_words_do_not_meet_across_ideographs() -> None:
    """`A` and `P` of a Japanese note are no anteroposterior view."""
    assert "A" not in {s.words[:1] for s in known("A: 結節を認める P: 再評価").seen if s.kind == "radiology_report"}


def test_a_title_alone_is_a_name_and_no_proof() -> None:
    """The name of a paper weighs little until something on the page speaks for it."""
    bare = known("Выписной эпикриз").weights["medical_record"]
    told = known("Выписной эпикриз\nЖалобы: кашель\nДиагноз: бронхит").weights["medical_record"]
    assert told > 3 * bare


def test_sure_words_of_an_article_take_weight_from_reports() -> None:
    """The same sentence weighs less beside words that stand in no patient's paper."""
    sentence = "Рентгенография органов грудной клетки: инфильтративных изменений не выявлено."
    alone = known(sentence).weights["radiology_report"]
    assert (
        known(f"{sentence}\nАвтореферат диссертации, кафедра. Читайте также: научная статья.").weights["radiology_report"] < alone
    )
