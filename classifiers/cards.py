"""Payment card numbers: found so that they can be masked and held, never kept (R12).

A number counts when its digits pass the Luhn check (ISO/IEC 7812-1), its first digits and length belong to an
issuer, and it is either printed in a card's groups or stands near words about cards.  Beside the very label
of a card number its groups are enough: a scan may have misread a digit.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from records.model import Page, Part, Reading

MASK = "•"
_DIGIT = "0-9OoIl|SB"
_BETWEEN = r"(?:[ .\-_/]|[ ]{2,3}|[ ]?\n[ ]?)"  # blanks and dashes of every kind are folded to these
_CANDIDATE = re.compile(rf"(?<![\w.\-])[0-9OoIlSB](?:{_BETWEEN}?[{_DIGIT}]){{12,18}}(?![\w]|[.\-]\d)")
_LOOKALIKE = str.maketrans("OoIl|SB", "0011158")
_GROUPS = (
    re.compile(rf"^\S{{4}}(?:{_BETWEEN}\S{{4}}){{3}}(?:{_BETWEEN}\S{{1,3}})?$"),
    re.compile(rf"^\S{{4}}{_BETWEEN}\S{{6}}{_BETWEEN}\S{{4,5}}$"),
)
_ISSUERS = (
    (re.compile(r"^4"), {13, 16, 19}),  # Visa
    (re.compile(r"^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)"), {16}),  # Mastercard
    (re.compile(r"^3[47]"), {15}),  # American Express
    (re.compile(r"^(?:6011|65|64[4-9]|622)"), {16, 19}),  # Discover, UnionPay through it
    (re.compile(r"^62|^81"), {16, 17, 18, 19}),  # UnionPay
    (re.compile(r"^35(?:2[89]|[3-8])"), {16}),  # JCB
    (re.compile(r"^3(?:0[0-5]|[689])"), {14}),  # Diners
    (re.compile(r"^220[0-4]"), {16}),  # Mir
    (re.compile(r"^(?:50|5[6-9]|6[0-9])"), {13, 15, 16, 18, 19}),  # Maestro and local cards
)
_ABOUT_CARDS = re.compile(
    r"credit|debit|\bcc ?[#:]|card\s?(?:no|number|holder|type)|(?:my|your|charge)\s(?:\w+\s)?card\b"
    r"|visa\b|master\s?card|amex|american express|cvv|cvc|expir"
    r"|exp\.?\s?date|valid thru|tarjeta|cart[ãa]o|carte (?:bancaire|de cr|bleue)"
    r"|kreditkarte|karten-?\s?n|carta di credito|карт[аы]"
    r"|بطاقة|כרטיס|کارت|kredi kart|信用卡|银行卡|(?<![诊診保])卡[号號]|カード|카드",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:card|credit|debit)\W{0,3}(?:no|number|num|nr|#)|(?:n[uú]m\w*|n[oº°.]+)\W{0,3}(?:de\W)?(?:la\W)?(?:tarjeta|cart\w+)"
    r"|(?:karten|kreditkarten)nummer|numero\W(?:della\W)?carta|номер\W{0,3}карты|رقم\W{0,3}(?:ال)?بطاقة|卡号|卡號|カード番号|카드번호",
    re.IGNORECASE,
)
_OTHERS = re.compile(  # what stands before a number that is another's, though it looks the same
    r"\b[A-Z]{2}\d{2}\s?(?:[A-Z0-9]{4}\s?)*$|(?:\biban|accession|acc\.? no|\border|polic[ey]|полис|\bомс"
    r"|(?:id|identity|insurance|medical|health"
    r"|patient|social security) card|身份证|[诊診保]卡|社保)\W{0,3}(?:\w{1,6}\W{1,3}){0,2}$",
    re.IGNORECASE,
)
_MASKED = re.compile(rf"(?:{MASK}\s{{0,3}}){{13,19}}")
_NAMED = re.compile(r"[^\s/.]{0,20}\.(?:pdf|jpe?g|png|tiff?|heic|docx?|xlsx?|txt|eml|zip)\b", re.IGNORECASE)
_JOINED = re.compile(r"_|(?<=[^\W\d])[-.](?=\d)|(?<=\d)[-.](?=[^\W\d])")  # what joins words to a number in a file's name
FEWEST_DIGITS = 10  # of a card's characters, where the others may be letters misread
NEAR = 160  # characters before and after in which words about cards count


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 check over a string of digits."""
    total = 0
    for i, c in enumerate(reversed(digits)):
        n = int(c) * (1 + i % 2)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def _plain(text: str) -> str:
    """`text` with every script's figures, blanks and dashes as ASCII's, character for character; joined words apart."""
    folded = text.replace("\t", " ") if text.isascii() else "".join(_folded(c) for c in text)
    return _JOINED.sub(" ", folded)


@lru_cache(maxsize=4096)
def _folded(c: str) -> str:
    if c.isascii() or c.isalpha():
        return " " if c == "\t" else c
    if c.isdecimal():
        return str(unicodedata.decimal(c))
    return {"Zs": " ", "Pd": "-"}.get(unicodedata.category(c), c)


def card_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where card numbers stand in `text`; in a file's name the digits alone are enough."""
    written, text = text, _plain(text)
    for m in _CANDIDATE.finditer(text):
        if sum(c.isdigit() for c in m[0]) < FEWEST_DIGITS:
            continue
        digits = re.sub(r"\D", "", m[0].translate(_LOOKALIKE))
        grouped = any(shape.match(m[0]) for shape in _GROUPS)
        near = text[max(0, m.start() - NEAR) : m.end() + NEAR]
        issued = any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in _ISSUERS)
        alone = (grouped and "\n" not in m[0]) or (len(digits) >= 15 and _NAMED.match(written, m.end()))
        checked = issued and luhn(digits) and len(set(digits)) > 1 and (alone or _ABOUT_CARDS.search(near))
        line = text[text.rfind("\n", 0, m.start()) + 1 : m.start()]
        another = _OTHERS.search(text[max(0, m.start() - 40) : m.start()])
        if (checked and not another) or (grouped and digits[0] in "23456" and _LABEL.search(line)):
            yield m.start(), m.end()


def has_card(text: str) -> bool:
    """Whether a card number stands in `text`, masked or not."""
    return _MASKED.search(text) is not None or next(card_spans(text), None) is not None


def mask(text: str) -> str:
    """`text` with every card number's characters hidden, lengths kept."""
    for start, end in list(card_spans(text)):
        text = text[:start] + re.sub(r"\S", MASK, text[start:end]) + text[end:]
    return text


def masked(reading: Reading) -> Reading:
    """A reading fit to be kept: no card number in its pages, its forms' fields, its subject or its notes (R12)."""
    mail = reading.mail
    return replace(
        reading,
        parts=tuple(_masked_part(part) for part in reading.parts),
        problems=tuple(replace(p, detail=mask(p.detail)) for p in reading.problems),
        mail=replace(mail, subject=mask(mail.subject), from_name=mask(mail.from_name)) if mail else None,
        notes=tuple(map(mask, reading.notes)),
    )


def _masked_part(part: Part) -> Part:
    pages = tuple(_masked_page(page) for page in part.pages)
    return replace(part, pages=pages, links=tuple(map(mask, part.links)))


def _masked_page(page: Page) -> Page:
    form = page.form
    if form is not None:
        form = replace(form, zones=tuple(replace(zone, text=mask(zone.text)) for zone in form.zones))
    return replace(page, text=mask(page.text), form=form)
