"""Letter of agreement and informed consent: signed, dated, its field replaced?  Judged from what was seen in each place.

R7, R9, R10, R11.  Doubt is said, never passed: only pen ink in the signer's own place signs a form, and without any
place seen the text alone can show that a form is unsigned, never that it is signed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from rapidfuzz import fuzz

from classifiers.dates import find_dates, western_digits
from classifiers.page import lexicon_file
from records.model import FieldValue, Finding, FormSeen, Kind, Page, Severity, TextSource, ZoneSeen

FAIR = 0.5  # OCR confidence at which a date that parses is believed
READABLE = 0.8  # OCR confidence at which a typed name is believed
CERTAIN = 0.85  # the same for handwriting
STALE_YEARS = 2  # an agreement signed earlier was not signed for this request
OTHER_SIGNERS = ("witness", "interpreter", "physician")
_NUMBERS = re.compile(r"\d{1,4}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{1,4}")
_RULE = re.compile(r"^[\s_.…·\-–—:|]*$")


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

    def find(self, code: str, severity: Severity, detail: str) -> None:
        prefix = "loa" if self.kind is Kind.LETTER_OF_AGREEMENT else "consent"
        whole = code if code == "not_programme_form" else f"{prefix}_{code}"
        if whole not in {f.code for f in self.findings}:
            self.findings.append(Finding(whole, severity, detail, requirement=self.kind.value))

    def verdict(self, confidence: float) -> FormVerdict:
        return FormVerdict(dict(self.fields), tuple(self.findings), tuple(self.evidence), confidence)


def judge(kind: Kind, pages: Sequence[Page], language: str | None, today: date | None = None) -> FormVerdict:
    """Judge the pages of one form (`letter_of_agreement` or `informed_consent`).

    `today` is the caller's; without it nothing is called implausible (see `implausible`).
    """
    notes = _Notes(kind)
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


# --- the three ways to see a form ------------------------------------------------------------------------------------------


def _judge_registered(notes: _Notes, seen: Sequence[FormSeen], language: str | None, today: date | None) -> float:
    form = max(seen, key=lambda f: f.match)
    mine = [f for f in seen if f.form == form.form]
    notes.fields["form"] = form.form or ""
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
    absent = sorted(set(range(1, form.pages + 1)) - {f.page for f in mine})
    zones = list(_agreed(mine))
    _signature(notes, zones, absent)
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
    _signature(notes, zones, [])
    _date(notes, zones, [], language, today)
    _fields(notes, [z for z in zones if z.placeholder], [], language)
    return 0.8


def _programme(notes: _Notes, pages: Sequence[Page], compared: bool) -> None:
    """A form that lies on no blank: another programme's, or home-made."""
    whole = plain(" ".join(p.text for p in pages))
    ours = any(plain(name) in whole for name in _words("programme", "names"))
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
        if all((z.look == "empty") == (first.look == "empty") and plain(z.text) == plain(first.text) for z in copies):
            yield first
        elif first.kind == "signature" and all(z.look == first.look for z in copies):
            yield first
        else:
            yield ZoneSeen(first.name, first.kind, first.ink, first.strokes, first.span, "", 0.0, first.placeholder, "unclear")


# --- signature -----------------------------------------------------------------------------------------------------------------


def _signers(zones: Sequence[ZoneSeen], kind: str) -> list[ZoneSeen]:
    """Places of the patient or who signs for the patient; a witness's own are not theirs."""
    return [z for z in zones if z.kind == kind and not z.name.startswith(OTHER_SIGNERS)]


_LOOKS = {
    "print": "type stands where a signature should be",
    "smudge": "a smudge stands where a signature should be",
    "line": "only a line stands where a signature should be",
    "unclear": "what stands in the place for the signature can not be told to be one",
}


def _signature(notes: _Notes, zones: Sequence[ZoneSeen], absent: Sequence[int]) -> None:
    places = _signers(zones, "signature")
    signed = [z for z in places if z.look == "pen"]
    doubtful = [z for z in places if z.look not in ("pen", "empty")]
    if signed:
        notes.fields["signed"] = "yes"
        notes.evidence.append(
            f"pen ink in the place for the signature ({signed[0].strokes} strokes over {signed[0].span:.0%} of it)"
        )
        _role(notes, zones, signed)
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


def _missing_pages(absent: Sequence[int]) -> str:
    return f"page {', '.join(map(str, absent))} of the form is not here"


def _role(notes: _Notes, zones: Sequence[ZoneSeen], signed: Sequence[ZoneSeen]) -> None:
    """R9: who signed as what; left out when nothing says."""
    said = " ".join(z.text for z in zones if z.kind == "role")
    if _any_of(said, _words("signer", "representative")):
        notes.fields["signer_role"] = "representative"
    elif _any_of(said, _words("signer", "patient")):
        notes.fields["signer_role"] = "patient"
    elif all(z.name.startswith("representative") for z in signed):
        notes.fields["signer_role"] = "representative"


# --- date ----------------------------------------------------------------------------------------------------------------------


