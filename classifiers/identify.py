"""From a reading to its documents: every page judged, pages grouped, forms checked, studies gathered.

Pure: the same reading under the same rules gives the same documents, in the order of the parts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from classifiers.cards import card_spans, mask
from classifiers.customs import judge_customs
from classifiers.exams import exam_fields
from classifiers.fields import fields_of
from classifiers.forms import judge
from classifiers.marks import is_programme, marks_of, wishes
from classifiers.mrz import find_mrz
from classifiers.page import Scored, classify_sighted, judge_weights
from classifiers.segment import PageFacts, Run, runs_of
from classifiers.sight import sights
from classifiers.studies import document_id, studies_of
from classifiers.words import prepare, without_fax_line
from config.rules import Identifying
from records.model import Document, FieldValue, Finding, Kind, Page, Part, Reading, Role, Severity, TextSource

FORMS = frozenset({Kind.LETTER_OF_AGREEMENT, Kind.INFORMED_CONSENT})
WISHING = frozenset({Kind.CORRESPONDENCE, Kind.COVER_SHEET, Kind.LETTER_OF_AGREEMENT, Kind.CUSTOMS_INVOICE})
SMALL_PICTURE = 250_000  # pixels; a smaller picture inside a mail body is a logo
REPORT_IN_BODY = 0.9  # how sure a mail's own words must be another kind to be taken as that
PUT_ASIDE = 0.75  # how sure a page must be none of the kinds to be put aside without staff
_REPORT_MODALITIES = frozenset({"SR", "DOC"})
_DISC_NOTE = re.compile(
    r"(?:^|/)(?:read_?me|lies_?mich|lisez_?moi|l[eé]a?me|leggimi|licen[cs]e)[^/]*\.(?:txt|html?)$", re.IGNORECASE
)


def identify(reading: Reading, rules: Identifying) -> tuple[Document, ...]:
    """The documents of all parts of a reading; programs, logos and empty mail bodies give none."""
    documents: list[Document] = []
    pictures: list[Part] = []
    problems = {problem.part for problem in reading.problems}
    for part in reading.parts:
        empty = not _has_text(part)
        if part.role is Role.PROGRAM or _is_logo(part) or (empty and _needs_none(part, problems)):
            continue
        if part.dicom is not None and empty:
            pictures.append(part)
            continue
        documents += _documents_of(part, rules)
    return (*documents, *studies_of(pictures))


def _is_logo(part: Part) -> bool:
    small = (part.width or 0) * (part.height or 0) < SMALL_PICTURE
    return part.role is Role.INLINE and small and part.media_type.startswith("image/")


def _needs_none(part: Part, problems: set[str]) -> bool:
    """Whether a part without text needs no document: an empty body, blank paper, or a part whose problem speaks for it."""
    blank = bool(part.pages) and all(page.blank for page in part.pages)
    return part.dicom is None and (part.role is Role.BODY or blank or part.path in problems)


def _has_text(part: Part) -> bool:
    return any(page.text.strip() for page in part.pages)


def _documents_of(part: Part, rules: Identifying) -> list[Document]:
    pages = part.pages or (Page(1, "", TextSource.NONE),)
    facts = [_facts(page, rules) for page in pages]
    runs = runs_of(facts)
    if part.role is Role.BODY or len(facts) == 1:
        runs = (Run(tuple(facts), 1.0),)
    documents = [_document(part, run, len(runs) > 1, rules) for run in runs]
    return [_disc_note(d) for d in documents] if part.role is Role.MEMBER and _DISC_NOTE.search(part.path) else documents


def _disc_note(document: Document) -> Document:
    """A viewer's own note on a disc is nothing for staff, unless its words are those of a document."""
    if document.kind is not Kind.UNKNOWN:
        return document
    return replace(document, fields={**document.fields, "looks_like": "disc_note"})


def _facts(page: Page, rules: Identifying) -> PageFacts:
    """One page judged; card numbers are masked before anything is taken from its text."""
    has_card = next(card_spans(page.text), None) is not None
    shown = replace(page, text=mask(page.text)) if has_card else page
    recognised = page.source is TextSource.OCR
    prepared = prepare(without_fax_line(shown.text) if recognised else shown.text)
    seen = sights(prepared, recognised)
    scored = classify_sighted(prepared, seen, rules.threshold)
    fields = fields_of(prepared, seen, scored.language)
    if scored.title == Kind.RADIOLOGY_REPORT:
        fields = {**exam_fields(prepared, seen, Kind.RADIOLOGY_REPORT), **fields}
    if has_card:
        scored = _certain(scored, Kind.PAYMENT_CARD, 0.98, "a payment card number (masked)")
        return PageFacts(shown, prepared, seen, scored, fields, alone=True)
    if page.form is not None and page.form.form and page.form.kind:
        kind = Kind(page.form.kind)
        scored = _certain(scored, kind, max(0.9, min(0.99, page.form.match)), f"registered form {page.form.form}")
    elif (mrz := find_mrz(page.text)) is not None:
        fields = {**fields, **mrz.fields}
        says = "machine-readable lines" + (" with right check digits" if mrz.checked else "")
        scored = _certain(scored, Kind.IDENTITY_DOCUMENT, 0.98 if mrz.checked else 0.9, says)
    return PageFacts(shown, prepared, seen, scored, fields)


def _certain(scored: Scored, kind: Kind, confidence: float, says: str) -> Scored:
    """A judgement settled by something stronger than words."""
    return replace(
        scored,
        kind=kind,
        best=kind,
        looks_like=kind.value,
        confidence=confidence,
        evidence=(says, *scored.evidence[:2]),
        title=kind.value,
    )


