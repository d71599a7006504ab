"""Facts that a page states beside a label: names, dates, numbers.  Never guessed from running text.

A label ends where a colon, a bar, a tab or a wide gap follows; its value ends at the next label, so two
columns of labels on one line, and a row of labels above a row of values, are read rightly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from classifiers.dates import day_first, find_dates, first_date, western_digits
from classifiers.phrases import Hit
from classifiers.sight import LABEL, Sight
from classifiers.values import EMAIL, NUMBER, clean, is_cjk, name_in, one_value
from classifiers.words import Prepared
from records.model import FieldValue

ROW_KEYS = frozenset({"patient_name", "birth_date", "sex", "patient_id", "accession", "study_date", "report_date", "stop"})
NAME_KEYS = frozenset({"patient_name", "given_name", "family_name"})
TABLE_LINES = 6  # between the labels of one table
TABLE_LABELS = 3  # of different kinds that make one
DATE_FIELDS = ("birth_date", "study_date", "report_date")
FEW_ACCENTS = 3  # letters of a text without a language that show that it is not English
CONTACT_LINES = 5  # after the referring physician's label, where address and numbers stand
_SEPARATOR = re.compile(
    r"^(?:\.(?=[ \t]*[:：]))?[ \t]*(?:\([^()\n]{0,40}\)[ \t]*)?"
    r"(?:[:：|=][ \t:|]*|\t[ \t|]*| {2,}|[.…_]{3,}[ \t]*:?[ \t]*|(?:#|n?[°º]|No\.?(?=[ \t]*\S{0,3}\d))[ \t]*[:：]?[ \t]*)"
)
_CUT = re.compile(r"\t| {3,}|\||;|\s{2,}(?=[^\s]{1,20}:)")
_COLUMNS = re.compile(r"\t+| {2,}|\s*\|\s*")
_PERSON = (
    r"((?:[^\W\d_a-zà-ÿ][^\W\d_'’\-]*(?:['’\-][^\W\d_]+)*\.?,?\s*|(?:de|del|la|da|dos|di|van|von|der|den|du)\s+){2,6})"
    r"(?:\d{1,3}\s[^\W\d_]{1,6}\.?)?[\s,;–—(\-]*$"
)
_BEFORE_BIRTH = (
    re.compile(
        r"\b(?i:mrs?|ms|miss|herrn?|frau|monsieur|madame|mme|m|sig(?:nor)?(?:a|\.ra)?|sra?|don|doña|dhr|mevr|mw"
        r"|patient(?:en|in|e)?|pacient?e|paziente|patiënt)\b\.?\s+" + _PERSON
    ),
    re.compile(r"(?:^|:\s*)" + _PERSON),
)
_ACCENTED = re.compile("[À-ÖØ-öø-ÿğışĞİŞ]")
_MARKED_BIRTH = re.compile(r"\*\s?(\d{1,2}\.\d{1,2}\.\d{4})|(\d{1,2}\.\d{1,2}\.\d{4})\s?г\.?\s?р\.")
_CASE_REF = re.compile(
    r"S[O0]MRR[\s\-–—_.:]{0,3}([0-9A-Z]{5})[\s\-–—_.]{0,3}([0-9A-Z]{5})[\s\-–—_.]{0,3}([0-9A-Z])(?![0-9A-Z])", re.IGNORECASE
)
_LOOKALIKE = str.maketrans("ILOU", "110V")


class Label(NamedTuple):
    """A label seen on a page: what it announces, its span in the text, its line, and its strength."""

    key: str
    start: int
    end: int
    line: int
    opens_line: bool
    words: int


def _span(page: Prepared, hit: Hit) -> tuple[int, int]:
    if hit.run:
        return page.run_places[hit.start], page.run_places[hit.end - 1] + 1
    return page.words[hit.start].start, page.words[hit.end - 1].end


def labels_on(page: Prepared, seen: Iterable[Sight]) -> list[Label]:
    """Every label on the page that a separator follows or that stands alone on its line, the longest where they overlap."""
    found: list[Label] = []
    for hit, phrase in seen:
        if phrase.level == LABEL:
            start, end = _span(page, hit)
            bare = phrase.text.startswith("ال") and not page.text[start:end].startswith("ال")  # عمر is a name, العمر the age
            if "\n" not in page.text[start:end] and not bare:
                found.append(Label(phrase.kind, start, end, hit.line, hit.opens_line, hit.end - hit.start))
    found.sort(key=lambda label: (label.start - label.end, label.key.endswith("_loose"), label.key == "stop"))
    ruled = _in_a_table(page.text, found)
    kept: list[Label] = []
    for label in found:
        apart = not any(k.start < label.end and label.start < k.end for k in kept)
        if apart and (label in ruled or _stands(page.text, label)):
            kept.append(label)
    return sorted(kept, key=lambda label: label.start)


def _in_a_table(text: str, found: Sequence[Label]) -> set[Label]:
    """Labels that open the lines of a table whose rules and gaps its text has lost (`Patient Jane Doe`, `geb. 3.4.1961`).

    Believed only where three different ones stand within a few lines and each is followed by a value of its own kind.
    """
    fit = [label for label in found if label.opens_line and label.key in ROW_KEYS | NAME_KEYS and _says_its_kind(text, label)]
    ruled: set[Label] = set()
    for label in fit:
        near = [other for other in fit if abs(other.line - label.line) <= TABLE_LINES]
        if len({other.key for other in near}) >= TABLE_LABELS:
            ruled.add(label)
    return ruled


def _says_its_kind(text: str, label: Label) -> bool:
    """Whether the rest of the label's line is a value such as it announces; a name there is written with capitals."""
    rest = text[label.end : label.end + 120].split("\n", 1)[0]
    separator = _SEPARATOR.match(rest)
    value = clean(_CUT.split(rest[separator.end() if separator else 0 :].strip(), maxsplit=1)[0])
    if label.key in DATE_FIELDS:
        day = first_date(value, None)
        return day is not None and not value[: day.start].strip()
    if label.key in NAME_KEYS:
        words = value.split()
        return one_value(label.key, value) is not None and all(not word[:1].islower() or len(word) <= 3 for word in words)
    return one_value(label.key, value) is not None and len(value.split()) <= 3


