"""DICOM files as studies: one document for each image set, with what its series lack (R13)."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import pairwise
from math import gcd

from classifiers.sight import BODY_PART, Sight, longest, sights
from classifiers.words import prepare
from records.model import Dicom, Document, FieldValue, Finding, Kind, Part, Severity

# PS3.3 C.7.3.1.1.1: modalities whose objects are pictures of the patient
_IMAGE = frozenset(
    {
        "CT",
        "MR",
        "US",
        "MG",
        "CR",
        "DX",
        "XA",
        "RF",
        "PT",
        "NM",
        "XC",
        "IO",
        "PX",
        "BMD",
        "BI",
        "RG",
        "TG",
        "DG",
        "OP",
        "OPT",
        "OCT",
        "ES",
        "GM",
        "SM",
        "IVUS",
        "ECHO",
    }
)
_NO_IMAGE = frozenset(
    {"SR", "DOC", "PR", "KO", "REG", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "PLAN", "AU", "ECG", "HD", "RWV", "FID", "SMR"}
)
_SECONDARY = "1.2.840.10008.5.1.4.1.1.7"  # PS3.4 B.5: secondary capture and its multi-frame kin
_RADIOGRAPHY = frozenset({"CR", "DX", "RG", "XR"})
_SEX = {"F": "F", "M": "M"}


def is_image(dicom: Dicom) -> bool:
    """Whether a file belongs to a real image series; a secondary capture (a photo, a scan, a screenshot) does not."""
    secondary = dicom.sop_class == _SECONDARY or dicom.sop_class.startswith(_SECONDARY + ".")
    modality = dicom.modality.upper()
    return dicom.has_pixels and not secondary and modality not in _NO_IMAGE and (modality in _IMAGE or modality != "OT")


def modality_code(modality: str) -> str:
    """The vocabulary's code: radiography of any detector is XR."""
    return "XR" if modality.upper() in _RADIOGRAPHY else modality.upper()


def body_part_in(seen: Iterable[Sight]) -> str | None:
    """Canonical body parts named, in order of place, joined by `+`; the longest names count."""
    named = longest(s for s in seen if s.phrase.level == BODY_PART)
    return "+".join(list(dict.fromkeys(s.phrase.kind for s in named))[:4]) or None


def _part_of_header(text: str) -> str | None:
    """The same of a header's words, where codes run together (PS3.16 Annex L)."""
    spaced = text.replace("_", " ").replace("ABDOMENPELVIS", "ABDOMEN PELVIS").replace("CHESTABD", "CHEST ABDOMEN ")
    return body_part_in(sights(prepare(spaced)))


def gaps(numbers: Sequence[int]) -> list[int]:
    """Instance numbers missing inside a series; a regular step (1, 3, 5 …) is not a gap."""
    unique = sorted(set(numbers))
    if len(unique) < 2:
        return []
    step = reduce(gcd, (b - a for a, b in pairwise(unique)))
    present = set(unique)
    missing = [n for n in range(unique[0], unique[-1] + 1, step) if n not in present]
    return missing[:1000]


def _fields(files: Sequence[Dicom]) -> dict[str, FieldValue]:
    images = [d for d in files if is_image(d)]
    lead = images or list(files)
    modalities = Counter(modality_code(d.modality) for d in lead if d.modality)
    first = lead[0]
    modality = "PT" if "PT" in modalities else (modalities.most_common(1)[0][0] if modalities else "")
    named = " ".join(dict.fromkeys(f"{d.body_part} " for d in lead if d.body_part)) or first.study_description
    described = f"{first.study_description} {first.series_description}"
    fields: dict[str, FieldValue | None] = {
        "modality": modality,
        "body_part": _part_of_header(named) or _part_of_header(described) or named.strip().upper() or None,
        "study_date": next((d.study_date for d in lead if d.study_date), None),
        "accession": next((d.accession for d in lead if d.accession), None),
        "patient_name": next((d.patient_name for d in lead if d.patient_name), None),
        "birth_date": next((d.birth_date for d in lead if d.birth_date), None),
        "sex": next((_SEX[d.sex.upper()] for d in lead if d.sex.upper() in _SEX), None),
        "patient_id": next((d.patient_id for d in lead if d.patient_id), None),
        "study_uid": first.study,
        "series": len({d.series for d in lead}),
        "instances": len({d.sop_instance for d in lead}),
    }
    return {key: value for key, value in fields.items() if value is not None and value != ""}


def _findings(files: Sequence[Dicom], fields: dict[str, FieldValue]) -> tuple[Finding, ...]:
    by_series: defaultdict[str, list[int]] = defaultdict(list)
    for d in files:
        if is_image(d) and d.instance_number is not None:
            by_series[d.series].append(d.instance_number)
    named = (("modality", "modality"), ("body_part", "body_part"), ("study_date", "date"))
    study = {word: str(fields[key]) for key, word in named if key in fields}
    found = []
    for place, numbers in enumerate(by_series[uid] for uid in sorted(by_series)):
        missing = gaps(numbers)
        if missing:
            shown = f"{len(set(numbers))} images, {len(missing)} missing between {min(numbers)} and {max(numbers)}"
            detail = f"series {place + 1}: {shown}"
            found.append(
                Finding("series_incomplete", Severity.DOUBTFUL, detail, requirement=Kind.RADIOLOGY_IMAGE.value, study=study)
            )
    return tuple(found)


def document_id(sha256s: Sequence[str], pages: Sequence[int] = ()) -> str:
    """A function of bytes and pages: the same document twice has one id."""
    key = ",".join(sorted(sha256s)) + ":" + ",".join(map(str, pages))
    return hashlib.sha256(key.encode()).hexdigest()[:24]


def studies_of(parts: Sequence[Part]) -> tuple[Document, ...]:
    """One document for each study among `parts` (all with `dicom`, none a report with text)."""
    by_study: defaultdict[str, list[tuple[Part, Dicom]]] = defaultdict(list)
    for part in parts:
        if part.dicom is not None:
            by_study[part.dicom.study or part.sha256].append((part, part.dicom))
    documents = []
    for _, pairs in sorted(by_study.items()):
        pairs.sort(key=lambda pair: (pair[1].series_number or 0, pair[1].series, pair[1].instance_number or 0, pair[0].path))
        files = [d for _, d in pairs]
        images = sum(is_image(d) for d in files)
        fields = _fields(files)
        sha256s = tuple(dict.fromkeys(part.sha256 for part, _ in pairs))
        said = " ".join(str(fields[k]) for k in ("modality", "body_part", "study_date") if k in fields)
        documents.append(
            Document(
                id=document_id(sha256s),
                kind=Kind.RADIOLOGY_IMAGE if images else Kind.UNKNOWN,
                confidence=0.99 if images else 0.0,
                part=pairs[0][0].path,
                parts=tuple(part.path for part, _ in pairs),
                sha256s=sha256s,
                pages=(),
                language=None,
                text_source="none",
                evidence=(f"DICOM {said}: {fields['series']} series, {fields['instances']} images",)
                if images
                else ("DICOM objects without an image series (secondary capture, presentation or key objects)",),
                fields=fields,
                findings=_findings(files, fields),
            )
        )
    return tuple(documents)
