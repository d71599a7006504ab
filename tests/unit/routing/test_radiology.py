"""Which report speaks of which image set: one to one, or said that it is not clear (R13)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from records.model import Document, Kind
from routing.imagesets import image_sets
from routing.likeness import Grade, likeness
from routing.radiology import pair, study
from tests.makers import document


def report(**fields: Any) -> Document:
    return document(Kind.RADIOLOGY_REPORT, **fields)


def images(**fields: Any) -> Document:
    return document(Kind.RADIOLOGY_IMAGE, **fields)


CT = {"modality": "CT", "body_part": "CHEST", "study_date": "2026-02-20"}
MR = {"modality": "MR", "body_part": "HEAD", "study_date": "2026-02-21"}
ABDOMEN = {**CT, "body_part": "ABDOMEN"}
XR = {**CT, "modality": "XR"}
SURE, POSSIBLE, NO = Grade.SURE, Grade.POSSIBLE, Grade.IMPOSSIBLE


def counts(reports: list[Document], sets: list[Document]) -> tuple[int, int, int, int, int]:
    """Pairs, lone reports, lone images, unclear reports, unclear images."""
    found = pair(reports, sets)
    left = (found.lone_reports, found.lone_images, found.unclear_reports, found.unclear_images)
    pairs, *rest = (len(found.pairs), *map(len, left))
    return (pairs, rest[0], rest[1], rest[2], rest[3])


def test_two_studies_pair_one_to_one_in_any_order() -> None:
    """Each report finds its own images, whatever lies first."""
    reports, sets = [report(**CT), report(**MR)], [images(**MR), images(**CT)]
    for some, others in itertools.product(itertools.permutations(reports), itertools.permutations(sets)):
        found = pair(some, others)
        assert {(p.report.fields["modality"], *p.images.words("modality")) for p in found.pairs} == {("CT", "CT"), ("MR", "MR")}
        assert counts(list(some), list(others)) == (2, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("mine", "theirs", "grade"),
    [
        (CT, CT, SURE),
        (CT, {**CT, "study_date": "2026-02-21"}, SURE),  # a night across time zones
        (CT, {**CT, "study_date": "2026-02-22"}, NO),
        (CT, {**CT, "modality": "MR"}, NO),
        ({**CT, "body_part": "CHEST+ABDOMEN"}, CT, SURE),
        ({**CT, "body_part": "KIDNEY"}, ABDOMEN, SURE),  # a part lies in its whole
        ({**CT, "body_part": "HEAD"}, {**CT, "body_part": "WHOLEBODY"}, SURE),
        ({"modality": "CT", "study_date": "2026-02-20"}, CT, SURE),
        ({"body_part": "CHEST", "study_date": "2026-02-20"}, CT, SURE),
        ({"study_date": "2026-02-20"}, CT, POSSIBLE),  # a day alone
        ({"modality": "CT", "body_part": "CHEST"}, CT, POSSIBLE),  # which of the patient's chest scans?
        ({}, CT, POSSIBLE),
        (ABDOMEN, CT, POSSIBLE),  # the machine's body part is often the protocol's
        ({"modality": "CT", "accession": "A1"}, {**CT, "accession": "A1"}, SURE),
        ({"accession": "A-001"}, {"modality": "CT", "accession": "a 001"}, SURE),
        ({**CT, "accession": "A1"}, {**CT, "accession": "B2"}, SURE),  # two systems number one study
        ({"body_part": "CHEST", "study_date": "2026-02-20", "accession": "A1"}, {**CT, "accession": "B2"}, POSSIBLE),
        ({**CT, "accession": "A1"}, {**CT, "study_date": "2026-02-21", "accession": "B2"}, POSSIBLE),  # perhaps the next day's
        ({"accession": "A1", "study_date": "2026-02-20"}, {**CT, "study_date": "2025-02-20", "accession": "A1"}, POSSIBLE),
        ({"study_uid": "1.2.3"}, {**CT, "study_uid": "1.2.3"}, SURE),
        ({**CT, "study_uid": "1.2.4"}, {**CT, "study_uid": "1.2.3"}, NO),
        ({**CT, "study_date": "2026-04-03", "date_ambiguous": True}, {**CT, "study_date": "2026-03-04"}, SURE),
        ({**CT, "study_date": "2026-04-03"}, {**CT, "study_date": "2026-03-04"}, POSSIBLE),  # perhaps day and month
        ({"modality": "CT", "body_part": "CHEST", "report_date": "2026-02-24"}, CT, SURE),  # reported four days later
        ({"modality": "CT", "body_part": "CHEST", "report_date": "2026-07-24"}, CT, POSSIBLE),
        ({"modality": "CT", "body_part": "CHEST", "report_date": "2026-01-24"}, CT, NO),  # written before the study
        ({**CT, "modality": "PT", "body_part": "WHOLEBODY"}, CT, POSSIBLE),  # perhaps the other half of a PET/CT
        ({**CT, "body_part": "CHEST"}, {"modality": "PT", "modalities": "CT+PT", "study_date": "2026-02-20"}, POSSIBLE),
    ],
)
def test_what_makes_one_study(mine: dict[str, Any], theirs: dict[str, Any], grade: Grade) -> None:
    """Something must agree and nothing clash to be sure; what is merely silent is possible."""
    (only,) = image_sets([images(**theirs)])
    assert likeness(report(**mine), only).grade is grade


def test_a_report_that_says_too_little_is_a_question() -> None:
    """It might be the partner of the lone image set: staff are asked, the physician is not."""
    assert counts([report()], [images(**CT)]) == (0, 0, 0, 1, 1)


def test_what_stands_alone_is_named() -> None:
    """R13: a lone study is told by modality, body part and date."""
    found = pair([report(**CT)], [images(**MR)])
    assert [study(d) for d in (*found.lone_reports, *found.lone_images[0].documents)] == [
        {"modality": "CT", "body_part": "CHEST", "date": "2026-02-20"},
        {"modality": "MR", "body_part": "HEAD", "date": "2026-02-21"},
    ]
    assert study(report(modality="CT", report_date="2026-02-24")) == {"modality": "CT", "date": "2026-02-24"}


def test_reasons_are_told() -> None:
    """Staff see why two things belong together."""
    (p,) = pair([report(**CT, accession="A1")], [images(**{**CT, "study_date": "2026-02-21"}, accession="A1")]).pairs
    assert p.reasons == ("same accession number", "1 day(s) apart", "same modality", "body part in common")


def test_one_report_covers_chest_and_abdomen() -> None:
    """One day, two image sets, one report of both; and one image set of both with two reports."""
    assert counts([report(**{**CT, "body_part": "CHEST+ABDOMEN"})], [images(**CT), images(**ABDOMEN)]) == (2, 0, 0, 0, 0)
    assert counts([report(**CT), report(**ABDOMEN)], [images(**{**CT, "body_part": "CHEST+ABDOMEN"})]) == (2, 0, 0, 0, 0)
    assert counts([report(**{**CT, "body_part": "CHEST+ABDOMEN"})], [images(**{**CT, "body_part": "CHEST+ABDOMEN"})])[0] == 1


def test_the_other_part_of_one_day_is_missed_when_its_images_are() -> None:
    """Two reports, the images of one of them: the other's are asked for."""
    assert counts([report(**CT), report(**ABDOMEN)], [images(**CT)]) == (1, 1, 0, 0, 0)
    assert counts([report(**CT)], [images(**CT), images(**ABDOMEN)]) == (1, 0, 1, 0, 0)


