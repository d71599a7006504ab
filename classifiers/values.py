"""What a labelled value says: a person's name, a sex, a number, an address; None when it can not be one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from classifiers.dates import first_date, western_digits
from classifiers.sheets import sheet
from classifiers.words import skeleton
from records.model import FieldValue

_IDENTIFIER = re.compile(r"[A-Za-zА-Я0-9][A-Za-zА-Я0-9\-/.]{1,24}")
EMAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9.\-]{1,120}\.[A-Za-z]{2,24}")
_DEGREES = re.compile(r"(?i)(?:[\s,.]+(?:m\.?\s?d|ph\.?\s?d|d\.?\s?o|mbbs|facs|frcr|msc|dr med)\b\.?)+$")
NUMBER = re.compile(r"\+?\(?\d[\d ()./\-]{6,22}\d")
_NAME = re.compile(r"^[^\W\d_](?:[^\W\d_]|[ .,'’\-^]){1,60}$")


@cache
def _bones(table: str) -> Mapping[str, str]:
    """Skeletons of a table of values: what they mean."""
    content = sheet("labels.toml")[table]
    return {" ".join(skeleton(w) for w in term.split()): code for code, terms in content.items() for term in terms}


def is_cjk(character: str) -> bool:
    return "\u3040" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7af"


def clean(value: str) -> str:
    return value.strip(" \t:：|=.*_#-–—>,،؛;(（").strip()


def name_in(value: str) -> str | None:
    """`value` as a person's name, without titles; None when it can not be one."""
    titles = {skeleton(t) for term in words_of("titles") for t in term.split()}
    dated = first_date(value)
    value = re.sub(r"^[\W\d_]+", "", value[: dated.start] if dated else value)
    value = re.sub(r"\([^()]*\)|\[[^\]]*\]", " ", value)
    value = re.split(r"[,;]?\s+\d|\d|\s[-–—/]\s|/", value, maxsplit=1)[0]
    words = clean(value).split()
    while words and skeleton(words[0].strip(".,")) in titles:
        words = words[1:]
    ends = {skeleton(w) for w in words_of("name_ends")}
    stop = next((n for n, word in enumerate(words) if skeleton(word.strip(".,:")) in ends), len(words))
    name = " ".join(words[:stop]).strip(" .,-–")
    for suffix in sheet("labels.toml")["titles"]["suffixes"]:
        name = name.removesuffix(suffix).strip()
    cjk = bool(name) and all(is_cjk(c) or c in " ・·" for c in name)
    if cjk:
        return name if 2 <= len(name.replace(" ", "")) <= 12 else None
    if not _NAME.match(name) or not 1 <= len(name.split()) <= 7 or len(name) < 3:
        return None
    bones = [skeleton(w) for w in name.split()]
    alone = bones[0] if len(bones) == 1 else ""
    no_names = {skeleton(w) for w in words_of("no_names")}
    return None if no_names & set(bones) or alone in {skeleton(w) for w in words_of("no_names_alone")} else name


@cache
def words_of(table: str) -> tuple[str, ...]:
    """The `words` of one table of labels.toml."""
    return tuple(sheet("labels.toml")[table]["words"])


def identifier_in(value: str) -> str | None:
    """The first word of `value` that has a digit and looks like a number on a file."""
    for m in _IDENTIFIER.finditer(western_digits(value)):
        found = m[0].strip("./-")
        if any(c.isdigit() for c in found) and len(found) >= 3:
            return found
    return None


def sex_in(value: str) -> str | None:
    """F or M as the value says it; None otherwise."""
    first = re.findall(r"[^\W\d_]+", value)[:1]
    return _bones("sex_values").get(skeleton(first[0])) if first else None


def _physician(value: str) -> str | None:
    name = name_in(re.sub(r"(?i)^(?:dr|dra|prof|professor|д-р|د|ד\"ר|uzm|op)\b\.?(?:\s*(?:dr|med|a)\b\.?)*", "", value).strip())
    name = _DEGREES.sub("", name) if name else None
    return name if name and (len(name.split()) >= 2 or is_cjk(name[0])) else None


def one_value(key: str, value: str) -> FieldValue | None:
    if key in {"patient_name", "given_name", "family_name"}:
        return name_in(value)
    if key == "sex":
        return sex_in(value)
    if key in {"patient_id", "accession"}:
        return identifier_in(value)
    if key == "physician_name":
        return _physician(value)
    if key == "physician_email":
        email = EMAIL.search(value)
        return email[0].lower() if email else None
    if key in {"physician_phone", "physician_fax"}:
        number = NUMBER.search(western_digits(value))
        return " ".join(number[0].split()) if number else None
    if key == "country":
        bones = " ".join(skeleton(w) for w in re.findall(r"[^\W_]+", value))
        return _bones("countries").get(bones, value[:40]) if bones and not any(c.isdigit() for c in value) else None
    if key == "facility":
        return value[:80] if len(value) >= 3 and not value.isdigit() else None
    return None
