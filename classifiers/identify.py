"""From a reading to its documents: every page judged, pages grouped, forms checked, studies gathered.

Pure: the same reading under the same rules gives the same documents, in the order of the parts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from classifiers import discs
from classifiers.cards import has_card, mask
from classifiers.customs import judge_customs
from classifiers.exams import exam_fields
from classifiers.fields import fields_of
from classifiers.form_pages import gathered, one_version, photographed, tangled, two_people
from classifiers.forms import judge, pages_mixed
from classifiers.links import promised
from classifiers.marks import is_programme, marks_of, stain_of
from classifiers.mrz import find_mrz
from classifiers.page import Scored, classify_sighted, judge_weights
from classifiers.segment import PageFacts, Run, runs_of
from classifiers.series import is_measurement
from classifiers.sight import sights
from classifiers.studies import document_id, no_image_set, not_images, studies_of
from classifiers.wants import wants
from classifiers.whose import whose
from classifiers.words import prepare, without_fax_line
from config.rules import Identifying
from records.model import Dicom, Document, FieldValue, Finding, Kind, Page, Part, Reading, Role, Severity, TextSource

FORMS = frozenset({Kind.LETTER_OF_AGREEMENT, Kind.INFORMED_CONSENT})
WISHING = frozenset({Kind.CORRESPONDENCE, Kind.COVER_SHEET, Kind.LETTER_OF_AGREEMENT, Kind.CUSTOMS_INVOICE})
SMALL_PICTURE = 250_000  # pixels; a smaller picture inside a mail body is a logo
REPORT_IN_BODY = 0.9  # how sure a mail's own words must be another kind to be taken as that
PUT_ASIDE = 0.75  # how sure a page must be none of the kinds to be put aside without staff
PROSE_WORDS = 6  # in one value of a structured report
MOST_OVERLAY = 80  # words that a viewer writes over a picture, at most
_OVERLAY = re.compile(
    r"\b(?:WW?/?WL|WW?|WL|Se(?:ries)?|Im(?:age|g)?|Zoom|DFOV|FOV|kVp?|mAs?|Thk|SL|TR|TE|Loc|Tilt)\s?[:=]\s?[-\d]", re.IGNORECASE
)
_REPORT_MODALITIES = frozenset({"SR", "DOC"})
_SR_KINDS = frozenset({Kind.RADIOLOGY_REPORT, Kind.PATHOLOGY_REPORT, Kind.MEDICAL_RECORD})
_DISC_NOTE = re.compile(
    r"(?:^|/)(?:read_?me|lies_?mich|lisez_?moi|l[eé]a?me|leggimi|licen[cs]e)[^/]*\.(?:txt|html?)$", re.IGNORECASE
)


def identify(reading: Reading, rules: Identifying) -> tuple[Document, ...]:
    """The documents of all parts of a reading; programs, logos and empty mail bodies give none."""
    documents: list[Document] = []
    pictures: list[Part] = []
    directories = [part for part in reading.parts if part.media_type == discs.DIRECTORY]
    headers = {part.path: part.dicom for part in reading.parts if part.dicom is not None}
    problems = {problem.part for problem in reading.problems}
    together = {of[0].path: one for of in photographed(reading.parts) if (one := _page_by_page(of, rules))}
    pieces = {path for one in together.values() for path in one.parts}
    for part in reading.parts:
        if part.path in pieces:
            documents += [together[part.path]] if part.path in together else []
            continue
        empty = not _has_text(part)
        if part in directories:
            continue
        if part.role is Role.PROGRAM or _is_logo(part) or (empty and _needs_none(part, problems)):
            continue
        if part.dicom is not None and empty:
            pictures.append(part)
            continue
        wrapper = headers.get(part.path.rpartition("/")[0])
        documents += _promising(part, _documents_of(replace(part, dicom=wrapper) if wrapper else part, rules))
    if (viewer := discs.viewer_only(reading.parts, problems)) is not None:
        documents.append(not_images(viewer, (no_image_set("a disc with a viewer and no images", {}),)))
    cut = {problem.part for problem in reading.problems if problem.code == "dicom_truncated"}
    paths = problems | {part.path for part in reading.parts}
    studies = studies_of(pictures, directories, paths, cut)
    return (*whose(documents, studies, reading.parts), *studies)


def _page_by_page(parts: Sequence[Part], rules: Identifying) -> Document | None:
    """The form whose pages came as a picture each; None when anything about it is doubtful: staff see each page by itself."""
    apart = [d for part in parts for d in _documents_of(part, rules)]
    names = [set(str(d.fields["patient_name"]).casefold().split()) for d in apart if d.fields.get("patient_name")]
    pages = tuple(replace(part.pages[0], number=n) for n, part in enumerate(parts, start=1))
    found = _documents_of(replace(parts[0], pages=pages), rules)
    one = all(a <= b or b <= a for a, b in combinations(names, 2)) and len(found) == 1
    if not one or any(f.severity is Severity.DOUBTFUL for f in found[0].findings):
        return None
    digests = tuple(part.sha256 for part in parts)
    return replace(found[0], id=document_id(digests, (1,)), parts=tuple(part.path for part in parts), sha256s=digests, pages=(1,))


def _promising(part: Part, documents: list[Document]) -> list[Document]:
    """A link to a cloud or a viewer is listed as promised, not received (R13), at the first document of its part."""
    hosts = promised(part.links)
    if not hosts or not documents:
        return documents
    told = Finding(
        "images_promised", Severity.ADVISORY, f"a link to {', '.join(hosts[:5])}", requirement=Kind.RADIOLOGY_IMAGE.value
    )
    first = replace(documents[0], findings=(*documents[0].findings, told))
    return [first, *documents[1:]]


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
    pages = one_version(pages)
    facts = [_facts(page, rules) for page in pages]
    runs = gathered(runs_of(facts))
    if part.role is Role.BODY or len(facts) == 1:
        runs = (Run(tuple(facts), 1.0),)
    mixed = tangled(pages)
    documents = [_whole(_document(part, run, len(runs) > 1, rules), run, mixed) for run in runs]
    return [_disc_note(d) for d in documents] if part.role is Role.MEMBER and _DISC_NOTE.search(part.path) else documents


def _whole(document: Document, run: Run, mixed: frozenset[str]) -> Document:
    """A form whose pages may be two people's is doubtful, however complete it looks."""
    if document.kind not in FORMS or not (document.fields.get("form") in mixed or two_people(run.pages)):
        return document
    return replace(document, findings=(*document.findings, pages_mixed(document.kind)))