def _stands(text: str, label: Label) -> bool:
    """Whether words that can be a label are one here."""
    before = text[text.rfind("\n", 0, label.start) + 1 : label.start]
    after = text[label.end : label.end + 60].split("\n", 1)[0]
    if not after.strip() and before.strip() and not re.search(r"(?: {2}|[\t|])\s*$", before):
        return False
    if _SEPARATOR.match(after) or not after.strip(" :.*_#"):
        return not before.strip() or bool(re.search(r"(?:[\s|\t:;,.()（/\-*_#\]】]|\d)$", before)) or is_cjk(text[label.start])
    if _states_at_once(text, label, before, after) or _in_a_row(text, label, before, after):
        return True
    return label.opens_line and (label.words >= 2 or is_cjk(text[label.start])) and not label.key.endswith("_loose")


def _in_a_row(text: str, label: Label, before: str, after: str) -> bool:
    """An ideographic label between blanks, as on printed forms (`姓名 李四 性别 女`): running text has no blanks there."""
    if not is_cjk(text[label.start]) or label.words < 2 or label.key not in ROW_KEYS:
        return False
    return (not before or before[-1].isspace()) and after[:1].isspace()


def _states_at_once(text: str, label: Label, before: str, after: str) -> bool:
    """`born on 3 April 1961`, `hospital number 42`: a date or number right after, as in letters and where OCR lost the colon."""
    alone = len(re.split("[,;.(–]", before)[-1].split()) <= 1
    exam_alone = label.key == "study_date" and label.words >= 2 and alone  # `Estudio realizado el 3 de abril`
    if label.key == "birth_date" or exam_alone:
        return bool(re.match(r"\.?\s{1,2}\w{0,9}\.?\s?\d", after))
    if label.key in {"patient_id", "accession"}:
        named = label.words >= 2 or text[label.start : label.end].isupper()
        return named and bool(re.match(r"[.']?\s{1,2}(?:#|n[or]?[.º°]?\s)?\s?(?-i:[A-Z]{0,6})[\-/]?\d", after, re.IGNORECASE))
    return False


