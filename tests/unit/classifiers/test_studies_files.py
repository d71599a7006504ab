"""Discs and files as they come: read by the reader, then judged as studies."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    BasicTextSRStorage,
    EncapsulatedPDFStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    MediaStorageDirectoryStorage,
    SecondaryCaptureImageStorage,
    XRayRadiationDoseSRStorage,
)
from reportlab.pdfgen.canvas import Canvas

from classifiers.identify import identify
from config.rules import Identifying
from fixtures.dicom import disc, series, zipped
from fixtures.people import ALPHA, GAMMA, Calendar
from fixtures.studies import STUDIES
from records.model import Document, Kind, Reading, Severity
from tests.servers.walking import walk

CALENDAR = Calendar.of(date(2026, 3, 4))
CT, MR = STUDIES["ct-chest", "en"], STUDIES["mr-brain", "en"]


def documents(raw: bytes, name: str = "packet.zip") -> tuple[Document, ...]:
    """What the reader and the classifiers make of one file."""
    walked = walk(raw, name)
    return identify(Reading("", "", "", tuple(walked.parts), tuple(walked.problems)), Identifying())


def doubts(document: Document) -> list[tuple[str, str]]:
    return [(f.code, f.detail) for f in document.findings if f.severity is Severity.DOUBTFUL]


def changed(raw: bytes, change: Callable[[Dataset], None]) -> bytes:
    """A DICOM file with its data set changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(raw))
        change(dataset)
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        written = io.BytesIO()
        dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def with_values(raw: bytes, **values: object) -> bytes:
    def change(dataset: Dataset) -> None:
        for name, value in values.items():
            setattr(dataset, name, value)

    return changed(raw, change)


def directory(studies: Sequence[tuple[str, str, Sequence[str]]]) -> bytes:
    """A DICOMDIR: for each study its identifier, its modality and its files."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MediaStorageDirectoryStorage, pydicom.uid.UID("1.2.3.4")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    records = []

    def record(kind: str, **values: object) -> None:
        one = Dataset()
        one.DirectoryRecordType = kind
        for name, value in values.items():
            setattr(one, name, value)
        records.append(one)

    record("PATIENT", PatientName="ALPHA^SYNTHETIC PATIENT")
    for uid, modality, files in studies:
        record("STUDY", StudyInstanceUID=uid, StudyDate="20260120", StudyDescription=f"{modality} CHEST")
        record("SERIES", Modality=modality)
        for name in files:
            record("IMAGE", ReferencedFileID=name.split("/"))
    made.DirectoryRecordSequence = records
    written = io.BytesIO()
    made.save_as(written, enforce_file_format=True)
    return written.getvalue()


def typed(lines: Sequence[str]) -> bytes:
    """A PDF of one page with these lines."""
    written = io.BytesIO()
    canvas = Canvas(written, invariant=True)
    for place, line in enumerate(lines):
        canvas.drawString(72, 760 - 18 * place, line)
    canvas.save()
    return written.getvalue() + b"\0" * (len(written.getvalue()) % 2)


def on_disc(
    files: Sequence[bytes], listed: int | None = None, folder: str = "IMAGES/PA000001/ST000001/SE000001"
) -> dict[str, bytes]:
    """A disc whose directory lists `listed` images in the first study's folder."""
    uid = str(pydicom.dcmread(io.BytesIO(files[0])).StudyInstanceUID)
    names = [f"{folder}/IM{n:06d}" for n in range(1, (len(files) if listed is None else listed) + 1)]
    return {**disc(list(files)), "DICOMDIR": directory([(uid, "CT", names)])}


def test_a_whole_disc_is_one_study_without_doubt() -> None:
    """Directory, viewer and note are nothing for staff."""
    found = documents(zipped(on_disc(series(CT, CALENDAR))))
    assert [(d.kind, doubts(d)) for d in found if not d.fields.get("looks_like")] == [(Kind.RADIOLOGY_IMAGE, [])]


def test_a_disc_that_lists_more_than_it_holds_is_doubtful() -> None:
    """R13: fewer files than the DICOMDIR lists, at the end, where instance numbers show no gap."""
    (study, *rest) = [d for d in documents(zipped(on_disc(series(CT, CALENDAR), listed=7))) if not d.fields.get("looks_like")]
    assert not rest
    assert doubts(study) == [("series_incomplete", "the disc's directory lists 7 images, 4 are here")]


