"""DICOM headers (PS3.10), never pixels: who, which study, which series, and whether the file is whole.

The standard library of the trade reads a cut file, a bomb and a program in disguise without a word, so
`dicomscan` walks the elements' lengths first.  DICOMDIR is listed, never followed.
"""

from __future__ import annotations

import io
import re
import warnings
import zlib
from typing import TYPE_CHECKING

import pydicom
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from reading import kinds
from reading.dicomscan import UNDEFINED, Layout, scan
from reading.limits import Unreadable
from records.model import Dicom, Role

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

MAX_INFLATED = 64 << 20
MAX_RATIO = 200
MAX_REPORT = 200_000  # characters of a structured report
MAX_SEQUENCE_LEVELS = 24
_DAYS = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")  # the first that a machine filled in
_NOBODYS_DAY = (1900, 1, 1)  # and what lies before: written where a machine asks for a date that nobody gave
_PROGRAM_STARTS = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"%PDF", b"<", b"PK")


def read(found: Found, sheet: Sheet) -> None:
    """Header facts; a structured report's words and an encapsulated PDF as a part of its own."""
    raw = found.load(sheet.limits.max_part_bytes)
    if raw[128:132] == b"DICM" and raw[:128].lstrip(b"\0").startswith(_PROGRAM_STARTS):
        raise Unreadable("dicom_polyglot", "the preamble is the start of another kind of file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns about every odd value; what matters is judged here
        dataset, layout = _parse(raw)
        if sheet.media_type == kinds.DICOMDIR:
            _directory(dataset, sheet)
            return
        sheet.dicom = facts(dataset, layout.has_pixels)
        if lacking := layout.truncated or _pixels_lacking(dataset, layout):
            sheet.problem("dicom_truncated", lacking)
        _report(dataset, sheet)


def _parse(raw: bytes) -> tuple[Dataset, Layout]:
    preamble = raw[128:132] == b"DICM"
    start = 132 if preamble else 0
    meta, body_at, syntax = _meta(raw, start)
    if syntax == DeflatedExplicitVRLittleEndian:
        raw, body_at = inflate(raw[body_at:]), 0
    implicit = syntax == ImplicitVRLittleEndian if syntax else not raw[body_at + 4 : body_at + 6].isalpha()
    little = syntax != ExplicitVRBigEndian
    layout = scan(raw, body_at, implicit=implicit, little=little, max_depth=MAX_SEQUENCE_LEVELS)
    if layout.elements == 0:  # some software writes another encoding than it declares
        implicit = not implicit
        layout = scan(raw, body_at, implicit=implicit, little=little, max_depth=MAX_SEQUENCE_LEVELS)
    if layout.elements == 0:
        raise Unreadable("dicom_malformed", "no elements where the data set should be")
    file = io.BytesIO(raw[: layout.pixels_at] if layout.pixels_at else raw)
    file.seek(body_at)
    try:
        dataset = read_dataset(file, is_implicit_VR=implicit, is_little_endian=little)
    except (EOFError, ValueError, KeyError, NotImplementedError, AttributeError) as error:
        raise Unreadable("dicom_malformed", f"{type(error).__name__} in the data set") from error
    dataset.file_meta = meta
    return dataset, layout


def _meta(raw: bytes, start: int) -> tuple[pydicom.dataset.FileMetaDataset, int, str]:
    """File meta group (explicit little endian), where the data set begins, and its transfer syntax ("" unknown)."""
    if raw[start : start + 2] != b"\x02\0":
        return pydicom.dataset.FileMetaDataset(), start, ""
    at = start
    layout = scan(raw, start, implicit=False, little=True, max_depth=2, only_group=2)
    at = layout.end
    file = io.BytesIO(raw[start:at])
    meta = pydicom.dataset.FileMetaDataset(read_dataset(file, is_implicit_VR=False, is_little_endian=True))
    return meta, at, str(meta.get("TransferSyntaxUID", ""))


def inflate(packed: bytes) -> bytes:
    """A deflated data set within bounds (PS3.5 A.5: raw deflate)."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        raw = stream.decompress(packed, MAX_INFLATED)
    except zlib.error as error:
        raise Unreadable("dicom_malformed", "the deflated data set is damaged") from error
    if stream.unconsumed_tail or (len(raw) > 1 << 20 and len(raw) > MAX_RATIO * len(packed)):
        raise Unreadable("dicom_inflate", f"expands to more than {MAX_INFLATED} bytes or {MAX_RATIO} times")
    return raw


def facts(dataset: Dataset, has_pixels: bool) -> Dicom:
    """The header facts that checks are made of."""
    return Dicom(
        sop_class=_text(dataset, "SOPClassUID"),
        sop_instance=_text(dataset, "SOPInstanceUID"),
        study=_text(dataset, "StudyInstanceUID"),
        series=_text(dataset, "SeriesInstanceUID"),
        modality=_text(dataset, "Modality").upper(),
        has_pixels=has_pixels,
        instance_number=_number(dataset, "InstanceNumber"),
        series_number=_number(dataset, "SeriesNumber"),
        study_date=next((day for word in _DAYS if (day := _date(dataset, word))), None),
        study_description=_text(dataset, "StudyDescription"),
        series_description=_text(dataset, "SeriesDescription"),
        body_part=_text(dataset, "BodyPartExamined").upper(),
        accession=_text(dataset, "AccessionNumber"),
        patient_name=_text(dataset, "PatientName"),
        patient_id=_text(dataset, "PatientID"),
        birth_date=_date(dataset, "PatientBirthDate"),
        sex=_text(dataset, "PatientSex").upper(),
        frames=_number(dataset, "NumberOfFrames") or 1,
        image_type=tuple(word for word in _text(dataset, "ImageType").upper().split("\\") if word)[:12],
    )


def _pixels_lacking(dataset: Dataset, layout: Layout) -> str:
    """What native pixels lack of the bytes that rows, columns and frames ask for (PS3.5 8.1.1); "" when nothing."""
    if layout.pixels_length in (0, UNDEFINED):
        return ""
    names = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
    rows, columns, samples, bits = (_number(dataset, name) or 0 for name in names)
    frames = max(1, _number(dataset, "NumberOfFrames") or 1)
    asked = rows * columns * samples * bits * frames // 8
    if "422" in _text(dataset, "PhotometricInterpretation"):  # two colour samples shared by two pixels
        asked = asked * 2 // 3
    return f"pixels hold {layout.pixels_length} of {asked} bytes" if layout.pixels_length < asked else ""


def _text(dataset: Dataset, keyword: str) -> str:
    from reading.unpack import clean

    try:
        value = dataset.get(keyword)
    except Exception:  # a value that pydicom can not convert is no value
        return ""
    if value is None:
        return ""
    words = "\\".join(map(str, value)) if isinstance(value, pydicom.multival.MultiValue) else str(value)
    return clean(words)[:500]


def _number(dataset: Dataset, keyword: str) -> int | None:
    words = _text(dataset, keyword).split("\\")[0].strip()
    return int(words) if re.fullmatch(r"-?\d{1,10}", words) else None


def _date(dataset: Dataset, keyword: str) -> str | None:
    """DA to ISO 8601, also the dotted form of old equipment; None when it is no date, or one that only fills its place."""
    from datetime import date

    digits = re.sub(r"[.\-/]", "", _text(dataset, keyword))[:8]
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])) if re.fullmatch(r"\d{8}", digits) else None
        return day.isoformat() if day is not None and day > date(*_NOBODYS_DAY) else None
    except ValueError:
        return None


def _directory(dataset: Dataset, sheet: Sheet) -> None:
    """What a DICOMDIR lists, as its text page: studies, series and their files, in its order (PS3.3 F.5).

    The names are kept for comparing, never opened.
    """
    lines, files = [""], 0
    for record in dataset.get("DirectoryRecordSequence", None) or []:
        kind = _text(record, "DirectoryRecordType")
        if kind == "STUDY":
            day = _date(record, "StudyDate") or "-"
            lines.append(f"study: {_text(record, 'StudyInstanceUID')} {day} {_text(record, 'StudyDescription')}")
        elif kind == "SERIES":
            lines.append(f"series: {_text(record, 'Modality')}")
        value = record.get("ReferencedFileID")
        if value is not None:
            files += 1
            lines.append("/".join(value) if isinstance(value, pydicom.multival.MultiValue) else str(value))
    lines[0] = f"files listed: {files}"
    sheet.text_page(1, "\n".join(line.rstrip() for line in lines))


def _report(dataset: Dataset, sheet: Sheet) -> None:
    encapsulated = dataset.get("EncapsulatedDocument")
    if isinstance(encapsulated, bytes) and encapsulated:
        sheet.child("document.pdf", encapsulated.rstrip(b"\0"), Role.MEMBER)
    content = dataset.get("ContentSequence")
    if content:
        lines: list[str] = []
        _content(content, 0, lines)
        sheet.text_page(1, "\n".join(lines)[:MAX_REPORT])


def _content(sequence: pydicom.Sequence, level: int, lines: list[str]) -> None:
    """A structured report's content tree as indented lines "name: value" (PS3.3 C.17.3)."""
    for node in sequence:
        if len(lines) > 20_000:
            return
        name = _meaning(node, "ConceptNameCodeSequence")
        value = (
            _text_long(node, "TextValue")
            or _meaning(node, "ConceptCodeSequence")
            or _text(node, "PersonName")
            or _text(node, "Date")
            or _measured(node)
        )
        if name or value:
            lines.append("  " * min(level, 8) + ": ".join(piece for piece in (name, value) if piece))
        if node.get("ContentSequence"):
            _content(node.ContentSequence, level + 1, lines)


def _text_long(node: Dataset, keyword: str) -> str:
    from reading.unpack import clean

    return clean(str(node.get(keyword) or ""))[:MAX_REPORT]


def _meaning(node: Dataset, keyword: str) -> str:
    codes = node.get(keyword)
    return _text(codes[0], "CodeMeaning") if codes else ""


def _measured(node: Dataset) -> str:
    measured = node.get("MeasuredValueSequence")
    return (
        f"{_text(measured[0], 'NumericValue')} {_meaning(measured[0], 'MeasurementUnitsCodeSequence')}".strip()
        if measured
        else ""
    )
