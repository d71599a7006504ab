"""Outlook's wrapped mails (winmail.dat, MS-OXTNEF): a run of attributes, some of which are lists of properties.

Old writers and mail gateways damage them often: what comes before the damage is read, the damage is said.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reading import embedded, kinds, mapi
from reading.compound import MAGIC, Compound
from reading.limits import Unreadable
from records.model import Role

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

# attributes, without their type (MS-OXTNEF 2.1.3.1)
MESSAGE_CLASS, BODY, MESSAGE_PROPERTIES, CODE_PAGE = 0x8008, 0x800C, 0x9003, 0x9007
SUBJECT, MESSAGE_ID = 0x8004, 0x8009
NEW_ATTACHMENT, TITLE, DATA, ATTACHMENT_PROPERTIES, TRANSPORT_NAME = 0x9002, 0x8010, 0x800F, 0x9005, 0x9001
RECIPIENTS = 0x9004

_FIXED = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_LONG = frozenset({mapi.OBJECT, mapi.TEXT_8BIT, mapi.TEXT, mapi.BINARY})
MANY = 0x1000  # a type of several values
MAX_ATTRIBUTES = 20_000
MAX_PROPERTIES = 5_000
_MAIL_OBJECT = bytes.fromhex("0703020000000000c000000000000046")  # IID_IMessage: another wrapped mail follows


@dataclass(slots=True)
class Attachment:
    """What the attributes say of one attachment."""

    properties: mapi.Properties
    raw: bytes | None = None


@dataclass(slots=True)
class Wrapped:
    """What the attributes say of the mail."""

    mail: mapi.Properties = field(default_factory=mapi.Properties)
    attachments: list[Attachment] = field(default_factory=list)
    recipients: list[mapi.Properties] = field(default_factory=list)
    damage: str = ""
    sound: bool = True  # checksums


def read(found: Found, sheet: Sheet) -> None:
    """Headers, body, then every attachment in order."""
    if found.size > sheet.limits.max_mail_bytes:
        raise Unreadable("mail_size", f"{found.size} bytes, limit {sheet.limits.max_mail_bytes}")
    wrapped = parse(found.load(sheet.limits.max_part_bytes))
    if not wrapped.sound:
        sheet.notes.add("checksum")
    if wrapped.damage:
        sheet.problem("mail_malformed", wrapped.damage)
    sheet.mail = mapi.headers(wrapped.mail, wrapped.recipients, sheet)
    shown = mapi.body(wrapped.mail, sheet)
    mapi.one_by_one(wrapped.attachments, lambda attachment: _attach(attachment, shown, sheet), sheet)


def _attach(attachment: Attachment, shown: frozenset[str], sheet: Sheet) -> None:
    properties, raw = attachment.properties, attachment.raw
    kind, content = properties.values.get(mapi.CONTENT, (0, b""))
    name = mapi.name_of(properties, "forwarded")
    if kind == mapi.OBJECT and content.startswith(_MAIL_OBJECT):
        sheet.child(f"{name.replace('/', ' ')}.dat", content[16:], Role.ATTACHMENT, hint=kinds.TNEF)
    elif kind == mapi.OBJECT and content[16:24] == MAGIC:
        embedded.take_out(Compound(content[16:], sheet.walk.spend).root, name, sheet)
    elif raw is not None or content:
        mapi.attach(properties, raw or content, shown, sheet)
    else:
        mapi.without_content(properties, sheet)


def parse(raw: bytes) -> Wrapped:
    """All attributes, as far as they go."""
    wrapped = Wrapped()
    for level, attribute, content in _attributes(raw, wrapped):
        try:
            if level == 1:
                _of_mail(attribute, content, wrapped)
            else:
                _of_attachment(attribute, content, wrapped)
        except (struct.error, LookupError):  # the others go on
            wrapped.damage = f"attribute {attribute:04x} is damaged"
    return wrapped


def _attributes(raw: bytes, wrapped: Wrapped) -> Iterator[tuple[int, int, bytes]]:
    """(level, number, content) of every attribute; what stops them is written down."""
    at = 6  # signature and key
    for _ in range(MAX_ATTRIBUTES):
        if at + 9 > len(raw) or raw[at] not in (1, 2):
            if raw[at:].strip(b"\0\r\n"):
                wrapped.damage = f"{len(raw) - at} bytes after the last attribute"
            return
        attribute, length = struct.unpack_from("<H2xI", raw, at + 1)
        content = raw[at + 9 : at + 9 + length]
        yield raw[at], attribute, content
        checksum = raw[at + 9 + length : at + 11 + length]
        if len(content) < length:
            wrapped.damage = f"cut short within attribute {attribute:04x}"
            return
        wrapped.sound &= checksum == (sum(content) & 0xFFFF).to_bytes(2, "little")
        at += 11 + length
    raise Unreadable("mail_parts", f"more than {MAX_ATTRIBUTES} attributes")


def _of_mail(attribute: int, content: bytes, wrapped: Wrapped) -> None:
    mail = wrapped.mail
    if attribute == CODE_PAGE:
        (mail.page,) = struct.unpack_from("<I", content)
    elif attribute == MESSAGE_PROPERTIES:
        _properties(content, 0, mail)
    elif attribute == RECIPIENTS:
        _recipients(content, wrapped)
    for number, own in ((mapi.CLASS, MESSAGE_CLASS), (mapi.PLAIN, BODY), (mapi.SUBJECT, SUBJECT)):
        if attribute == own:
            mail.put(number, mapi.TEXT_8BIT, content)


def _of_attachment(attribute: int, content: bytes, wrapped: Wrapped) -> None:
    if attribute == NEW_ATTACHMENT or not wrapped.attachments:
        wrapped.attachments.append(Attachment(mapi.Properties(page=wrapped.mail.page)))
    attachment = wrapped.attachments[-1]
    if attribute == DATA:
        attachment.raw = content
    elif attribute == TITLE:
        attachment.properties.put(mapi.SHOWN_NAME, mapi.TEXT_8BIT, content)
    elif attribute == TRANSPORT_NAME:
        attachment.properties.put(mapi.FILE_NAMES[1], mapi.TEXT_8BIT, content)
    elif attribute == ATTACHMENT_PROPERTIES:
        _properties(content, 0, attachment.properties)


def _recipients(content: bytes, wrapped: Wrapped) -> None:
    """Rows of properties, one a recipient."""
    (count,), at = struct.unpack_from("<I", content), 4
    for _ in range(min(count, mapi.MAX_RECIPIENTS)):
        recipient = mapi.Properties(page=wrapped.mail.page)
        at = _properties(content, at, recipient)
        wrapped.recipients.append(recipient)


def _properties(content: bytes, at: int, found: mapi.Properties) -> int:
    """A list of properties from `at` on (MS-OXTNEF 2.1.3.4); answers where it ends. All is padded to four bytes."""
    (count,) = struct.unpack_from("<I", content, at)
    at += 4
    for _ in range(min(count, MAX_PROPERTIES)):
        kind, number = struct.unpack_from("<HH", content, at)
        at += 4
        if number >= 0x8000:
            at = _past_name(content, at)
        values, at = _values(content, at, kind)
        if values and number < 0x8000:
            found.put(number, kind & ~MANY, values[0])
    return at


def _past_name(content: bytes, at: int) -> int:
    """Properties of programs' own have a GUID and a number or a name: none is wanted."""
    (named,) = struct.unpack_from("<I", content, at + 16)
    if not named:
        return at + 24
    length = int.from_bytes(content[at + 20 : at + 24], "little")
    return at + 24 + (length + 3 & ~3)


def _values(content: bytes, at: int, kind: int) -> tuple[list[bytes], int]:
    """The values of one property and where they end."""
    single = kind & ~MANY
    count = 1
    if kind & MANY or single in _LONG:
        (count,) = struct.unpack_from("<I", content, at)
        at += 4
    values: list[bytes] = []
    for _ in range(count):
        if single in _LONG:
            (size,) = struct.unpack_from("<I", content, at)
            at += 4
        else:
            size = _FIXED[single]
        if at + size > len(content):
            raise IndexError  # cut short
        if not values:
            values.append(content[at : at + size])
        at += size + 3 & ~3
    return values, at