def _columns(page: Prepared, labels: list[Label]) -> dict[int, str]:
    """Values of labels that stand in a row of their own, taken from the row below column by column."""
    lines = page.text.split("\n")
    rows: dict[int, list[Label]] = {}
    for label in labels:
        rows.setdefault(label.line, []).append(label)
    values: dict[int, str] = {}
    for number, row in rows.items():
        heads = [c.strip(" :.") for c in _COLUMNS.split(lines[number].strip(" |")) if c.strip()]
        if heads != [page.text[label.start : label.end] for label in row]:
            continue
        below = next((line for line in lines[number + 1 : number + 3] if line.strip()), "")
        cells = _COLUMNS.split(below.strip(" |"))
        if len(row) >= 2 and len(row) == len(cells):
            values.update({label.start: cell for label, cell in zip(row, cells, strict=True)})
    return values


def _stacks(page: Prepared, labels: list[Label]) -> dict[int, str]:
    """Values of a column of labels that OCR read before the column of values.

    Believed only when three or more labels and their values fit one another in kind, in one and the same order.
    """
    lines = [(n, line.strip()) for n, line in enumerate(page.text.split("\n")) if line.strip()]
    by_line = {label.line: label for label in labels if not label.key.endswith("_loose")}
    values: dict[int, str] = {}
    start = 0
    while start < len(lines):
        stop = start
        while stop < len(lines) and lines[stop][1].endswith((":", "：")) and len(lines[stop][1].split()) <= 6:
            stop += 1
        column = [by_line.get(n) for n, _ in lines[start:stop]]
        for skipped in range(3) if len(column) >= 3 else ():
            cells = [clean(line) for _, line in lines[stop + skipped : stop + skipped + len(column)]]
            if len(cells) == len(column) and _fit(column, cells):
                values.update({label.start: cell for label, cell in zip(column, cells, strict=True) if label})
                break
        start = max(stop, start + 1)
    return values


def _fit(column: list[Label | None], cells: list[str]) -> bool:
    telling = 0
    for label, cell in zip(column, cells, strict=True):
        if label is None or label.key in {"stop", "phone", "fax", "exam", "facility"}:
            continue
        dated = first_date(cell, None) is not None
        good = dated if label.key in DATE_FIELDS else one_value(label.key, cell) is not None and not dated
        if not good:
            return False
        telling += label.key in {*DATE_FIELDS, "sex", "patient_id", "accession"}
    return telling >= 2


def labelled_values(page: Prepared, labels: list[Label]) -> Iterator[tuple[Label, str]]:
    """Each label with the words that belong to it, in order of place; empty values are left out."""
    text = page.text
    columns = {**_stacks(page, labels), **_columns(page, labels)}
    for i, label in enumerate(labels):
        if label.start in columns:
            yield label, clean(columns[label.start])
            continue
        stop = text.find("\n", label.end)
        stop = len(text) if stop < 0 else stop
        following = labels[i + 1] if i + 1 < len(labels) else None
        if following and following.start < stop:
            stop = following.start
        raw = text[label.end : stop]
        separator = _SEPARATOR.match(raw)
        value = clean(_CUT.split(raw[separator.end() if separator else 0 :].strip(), maxsplit=1)[0])
        if not value and (not following or following.line > label.line):
            value = _value_below(text, stop, following)
        if value:
            yield label, value


def _value_below(text: str, stop: int, following: Label | None) -> str:
    """The next line, when a label stood alone on its own and the next line is no label itself."""
    below = text[stop + 1 : stop + 200].lstrip("\n |")
    start = text.find(below, stop) if below else -1
    line = below.split("\n", 1)[0]
    if not line.strip() or (following and start >= 0 and following.start < start + len(line)):
        return ""
    return clean(_CUT.split(line.strip(), maxsplit=1)[0])


def _contacts(page: Prepared, physician: Label, labels: list[Label]) -> dict[str, FieldValue]:
    """Address and numbers in the lines after the referring physician's label, up to the patient's own."""
    lines = page.text.split("\n")
    last = physician.line + CONTACT_LINES
    for label in labels:
        if label.line > physician.line and label.key in {"patient_name", "birth_date", "physician_name", "facility"}:
            last = min(last, label.line - 1)
            break
    found: dict[str, FieldValue] = {}
    start = physician.start
    stop = sum(len(line) + 1 for line in lines[: last + 1])
    block = page.text[start:stop]
    if email := EMAIL.search(block):
        found["physician_email"] = email[0].rstrip(".").lower()
    for label in labels:
        key = {"phone": "physician_phone", "fax": "physician_fax"}.get(label.key)
        if key and start <= label.start < stop and key not in found:
            after = western_digits(page.text[label.end : label.end + 40].split("\n", 1)[0])
            if (number := NUMBER.search(after)) is not None:
                found[key] = " ".join(number[0].split())
    return found


