"""A mail taken apart: its words, its attachments, and what its headers claim.

The standard parser is exact but slow on hostile shapes, so cheap linear counters look at the bytes first
(`check_shape`), and parsing uses the `compat32` policy: headers are decoded here, one by one, bounded.
"""

from __future__ import annotations

import base64
import email
import email.errors
import email.header
import email.message
import email.utils
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reading import kinds
from reading.limits import Limits, Unreadable
from reading.text import decode, find_links, parse_html, tidy
from records.model import Mail, Role

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

INLINE_BYTES = 64 << 10  # a picture shown in the body and smaller than this is decoration
MAX_COMMENTS = 32  # nested or not, in one address field
MAX_FIELD = 16 << 10

_BLANK_LINE = re.compile(rb"\r?\n\r?\n|\n\r\n")
_EVENT = re.compile(
    rb"""^--(?P<line>[^\r\n]{1,200}?)[ \t]*\r?$|boundary=[ \t]*(?:"(?P<quoted>[^"\r\n]{1,200})"|(?P<bare>[^\s;"]{1,200}))"""
    rb"""|^content-type:[ \t]*(?P<mail>message/rfc822)""",
    re.IGNORECASE | re.MULTILINE,
)


def read(found: Found, sheet: Sheet) -> None:
    """Walk the mail's parts in order."""
    if found.size > sheet.limits.max_mail_bytes:
        raise Unreadable("mail_size", f"{found.size} bytes, limit {sheet.limits.max_mail_bytes}")
    raw = found.load(sheet.limits.max_part_bytes)
    sheet.mail = headers_of(email.message_from_bytes(header_block(raw, sheet.limits)))
    check_shape(raw, sheet.limits)
    message = email.message_from_bytes(raw)
    bodies, rest = sort_out(message)
    for body in bodies:
        read_body(body, sheet)
    shown = {picture for body in bodies for picture in body.pictures}
    for part in rest:
        try:
            _read_attachment(part, shown, sheet)
        except (ValueError, LookupError, RecursionError) as error:  # one part that can not be taken out; the others go on
            sheet.problem("mail_malformed", f"{type(error).__name__} in one part")


def header_block(raw: bytes, limits: Limits) -> bytes:
    """The header fields, up to the first empty line; `mail_headers` when they are too long."""
    blank = _BLANK_LINE.search(raw, 0, limits.max_header_bytes + 4)
    if (blank.start() if blank else len(raw)) > limits.max_header_bytes:
        raise Unreadable("mail_headers", f"more than {limits.max_header_bytes} bytes of header fields")
    return raw[: blank.end()] if blank else raw


def check_shape(raw: bytes, limits: Limits) -> None:
    """Refuse by counting what would cost the parser too much (hostile.md: seconds a kilobyte); linear in the bytes."""
    parts, depth = count_parts(raw)
    if depth > limits.max_nesting:
        raise Unreadable("mail_nesting", f"{depth} levels, limit {limits.max_nesting}")
    if parts > limits.max_parts:
        raise Unreadable("mail_parts", f"{parts} parts, limit {limits.max_parts}")


def count_parts(raw: bytes) -> tuple[int, int]:
    """Parts and greatest depth, by declared boundaries and the lines that use them."""
    declared: set[bytes] = set()
    stack: list[bytes | None] = []
    parts, deepest = 1, 0
    for event in _EVENT.finditer(raw):
        line, boundary = event["line"], event["quoted"] or event["bare"]
        if boundary:
            declared.add(boundary.rstrip())
        elif event["mail"]:
            stack.append(None)
            parts += 1
        elif line:
            _cross(line, declared, stack)
            parts += line in declared
        deepest = max(deepest, len(stack))
    return parts, deepest


def _cross(line: bytes, declared: set[bytes], stack: list[bytes | None]) -> None:
    """Keep the stack of open multiparts true when a boundary line is met."""
    closing = line[:-2] if line.endswith(b"--") and line not in declared else None
    boundary = closing or line
    if boundary not in declared:
        return
    if boundary in stack:
        while stack[-1] != boundary:
            stack.pop()
        if closing:
            stack.pop()
    elif not closing:
        stack.append(boundary)


# ---------------------------------------------------------------- parts


@dataclass(frozen=True, slots=True)
class Body:
    """A mail's own words: text, links, and the pictures that its HTML shows (Content-IDs and names)."""

    name: str
    raw: bytes
    words: str
    links: tuple[str, ...]
    pictures: tuple[str, ...]


def sort_out(message: email.message.Message) -> tuple[list[Body], list[email.message.Message]]:
    """The mail's words, and every other part in order; of two equal bodies the plain one."""
    bodies: list[Body] = []
    rest: list[email.message.Message] = []
    for group in _groups(message):
        words = [part for part in group if _is_body(part)]
        rest.extend(part for part in group if not _is_body(part))
        bodies.extend(choose([_body(part) for part in words]) if len(group) > 1 else [_body(part) for part in words])
    return bodies, rest