def test_a_directory_that_came_twice_counts_once() -> None:
    """A copy of the list beside it, or in a second mail, makes no more images missing."""
    whole = on_disc(series(CT, CALENDAR)[:3], listed=4)
    (study,) = [d for d in documents(zipped({**whole, "COPY/DICOMDIR": whole["DICOMDIR"]})) if d.kind is Kind.RADIOLOGY_IMAGE]
    assert doubts(study) == [("series_incomplete", "the disc's directory lists 4 images, 3 are here")]


@pytest.mark.parametrize("style", ["lower", "version", "flat", "elsewhere"])
def test_listed_files_are_found_however_the_disc_was_copied(style: str) -> None:
    """Case, ISO 9660's version numbers, lost folders and another archive do not make files missing."""
    whole = on_disc(series(CT, CALENDAR))

    def copied(name: str) -> str:
        inside = "/" in name
        changed = {"lower": name.lower(), "flat": name.rpartition("/")[2]}
        changed |= {"version": f"{name}.;1" if inside else name, "elsewhere": f"second/{name}" if inside else name}
        return changed[style]

    found = documents(zipped({copied(name): raw for name, raw in whole.items()}))
    assert [doubts(d) for d in found if d.kind is Kind.RADIOLOGY_IMAGE] == [[]]
    assert not [d for d in found if d.kind is Kind.UNKNOWN and not d.fields.get("looks_like")]


def test_a_study_of_which_only_the_list_came_is_said() -> None:
    """The second study of a disc was not copied: no image set, named as far as the directory names it."""
    files = on_disc(series(CT, CALENDAR))
    uid = str(pydicom.dcmread(io.BytesIO(series(CT, CALENDAR)[0])).StudyInstanceUID)
    own = [name for name in files if name.startswith("IMAGES")]
    files["DICOMDIR"] = directory([(uid, "CT", own), ("9.9.9", "CT", ["IMAGES/B/1", "IMAGES/B/2"])])
    found = [d for d in documents(zipped(files)) if not d.fields.get("looks_like")]
    assert sorted((d.kind, tuple(doubts(d))) for d in found) == [
        (Kind.RADIOLOGY_IMAGE, ()),
        (Kind.UNKNOWN, (("not_an_image_set", "the disc's directory lists 2 images of a study, none of them is here"),)),
    ]
    (alone,) = documents(files["DICOMDIR"], "DICOMDIR")
    assert [f.study["date"] for f in alone.findings] == ["2026-01-20", "2026-01-20"]


def test_a_cut_file_makes_its_study_doubtful() -> None:
    """A transfer that broke off: the file is a problem, and the study does not count as whole."""
    files = series(CT, CALENDAR)
    (study,) = documents(zipped({f"{n}.dcm": raw for n, raw in enumerate([*files[:-1], files[-1][:-100]])}))
    assert doubts(study) == [("dicom_truncated", "1 file(s) break off before their end")]


def test_pixels_shorter_than_rows_and_columns_ask_for_are_a_cut_file() -> None:
    """The file is well formed, yet half of its picture is not there."""
    files = series(CT, CALENDAR)
    half = with_values(files[1], PixelData=bytes(256))
    walked = walk(half, "IM2")
    assert [(p.code, p.detail) for p in walked.problems] == [("dicom_truncated", "pixels hold 256 of 512 bytes")]
    (study,) = documents(zipped({"1": files[0], "2": half, "3": files[2], "4": files[3]}))
    assert [code for code, _ in doubts(study)] == ["dicom_truncated"]


def test_headers_without_pictures() -> None:
    """One such file makes a study doubtful; a study of nothing else is no image set."""

    def strip(dataset: Dataset) -> None:
        del dataset.PixelData

    files = series(CT, CALENDAR)
    bare = [changed(raw, strip) for raw in files]
    (study,) = documents(zipped({"1": bare[0], **{str(n): raw for n, raw in enumerate(files[1:], 2)}}))
    assert ("dicom_truncated", "1 file(s) without their picture") in doubts(study)
    (none,) = documents(zipped({str(n): raw for n, raw in enumerate(bare)}))
    assert (none.kind, doubts(none)) == (Kind.UNKNOWN, [("not_an_image_set", "DICOM headers without their pictures")])


