"""Letter of agreement and informed consent: signed, dated, its field replaced?  Judged from what was seen in each place.

R7, R9, R10, R11.  Doubt is said, never passed: only pen ink in the signer's own place signs a form, and without any
place seen the text alone can show that a form is unsigned, never that it is signed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from classifiers import form_text
from classifiers.form_fields import OTHER_SIGNERS, READABLE, field_state, named, of_patient, two_people
from classifiers.form_words import any_of, date_in, mended, plain, readings, words
from records.model import FieldValue, Finding, FormSeen, Kind, Page, Severity, ZoneSeen

FAIR = 0.75  # OCR confidence at which a date that parses is believed
MOST_STROKES = 12  # shapes in a signature: more are print beside it, such as what a signing program writes
STALE_YEARS = 2  # an agreement signed earlier was not signed for this request
_NUMBERS = re.compile(r"\d{1,4}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{1,4}")


@dataclass(frozen=True, slots=True)
class FormVerdict:
    """What a form says of itself; `confidence` weakens the document's own when no registered blank was near."""

    fields: Mapping[str, FieldValue]
    findings: tuple[Finding, ...]
    evidence: tuple[str, ...]
    confidence: float = 1.0


@dataclass(slots=True)
class _Notes:
    """A verdict in the making."""

    kind: Kind
    fields: dict[str, FieldValue] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    trust_anyone: bool = False
    shown: bool = False  # the page says that somebody signed it digitally

    def find(self, code: str, severity: Severity, detail: str) -> None:
        whole = code if code == "not_programme_form" else f"{_prefix(self.kind)}_{code}"
        if whole not in {f.code for f in self.findings}:
            self.findings.append(Finding(whole, severity, detail, requirement=self.kind.value))

    def verdict(self, confidence: float) -> FormVerdict:
        return FormVerdict(dict(self.fields), tuple(self.findings), tuple(self.evidence), confidence)


def _prefix(kind: Kind) -> str:
    return "loa" if kind is Kind.LETTER_OF_AGREEMENT else "consent"


def pages_mixed(kind: Kind) -> Finding:
    """Whose page is whose can not be told."""
    why = "its pages lie mixed with those of another copy, or give two dates of birth"
    return Finding(f"{_prefix(kind)}_pages_mixed", Severity.DOUBTFUL, why, requirement=kind.value)


def judge(
    kind: Kind, pages: Sequence[Page], language: str | None, today: date | None = None, *, trust_anyone: bool = False
) -> FormVerdict:
    """Judge the pages of one form (`letter_of_agreement` or `informed_consent`).

    `today` is the caller's; without it nothing is called implausible (see `implausible`).
    `trust_anyone`: a digital signature that holds signs a form even when no trusted authority vouches for its signer.
    """
    notes = _Notes(kind, trust_anyone=trust_anyone, shown=any(any_of(p.text, words("shown")) for p in pages))
    laid = [p.form for p in pages if p.form and p.form.form is not None]
    named = [p.form for p in pages if p.form and p.form.form is None]
    if laid:
        confidence = _judge_registered(notes, laid, language, today)
    elif any(z.kind in ("signature", "date") for f in named for z in f.zones):
        confidence = _judge_labelled(notes, named, pages, language, today)
    else:
        confidence = _judge_text(notes, pages, language, today)
    return notes.verdict(confidence)


def implausible(date_iso: str, today: date) -> bool:
    """Can a form before us not have been signed on this day: in the future (a day's grace for time zones), or long ago?"""
    days = (date.fromisoformat(date_iso) - today).days
    return days > 1 or days < -366 * STALE_YEARS


# --- the three ways to see a form --------------------------------------------------------------------------------------


def _judge_registered(notes: _Notes, seen: Sequence[FormSeen], language: str | None, today: date | None) -> float:
    form = max(seen, key=lambda f: f.match)
    mine = [f for f in seen if f.form == form.form]
    notes.fields["form"], notes.fields["form_version"] = form.form or "", form.version or ""
    notes.fields["programme_form"] = form.kind == notes.kind.value
    notes.evidence.append(
        f"laid over registered form {form.form}, version {form.version}: {form.match:.0%} of its words in place"
    )
    if form.kind != notes.kind.value:
        notes.find(
            "not_programme_form",
            Severity.DOUBTFUL,
            f"reads as {notes.kind.value} but lies on a form of another kind ({form.kind})",
        )
    if form.withdrawn:
        notes.find("outdated", Severity.DOUBTFUL, f"version {form.version} is no longer accepted")
    absent = sorted(set(range(1, form.pages + 1)) - {f.page for f in mine})
    zones = list(_agreed(mine))
    _signature(notes, zones, absent, any(f.sealed for f in mine))
    _date(notes, zones, absent, language, today)
    _fields(notes, zones, absent, language)
    if absent and not any(f.code.endswith("_unclear") for f in notes.findings):
        notes.find("signature_unclear", Severity.DOUBTFUL, f"{_missing_pages(absent)}: what was signed is not the whole form")
    return 1.0


