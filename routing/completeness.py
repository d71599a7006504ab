"""Is everything there?  The checklist over all documents of a case (R7-R16, R27, R29)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from config.rules import Checklist
from records.model import Document, Fact, Finding, Kind, Severity
from routing import identity, radiology

FORMS = (Kind.LETTER_OF_AGREEMENT, Kind.INFORMED_CONSENT)


@dataclass(frozen=True, slots=True)
class Checked:
    """Complete means: nothing missing, nothing doubtful (R27, R29)."""

    findings: tuple[Finding, ...]

    @property
    def complete(self) -> bool:
        return all(f.severity is Severity.ADVISORY for f in self.findings)

    @property
    def missing(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity is Severity.MISSING)

    @property
    def requirements_missing(self) -> tuple[str, ...]:
        return tuple(sorted({f.requirement for f in self.missing if f.requirement}))


def check(documents: Sequence[Document], facts: Mapping[str, Fact], rules: Checklist, today: date) -> Checked:
    """`documents`: all of the case, those held with doubt included; the answer does not depend on their order."""
    ordered = sorted(documents, key=lambda d: d.id)
    findings = [f for kind in FORMS for f in _form(kind, ordered, rules)]
    findings += _radiology(ordered, rules)
    findings += _pathology(ordered, facts)
    findings += _identity(ordered)
    findings += _advice(ordered, rules, today)
    return Checked(tuple(_once(findings)))


def _form(kind: Kind, documents: Iterable[Document], rules: Checklist) -> list[Finding]:
    """A form counts when one copy of it is without fault; else the best copy's faults are told."""
    copies = [(d, _blocking(d, rules)) for d in documents if d.kind is kind]
    if not copies:
        return [Finding(f"{kind}_missing", Severity.MISSING, requirement=kind)]
    best = min(copies, key=lambda copy: (_weight(copy[1]), copy[0].id))
    return [replace(f, document=best[0].id, requirement=kind) for f in best[1]]


def _blocking(document: Document, rules: Checklist) -> list[Finding]:
    faults = [f for f in document.findings if f.severity is not Severity.ADVISORY]
    if not rules.consent_dated:
        faults = [f for f in faults if not f.code.startswith("consent_date") and f.code != "consent_undated"]
    return faults


def _weight(faults: Sequence[Finding]) -> tuple[int, int]:
    """No fault, then doubt, then what is surely missing."""
    return sum(f.severity is Severity.MISSING for f in faults), len(faults)


def _radiology(documents: Sequence[Document], rules: Checklist) -> list[Finding]:
    reports = [d for d in documents if d.kind is Kind.RADIOLOGY_REPORT]
    images = [d for d in documents if d.kind is Kind.RADIOLOGY_IMAGE]
    findings = [
        Finding(f"{kind}_missing", Severity.MISSING, requirement=kind)
        for kind, have in ((Kind.RADIOLOGY_REPORT, reports), (Kind.RADIOLOGY_IMAGE, images))
        if not have and not (reports or images)
    ]
    found = radiology.pair(reports, images, rules.study_date_tolerance_days)
    findings += [_lone("report_without_images", d, Kind.RADIOLOGY_IMAGE) for d in found.lone_reports]
    findings += [_lone("images_without_report", d, Kind.RADIOLOGY_REPORT) for d in found.lone_images if not found.unclear]
    findings += [
        Finding("pairing_unclear", Severity.DOUBTFUL, document=d.id, requirement=Kind.RADIOLOGY_REPORT) for d in found.unclear
    ]
    for document in (*reports, *images):
        faults = [f for f in document.findings if f.severity is not Severity.ADVISORY]
        findings += [replace(f, document=document.id, requirement=document.kind) for f in faults]
    return findings


def _lone(code: str, document: Document, needed: Kind) -> Finding:
    return Finding(code, Severity.MISSING, document=document.id, requirement=needed, study=radiology.study(document))


def _pathology(documents: Sequence[Document], facts: Mapping[str, Fact]) -> list[Finding]:
    """R14: optional, until a request, a specimen invoice or a shipping mention makes it required."""
    asked = any(
        d.kind is Kind.CUSTOMS_INVOICE or d.fields.get("pathology_requested") or d.fields.get("mentions_specimen")
        for d in documents
    )
    said = facts.get("pathology")
    if said is not None:
        asked = said.value not in ("none", False)
    if not asked:
        return []
    findings = [Finding("pathology_fee", Severity.ADVISORY)]
    if not any(d.kind is Kind.PATHOLOGY_REPORT for d in documents):
        findings.append(Finding("pathology_report_missing", Severity.MISSING, requirement=Kind.PATHOLOGY_REPORT))
    if not any(name in facts for name in ("courier_slides", "courier_blocks")):
        findings.append(Finding("specimen_missing", Severity.MISSING, requirement="specimen"))
    return findings


def _identity(documents: Sequence[Document]) -> list[Finding]:
    clash = identity.conflicts(documents)
    return [Finding("identity_conflict", Severity.DOUBTFUL, document=clash[0][1].id)] if clash else []


def _advice(documents: Sequence[Document], rules: Checklist, today: date) -> list[Finding]:
    findings = [replace(f, document=d.id) for d in documents for f in d.findings if f.severity is Severity.ADVISORY]
    if not any(d.kind is Kind.MEDICAL_RECORD for d in documents):
        findings.append(Finding("medical_record_missing", Severity.ADVISORY))
    days = [day for d in documents if (day := _report_day(d)) is not None]
    if days and _months_between(max(days), today) >= rules.report_age_months:
        findings.append(Finding("report_too_old", Severity.ADVISORY))
    return findings


def _report_day(document: Document) -> date | None:
    if document.kind not in (Kind.RADIOLOGY_REPORT, Kind.PATHOLOGY_REPORT, Kind.RADIOLOGY_IMAGE):
        return None
    try:
        return date.fromisoformat(str(document.fields.get("study_date") or document.fields.get("report_date") or ""))
    except ValueError:
        return None


def _months_between(earlier: date, later: date) -> int:
    """Whole calendar months from one day to another."""
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    return months - (later.day < earlier.day)


def _once(findings: Iterable[Finding]) -> list[Finding]:
    seen: set[tuple[str, str | None]] = set()
    kept = []
    for finding in findings:
        if (finding.code, finding.document) not in seen:
            seen.add((finding.code, finding.document))
            kept.append(finding)
    return kept