def _groups(message: email.message.Message) -> Iterator[list[email.message.Message]]:
    """Leaves in order, those of one multipart/alternative together; nested mails are leaves."""
    todo: list[tuple[email.message.Message, bool]] = [(message, False)]
    while todo:
        part, _ = todo.pop()
        children = part.get_payload()
        if part.get_content_maintype() != "multipart" or not isinstance(children, list):
            yield [part]
        elif part.get_content_subtype() == "alternative":
            yield list(_leaves(part))
        else:
            todo.extend((child, False) for child in reversed(children) if isinstance(child, email.message.Message))


def _leaves(part: email.message.Message) -> Iterator[email.message.Message]:
    todo = [part]
    while todo:
        part = todo.pop()
        children = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(children, list):
            todo.extend(child for child in reversed(children) if isinstance(child, email.message.Message))
        else:
            yield part


def _is_body(part: email.message.Message) -> bool:
    if part.get_content_type() not in ("text/plain", "text/html"):
        return part.get_content_maintype() == "multipart"  # a multipart without parts: its bytes are its words
    return not file_name(part) and disposition(part) != "attachment"


def _body(part: email.message.Message) -> Body:
    raw = payload(part)
    words = decode(raw, part.get_content_charset())
    if part.get_content_type() != "text/html":
        return Body("body.txt", raw, words, tuple(find_links(words)), ())
    parsed = parse_html(words)
    pictures = tuple(picture.removeprefix("cid:") for picture in parsed.pictures)
    return Body("body.html", raw, tidy("".join(parsed.pieces)), tuple(parsed.links), pictures)


def choose(bodies: list[Body]) -> list[Body]:
    """Of alternatives the plain text, unless it says much less than the HTML; links and pictures of all."""
    if not bodies:
        return []
    plain = [body for body in bodies if body.name == "body.txt" and body.words.strip()]
    longest = max(bodies, key=lambda body: len(body.words))
    best = plain[0] if plain and 3 * len(plain[0].words.strip()) >= len(longest.words.strip()) else longest
    links = tuple(dict.fromkeys(link for body in bodies for link in body.links))
    pictures = tuple(picture for body in bodies for picture in body.pictures)
    return [Body(best.name, best.raw, best.words, links, pictures)]


def read_body(body: Body, sheet: Sheet) -> None:
    """The mail's words as a part; words that the walk has met already (a winmail.dat repeats its mail's) are kept once."""
    hint = kinds.HTML if body.name.endswith(".html") else kinds.TEXT
    letters = "".join(character for character in body.words if character.isalnum()).casefold()
    repeated = bool(letters) and letters in sheet.walk.bodies
    sheet.walk.bodies.add(letters)
    if body.words.strip() or body.links:
        sheet.child(body.name, body.raw, Role.BODY, hint=hint, words="" if repeated else body.words, links=body.links)


def _read_attachment(part: email.message.Message, shown: set[str], sheet: Sheet) -> None:
    kind = part.get_content_type()
    name = file_name(part)
    children = part.get_payload()
    if kind == "message/rfc822" and isinstance(children, list) and children:
        name = name or "forwarded.eml"
        sheet.child(name if name.lower().endswith(".eml") else f"{name}.eml", _flat(children[0]), Role.ATTACHMENT, hint=kind)
        return
    raw = payload(part)
    content_id = str(part.get("Content-ID", "")).strip().strip("<>")
    inside = (content_id and content_id in shown) or (name and name in shown) or (content_id and disposition(part) == "inline")
    decoration = inside and part.get_content_maintype() == "image" and len(raw) < INLINE_BYTES
    role = Role.INLINE if decoration else Role.ATTACHMENT
    hint = kind if kind == "application/pgp-encrypted" else ""  # a line of its own that says no more than which version
    sheet.child(name or f"attachment.{kinds.extension(kind)}", raw, role, hint=hint)


def _flat(message: object) -> bytes:
    """The nested mail's bytes again."""
    return message.as_bytes() if isinstance(message, email.message.Message) else str(message).encode("utf-8", "replace")


def payload(part: email.message.Message) -> bytes:
    """The part's bytes, transfer encoding undone; damaged base64 as far as it goes (amavis' way: deliver and flag)."""
    children = part.get_payload()
    if isinstance(children, list):
        return b"\n".join(_flat(child) for child in children)
    raw = part.get_payload(decode=True)
    raw = raw if isinstance(raw, bytes) else str(children).encode("utf-8", "surrogateescape")
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64" and part.defects:
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", str(children).encode("ascii", "ignore"))
        return base64.b64decode(letters[: len(letters) - len(letters) % 4]) or raw
    return raw


def disposition(part: email.message.Message) -> str:
    return str(part.get("Content-Disposition", "")).split(";")[0].strip().lower()


def file_name(part: email.message.Message) -> str:
    """The name an attachment claims: RFC 2231, encoded words and raw 8-bit alike; "" when none."""
    try:
        name = part.get_filename() or ""
    except (LookupError, ValueError):
        return "attachment"
    return words_of(name).strip()