def test_scouts_alone_are_not_the_study() -> None:
    """A localizer shows where was scanned, not what was found."""
    scout = with_values(series(CT, CALENDAR)[0], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    (study,) = documents(scout, "1.dcm")
    assert doubts(study) == [("series_incomplete", "only scout images")]
    both = documents(zipped({"scout": scout, **{str(n): raw for n, raw in enumerate(series(CT, CALENDAR)[1:])}}))
    assert [doubts(d) for d in both] == [[]]


@pytest.mark.parametrize("numbers", [[None] * 4, [1, 1, 2, 2], [1, 2, 101, 102], [1, 3, 5, 7]])
def test_numbers_by_design_are_no_gap(numbers: list[int | None]) -> None:
    """No numbers at all, two echoes under one number, blocks, odd numbers."""

    def number(value: int | None) -> Callable[[Dataset], None]:
        def change(dataset: Dataset) -> None:
            dataset.InstanceNumber = value

        return change

    files = {str(n): changed(raw, number(v)) for n, (raw, v) in enumerate(zip(series(MR, CALENDAR), numbers, strict=False))}
    (study,) = documents(zipped(files))
    assert (study.kind, doubts(study)) == (Kind.RADIOLOGY_IMAGE, [])


def test_the_same_images_twice_are_one_set() -> None:
    """Copies of files on one disc are counted once."""
    files = series(CT, CALENDAR)
    (study,) = documents(zipped({f"{folder}/{n}": raw for folder in "AB" for n, raw in enumerate(files)}))
    assert (study.fields["instances"], doubts(study)) == (4, [])


def test_several_studies_on_one_disc_are_told_apart() -> None:
    """One document a study, each with its own facts."""
    files = {f"A/{n}": raw for n, raw in enumerate(series(CT, CALENDAR))} | {
        f"B/{n}": raw for n, raw in enumerate(series(MR, CALENDAR))
    }
    assert sorted((str(d.fields["modality"]), str(d.fields["body_part"])) for d in documents(zipped(files))) == [
        ("CT", "CHEST"),
        ("MR", "HEAD"),
    ]


def test_two_patients_under_one_study_identifier_are_never_one_set() -> None:
    """Identifiers are used twice by careless software."""
    uid = "1.2.3.4.5"
    mine = [with_values(raw, StudyInstanceUID=uid) for raw in series(CT, CALENDAR, ALPHA)]
    theirs = [with_values(raw, StudyInstanceUID=uid) for raw in series(CT, CALENDAR, GAMMA)]
    found = documents(zipped({str(n): raw for n, raw in enumerate([*mine, *theirs])}))
    assert sorted(str(d.fields["patient_name"]) for d in found) == sorted([ALPHA.pn, GAMMA.pn])


def test_a_multi_frame_file_is_whole_by_itself() -> None:
    """Enhanced CT: one file of many frames."""

    def frames(dataset: Dataset) -> None:
        dataset.SOPClassUID = EnhancedCTImageStorage
        dataset.NumberOfFrames = 4
        dataset.PixelData = bytes(4 * 512)

    (study,) = documents(changed(series(CT, CALENDAR)[0], frames), "1.dcm")
    assert (study.kind, doubts(study)) == (Kind.RADIOLOGY_IMAGE, [])
    short = changed(changed(series(CT, CALENDAR)[0], frames), lambda d: setattr(d, "NumberOfFrames", 5))
    assert walk(short, "1.dcm").codes == ["dicom_truncated"]


def test_captures_are_no_image_set() -> None:
    """A screenshot or digitised film wrapped as DICOM, and a viewer's saved screen under an image class."""
    wrapped = with_values(series(CT, CALENDAR)[0], SOPClassUID=SecondaryCaptureImageStorage)
    screen = with_values(series(CT, CALENDAR)[0], ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])
    for raw in (wrapped, screen):
        (found,) = documents(raw, "1.dcm")
        assert (found.kind, [code for code, _ in doubts(found)]) == (Kind.UNKNOWN, ["not_an_image_set"])


@pytest.mark.parametrize(
    ("sop_class", "modality"),
    [(GrayscaleSoftcopyPresentationStateStorage, "PR"), (KeyObjectSelectionDocumentStorage, "KO")],
)
def test_objects_that_speak_about_images_need_nobody(sop_class: str, modality: str) -> None:
    """Presentation states and key-object notes are put aside, whether or not their images came along."""

    def change(dataset: Dataset) -> None:
        del dataset.PixelData
        dataset.SOPClassUID, dataset.Modality, dataset.SOPInstanceUID = sop_class, modality, "1.2.3.77"

    note = changed(series(CT, CALENDAR)[0], change)
    (alone,) = documents(note, "1.dcm")
    assert (alone.kind, alone.fields["looks_like"]) == (Kind.UNKNOWN, "dicom_note")
    (study,) = documents(zipped({"note": note, **{str(n): raw for n, raw in enumerate(series(CT, CALENDAR))}}))
    assert (study.kind, study.fields["instances"], doubts(study)) == (Kind.RADIOLOGY_IMAGE, 4, [])