def _judge_labelled(
    notes: _Notes, seen: Sequence[FormSeen], pages: Sequence[Page], language: str | None, today: date | None
) -> float:
    notes.evidence.append("near no registered form: judged by the places beside its labels")
    _programme(notes, pages, compared=any(f.compared for f in seen))
    zones = list(_agreed(seen))
    _signature(notes, zones, [], any(f.sealed for f in seen))
    if _signers(zones, "signature"):
        _date(notes, zones, [], language, today)
    else:  # half of what was sought was not found: what seems empty may be another place
        notes.fields["dated"] = "unclear"
        notes.find("date_unclear", Severity.DOUBTFUL, "no place for a signature was seen, so its date is not sure either")
    _fields(notes, [z for z in zones if z.placeholder], [], language)
    _unseen_field(notes, pages, language)
    return 0.8


def _judge_text(notes: _Notes, pages: Sequence[Page], language: str | None, today: date | None) -> float:
    notes.evidence.append("judged by text alone: no place for signature or date was seen")
    _programme(notes, pages, compared=any(p.form.compared for p in pages if p.form))
    state, why = form_text.signed(pages)
    notes.fields["signed"] = state
    if state == "no":
        notes.find("unsigned", Severity.MISSING, why)
    else:
        notes.find("signature_unclear", Severity.DOUBTFUL, why)
    state, told = form_text.dated(pages, language)
    if state == "yes":
        _take_date(notes, told, language, today)
    else:
        notes.fields["dated"] = state
        notes.find(*(("undated", Severity.MISSING) if state == "no" else ("date_unclear", Severity.DOUBTFUL)), told)
    _unseen_field(notes, pages, language)
    return 0.6


def _unseen_field(notes: _Notes, pages: Sequence[Page], language: str | None) -> None:
    """R7 without a registered blank: replaced only when a name with a date of birth stands in the text."""
    if notes.kind is not Kind.LETTER_OF_AGREEMENT or any(f.code == "loa_field_unreplaced" for f in notes.findings):
        return
    if form_text.placeholder(pages):
        notes.find("field_unreplaced", Severity.MISSING, "a placeholder still stands in the text")
    elif form_text.names_patient(pages, language, str(notes.fields.get("date", ""))):
        notes.evidence.append("a name with a date of birth stands in the text")
    else:
        notes.find("field_unclear", Severity.DOUBTFUL, "no registered form is near, and no patient with a date of birth is named")


def _programme(notes: _Notes, pages: Sequence[Page], compared: bool) -> None:
    """A form that lies on no blank: another programme's, or home-made."""
    whole = plain(" ".join(p.text for p in pages))
    ours = any(plain(name) in whole for name in words("programme", "names"))
    notes.fields["programme_form"] = ours and not compared
    if compared:
        notes.find("not_programme_form", Severity.DOUBTFUL, "the page lies on none of the registered forms")
    elif not ours:
        notes.find("not_programme_form", Severity.DOUBTFUL, "the page does not name the programme and no form is registered")


def _agreed(seen: Sequence[FormSeen]) -> Iterator[ZoneSeen]:
    """Each place once.  Copies of one page that disagree about a place leave it unclear."""
    places: dict[tuple[int, str], list[ZoneSeen]] = {}
    for form in seen:
        for zone in form.zones:
            places.setdefault((form.page if form.form else 1, zone.name), []).append(zone)
    for copies in places.values():
        first = copies[0]
        alike = all((z.look, z.digital) == (first.look, first.digital) for z in copies)
        if first.kind != "signature":  # what was read must agree, too
            alike = all((z.look == "empty") == (first.look == "empty") and plain(z.text) == plain(first.text) for z in copies)
        if alike:
            yield first
        else:
            yield ZoneSeen(first.name, first.kind, first.ink, first.strokes, first.span, "", 0.0, first.placeholder, "unclear")


# --- signature ---------------------------------------------------------------------------------------------------------


