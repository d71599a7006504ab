"""The one header that ingest itself looks at: Message-ID, taken from hostile bytes without a mail parser."""

from __future__ import annotations

import re

HEADER_BYTES = 64 << 10  # no more of a mail is looked at here

_FOLD = re.compile(rb"\r?\n[ \t]+")
_MESSAGE_ID = re.compile(rb"^message-id[ \t]*:[ \t]*(<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>)", re.IGNORECASE | re.MULTILINE)


def message_id(header: bytes) -> str | None:
    """The Message-ID with its angle brackets (RFC 5322 3.6.4), or None when absent, malformed or over 900 characters."""
    block = re.split(rb"\r?\n\r?\n", header[:HEADER_BYTES], maxsplit=1)[0]
    found = _MESSAGE_ID.search(_FOLD.sub(b" ", block))
    return found[1].decode("ascii") if found else None