def _judged(run: Run, part: Part, rules: Identifying) -> Scored:
    """The kind of a run of pages: a page settled by a form, lines or a card speaks for all, else their weights add up."""
    with_text = [f for f in run.pages if f.page.text.strip()]
    strong = [f.scored for f in with_text if _settled(f)]
    if strong:
        return strong[0]
    if len(with_text) == 1:
        scored = with_text[0].scored
    else:
        sums: defaultdict[str, float] = defaultdict(float)
        for f in with_text:
            for name, weight in f.scored.weights.items():
                sums[name] += weight
        language = next((f.scored.language for f in with_text if f.scored.language), None)
        scored = judge_weights(sums, [s for f in with_text for s in f.scored.seen], rules.threshold, language)
    if part.role is Role.BODY and not (
        scored.best not in {Kind.UNKNOWN, Kind.CORRESPONDENCE} and scored.confidence >= REPORT_IN_BODY
    ):
        return _certain(
            scored,
            Kind.CORRESPONDENCE,
            round(max(0.8, scored.probabilities.get(Kind.CORRESPONDENCE, 0.0)), 4),
            "the mail's own words",
        )
    return scored


def _settled(facts: PageFacts) -> bool:
    form = facts.page.form is not None and facts.page.form.form is not None
    return facts.alone or form or (facts.scored.kind is Kind.IDENTITY_DOCUMENT and facts.scored.confidence >= 0.9)


def _document(part: Part, run: Run, split: bool, rules: Identifying) -> Document:
    scored = _judged(run, part, rules)
    pages = [f.page for f in run.pages]
    kind = scored.kind
    seen = [s for f in run.pages for s in f.seen]
    fields = _merged(run.pages)
    language = scored.language
    findings: tuple[Finding, ...] = ()
    evidence = scored.evidence
    text = "\n".join(page.text for page in pages)
    if part.dicom is not None:
        kind, fields = _dicom_report(part, kind, fields)
    if kind in {Kind.RADIOLOGY_REPORT, Kind.PATHOLOGY_REPORT}:
        fields = {**exam_fields(run.pages[0].prepared, run.pages[0].seen, kind), **fields}
    if kind is Kind.CUSTOMS_INVOICE:
        customs = judge_customs(text)
        fields, findings = {**fields, **customs.fields}, customs.findings
    if kind in WISHING:
        fields = {**fields, **wishes(marks_of(seen))}
    if kind in FORMS:
        fields, findings, more = _form(kind, pages, marks_of(seen), language, fields)
        evidence += more
    if kind is Kind.UNKNOWN:
        fields = {**fields, **_put_aside(scored)}
    if split:
        fields["boundary"] = run.certain
    numbers = tuple(page.number for page in pages) if part.pages else ()
    return Document(
        id=document_id((part.sha256,), numbers),
        kind=kind,
        confidence=scored.confidence,
        part=part.path,
        parts=(part.path,),
        sha256s=(part.sha256,),
        pages=numbers,
        language=language,
        text_source=_source(pages),
        evidence=evidence,
        fields=fields,
        findings=findings,
    )


def _merged(pages: Sequence[PageFacts]) -> dict[str, FieldValue]:
    """Fields of a run's pages; the earlier page's value stands."""
    merged: dict[str, FieldValue] = {}
    for facts in reversed(pages):
        merged.update(facts.fields)
    return merged


def _source(pages: Sequence[Page]) -> str:
    sources = {page.source for page in pages}
    return next((s.value for s in (TextSource.OCR, TextSource.LAYER) if s in sources), TextSource.NONE.value)


def _put_aside(scored: Scored) -> dict[str, FieldValue]:
    """`looks_like` when a text is surely none of the kinds and hardly any of them."""
    rivals = max((p for kind, p in scored.probabilities.items() if kind is not Kind.UNKNOWN), default=1.0)
    sure = scored.best is Kind.UNKNOWN and scored.confidence >= PUT_ASIDE and rivals <= 0.15 and bool(scored.weights)
    return {"looks_like": scored.looks_like} if sure else {}


def _dicom_report(part: Part, kind: Kind, fields: Mapping[str, FieldValue]) -> tuple[Kind, dict[str, FieldValue]]:
    """A structured report or encapsulated file: its header's facts stand, and it is a radiology report unless it says else."""
    header = dict(studies_of((part,))[0].fields)
    for counted in ("series", "instances", "modality", "body_part"):
        header.pop(counted, None)
    if kind is Kind.UNKNOWN and part.dicom and part.dicom.modality in _REPORT_MODALITIES:
        kind = Kind.RADIOLOGY_REPORT
    return kind, {**fields, **header}


def _form(
    kind: Kind, pages: Sequence[Page], marks: Mapping[str, int], language: str | None, fields: dict[str, FieldValue]
) -> tuple[dict[str, FieldValue], tuple[Finding, ...], tuple[str, ...]]:
    """What a letter of agreement or a consent says and lacks; one of another house is doubtful, whatever its signature."""
    registered = any(page.form is not None and page.form.form for page in pages)
    ours = registered or is_programme(marks)
    if not ours:
        doubt = Finding(
            "not_programme_form", Severity.DOUBTFUL, f"{kind.value.replace('_', ' ')} of another house", requirement=kind.value
        )
        return {**fields, "programme_form": False}, (doubt,), ()
    verdict = judge(kind, pages, language)
    return {**fields, "programme_form": True, **verdict.fields}, tuple(verdict.findings), verdict.evidence