def _signers(zones: Sequence[ZoneSeen], kind: str) -> list[ZoneSeen]:
    """Places of the patient or who signs for the patient; a witness's own are not theirs."""
    return [z for z in zones if z.kind == kind and not z.name.startswith(OTHER_SIGNERS)]


_LOOKS = {
    "print": "type stands where a signature should be",
    "smudge": "a smudge stands where a signature should be",
    "line": "only a line stands where a signature should be",
    "crowded": "print stands beside what may be a signature, as beside the picture of a digital one",
    "unclear": "what stands in the place for the signature can not be told to be one",
}


def _crowded(zone: ZoneSeen) -> bool:
    return zone.look == "pen" and zone.strokes > MOST_STROKES


_DIGITAL = {
    "changed": "the file was changed after it was digitally signed, or its digital signature does not hold",
    "unread": "the digital signature in the place for one can not be checked",
    "pictured": "what is seen says that the form was signed digitally; of a picture or a printed page that can not be checked",
    "intact": "the digital signature holds, but no authority that is trusted here vouches for its signer",
}


def _signature(notes: _Notes, zones: Sequence[ZoneSeen], absent: Sequence[int], sealed: bool = False) -> None:
    """`sealed`: the file holds a digital signature that lies in none of the zones."""
    places = [replace(z, look="crowded") if _crowded(z) else z for z in _signers(zones, "signature")]
    broken = [z for z in places if z.digital in ("changed", "unread")]
    held = [z for z in places if z.digital == "trusted" or (z.digital == "intact" and notes.trust_anyone)]
    signed = held or [z for z in places if z.look == "pen" and not (notes.shown and z.digital)]
    doubtful = [z for z in places if z.look not in ("pen", "empty")]
    pictured = notes.shown or any(any_of(z.text, words("typed")) for z in places)
    unvouched = [z for z in places if z.digital == "intact"]
    if broken:
        notes.fields["signed"] = "unclear"
        notes.find("signature_unclear", Severity.DOUBTFUL, _DIGITAL[broken[0].digital])
    elif pictured and not held and not unvouched:
        notes.fields["signed"] = "unclear"
        notes.find("signature_unclear", Severity.DOUBTFUL, _DIGITAL["pictured"])
    elif signed and (empty := _fellows(signed, places)):
        notes.fields["signed"] = "unclear"
        notes.find("signature_unclear", Severity.DOUBTFUL, f"signed in one place and not in another ({empty[0].name})")
    elif signed:
        notes.fields["signed"] = "yes"
        notes.evidence.append(_signs(signed[0]))
        _role(notes, zones, signed)
    elif unvouched:
        notes.fields["signed"] = "unclear"
        notes.find("signature_unclear", Severity.DOUBTFUL, _DIGITAL["intact"])
    elif sealed and places and not doubtful:
        notes.fields["signed"] = "unclear"
        notes.find("signature_unclear", Severity.DOUBTFUL, "the file is digitally signed, but not in the place for the signature")
    elif doubtful or not places:
        notes.fields["signed"] = "unclear"
        why = _LOOKS.get(doubtful[0].look, _LOOKS["unclear"]) if doubtful else "no place for a signature was seen"
        notes.find("signature_unclear", Severity.DOUBTFUL, f"{_missing_pages(absent)}: {why}" if absent and not doubtful else why)
    elif absent:
        notes.fields["signed"] = "unclear"
        notes.find("signature_unclear", Severity.DOUBTFUL, f"{_missing_pages(absent)}, and the places on the others are empty")
    else:
        notes.fields["signed"] = "no"
        notes.find("unsigned", Severity.MISSING, "the place for the signature is empty")


def _fellows(done: Sequence[ZoneSeen], places: Sequence[ZoneSeen]) -> list[ZoneSeen]:
    """Places of the same person in which nothing was done: a form that asks twice wants both."""
    stems = {_stem(zone) for zone in done}
    return [zone for zone in places if _stem(zone) in stems and zone not in done]


def _stem(zone: ZoneSeen) -> str:
    return re.sub(r"_\d+$", "", zone.name)


def _signs(zone: ZoneSeen) -> str:
    """The evidence of one signed place."""
    if zone.digital == "trusted":
        return "a digital signature in its place: it covers the whole file, and a trusted authority vouches for its signer"
    if zone.digital == "intact" and zone.look != "pen":
        return "a digital signature in its place: it covers the whole file; nobody vouches for its signer"
    return f"pen ink in the place for the signature ({zone.strokes} strokes over {zone.span:.0%} of it)"


