"""A document: a run of pages with one kind, and what was found in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

FieldValue = str | int | float | bool


class Kind(StrEnum):
    """What a document can be; `unknown` is an abstention, not an error."""

    LETTER_OF_AGREEMENT = "letter_of_agreement"
    INFORMED_CONSENT = "informed_consent"
    RADIOLOGY_REPORT = "radiology_report"
    RADIOLOGY_IMAGE = "radiology_image"
    PATHOLOGY_REPORT = "pathology_report"
    CUSTOMS_INVOICE = "customs_invoice"
    MEDICAL_RECORD = "medical_record"
    IDENTITY_DOCUMENT = "identity_document"
    PAYMENT_CARD = "payment_card"
    COVER_SHEET = "cover_sheet"
    CORRESPONDENCE = "correspondence"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """R29: a doubtful thing is neither present nor missing."""

    MISSING = "missing"
    DOUBTFUL = "doubtful"
    ADVISORY = "advisory"


@dataclass(frozen=True, slots=True)
class Finding:
    """One observed fact about a requirement."""

    code: str  # docs/FINDINGS.md
    severity: Severity
    detail: str = ""  # for staff only; never leaves the house
    document: str | None = None  # id of the document it is about
    requirement: str | None = None  # the checklist's name for what it concerns (a Kind's value as a rule)
    study: Mapping[str, str] = field(default_factory=dict)  # modality, body_part, date: R13's naming of a study


@dataclass(frozen=True, slots=True)
class Document:
    """What one run of pages, or one DICOM study, was identified as."""

    id: str  # a function of its bytes and pages: the same document twice has one id
    kind: Kind
    confidence: float
    part: str  # path of the (first) part
    parts: tuple[str, ...]  # every part it is made of
    sha256s: tuple[str, ...]  # of those parts, in order
    pages: tuple[int, ...]  # within the part, from 1; empty for a DICOM study
    language: str | None
    text_source: str  # layer | ocr | none
    evidence: tuple[str, ...]  # words that staff can check
    fields: Mapping[str, FieldValue]
    findings: tuple[Finding, ...] = ()
