"""From a message to its bytes (RFC 5322, RFC 2046): 7-bit, and the same message always gives the same bytes."""

from __future__ import annotations

import hashlib
import re
from email.message import EmailMessage
from email.policy import SMTP

from records.errors import PermanentError
from records.model import Message

_POLICY = SMTP.clone(cte_type="7bit")  # a relay need not know 8BITMIME
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_IDS = frozenset({"Message-ID", "In-Reply-To", "References"})


def to_bytes(message: Message) -> bytes:
    """The mail, text and HTML as alternatives, lines ended by CRLF.

    Raises PermanentError `bad_header` when a field holds a line end or another control character.
    """
    fields = (
        ("To", message.to),
        ("Subject", message.subject),
        ("Message-ID", message.message_id),
        *message.headers,
    )
    return "".join(_field(name, value) for name, value in fields).encode("ascii") + _body(message)


def _field(name: str, value: str) -> str:
    if _CONTROL.search(value):
        raise PermanentError("bad_header", name)
    if name in _IDS:  # ids are folded between each other, never inside and never as encoded words
        return f"{name}: {value.replace(' ', chr(13) + chr(10) + ' ')}\r\n"
    return str(_POLICY.header_factory(name, value).fold(policy=_POLICY))


def _body(message: Message) -> bytes:
    """`MIME-Version` and the two parts."""
    mail = EmailMessage(policy=_POLICY)
    mail.set_content(message.text, cte=_encoding(message.text))
    mail.add_alternative(message.html, subtype="html", cte=_encoding(message.html))
    # "=_" can not occur in quoted-printable (RFC 2045 6.7)
    mail.set_boundary(f"=_{hashlib.sha256(message.message_id.encode()).hexdigest()[:32]}")
    return mail.as_bytes()


def _encoding(text: str) -> str:
    short = all(len(line) <= 78 for line in text.splitlines())
    return "7bit" if text.isascii() and short else "quoted-printable"
