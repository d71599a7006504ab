"""Outlook's view of a mail (MS-OXPROPS): properties by number, and from them headers, bodies and attachments.

Shared by the two shapes in which such mails arrive, `outlook` (.msg) and `tnef` (winmail.dat).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.utils import format_datetime
from typing import TYPE_CHECKING, TypeVar

from reading import kinds, lzfu, rtf
from reading.limits import Unreadable
from reading.mail import INLINE_BYTES, Body, choose, header_block, headers_of, read_body
from reading.text import add_links, decode, find_links, parse_html, tidy
from records.model import Mail, Role

if TYPE_CHECKING:
    from reading.unpack import Sheet

# types of values (MS-OXCDATA 2.11.1)
OBJECT, TEXT_8BIT, TEXT, BINARY = 0x0D, 0x1E, 0x1F, 0x102
# properties of a mail
CLASS, SUBJECT, SENT, HEADERS, DELIVERED = 0x001A, 0x0037, 0x0039, 0x007D, 0x0E06
SENDER_NAMES, SENDER_ADDRESSES = (0x0042, 0x0C1A), (0x5D02, 0x5D01, 0x0065, 0x0C1F)
PLAIN, RICH, HTML = 0x1000, 0x1009, 0x1013
MESSAGE_ID, REFERENCES, IN_REPLY_TO = 0x1035, 0x1039, 0x1042
CODE_PAGES = (0x3FDE, 0x3FFD)
RECIPIENT_ADDRESSES = (0x39FE, 0x3003)
# properties of an attachment
CONTENT, METHOD, CONTENT_ID, HIDDEN = 0x3701, 0x3705, 0x3712, 0x7FFE
FILE_NAMES, SHOWN_NAME, PLACES, MIME = (0x3707, 0x3704), 0x3001, (0x370D, 0x3708), 0x370E
BY_REFERENCE, EMBEDDED, OLE_OBJECT = (2, 3, 4, 7), 5, 6

# of all others the bytes are not fetched
WANTED = frozenset(
    {CLASS, SUBJECT, HEADERS, *SENDER_NAMES, *SENDER_ADDRESSES, PLAIN, RICH, HTML, MESSAGE_ID, REFERENCES, IN_REPLY_TO}
    | {*RECIPIENT_ADDRESSES, CONTENT, CONTENT_ID, *FILE_NAMES, SHOWN_NAME, *PLACES, MIME}
)
MAX_RECIPIENTS = 200
T = TypeVar("T")
_CODECS = {1200: "utf-16-le", 20127: "cp1252", 20866: "koi8-r", 21866: "koi8-u", 50220: "iso2022_jp", 51932: "euc_jp",
           51949: "euc_kr", 54936: "gb18030", 65001: "utf-8", 38598: "iso8859-8"}  # fmt: skip
_TARGET = re.compile(rb"""(?:href=|HYPERLINK\s+)\\?["'](https?://[^"'\s{}]{4,2000})""", re.IGNORECASE)
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def codec_of(page: int) -> str | None:
    """Python's name of a Windows code page, None when there is none."""
    name = _CODECS.get(page) or (f"iso8859-{page - 28590}" if 28591 <= page <= 28605 else f"cp{page}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


@dataclass(slots=True)
class Properties:
    """Values by property number, as bytes with their type; `page` is the code page of 8-bit text."""

    values: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    page: int = 0

    def put(self, number: int, kind: int, raw: bytes) -> None:
        """Keep a value; the first of two holds."""
        self.values.setdefault(number, (kind, raw))

    def raw(self, number: int) -> bytes | None:
        """A binary or text value as it stands there."""
        kind, raw = self.values.get(number, (0, b""))
        return raw if kind in (BINARY, OBJECT, TEXT, TEXT_8BIT) else None

    def text(self, *numbers: int) -> str:
        """The first of these that says anything."""
        for number in numbers:
            kind, raw = self.values.get(number, (0, b""))
            words = raw.decode("utf-16-le", "replace") if kind == TEXT else self.decode(raw) if kind == TEXT_8BIT else ""
            if words.strip("\0 \r\n\t"):
                return words.rstrip("\0")
        return ""

    def number(self, number: int) -> int | None:
        """An integer or a truth value."""
        kind, raw = self.values.get(number, (0, b""))
        size = {0x02: 2, 0x03: 4, 0x0B: 2, 0x14: 8}.get(kind)
        return int.from_bytes(raw[:size], "little", signed=kind != 0x0B) if size and len(raw) >= size else None

    def time(self, *numbers: int) -> datetime | None:
        """A FILETIME (100 nanoseconds since 1601)."""
        for number in numbers:
            kind, raw = self.values.get(number, (0, b""))
            if kind == 0x40 and len(raw) >= 8:
                ticks = int.from_bytes(raw[:8], "little")
                return _EPOCH + timedelta(microseconds=ticks // 10) if 0 < ticks < 1 << 60 else None
        return None

    def decode(self, raw: bytes) -> str:
        """Characters of 8-bit text."""
        pages = [self.number(number) or 0 for number in CODE_PAGES] + [self.page, 1252]
        codec = next((codec for page in pages if page and (codec := codec_of(page))), None)
        return decode(raw.rstrip(b"\0"), codec)


# ---------------------------------------------------------------- headers


def headers(mail: Properties, recipients: Iterable[Properties], sheet: Sheet) -> Mail:
    """The headers the mail travelled with, else what its properties say: claims, like all headers."""
    raw = mail.text(HEADERS).strip("\0").encode("utf-8", "surrogatepass").lstrip()
    if raw:
        travelled = headers_of(message_from_bytes(header_block(raw + b"\r\n\r\n", sheet.limits)))
        if travelled.from_address:
            return travelled
    message = Message()
    sender = next((words for number in SENDER_ADDRESSES if "@" in (words := mail.text(number))), "")
    for name, value in (
        ("From", _address(mail.text(*SENDER_NAMES), sender)),
        ("Subject", mail.text(SUBJECT)),
        ("Message-ID", mail.text(MESSAGE_ID)),
        ("In-Reply-To", mail.text(IN_REPLY_TO)),
        ("References", mail.text(REFERENCES)),
        ("To", ", ".join(address for recipient in recipients if "@" in (address := recipient.text(*RECIPIENT_ADDRESSES)))),
        ("Date", format_datetime(when) if (when := mail.time(SENT, DELIVERED)) else ""),
        ("Content-Type", "multipart/report" if mail.text(CLASS).upper().startswith("REPORT.") else ""),
        ("Auto-Submitted", "auto-replied" if "OOFTEMPLATE" in mail.text(CLASS).upper() else ""),
    ):
        if value:
            message[name] = re.sub(r"[\r\n\0]+", " ", value)
    return headers_of(message)


def _address(name: str, address: str) -> str:
    quoted = name.replace("\\", "").replace('"', "").replace("(", "").strip()[:300]
    return f'"{quoted}" <{address}>' if quoted else address


# ---------------------------------------------------------------- bodies


def body(mail: Properties, sheet: Sheet) -> frozenset[str]:
    """The mail's words as its body; answers the names of the pictures that they show."""
    bodies = []
    if words := mail.text(PLAIN):
        bodies.append(Body("body.txt", words.encode("utf-8", "replace"), words, tuple(find_links(words)), ()))
    if raw := mail.raw(HTML):
        bodies.append(_html_body(mail, raw))
    if raw := mail.raw(RICH):
        try:
            bodies.append(_rich_body(raw, sheet))
        except Unreadable as error:
            sheet.problem(error.code, error.detail)
    for best in choose(bodies):
        read_body(best, sheet)
    return frozenset(picture for one in bodies for picture in one.pictures)


def _html_body(mail: Properties, raw: bytes) -> Body:
    words = mail.text(HTML) or mail.decode(raw)
    parsed = parse_html(words)
    pictures = tuple(picture.removeprefix("cid:") for picture in parsed.pictures)
    return Body("body.html", raw, tidy("".join(parsed.pieces)), tuple(parsed.links), pictures)


def _rich_body(packed: bytes, sheet: Sheet) -> Body:
    """The words of the RTF (a plain text to whoever reads on), and the targets of its links."""
    rich, sound = lzfu.unpacked(packed, sheet.limits.max_text)
    if not sound:
        sheet.notes.add("checksum")
    words = tidy(rtf.words(rich))
    targets = [target.decode("ascii", "replace") for target in _TARGET.findall(rich)]
    pictures = [name.decode("ascii", "replace") for name in re.findall(rb'src="cid:([^"\s]{1,300})', rich)]
    links = tuple(dict.fromkeys([*find_links(words), *targets]))
    return Body("body.txt", words.encode("utf-8", "replace"), words, links, tuple(pictures))


# ---------------------------------------------------------------- attachments


def name_of(attachment: Properties, otherwise: str = "attachment") -> str:
    """The name that the attachment claims."""
    return attachment.text(*FILE_NAMES, SHOWN_NAME).strip() or otherwise


def attach(attachment: Properties, raw: bytes, shown: frozenset[str], sheet: Sheet) -> None:
    """An attachment whose bytes are there, as a part: a small picture of the body is decoration."""
    name = name_of(attachment)
    content_id = attachment.text(CONTENT_ID).strip().strip("<>")
    inside = bool(attachment.number(HIDDEN)) or (content_id and content_id in shown) or name in shown
    small = len(raw) < INLINE_BYTES
    role = Role.INLINE if inside and small and kinds.sniff(raw[: kinds.HEAD_BYTES], name) in kinds.IMAGES else Role.ATTACHMENT
    signed = attachment.text(MIME).lower().startswith("multipart/")  # a signed mail's whole MIME tree
    sheet.child(name, raw, role, hint=kinds.MAIL if signed else "")


def without_content(attachment: Properties, sheet: Sheet) -> None:
    """One that only points to its bytes: a web address is listed, anything else is a problem."""
    places = [attachment.text(number) for number in PLACES]
    links = [place for place in places if place.lower().startswith(("http://", "https://"))]
    add_links(sheet, links)
    if not links:
        pointing = attachment.number(METHOD) in BY_REFERENCE
        raise Unreadable("mail_malformed", "points to a file on the sender's machine" if pointing else "has no content")


def one_by_one(attachments: Sequence[T], take: Callable[[T], None], sheet: Sheet) -> None:
    """Every attachment; one that can not be taken out is a problem of its own, the others go on."""
    if len(attachments) > sheet.limits.max_parts:
        raise Unreadable("mail_parts", f"{len(attachments)} attachments, limit {sheet.limits.max_parts}")
    for number, attachment in enumerate(attachments, 1):
        try:
            take(attachment)
        except Unreadable as error:
            if error.code == "archive_bytes":  # spent for the whole submission
                raise
            sheet.problem(error.code, f"attachment {number}: {error.detail}")
