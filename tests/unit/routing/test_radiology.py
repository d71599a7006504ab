"""Which report speaks of which image set: one to one, or said that it is not clear (R13)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from records.model import Document, Kind
from routing.radiology import agreement, pair, study
from tests.makers import document


def report(**fields: Any) -> Document:
    return document(Kind.RADIOLOGY_REPORT, **fields)


def images(**fields: Any) -> Document:
    return document(Kind.RADIOLOGY_IMAGE, **fields)


CT = {"modality": "CT", "body_part": "CHEST", "study_date": "2026-02-20"}
MR = {"modality": "MR", "body_part": "HEAD", "study_date": "2026-02-21"}


def test_two_studies_pair_one_to_one_in_any_order() -> None:
    """Each report finds its own images, whatever lies first."""
    reports, sets = [report(**CT), report(**MR)], [images(**MR), images(**CT)]
    for some, others in itertools.product(itertools.permutations(reports), itertools.permutations(sets)):
        found = pair(some, others)
        assert {(r.fields["modality"], i.fields["modality"]) for r, i in found.pairs} == {("CT", "CT"), ("MR", "MR")}
        assert not (found.lone_reports or found.lone_images or found.unclear)


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [
        (CT, {**CT, "study_date": "2026-02-21"}, True),  # a night across time zones
        (CT, {**CT, "study_date": "2026-02-22"}, False),
        (CT, {**CT, "modality": "MR"}, False),
        ({**CT, "body_part": "CHEST+ABDOMEN"}, CT, True),
        ({"modality": "CT", "accession": "A1"}, {**CT, "accession": "A1"}, True),
        ({"accession": "A1"}, {"modality": "CT", "accession": "A1"}, True),
        ({"accession": "A1", "study_date": "2026-02-20"}, {**CT, "study_date": "2025-02-20", "accession": "A1"}, False),
        ({}, CT, False),  # nothing agrees: no pair by guess
    ],
)
def test_what_makes_one_study(mine: dict[str, Any], theirs: dict[str, Any], same: bool) -> None:
    """Modality, day and accession must not clash, and something must agree."""
    assert (agreement(report(**mine), images(**theirs)) > 0) is same


def test_a_report_that_says_too_little_is_a_question() -> None:
    """It might be the partner of the lone image set: staff are asked, the physician is not."""
    found = pair([report()], [images(**CT)])
    assert len(found.unclear) == 1
    assert not found.lone_reports


def test_what_stands_alone_is_named() -> None:
    """R13: a lone study is told by modality, body part and date."""
    found = pair([report(**CT)], [images(**MR)])
    assert [study(d) for d in (*found.lone_reports, *found.lone_images)] == [
        {"modality": "CT", "body_part": "CHEST", "date": "2026-02-20"},
        {"modality": "MR", "body_part": "HEAD", "date": "2026-02-21"},
    ]
