"""The fields of a form that the sender replaces: what stands in each, and whom it names (R7)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rapidfuzz import fuzz

from classifiers.form_words import any_of, date_in, like_name, mended, places, plain, words
from records.model import FieldValue, ZoneSeen

READABLE = 0.8  # OCR confidence at which a typed name is believed
SAME_NAME = 75.0  # likeness at which two fields name one person, misread perhaps
OTHER_SIGNERS = ("witness", "interpreter", "physician")


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
        if fuzz.ratio(text, wanted) > 82 or (len(kept) >= 0.75 * len(wanted.split()) and not like_name(rest)):
            return "unreplaced", "the placeholder still stands in the field"
        if len(kept) >= 0.75 * len(wanted.split()) and re.search(r"[\[\]<>{}«»]", zone.text):
            return "unclear", "the placeholder stands in the field beside other text"
    if zone.look != "print":
        return "unclear", "the field was filled in by hand, or is not surely typed"
    if zone.confidence is not None and zone.confidence < READABLE:
        return "unclear", "the field is not surely read"
    return _asked_for(zone)


def _asked_for(zone: ZoneSeen) -> tuple[str, str]:
    """Is what stands in the field what its placeholder asks for: a name, a date of birth, or anything else?"""
    name = not zone.placeholder or any_of(zone.placeholder, words("born", "names"))
    if name and of_patient(zone) and not like_name(zone.text):
        return "unclear", "what stands in the field is no name"
    if not name and any_of(zone.placeholder, words("born", "words")) and not date_in(zone.text, None):
        return "unclear", "what stands in the field is no date of birth"
    return "replaced", ""


def of_patient(zone: ZoneSeen) -> bool:
    """Does the field speak of the patient, and not of a physician or a house?"""
    asked = zone.placeholder
    others = any_of(asked, words("born", "others")) and not any_of(asked, words("signer", "patient"))
    return not others and not zone.name.startswith(OTHER_SIGNERS)


def named(text: str, language: str | None) -> dict[str, FieldValue]:
    """Name and date of birth from "NAME, born 1961-04-03" and the like."""
    found: dict[str, FieldValue] = {}
    bare = mended(text)
    stops = [m.start() for word in words("born", "words") for m in places(word, bare)]
    stops += [m.start() for m in re.finditer(r"\d", bare)]
    name = text[: min(stops, default=len(text))]
    for label in sorted(words("born", "names"), key=len, reverse=True):
        name = re.sub(rf"^\W*{re.escape(label)}\b\s*:\s*", "", name, flags=re.IGNORECASE)
    name = " ".join(name.strip(" \t,;:.-–—([{*/|_\"'،؛、，；：").split())
    if like_name(name):
        found["patient_name"] = name
    seen = date_in(text, language)
    if seen and not seen.ambiguous:
        found["birth_date"] = seen.iso
    return found


def two_people(first: Mapping[str, FieldValue], further: Mapping[str, FieldValue]) -> bool:
    """Do two fields name two people?"""
    born = {str(told["birth_date"]) for told in (first, further) if "birth_date" in told}
    names = [plain(str(told["patient_name"])) for told in (first, further) if "patient_name" in told]
    return len(born) > 1 or (len(names) > 1 and fuzz.token_sort_ratio(*names) < SAME_NAME)