# ---------------------------------------------------------------- headers


def words_of(value: str) -> str:
    """A header's words: encoded words decoded with a tolerant charset, 8-bit repaired, folded white space one blank."""
    pieces = []
    try:
        found = email.header.decode_header(value[:MAX_FIELD])
    except (email.errors.HeaderParseError, ValueError):
        return value[:MAX_FIELD].encode("ascii", "replace").decode()
    for piece, charset in found:
        if isinstance(piece, bytes):
            known = charset if charset and charset.lower() not in ("unknown-8bit", "unknown") else None
            pieces.append(decode(piece, known))
        else:
            pieces.append(_eight_bit(piece))
    return re.sub(r"\s+", " ", "".join(pieces)).strip()


def _eight_bit(words: str) -> str:
    return decode(words.encode("utf-8", "surrogateescape"), None) if re.search("[\udc80-\udcff]", words) else words


def raw_fields(message: email.message.Message, name: str) -> list[str]:
    """The values of a field as they stand there, 8-bit bytes as surrogates (`get` would lose them)."""
    return [str(value) for field, value in message.raw_items() if field.lower() == name.lower()]


def raw_field(message: email.message.Message, name: str) -> str | None:
    return next(iter(raw_fields(message, name)), None)


def headers_of(message: email.message.Message) -> Mail:
    """What the mail says of itself: evidence, not identity."""
    name, address = next(iter(_addresses(message, "From")), ("", ""))
    return_path = raw_field(message, "Return-Path")
    return Mail(
        from_address=address,
        from_name=name,
        message_id=next(iter(_identifiers(raw_field(message, "Message-ID"))), ""),
        in_reply_to=_identifiers(raw_field(message, "In-Reply-To")),
        references=_identifiers(raw_field(message, "References")),
        subject=words_of(raw_field(message, "Subject") or "")[:1000],
        date=_date(raw_field(message, "Date")),
        to=tuple(address for field in ("To", "Cc") for _, address in _addresses(message, field)),
        reply_to=next((address for _, address in _addresses(message, "Reply-To")), ""),
        return_path=None if return_path is None else return_path.strip().strip("<>").strip().lower(),
        unanswerable=unanswerable(message, address),
        authentication=tuple(
            re.sub(r"\s+", " ", _eight_bit(field)).strip()[:MAX_FIELD]
            for field in raw_fields(message, "Authentication-Results")[:20]
        ),
    )


def _addresses(message: email.message.Message, field: str) -> list[tuple[str, str]]:
    """(name, lower-case address) pairs of an address field; `mail_headers` when its comments or length are hostile."""
    values = raw_fields(message, field)[:20]
    if any(len(value) > MAX_FIELD * 4 or value.count("(") > MAX_COMMENTS for value in values):
        raise Unreadable("mail_headers", f"{field} is too long or has more than {MAX_COMMENTS} comments")
    pairs = email.utils.getaddresses([re.sub(r"[\r\n]+", "", value) for value in values])
    return [(words_of(name)[:300], address.strip().lower()) for name, address in pairs if _ADDRESS.fullmatch(address)]


def _identifiers(value: str | None) -> tuple[str, ...]:
    return tuple(re.findall(r"<[^<>\s]{1,990}>", _eight_bit(value or "")[: MAX_FIELD * 4]))[:100]


def _date(value: str | None) -> datetime | None:
    try:
        when = email.utils.parsedate_to_datetime(value or "")
        return when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


_ADDRESS = re.compile(r"[^\s<>@\udc80-\udcff]{1,200}@[^\s<>@\udc80-\udcff]{1,200}")
_ROBOTS = re.compile(r"^(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|.+-bounces)(?:[+=-].*)?@", re.IGNORECASE)


def unanswerable(message: email.message.Message, address: str) -> str | None:
    """Why RFC 3834 forbids an automatic answer: bounce | null_sender | auto_submitted | list | bulk, None when it may be."""
    return_path = raw_field(message, "Return-Path")
    automatic = (raw_field(message, "Auto-Submitted") or "no").split(";")[0].strip().lower()
    if message.get_content_type() == "multipart/report" or address.startswith("mailer-daemon@"):
        return "bounce"
    if return_path is not None and return_path.strip() in ("<>", ""):
        return "null_sender"
    if automatic not in ("no", "") or _says_automatic(message) or _ROBOTS.match(address):
        return "auto_submitted"
    if any(name.lower().startswith("list-") for name in message.keys()):  # noqa: SIM118 - a Message iterates in its own way
        return "list"
    if (raw_field(message, "Precedence") or "").strip().lower() in ("bulk", "junk", "list"):
        return "bulk"
    return None


def _says_automatic(message: email.message.Message) -> bool:
    return any(
        message.get(name) is not None for name in ("X-Autoreply", "X-Autorespond", "X-Autogenerated", "X-Failed-Recipients")
    )
