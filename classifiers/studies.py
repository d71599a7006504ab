"""DICOM files as studies: one document for each image set, with what its series lack (R13)."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cache

from classifiers import discs
from classifiers.series import (
    damaged,
    is_capture,
    is_image,
    is_support,
    lacks_pixels,
    modality_of,
    numbers_said,
    only_scouts,
    wanting,
)
from classifiers.sheets import sheet
from classifiers.sight import BODY_PART, Sight, longest, sights
from classifiers.words import prepare
from records.model import Dicom, Document, FieldValue, Finding, Kind, Part, Severity

MOST_DIRECTORIES = 100  # of one submission that are compared with its files
MOST_SPELLINGS = 20  # of patients under one study's identifier that are compared; more are kept apart
_RADIOGRAPHY = frozenset({"CR", "DX", "RG", "XR"})
_SEX = {"F": "F", "M": "M"}
NAMED = {"modality": "modality", "body_part": "body_part", "study_date": "date"}


def modality_code(modality: str) -> str:
    """The vocabulary's code: radiography of any detector is XR."""
    return "XR" if modality.upper() in _RADIOGRAPHY else modality.upper()


def body_part_in(seen: Iterable[Sight]) -> str | None:
    """Canonical body parts named, in order of place, joined by `+`; the longest names count."""
    named = longest(s for s in seen if s.phrase.level == BODY_PART)
    return "+".join(list(dict.fromkeys(s.phrase.kind for s in named))[:4]) or None


@cache
def _coded_parts() -> Mapping[str, str]:
    return {code: part for part, codes in sheet("dicom.toml")["body_part"].items() for code in codes}


def _part_of_header(*texts: str) -> str | None:
    """The same of a header's words and codes, in which names run together (PS3.16 Annex L)."""
    spaced = " ".join(_coded_parts().get(re.sub(r"[^A-Z]", "", t.upper()), t) for t in texts).replace("+", " ").replace("_", " ")
    seen = [
        *(p for p in spaced.split() if p in _coded_parts().values()),
        *(body_part_in(sights(prepare(spaced))) or "").split("+"),
    ]
    return "+".join([p for p in dict.fromkeys(seen) if p][:4]) or None


def _fields(files: Sequence[Dicom]) -> dict[str, FieldValue]:
    images = [d for d in files if is_image(d)]
    lead = images or list(files)
    modalities = Counter(modality_code(said) for d in lead if (said := modality_of(d)))
    first = lead[0]
    modality = "PT" if "PT" in modalities else (modalities.most_common(1)[0][0] if modalities else "")
    named = dict.fromkeys(d.body_part for d in lead if d.body_part)
    fields: dict[str, FieldValue | None] = {
        "modality": modality,
        "body_part": _part_of_header(*named)
        or _part_of_header(first.study_description)
        or _part_of_header(first.series_description),
        "study_date": next((d.study_date for d in lead if d.study_date), None),
        "accession": next((d.accession for d in lead if d.accession), None),
        "patient_name": next((d.patient_name for d in lead if any(map(str.isalpha, d.patient_name))), None),
        "birth_date": next((d.birth_date for d in lead if d.birth_date), None),
        "sex": next((_SEX[d.sex.upper()] for d in lead if d.sex.upper() in _SEX), None),
        "patient_id": next((d.patient_id for d in lead if d.patient_id), None),
        "study_uid": first.study,
        "series": len({d.series for d in lead}),
        "instances": len({d.sop_instance for d in lead}),
        "modalities": "+".join(sorted(modalities)) if len(modalities) > 1 else None,
        "numbers": numbers_said(files) or None,
    }
    return {key: value for key, value in fields.items() if value is not None and value != ""}


def document_id(sha256s: Sequence[str], pages: Sequence[int] = ()) -> str:
    """A function of bytes and pages: the same document twice has one id."""
    key = ",".join(sorted(sha256s)) + ":" + ",".join(map(str, pages))
    return hashlib.sha256(key.encode()).hexdigest()[:24]


def studies_of(
    parts: Sequence[Part], directories: Sequence[Part] = (), paths: Set[str] = frozenset(), cut: Set[str] = frozenset()
) -> tuple[Document, ...]:
    """One document for each study of each patient among `parts` (all with `dicom`, none a report with text).

    `directories`: the DICOMDIRs beside them; `paths`: of all that came, the unreadable too; `cut`: of files that break off.
    """
    by_study: defaultdict[str, list[Part]] = defaultdict(list)
    for part in parts:
        if part.dicom is not None:
            by_study[part.dicom.study or part.sha256].append(part)
    gone: Counter[str] = Counter()
    away = []
    known: set[frozenset[tuple[str, frozenset[str]]]] = set()
    for directory in directories[:MOST_DIRECTORIES]:
        listed = discs.listed_in(directory)
        if (contents := frozenset((s.uid, frozenset(s.images)) for s in listed)) in known:
            continue  # another copy of the same list
        known.add(contents)
        absent = discs.absent(directory, listed, paths)
        gone.update(absent)
        if (document := _only_listed(directory, listed, absent, set(by_study))) is not None:
            away.append(document)
    documents = [_study(files, gone[uid], cut) for uid, together in sorted(by_study.items()) for files in _by_patient(together)]
    return (*documents, *away)