def _date(notes: _Notes, zones: Sequence[ZoneSeen], absent: Sequence[int], language: str | None, today: date | None) -> None:
    places = _signers(zones, "date")
    read = [z for z in places if _date_in(z.text, language)]
    sure = [z for z in read if z.confidence is None or z.confidence >= FAIR]
    beside = [
        z
        for z in _signers(zones, "signature")
        if _date_in(z.text, language) and (z.confidence is None or z.confidence >= READABLE)
    ]
    if sure:
        _take_date(notes, sure[0].text, language, today)
    elif read or any(z.look != "empty" or z.text.strip() for z in places):
        impossible = any(_NUMBERS.search(_mended(z.text)) and (z.confidence is None or z.confidence >= READABLE) for z in places)
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


def _mended(text: str) -> str:
    """Digits as 0-9, and letters that OCR takes for digits beside digits put right."""
    digits = western_digits(text)
    digits = re.sub(r"(?<=[\d/.\-])[oOQ](?=[\d/.\-]|$|\s)|(?<![^\W\d])[oOQ](?=\d)", "0", digits)
    return re.sub(r"(?<=[\d/.\-])[lI|](?=[\d/.\-]|$|\s)|(?<![^\W\d])[lI|](?=\d)", "1", digits)


def _date_in(text: str, language: str | None) -> tuple[str, bool] | None:
    """(ISO 8601, ambiguous) of the first date; R10: day and month are never guessed by language."""
    found = next(find_dates(_mended(text), "fa" if language == "fa" else None), None)
    return (found.iso, found.ambiguous) if found else None


def _take_date(notes: _Notes, text: str, language: str | None, today: date | None) -> None:
    seen = _date_in(text, language)
    assert seen is not None
    iso, ambiguous = seen
    notes.fields["dated"] = "yes"
    notes.fields["date_ambiguous"] = ambiguous
    readings = [iso]
    if ambiguous:
        year, month, day = iso.split("-")
        readings.append(f"{year}-{day}-{month}")
        notes.find("date_ambiguous", Severity.ADVISORY, "day and month of the date could be the other way round")
    else:
        notes.fields["date"] = iso
    notes.evidence.append(f"a date stands in its place: {readings[0]}" + (f" or {readings[1]}" if ambiguous else ""))
    if today and all(implausible(reading, today) for reading in readings):
        notes.fields["dated"] = "unclear"
        notes.find("date_implausible", Severity.DOUBTFUL, "the date is in the future or long past")


# --- the highlighted field ------------------------------------------------------------------------------------------------------


def _fields(notes: _Notes, zones: Sequence[ZoneSeen], absent: Sequence[int], language: str | None) -> None:
    places = [z for z in zones if z.kind == "field"]
    agreement = notes.kind is Kind.LETTER_OF_AGREEMENT
    for zone in places:
        state, why = field_state(zone)
        if state == "replaced":
            _named(notes, zone.text, language)
            notes.evidence.append("the field holds its own text in place of the placeholder")
        elif agreement:
            severity = Severity.DOUBTFUL if state == "unclear" else Severity.MISSING
            notes.find(f"field_{state}", severity, why)
    if agreement and not places and absent:
        notes.find("field_unclear", Severity.DOUBTFUL, _missing_pages(absent))


def field_state(zone: ZoneSeen) -> tuple[str, str]:
    """R7: replaced | unreplaced | blank | unclear, and why."""
    text, wanted = plain(zone.text), plain(zone.placeholder)
    if not text:
        if zone.look == "empty":
            return "blank", "the field is empty"
        return "unclear", "something stands in the field that can not be read"
    if wanted:
        kept = [w for w in wanted.split() if any(fuzz.ratio(w, t) > 80 for t in text.split())]
        rest = " ".join(t for t in text.split() if not any(fuzz.ratio(w, t) > 80 for w in wanted.split()))
        if fuzz.ratio(text, wanted) > 82 or (len(kept) >= 0.75 * len(wanted.split()) and not _like_name(rest, 2)):
            return "unreplaced", "the placeholder still stands in the field"
        if len(kept) >= 0.75 * len(wanted.split()) and re.search(r"[\[\]<>{}«»]", zone.text):
            return "unclear", "the placeholder stands in the field beside other text"
    if zone.look != "print" and zone.confidence is not None and zone.confidence < CERTAIN:
        return "unclear", "the field was filled in by hand, or not surely typed, and is not surely read"
    if zone.confidence is not None and zone.confidence < READABLE:
        return "unclear", "the field is not surely read"
    if not _like_name(zone.text, 2):
        return "unclear", "what stands in the field is no name"
    return "replaced", ""


