"""Is everything there?  The checklist over all documents of a case (R7-R16, R27, R29)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from config.rules import Checklist
from records.model import Document, Fact, Finding, Kind, Severity
from routing import identity, imagesets, radiology

ADDRESSED_TO_US = (Kind.CUSTOMS_INVOICE, Kind.COVER_SHEET)  # the country on them is the programme's own
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
    """`documents`: all of the case, those held with doubt included; the answer does not depend on their order.

    More documents never make more *missing*, but for these, each of which they are themselves about: a report can lack
    its images, images their report (a newcomer may take another's partner, never add a gap of the other side), and the
    first that asks for pathology makes its report and specimen required.  What was doubtful may become certain: more
    images of a study can tell that it is not the one that a report speaks of.
    """
    ordered = sorted(documents, key=lambda d: d.id)
    findings = [f for kind in FORMS for f in _form(kind, ordered, rules)]
    findings += _radiology(ordered, rules)
    findings += _pathology(ordered, facts)
    vouched = _vouched(facts)
    findings += _identity(ordered, vouched)
    findings += _advice(ordered, rules, today)
    return Checked(tuple(_once(f for f in findings if not (f.code == "pairing_unclear" and f.document in vouched))))


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
    if not reports and not images:
        return [Finding(f"{k}_missing", Severity.MISSING, requirement=k) for k in (Kind.RADIOLOGY_REPORT, Kind.RADIOLOGY_IMAGE)]
    found = radiology.pair(reports, images, rules.study_date_tolerance_days)
    findings = [_about("report_without_images", d, Kind.RADIOLOGY_IMAGE) for d in found.lone_reports]
    findings += [_about("images_without_report", s.documents[0], Kind.RADIOLOGY_REPORT) for s in found.lone_images]
    findings += [_about("pairing_unclear", d, Kind.RADIOLOGY_IMAGE) for d in found.unclear_reports]
    findings += [_about("pairing_unclear", s.documents[0], Kind.RADIOLOGY_REPORT) for s in found.unclear_images]
    for report in reports:
        faults = [f for f in report.findings if f.severity is not Severity.ADVISORY]
        findings += [replace(f, document=report.id, requirement=report.kind) for f in faults]
    for together in imagesets.image_sets(images):
        findings += [replace(f, document=together.id, requirement=Kind.RADIOLOGY_IMAGE) for f in together.faults]
    return findings


def _about(code: str, document: Document, needed: Kind) -> Finding:
    severity = Severity.DOUBTFUL if code == "pairing_unclear" else Severity.MISSING
    return Finding(code, severity, document=document.id, requirement=needed, study=radiology.study(document))


def _pathology(documents: Sequence[Document], facts: Mapping[str, Fact]) -> list[Finding]:
    """R14, R16: optional, until a request, an invoice, a shipping mention or the specimen itself makes it required."""
    asking = next((d for d in documents if _asks_for_pathology(d)), None)
    arrived = any(name in facts for name in ("courier_slides", "courier_blocks"))
    said = facts.get("pathology")
    wanted = said.value not in ("none", False) if said is not None else bool(asking or arrived)
    if not wanted:
        return []
    why = f"asked for in {asking.part}" if asking else ("a specimen arrived" if arrived else "staff say so")
    findings = [Finding("pathology_fee", Severity.ADVISORY, f"slides: {slides(documents, facts)}")]
    if not any(d.kind is Kind.PATHOLOGY_REPORT for d in documents):
        findings.append(Finding("pathology_report_missing", Severity.MISSING, why, requirement=Kind.PATHOLOGY_REPORT))
    if not arrived:
        findings.append(Finding("specimen_missing", Severity.MISSING, why, requirement="specimen"))
    return findings


def _asks_for_pathology(d: Document) -> bool:
    return d.kind is Kind.CUSTOMS_INVOICE or bool(d.fields.get("pathology_requested") or d.fields.get("mentions_specimen"))


def slides(documents: Iterable[Document], facts: Mapping[str, Fact]) -> str:
    """R15: stained | unstained | both | unknown; staff's word outranks the papers'."""
    said = facts.get("slides")
    if said is not None and said.value != "unknown":
        return str(said.value)
    stains = {str(d.fields["slides"]) for d in documents if d.fields.get("slides")}
    return "both" if len(stains) > 1 else next(iter(stains), "unknown")


def _identity(documents: Sequence[Document], vouched: frozenset[str]) -> list[Finding]:
    """Every pair that clashes, told at the document that clashes with most, so that staff see which is the odd one."""
    clashes = identity.conflicts(documents, vouched)
    often = Counter(d.id for a, b, _ in clashes for d in (a, b))
    odd: dict[str, str] = {}
    for a, b, why in sorted(clashes, key=lambda c: (c[0].id, c[1].id)):
        one, other = sorted((a, b), key=lambda d: (-often[d.id], d.id))
        odd.setdefault(one.id, identity.told([(one, other, why)]))
    first = next(iter(sorted(odd.items(), key=lambda entry: (-often[entry[0]], entry[0]))), None)
    return [Finding("identity_conflict", Severity.DOUBTFUL, first[1], document=first[0])] if first else []


def _vouched(facts: Mapping[str, Fact]) -> frozenset[str]:
    """Documents of which staff said that they are one patient's and belong together (`case match`)."""
    match = facts.get("match")
    return frozenset(str(match.value).split()) if match is not None else frozenset()


def _advice(documents: Sequence[Document], rules: Checklist, today: date) -> list[Finding]:
    findings = [replace(f, document=d.id) for d in documents for f in d.findings if f.severity is Severity.ADVISORY]
    if not any(d.kind is Kind.MEDICAL_RECORD for d in documents):
        findings.append(Finding("medical_record_missing", Severity.ADVISORY))
    home = next((d for d in documents if d.kind not in ADDRESSED_TO_US and d.fields.get("country") == "US"), None)
    if home is not None:  # R1: told to staff, a reason for nothing
        findings.append(Finding("us_requester", Severity.ADVISORY, document=home.id))
    days = [day for d in documents if (day := _report_day(d)) is not None and day <= today + timedelta(days=1)]
    if days and (months := _months_between(max(days), today)) >= rules.report_age_months:
        findings.append(Finding("report_too_old", Severity.ADVISORY, f"the newest is {months} months old"))
    return findings


def _report_day(document: Document) -> date | None:
    if document.kind not in (Kind.RADIOLOGY_REPORT, Kind.PATHOLOGY_REPORT):
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