def test_an_addendum_a_translation_and_a_copy_need_no_images_of_their_own() -> None:
    """A second report of a study that is there."""
    for second in ({**CT, "accession": "A1"}, CT, {**XR, "addendum": True}):
        first = {**second, "name": "first"}
        first.pop("addendum", None)
        facts = {k: v for k, v in second.items() if k not in {"addendum"}}
        assert counts([report(**first), report(**second)], [images(**facts)]) == (2, 0, 0, 0, 0)


def test_what_is_done_twice_a_day_is_a_question() -> None:
    """Two chest films of one day and the images of one: nobody can tell from that whether images are missing."""
    assert counts([report(**XR, name="am"), report(**XR, name="pm")], [images(**XR)]) == (1, 0, 0, 1, 0)
    assert counts([report(**XR)], [images(**XR, study_uid="1.1"), images(**XR, study_uid="1.2")]) == (1, 0, 0, 0, 1)
    other = [report(**XR, accession="A1"), report(**XR, accession="A2")]
    assert counts(other, [images(**XR, accession="A1")]) == (1, 1, 0, 0, 0), "two numbers are two studies"


def test_the_daily_film_before_is_not_covered_by_todays() -> None:
    """A day's difference is allowed only where the images have no report of their own day."""
    before = {**XR, "study_date": "2026-02-19"}
    assert counts([report(**XR), report(**before)], [images(**XR)]) == (1, 1, 0, 0, 0)
    assert counts([report(**before)], [images(**XR)]) == (1, 0, 0, 0, 0)


def test_images_of_one_study_in_two_mails_are_one_set() -> None:
    """Half a study each: one report covers both, and each half fills the other's gap."""
    first = images(**CT, study_uid="1.2.3", numbers="1.2.3.1:1-20,41-60")
    second = images(**CT, study_uid="1.2.3", numbers="1.2.3.1:21-40")
    assert counts([report(**CT)], [first, second]) == (1, 0, 0, 0, 0)
    held = document(Kind.RADIOLOGY_IMAGE, doubtful=("series_incomplete",), **CT, study_uid="1.2.3", numbers="1.2.3.1:1-20,41-60")
    (alone,) = image_sets([held])
    assert [f.code for f in alone.faults] == ["series_incomplete"]
    (filled,) = image_sets([held, second])
    assert filled.faults == []
    (short,) = image_sets([held, images(**CT, study_uid="1.2.3", numbers="1.2.3.1:21-30")])
    assert [f.code for f in short.faults] == ["series_incomplete"]


@pytest.mark.parametrize(
    ("first", "second", "faults"),
    [
        ("1-10", "11-20", []),
        ("1-9", "11-20", ["series_incomplete"]),  # each unbroken, and one missing between them
        ("1-20", "101-120", []),  # echoes
        ("1-20", "101-119", ["series_incomplete"]),
        ("1,3,5", "2,4,6", []),
    ],
)
def test_gaps_between_two_mails_are_seen(first: str, second: str, faults: list[str]) -> None:
    """What two mails hold together is judged, not each alone."""
    sets = image_sets([images(**CT, study_uid="1.2", numbers=f"1.2.1:{some}") for some in (first, second)])
    assert [f.code for f in sets[0].faults] == faults


def test_damage_is_not_mended_by_more_files() -> None:
    """A cut file stays cut."""
    cut = document(Kind.RADIOLOGY_IMAGE, doubtful=("dicom_truncated",), **CT, study_uid="1.2.3", numbers="1:1-3")
    (both,) = image_sets([cut, images(**CT, study_uid="1.2.3", numbers="1:4-6")])
    assert [f.code for f in both.faults] == ["dicom_truncated"]


def test_one_study_identifier_with_two_patients_is_two_sets() -> None:
    """Identifiers are used twice by careless software."""
    sets = image_sets([images(**CT, study_uid="1"), images(**CT, study_uid="1", birth_date="1980-01-01")])
    assert len(sets) == 2
