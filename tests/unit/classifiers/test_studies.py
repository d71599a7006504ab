"""DICOM headers gathered into studies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifiers.series import absent, is_image
from classifiers.sheets import sheet
from classifiers.studies import studies_of
from records.model import Dicom, Kind, Part, Role, Severity

CT = "1.2.840.10008.5.1.4.1.1.2"


def header(number: int = 1, series: str = "1.2.3.1") -> Dicom:
    return Dicom(
        sop_class=CT, sop_instance=f"{series}.{number}", study="1.2.3", series=series, modality="CT", has_pixels=True,
        instance_number=number, series_number=1, study_date="2026-03-14", study_description="CT CHEST", body_part="CHEST",
        accession="ACC-7", patient_name="SYNTHETIC^PATIENT^ALPHA", patient_id="SYN-1", birth_date="1961-04-03", sex="F",
    )  # fmt: skip


def part(dicom: Dicom) -> Part:
    return Part(
        f"disc/{dicom.sop_instance}", dicom.sop_instance.ljust(64, "0"), 10, "application/dicom", Role.MEMBER, dicom=dicom
    )


def test_a_study_is_one_document() -> None:
    """Series and images are counted, the header's facts are the fields."""
    documents = studies_of([part(header(n)) for n in (2, 1, 3)] + [part(header(n, "1.2.3.2")) for n in (1, 2)])
    assert len(documents) == 1
    study = documents[0]
    assert study.kind is Kind.RADIOLOGY_IMAGE
    assert study.findings == ()
    assert study.fields == {
        "modality": "CT", "body_part": "CHEST", "study_date": "2026-03-14", "accession": "ACC-7",
        "patient_name": "SYNTHETIC^PATIENT^ALPHA", "patient_id": "SYN-1", "birth_date": "1961-04-03", "sex": "F",
        "study_uid": "1.2.3", "series": 2, "instances": 5, "numbers": "1.2.3.1:1-3 1.2.3.2:1-2",
    }  # fmt: skip


def test_gaps_in_instance_numbers_are_doubtful() -> None:
    """A missing image in the middle is named with its study."""
    (study,) = studies_of([part(header(n)) for n in (1, 2, 5)])
    (finding,) = study.findings
    assert (finding.code, finding.severity) == ("series_incomplete", Severity.DOUBTFUL)
    assert finding.study == {"modality": "CT", "body_part": "CHEST", "date": "2026-03-14"}
    assert "2 missing" in finding.detail


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        ([1, 2, 3], 0),
        ([1, 3, 5, 7], 0),
        ([4, 5, 6], 0),
        ([1, 2, 4], 1),
        ([7], 0),
        ([], 0),
        ([1, 1, 2, 2, 3], 0),
        ([*range(1, 21), *range(101, 121), *range(201, 221)], 0),
        ([*range(1, 21), *range(101, 119)], 80),
        ([1, 2, 2_000_000_000], 1_999_999_997),
    ],
)
def test_what_is_no_gap(numbers: list[int], missing: int) -> None:
    """Odd numbers only, a start at four, echoes under one number and blocks at round distances happen."""
    assert absent(numbers) == missing


@pytest.mark.parametrize(
    "change",
    [
        {"sop_class": "1.2.840.10008.5.1.4.1.1.7"},
        {"sop_class": "1.2.840.10008.5.1.4.1.1.7.4", "modality": "OT"},
        {"modality": "SR", "has_pixels": False},
        {"modality": "KO", "has_pixels": False},
        {"has_pixels": False},
    ],
)
def test_what_is_no_image_series(change: dict[str, str | bool]) -> None:
    """Secondary captures, reports, key objects and files without pixels."""
    dicom = replace(header(), **change)  # type: ignore[arg-type]  # the changes are typed by their keys
    assert not is_image(dicom)
    (study,) = studies_of([part(dicom)])
    assert study.kind is Kind.UNKNOWN


@pytest.mark.parametrize("modality", ["SEG", "RTDOSE", "RTIMAGE", "REG"])
def test_what_has_pixels_and_shows_no_patient_is_put_aside(modality: str) -> None:
    """Segmentations and doses are no images that need a report, and nothing that staff must look at."""
    (study,) = studies_of([part(replace(header(), modality=modality))])
    assert (study.kind, study.fields["looks_like"], study.findings) == (Kind.UNKNOWN, "dicom_note", ())


def test_modalities_are_either_pictures_or_not() -> None:
    """One list for headers and directories, without overlap; a storage class tells what a header leaves out."""
    codes = sheet("dicom.toml")["modality"]
    assert not set(codes["pictures"]) & set(codes["no_pictures"])
    (study,) = studies_of([part(replace(header(), modality=""))])
    assert study.fields["modality"] == "CT"


@pytest.mark.parametrize(
    ("code", "described", "part_of_body"),
    [
        ("CSPINE", "MR BRAIN AND NECK", "CSPINE"),
        ("LSSPINE", "", "LSPINE"),
        ("NECKCHESTABDPELV", "", "NECK+CHEST+ABDOMEN+PELVIS"),
        ("UP_EXM", "", "EXTREMITY"),
        ("E+1", "", None),
        ("", "A PRIVATE NOTE", None),
        ("", "CT CHEST", "CHEST"),
    ],
)
def test_the_codes_of_body_parts(code: str, described: str, part_of_body: str | None) -> None:
    """PS3.16 Annex L; what is none of our parts is not told, as it would clash with every report."""
    (study,) = studies_of([part(replace(header(), body_part=code, study_description=described))])
    assert study.fields.get("body_part") == part_of_body


def test_radiography_is_one_modality_and_pet_ct_is_pet() -> None:
    """CR and DX are XR; a study of PT and CT series is PT."""
    (plain,) = studies_of([part(replace(header(), modality="DX"))])
    assert plain.fields["modality"] == "XR"
    (pet,) = studies_of([part(header()), part(replace(header(1, "1.2.3.9"), modality="PT"))])
    assert pet.fields["modality"] == "PT"


def test_order_of_files_changes_nothing() -> None:
    """The same study has one id and one order."""
    parts = [part(header(n)) for n in (1, 2, 3)]
    assert studies_of(parts) == studies_of(parts[::-1])