def _one_fact_each(values: Iterable[tuple[Label, str]]) -> Iterator[tuple[Label, str]]:
    """The same, with a label that asks for name and birth date taken as two."""
    for label, value in values:
        if label.key == "patient_name_and_birth":
            yield label._replace(key="patient_name"), value
            yield label._replace(key="birth_date"), value
        else:
            yield label, value


def fields_of(page: Prepared, seen: Iterable[Sight], language: str | None) -> dict[str, FieldValue]:
    """Everything labelled on the page, in the shapes of the fixed vocabulary; the first valid value of each counts."""
    if language is None and len(_ACCENTED.findall(page.text)) >= FEW_ACCENTS:
        language = "und"  # whatever it is, it is not the one language that puts the month first
    order = day_first(western_digits(page.text), language)
    strong: dict[str, FieldValue] = {}
    loose: dict[str, FieldValue] = {}
    labels = labels_on(page, seen)
    physician: Label | None = None
    said = list(_one_fact_each(labelled_values(page, labels)))
    for label, value in said:
        key = label.key.removesuffix("_loose")
        into = loose if label.key.endswith("_loose") else strong
        if key in into:
            continue
        if key in DATE_FIELDS:
            written = first_date(value, language, order)
            if written:
                into[key] = written.iso
                if written.ambiguous:
                    into["date_ambiguous"] = True
        elif (found := one_value(key, value)) is not None:
            into[key] = found
            if key == "physician_name":
                physician = label
    fields = {**loose, **strong}
    given, family = (str(fields.pop(part, "")) for part in ("given_name", "family_name"))
    alone = str(loose.get("patient_name", ""))
    if "patient_name" not in strong and family and (given := given or alone):
        fields["patient_name"] = f"{given} {family}"
    elif "patient_name" not in strong and given and alone and " " not in alone:  # `Nom : Dupont  Prénom : Anne`
        fields["patient_name"] = f"{given} {alone}"
    fields = {**_at_birth(page.text, labels, language), **_beside_the_name(said, page.text, language, order), **fields}
    if physician:
        fields = {**_contacts(page, physician, labels), **fields}
    if (ref := case_ref_in(page.text)) is not None:
        fields["case_ref"] = ref
    return fields


def _at_birth(text: str, labels: Sequence[Label], language: str | None) -> dict[str, FieldValue]:
    """A name right before `born on …`, or before a day marked as one of birth (`*`, `г.р.`), with that day."""
    found: dict[str, FieldValue] = {}
    marked = _MARKED_BIRTH.search(text)
    if marked and (seen := first_date(marked[1] or marked[2], language, True)):
        found["birth_date"] = seen.iso
    born = [
        label.start for label in labels if label.key == "birth_date" and first_date(text[label.end : label.end + 30], language)
    ]
    for place in (*born, *([marked.start()] if marked else [])):
        before = text[text.rfind("\n", 0, place) + 1 : place]
        m = next((m for pattern in _BEFORE_BIRTH if (m := pattern.search(before))), None)
        if m and (name := name_in(m[1])) and len(name.split()) >= 2:
            return {**found, "patient_name": name}
    return found


def _beside_the_name(
    said: Iterable[tuple[Label, str]], text: str, language: str | None, order: bool | None
) -> dict[str, FieldValue]:
    """A day after the patient's name is one of birth when all others are years later (`Patient: Doe, Jane, 3.4.1961`)."""
    for label, value in said:
        day = first_date(value, language, order) if label.key == "patient_name" and name_in(value) else None
        others = [int(d.iso[:4]) for d in find_dates(text, language, order) if d.iso != day.iso] if day else []
        if day and others and int(day.iso[:4]) + 1 < min(others):
            return {"birth_date": day.iso} | ({"date_ambiguous": True} if day.ambiguous else {})
    return {}


def case_ref_in(text: str) -> str | None:
    """The first thing shaped like a case reference, look-alike letters mended; whether it is valid is decided elsewhere."""
    m = _CASE_REF.search(text)
    return "SOMRR-" + "-".join(g.upper().translate(_LOOKALIKE) for g in m.groups()) if m else None