def _study(parts: Sequence[Part], absent: int, cut: Set[str]) -> Document:
    pairs = [(part, part.dicom) for part in parts if part.dicom is not None]
    pairs.sort(key=lambda pair: (pair[1].series_number or 0, pair[1].series, pair[1].instance_number or 0, pair[0].path))
    files = [d for _, d in pairs]
    fields = _fields(files)
    images = any(is_image(d) for d in files)
    said = " ".join(str(fields[k]) for k in NAMED if k in fields)
    kind, evidence = Kind.UNKNOWN, ""
    findings: tuple[Finding, ...] = ()
    if images:
        kind = Kind.RADIOLOGY_IMAGE
        evidence = f"DICOM {said}: {fields['series']} series, {fields['instances']} images"
        findings = _doubts(files, fields, absent, sum(part.path in cut for part in parts))
        fields |= {"listed": _here(files) + absent} if absent else {}
        fields |= {"scouts": True} if only_scouts(files) else {}
    elif all(is_support(d) for d in files):
        evidence = f"DICOM {said}: objects that speak about images, no image itself"
        fields["looks_like"] = "dicom_note"
    else:
        captures = any(is_capture(d) for d in files)
        told = "pictures of no kind of examination" if any(d.has_pixels for d in files) else "headers without their pictures"
        evidence = "screenshots, photos or scans in DICOM files" if captures else f"DICOM {told}"
        findings = (no_image_set(evidence, fields),)
    sha256s = tuple(dict.fromkeys(part.sha256 for part, _ in pairs))
    return Document(
        id=document_id(sha256s),
        kind=kind,
        confidence=0.99 if images else 0.0,
        part=pairs[0][0].path,
        parts=tuple(part.path for part, _ in pairs),
        sha256s=sha256s,
        pages=(),
        language=None,
        text_source="none",
        evidence=(evidence,),
        fields=fields,
        findings=findings,
    )


def _here(files: Sequence[Dicom]) -> int:
    return len({d.sop_instance for d in files if is_image(d) or lacks_pixels(d)})


def _doubts(files: Sequence[Dicom], fields: Mapping[str, FieldValue], absent: int, cut: int) -> tuple[Finding, ...]:
    """`dicom_truncated` for files that are damaged, `series_incomplete` for what a second mail may still bring."""
    told = [("dicom_truncated", detail) for detail in damaged(files, cut)]
    told += [("series_incomplete", detail) for detail in wanting(files, _here(files) + absent if absent else 0)]
    study = naming(fields)
    image = Kind.RADIOLOGY_IMAGE.value
    return tuple(Finding(code, Severity.DOUBTFUL, detail, requirement=image, study=study) for code, detail in told)


def naming(fields: Mapping[str, FieldValue]) -> dict[str, str]:
    """The words by which R13 names a study."""
    return {word: str(fields[key]) for key, word in NAMED.items() if key in fields}


def no_image_set(detail: str, fields: Mapping[str, FieldValue]) -> Finding:
    """What arrived instead of images: staff decide whether it will do."""
    return Finding("not_an_image_set", Severity.DOUBTFUL, detail, requirement=Kind.RADIOLOGY_IMAGE.value, study=naming(fields))


def _by_patient(parts: Sequence[Part]) -> list[list[Part]]:
    """The files of one study apart by patient: an identifier used twice must not mix two people."""
    told: defaultdict[tuple[str, str, str], list[Part]] = defaultdict(list)
    for part in sorted(parts, key=lambda p: p.path):
        if part.dicom is not None:
            told[part.dicom.patient_name, part.dicom.birth_date or "", part.dicom.patient_id].append(part)
    groups: list[list[Part]] = []
    for same in told.values():
        mine = next((g for g in groups[:MOST_SPELLINGS] if not _two_people(g[0].dicom, same[0].dicom)), None)
        if mine is None:
            groups.append(list(same))
        else:
            mine += same
    return groups


def _two_people(a: Dicom | None, b: Dicom | None) -> bool:
    """Another birth date, or another name and number: more than a spelling apart."""
    if a is None or b is None:
        return True
    if a.birth_date and b.birth_date and a.birth_date != b.birth_date:
        return True
    names = [set(re.findall(r"[^\W_]+", d.patient_name.casefold())) for d in (a, b)]
    apart = bool(names[0] and names[1]) and not names[0] & names[1]
    return apart and not (a.patient_id and a.patient_id == b.patient_id)


def _only_listed(directory: Part, studies: Sequence[discs.Listed], absent: Mapping[str, int], here: Set[str]) -> Document | None:
    """A document for the studies that a DICOMDIR lists and of which no file came; None when there are none."""
    away = [s for s in studies if s.images and s.uid not in here and absent[s.uid] == len(s.images)]
    if not away:
        return None
    findings = []
    for study in away:
        fields: dict[str, FieldValue] = {
            "study_date": study.day,
            "body_part": _part_of_header(study.description) or "",
        }
        detail = f"the disc's directory lists {len(study.images)} images of a study, none of them is here"
        findings.append(no_image_set(detail, {k: v for k, v in fields.items() if v}))
    return not_images(directory, tuple(findings))


def not_images(part: Part, findings: tuple[Finding, ...]) -> Document:
    """A part that stands where images should be."""
    return Document(
        id=document_id((part.sha256,)),
        kind=Kind.UNKNOWN,
        confidence=0.0,
        part=part.path,
        parts=(part.path,),
        sha256s=(part.sha256,),
        pages=tuple(page.number for page in part.pages),
        language=None,
        text_source="none",
        evidence=(findings[0].detail,),
        fields={},
        findings=findings,
    )