def _missing_pages(absent: Sequence[int]) -> str:
    return f"page {', '.join(map(str, absent))} of the form is not here"


def _role(notes: _Notes, zones: Sequence[ZoneSeen], signed: Sequence[ZoneSeen]) -> None:
    """R9: who signed as what: patient | representative | unclear (something stands there) | not_stated."""
    asked = [z for z in zones if z.kind == "role"]
    said = " ".join(z.text for z in asked)
    if any_of(said, words("signer", "representative")) or all(z.name.startswith("representative") for z in signed):
        role = "representative"
    elif any_of(said, words("signer", "patient")):
        role = "patient"
    else:
        role = "unclear" if any(z.look != "empty" or z.text.strip() for z in asked) else "not_stated"
    notes.fields["signer_role"] = role
    if role in ("patient", "representative"):
        notes.evidence.append(f"signed as {role}")


# --- date --------------------------------------------------------------------------------------------------------------


def _date(notes: _Notes, zones: Sequence[ZoneSeen], absent: Sequence[int], language: str | None, today: date | None) -> None:
    places = _signers(zones, "date")
    read = [z for z in places if date_in(z.text, language)]
    sure = [z for z in read if _surely(z, FAIR)]
    beside = [
        z
        for z in _signers(zones, "signature")
        if date_in(z.text, language) and (z.confidence is None or z.confidence >= READABLE)
    ]
    if sure:
        _take_date(notes, sure[0].text, language, today)
        if empty := _fellows(sure, places):
            notes.fields["dated"] = "unclear"
            notes.find("date_unclear", Severity.DOUBTFUL, f"dated in one place and not surely in another ({empty[0].name})")
    elif read or any(z.look != "empty" or z.text.strip() for z in places):
        impossible = any(_NUMBERS.search(mended(z.text)) and _surely(z, READABLE) for z in places)
        notes.fields["dated"] = "unclear"
        if impossible and not read:
            notes.find(
                "date_implausible", Severity.DOUBTFUL, "what stands for the date is no day of our calendar, or not surely one"
            )
        else:
            notes.find(
                "date_unclear", Severity.DOUBTFUL, "something stands in the place for the date that can not be read as one"
            )
    elif beside:
        _take_date(notes, beside[0].text, language, today)
    elif not places or absent:
        notes.fields["dated"] = "unclear"
        why = _missing_pages(absent) if absent else "no place for a date was seen"
        notes.find("date_unclear", Severity.DOUBTFUL, why)
    else:
        notes.fields["dated"] = "no"
        notes.find("undated", Severity.MISSING, "the place for the date is empty")


def _surely(zone: ZoneSeen, floor: float) -> bool:
    return zone.confidence is None or zone.confidence >= floor


def _take_date(notes: _Notes, text: str, language: str | None, today: date | None) -> None:
    seen = date_in(text, language)
    if seen is None:
        return
    days = readings(seen, mended(text), language)
    notes.fields["dated"] = "yes"
    notes.fields["date_ambiguous"] = seen.ambiguous
    if seen.ambiguous:
        notes.fields["date_earliest"] = min(days)
        notes.find("date_ambiguous", Severity.ADVISORY, "the order of day, month and year is not sure")
    else:
        notes.fields["date"] = seen.iso
    notes.evidence.append(f"a date stands in its place: {' or '.join(days)}")
    if today and all(implausible(day, today) for day in days):
        notes.fields["dated"] = "unclear"
        notes.find("date_implausible", Severity.DOUBTFUL, "the date is in the future or long past")


# --- the highlighted field ---------------------------------------------------------------------------------------------


def _fields(notes: _Notes, zones: Sequence[ZoneSeen], absent: Sequence[int], language: str | None) -> None:
    places = [z for z in zones if z.kind == "field"]
    agreement = notes.kind is Kind.LETTER_OF_AGREEMENT
    for zone in places:
        state, why = field_state(zone)
        told = named(zone.text, language) if state == "replaced" and of_patient(zone) else {}
        if two_people(notes.fields, told):
            notes.find("field_unclear", Severity.DOUBTFUL, "its fields name two people")
        elif state == "replaced":
            notes.fields.update({name: value for name, value in told.items() if name not in notes.fields})
            notes.evidence.append("the field holds its own text in place of the placeholder")
        elif agreement:
            severity = Severity.DOUBTFUL if state == "unclear" else Severity.MISSING
            notes.find(f"field_{state}", severity, why)
    if agreement and not places and absent:
        notes.find("field_unclear", Severity.DOUBTFUL, _missing_pages(absent))
