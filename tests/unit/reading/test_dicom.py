"""DICOM headers: facts, missing preambles, cut files, bombs, disguises, reports inside."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from reading.dicomscan import scan
from records.model import Dicom
from tests.servers.walking import walk

UID = pydicom.uid.UID("1.2.826.0.1.3680043.8.498.1")


def image(syntax: pydicom.uid.UID = ExplicitVRLittleEndian, **fields: object) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = UID
    meta.TransferSyntaxUID = syntax
    big = syntax == ExplicitVRBigEndian
    dataset = FileDataset(
        "x", {}, file_meta=meta, preamble=bytes(128), is_implicit_VR=syntax == ImplicitVRLittleEndian, is_little_endian=not big
    )
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, UID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{UID}.2", f"{UID}.3"
    dataset.PatientName, dataset.PatientID = "SYNTHETIC^PATIENT ALPHA", "T-001"
    dataset.PatientBirthDate, dataset.PatientSex = "19610403", "F"
    dataset.Modality, dataset.BodyPartExamined = "CT", "CHEST"
    dataset.StudyDate, dataset.AccessionNumber = "20260115", "A-17"
    dataset.StudyDescription, dataset.InstanceNumber, dataset.SeriesNumber = "CT thorax", 4, 2
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.RequestAttributesSequence = [Dataset()]
    dataset.RequestAttributesSequence[0].ScheduledProcedureStepID = "S1"
    dataset.Rows = dataset.Columns = 16
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 7, 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = np.zeros((16, 16), np.uint8).tobytes()
    if syntax == JPEGBaseline8Bit:
        dataset.PixelData = encapsulate([b"\xff\xd8" + bytes(200)])
        dataset["PixelData"].is_undefined_length = True
    for name, value in fields.items():
        setattr(dataset, name, value)
    return dataset


def written(dataset: FileDataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit],
)
def test_header_facts_in_every_transfer_syntax(syntax: pydicom.uid.UID) -> None:
    """Who, which study, which series, whole or not: the same facts however it is encoded."""
    walked = walk(written(image(syntax)), "IM0001")
    assert walked.codes == []
    assert walked.parts[0].media_type == "application/dicom"
    assert walked.parts[0].dicom == Dicom(
        sop_class=CTImageStorage, sop_instance=UID, study=f"{UID}.2", series=f"{UID}.3", modality="CT", has_pixels=True,
        instance_number=4, series_number=2, study_date="2026-01-15", study_description="CT thorax", body_part="CHEST",
        accession="A-17", patient_name="SYNTHETIC^PATIENT ALPHA", patient_id="T-001", birth_date="1961-04-03", sex="F",
        image_type=("ORIGINAL", "PRIMARY"),
    )  # fmt: skip


@pytest.mark.parametrize("day", ["18000101", "11111111", "19000101"])
def test_a_day_that_fills_a_place_is_none(day: str) -> None:
    """What is written where nobody gave a birth date must not clash with the right one."""
    facts = walk(written(image(PatientBirthDate=day)), "IM0001").parts[0].dicom
    assert facts is not None
    assert facts.birth_date is None


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Synthétique^Personne"),
        ("ISO_IR 144", "Синтетический^Пациент"),
        ("ISO_IR 166", "ตัวอย่าง^สังเคราะห์"),
        ("ISO_IR 127", "مريض^مثال"),
        ("GB18030", "Li^Xiaoming=架空^患者"),
        ("ISO_IR 192", "架空^花子"),
        (["", "ISO 2022 IR 87"], "Kaku^Hanako=架空^花子=かくう^はなこ"),
        (["", "ISO 2022 IR 149"], "Hong^Gil=洪^吉洞=홍^길동"),
    ],
)
def test_names_in_every_character_set(charset: str | list[str], name: str) -> None:
    """PS3.5 6.1: replaced, extended by escapes, or in several scripts at once."""
    facts = walk(written(image(SpecificCharacterSet=charset, PatientName=name)), "IM0001").parts[0].dicom
    assert facts is not None
    assert facts.patient_name == name


@pytest.mark.parametrize("keep_meta", [True, False])
def test_a_missing_preamble_does_not_matter(keep_meta: bool) -> None:
    """Old software writes no preamble, and sometimes no file meta group."""
    raw = written(image(ImplicitVRLittleEndian))
    body = raw[132:]
    if not keep_meta:
        body = body[12 + struct.unpack_from("<I", body, 8)[0] :]
    facts = walk(body, "IM0001").parts[0].dicom
    assert facts is not None
    assert facts.patient_id == "T-001"


@pytest.mark.parametrize("cut", [1, 100, 250, 300])
def test_a_cut_file_is_noticed(cut: int) -> None:
    """Case 20: what the standard library reads without a word."""
    walked = walk(written(image())[:-cut], "IM0001")
    assert walked.codes == ["dicom_truncated"]
    assert walked.parts[0].dicom is not None


def test_cut_compressed_pixels_are_noticed() -> None:
    """Encapsulated pixels end with a delimiter; without it the file is cut."""
    assert walk(written(image(JPEGBaseline8Bit))[:-9], "IM0001").codes == ["dicom_truncated"]


@pytest.mark.parametrize("start", [b"MZ\x90", b"\x7fELF", b"#!/bin/sh\n", b"%PDF-1.4"])
def test_a_program_in_the_preamble_is_a_polyglot(start: bytes) -> None:
    """Case 18: the preamble must not begin another kind of file; a TIFF header is allowed by the standard."""
    raw = written(image())
    assert walk(start + raw[len(start) :], "IM0001").codes == ["dicom_polyglot"]
    assert walk(b"II*\0" + raw[4:], "IM0001").codes == []


def test_a_deflated_bomb_is_not_inflated() -> None:
    """Case 19: a few hundred kilobytes that would be gigabytes."""
    raw = written(image(DeflatedExplicitVRLittleEndian))
    meta_end = 132 + 12 + struct.unpack_from("<I", raw, 140)[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(bytes(200 << 20)) + packer.flush()
    assert walk(raw[:meta_end] + bomb, "IM0001").codes == ["dicom_inflate"]


@pytest.mark.parametrize("defined", [True, False])
def test_deep_nesting_is_refused(defined: bool) -> None:
    """Case 21: five thousand sequences within each other, delimited or of stated length."""
    raw = written(image())
    inner = b""
    for _ in range(5000):
        length = len(inner) + 8 if defined else 0xFFFFFFFF
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner) if defined else 0xFFFFFFFF) + inner
        inner = struct.pack("<HH2sHI", 0x0040, 0x0275, b"SQ", 0, length) + item
    at = raw.find(struct.pack("<HH", 0x0040, 0x0275))
    assert walk(raw[:at] + inner, "IM0001").codes == ["dicom_nesting"]


def test_a_directory_is_listed_and_never_followed() -> None:
    """Case 22: a DICOMDIR that points outside is text."""
    directory = image()
    directory.file_meta.MediaStorageSOPClassUID = pydicom.uid.MediaStorageDirectoryStorage
    records = []
    for name in (["IMG", "0001"], ["..", "..", "ETC", "PASSWD"]):
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            record.ReferencedFileID = name
        records.append(record)
    directory.DirectoryRecordSequence = records
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ".." is no valid component: that is the point
        raw = written(directory)
    walked = walk(raw, "DICOMDIR")
    assert walked.parts[0].media_type == "application/dicom-dir"
    assert walked.parts[0].pages[0].text.splitlines() == ["files listed: 2", "IMG/0001", "../../ETC/PASSWD"]


def test_a_structured_report_gives_its_words() -> None:
    """Names and values of the content tree, in order."""

    def code(meaning: str) -> Dataset:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "X", meaning
        return item

    finding = Dataset()
    finding.ValueType, finding.ConceptNameCodeSequence, finding.TextValue = "TEXT", [code("Finding")], "No pleural effusion"
    report = image(Modality="SR", ContentSequence=[finding])
    del report.PixelData
    walked = walk(written(report), "SR0001")
    assert walked.parts[0].pages[0].text == "Finding: No pleural effusion"
    assert walked.parts[0].dicom is not None
    assert walked.parts[0].dicom.has_pixels is False


def test_an_encapsulated_pdf_is_a_part_of_its_own() -> None:
    """The report inside is read like any PDF."""
    from tests.servers.paper import fax_pdf, page

    document = image(EncapsulatedDocument=fax_pdf(page().resize((400, 500))), MIMETypeOfEncapsulatedDocument="application/pdf")
    del document.PixelData
    assert set(walk(written(document), "DOC1").paths) == {"DOC1", "DOC1/document.pdf"}


def test_the_scanner_finds_the_pixels_and_the_end() -> None:
    """Offsets are those of the bytes."""
    raw = written(image())
    meta_end = 132 + 12 + struct.unpack_from("<I", raw, 140)[0]
    layout = scan(raw, meta_end, implicit=False, little=True, max_depth=5)
    assert (layout.end, layout.truncated, layout.has_pixels) == (len(raw), "", True)
    assert raw[layout.pixels_at : layout.pixels_at + 4] == struct.pack("<HH", 0x7FE0, 0x0010)