def _like_name(text: str, words: int) -> bool:
    """At least `words` words of two letters, or two letters of a script without spaces."""
    dense = sum("\u3040" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7af" for c in text)
    return dense >= 2 or sum(sum(c.isalpha() for c in w) >= 2 for w in text.split()) >= words


def _named(notes: _Notes, text: str, language: str | None) -> None:
    """Name and date of birth from "NAME, born 1961-04-03" and the like."""
    bare = _mended(text)
    stops = [m.start() for word in _words("born", "words") for m in _word_at(word, bare)]
    stops += [m.start() for m in re.finditer(r"\d", bare)]
    name = text[: min(stops, default=len(text))]
    for label in sorted(_words("name"), key=len, reverse=True):
        name = re.sub(rf"^\W*{re.escape(label)}\b\s*:\s*", "", name, flags=re.IGNORECASE)
    name = " ".join(name.strip(" \t,;:.-–—([{*/|_\"'").split())
    if _like_name(name, 2) and "patient_name" not in notes.fields:
        notes.fields["patient_name"] = name
    seen = _date_in(text, language)
    if seen and not seen[1] and "birth_date" not in notes.fields:
        notes.fields["birth_date"] = seen[0]


# --- text alone --------------------------------------------------------------------------------------------------------------------


def _judge_text(notes: _Notes, pages: Sequence[Page], language: str | None, today: date | None) -> float:
    notes.evidence.append("judged by text alone: no place for signature or date was seen")
    _programme(notes, pages, compared=any(p.form.compared for p in pages if p.form))
    lines = [line for p in pages for line in p.text.splitlines()]
    exact = all(p.source is TextSource.LAYER for p in pages)  # what is drawn by hand is not in words that were recognised
    after = list(_after(lines, _words("signature"), _words("witness")))
    if exact and after and all(_RULE.match(rest) for rest in after):
        notes.fields["signed"] = "no"
        notes.find("unsigned", Severity.MISSING, "the line for the signature is empty")
    else:
        notes.fields["signed"] = "unclear"
        why = "a typed name is no signature" if after else "no signature can be seen in the text"
        notes.find("signature_unclear", Severity.DOUBTFUL, why)
    dates = list(_after(lines, _words("date"), (*_words("witness"), *_words("other_date"))))
    written = [rest for rest in dates if _date_in(rest, language)]
    if written and exact:
        _take_date(notes, written[0], language, today)
    elif exact and dates and all(_RULE.match(rest) for rest in dates):
        notes.fields["dated"] = "no"
        notes.find("undated", Severity.MISSING, "the line for the date is empty")
    else:
        notes.fields["dated"] = "unclear"
        notes.find("date_unclear", Severity.DOUBTFUL, "no date of signing can be read in the text")
    if notes.kind is Kind.LETTER_OF_AGREEMENT and re.search(
        r"[\[<{«][^\]>}»]{0,40}(?:patient|paciente|nombre|name)[^\]>}»]{0,60}[\]>}»]", " ".join(lines), re.IGNORECASE
    ):
        notes.find("field_unreplaced", Severity.MISSING, "a placeholder still stands in the text")
    return 0.6


def _after(lines: Sequence[str], labels: Sequence[str], but: Sequence[str]) -> Iterator[str]:
    """What follows each label: the rest of its line up to the next label, or the next line when that is all there is."""
    every = (*_words("signature"), *_words("date"))
    for number, line in enumerate(lines):
        hits = sorted(m.end() for word in labels for m in _word_at(word, line))
        if not hits or len(line.split()) > 14 or _any_of(line[: hits[-1]].split(":")[-1], but):
            continue
        rest = line[hits[-1] :]
        if ":" in rest[:60] and not _RULE.match(rest.split(":")[0]):
            rest = rest.split(":", 1)[1]
        elif not _RULE.match(rest) and not re.match(r"\s*[:_/]", rest):
            rest = re.sub(r"^[^_:]*", "", rest)  # the rest of the label: "Signature of patient ____"
        cut = min((m.start() for word in every for m in _word_at(word, rest)), default=len(rest))
        rest = rest[:cut]
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if (
            not rest.strip(" :")
            and following.strip()
            and not any(_any_of(following, _words(key)) for key in ("signature", "date"))
        ):
            rest = following
        yield rest


# --- words -------------------------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Small letters without accents and marks, words apart by single spaces."""
    kept = unicodedata.normalize("NFKD", western_digits(text).casefold())
    return " ".join("".join(c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in kept).split())


@cache
def _words(section: str, key: str | None = None) -> tuple[str, ...]:
    content = lexicon_file("forms.toml")
    if section == "name":
        return tuple(content["born"]["name"])
    return tuple(content[section][key] if key else content[section])


@cache
def _pattern(word: str) -> re.Pattern[str]:
    stem = word.endswith("*")
    core = re.escape(plain(word.rstrip("*"))).replace(r"\ ", r"\s+")
    spaced = re.match(r"[a-z\u0400-\u04ff]", plain(word)) is not None
    return re.compile((r"(?<![^\W_])" if spaced else "") + core + ("" if stem or not spaced else r"(?![^\W_])"))


def _word_at(word: str, text: str) -> Iterator[re.Match[str]]:
    """Places of a lexicon word in `text`, whose letters are folded one for one."""
    return _pattern(word).finditer(_folded(text))


def _folded(text: str) -> str:
    """`text` in small letters without accents, each letter at its old place."""
    return "".join((unicodedata.normalize("NFKD", c.casefold()) or c)[0] for c in text)


def _any_of(text: str, words: Sequence[str]) -> bool:
    return any(True for word in words for _ in _word_at(word, text))