def _disc_note(document: Document) -> Document:
    """A viewer's own note on a disc is nothing for staff, unless its words are those of a document."""
    if document.kind is not Kind.UNKNOWN:
        return document
    return replace(document, fields={**document.fields, "looks_like": "disc_note"})


def _facts(page: Page, rules: Identifying) -> PageFacts:
    """One page judged; card numbers are masked before anything is taken from its text."""
    carded = has_card(page.text)
    shown = replace(page, text=mask(page.text)) if carded else page
    recognised = page.source is TextSource.OCR
    prepared = prepare(without_fax_line(shown.text) if recognised else shown.text)
    seen = sights(prepared, recognised)
    scored = classify_sighted(prepared, seen, rules.threshold)
    fields = fields_of(prepared, seen, scored.language)
    if scored.title == Kind.RADIOLOGY_REPORT:
        fields = {**exam_fields(prepared, seen, Kind.RADIOLOGY_REPORT, scored.language), **fields}
    if carded:
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
        kind, fields = _dicom_report(part.dicom, part, kind, fields)
    if kind in {Kind.RADIOLOGY_REPORT, Kind.PATHOLOGY_REPORT}:
        fields = {**exam_fields(run.pages[0].prepared, run.pages[0].seen, kind, language), **fields}
    if kind is Kind.CUSTOMS_INVOICE:
        customs = judge_customs(text)
        fields, findings = {**fields, **customs.fields}, customs.findings
    if kind in WISHING:
        fields = {**fields, **stain_of(seen)}
        if kind not in FORMS:  # a form's printed words are nobody's wish
            fields |= wants((f.prepared, f.page.source is TextSource.OCR) for f in run.pages)
    if kind in FORMS:
        fields, findings, more = _form(kind, pages, marks_of(seen), language, fields, rules)
        evidence += more
    if kind is Kind.UNKNOWN and not fields.get("looks_like"):
        findings = _as_picture(part, text)
        fields = {**fields, **({} if findings else _put_aside(scored))}
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
    none = scored.probabilities.get(Kind.UNKNOWN, 0.0)
    sure = scored.best is Kind.UNKNOWN and none >= PUT_ASIDE and rivals <= 0.15 and bool(scored.weights)
    return {"looks_like": scored.looks_like} if sure else {}