def structured(sop_class: str, *values: tuple[str, str]) -> bytes:
    """A structured report with these names and texts."""

    def change(dataset: Dataset) -> None:
        del dataset.PixelData
        dataset.SOPClassUID, dataset.Modality, dataset.SOPInstanceUID = sop_class, "SR", "1.2.3.88"
        content = []
        for name, text in values:
            concept, node = Dataset(), Dataset()
            concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = "1", "X", name
            node.ValueType, node.ConceptNameCodeSequence, node.TextValue = "TEXT", [concept], text
            content.append(node)
        dataset.ContentSequence = content

    return changed(series(CT, CALENDAR)[0], change)


def test_a_structured_report_in_prose_is_a_report() -> None:
    """It carries its study's identifier, by which it finds its images."""
    (found,) = documents(structured(BasicTextSRStorage, ("Finding", "There is no pleural effusion on either side.")), "1.dcm")
    assert found.kind is Kind.RADIOLOGY_REPORT
    assert found.fields["study_uid"] == str(pydicom.dcmread(io.BytesIO(series(CT, CALENDAR)[0])).StudyInstanceUID)


@pytest.mark.parametrize(
    ("sop_class", "values", "aside"),
    [
        (
            XRayRadiationDoseSRStorage,
            [("X-Ray Radiation Dose Report", "CT of the chest, dose as the machine counted it, all events")],
            True,
        ),
        (BasicTextSRStorage, [("Left ventricle", "5.1 cm"), ("Aorta", "3.0 cm")], False),
    ],
)
def test_figures_of_a_machine_are_no_report(sop_class: str, values: list[tuple[str, str]], aside: bool) -> None:
    """A dose report or a list of measurements beside the images does not stand in for the physician's report."""
    (found,) = documents(structured(sop_class, *values), "1.dcm")
    assert found.kind is Kind.UNKNOWN
    assert bool(found.fields.get("looks_like")) is aside


def test_a_wrapped_pdf_is_a_report_with_its_headers_facts() -> None:
    """The wrapper is put aside; the paper inside knows its study."""
    words = ["RADIOLOGY REPORT", "CT CHEST WITH CONTRAST", "FINDINGS: The lungs are clear.", "IMPRESSION: No acute disease."]

    def change(dataset: Dataset) -> None:
        del dataset.PixelData
        dataset.SOPClassUID, dataset.Modality, dataset.SOPInstanceUID = EncapsulatedPDFStorage, "DOC", "1.2.3.99"
        dataset.EncapsulatedDocument = typed(words)
        dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"

    found = documents(changed(series(CT, CALENDAR)[0], change), "1.dcm")
    kinds = {d.kind: d for d in found}
    assert kinds[Kind.UNKNOWN].fields["looks_like"] == "dicom_note"
    assert kinds[Kind.RADIOLOGY_REPORT].fields["study_uid"]
    assert kinds[Kind.RADIOLOGY_REPORT].fields["accession"] == CT.accession(ALPHA)


def test_a_disc_with_a_viewer_and_no_images_is_said() -> None:
    """What a hurried copy of a disc holds."""
    empty = disc([])
    found = [d for d in documents(zipped(empty)) if not d.fields.get("looks_like")]
    assert [doubts(d) for d in found] == [[("not_an_image_set", "a disc with a viewer and no images")]]
    assert not [d for d in documents(zipped(disc(series(CT, CALENDAR)))) if any(f.code == "not_an_image_set" for f in d.findings)]


def test_studies_are_named_by_what_their_headers_say() -> None:
    """The body part of a description serves where the header's own field is empty."""
    bare = [with_values(raw, BodyPartExamined="") for raw in series(replace(CT, description="CT THORAX/ABDOMEN"), CALENDAR)]
    (study,) = documents(zipped({str(n): raw for n, raw in enumerate(bare)}))
    assert study.fields["body_part"] == "CHEST+ABDOMEN"