def _dicom_report(dicom: Dicom, part: Part, kind: Kind, fields: Mapping[str, FieldValue]) -> tuple[Kind, dict[str, FieldValue]]:
    """A structured report or wrapped paper: its header's facts stand, and prose in it is a radiology report unless it says else.

    What a machine counted (dose, detections) is no report of a physician's.
    """
    header = dict(studies_of((part,))[0].fields)
    for counted in ("series", "instances", "modality", "modalities", "body_part", "looks_like"):
        header.pop(counted, None)
    if is_measurement(dicom):
        return Kind.UNKNOWN, {**fields, **header, "looks_like": "dicom_note"}
    if dicom.modality == "SR" and kind not in _SR_KINDS:
        kind = Kind.UNKNOWN
    if kind is Kind.UNKNOWN and dicom.modality in _REPORT_MODALITIES and _is_prose(part):
        kind = Kind.RADIOLOGY_REPORT
    return kind, {**fields, **header}


def _is_prose(part: Part) -> bool:
    """Sentences, where a report of measurements has names and figures."""
    values = [line.partition(": ")[2] or line for page in part.pages for line in page.text.split("\n")]
    return any(len(re.findall(r"[^\W\d_]{2,}", v)) >= PROSE_WORDS or len(re.findall(r"[\u3040-\ud7af]", v)) >= 12 for v in values)


def _as_picture(part: Part, text: str) -> tuple[Finding, ...]:
    """A picture without words, or with a viewer's: a photo, screenshot or export of images is no image set (R13)."""
    overlay = len({m.casefold() for m in _OVERLAY.findall(text)})
    if overlay >= 2 and len(text.split()) <= MOST_OVERLAY:
        return (no_image_set("a photo, screenshot or export of images, with a viewer's words on it", {}),)
    if part.media_type.startswith("image/") and part.media_type != "image/tiff" and not text.strip():
        return (no_image_set("a picture without words: perhaps a photo, screenshot or export of images", {}),)
    return ()


def _form(
    kind: Kind,
    pages: Sequence[Page],
    marks: Mapping[str, int],
    language: str | None,
    fields: dict[str, FieldValue],
    rules: Identifying,
) -> tuple[dict[str, FieldValue], tuple[Finding, ...], tuple[str, ...]]:
    """What a letter of agreement or a consent says and lacks; one of another house is doubtful, whatever its signature."""
    registered = any(page.form is not None and page.form.form for page in pages)
    ours = registered or is_programme(marks)
    if not ours:
        doubt = Finding(
            "not_programme_form", Severity.DOUBTFUL, f"{kind.value.replace('_', ' ')} of another house", requirement=kind.value
        )
        return {**fields, "programme_form": False}, (doubt,), ()
    verdict = judge(kind, pages, language, trust_anyone=rules.accept_untrusted_signatures)
    if fields.get("birth_date") == verdict.fields.get("date"):  # stood beside words that ask for a date of birth
        fields = {name: value for name, value in fields.items() if name != "birth_date"}
    if any(page.source is TextSource.OCR and page.form is not None and page.form.form for page in pages):
        # read once, as a whole page: what the place of the field did not confirm is not believed
        fields = {name: value for name, value in fields.items() if name != "birth_date"}
    asked = any(z.kind == "field" for page in pages if page.form is not None and page.form.form for z in page.form.zones)
    if asked and any(f.code.startswith("loa_field_") for f in verdict.findings):  # words beside its label are the form's own
        fields = {name: value for name, value in fields.items() if name != "patient_name"}
    return {**fields, "programme_form": True, **verdict.fields}, tuple(verdict.findings), verdict.evidence
