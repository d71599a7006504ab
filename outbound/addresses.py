"""What may stand in an address field or a thread header: nothing from outside gets there unchecked.

Strict on purpose: an address that only the full grammar of RFC 5322 allows (quoted local parts, comments,
address literals, other scripts) is not written to automatically; staff sees `bad_address` instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_DOT_ATOM = rf"{_ATEXT}+(?:\.{_ATEXT}+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDR_SPEC = re.compile(rf"(?P<local>{_DOT_ATOM})@(?P<domain>(?:{_LABEL}\.)+(?!\d+\Z){_LABEL})")
_MESSAGE_ID = re.compile(rf"<{_DOT_ATOM}@(?:{_DOT_ATOM}|\[[A-Za-z0-9.:]+\])>")
_FAX = re.compile(r"\+?[0-9][0-9 ().-]{4,28}[0-9]")
_MAX_ADDRESS, _MAX_LOCAL = 254, 64  # RFC 5321 4.5.3.1
_MAX_MESSAGE_ID = 250
_MAX_REFERENCES = 12


def is_address(address: str | None) -> bool:
    """Whether `address` is a plain ASCII addr-spec (RFC 5321 Mailbox) with a full domain name."""
    match = _ADDR_SPEC.fullmatch(address or "")
    return match is not None and len(match["local"]) <= _MAX_LOCAL and len(match[0]) <= _MAX_ADDRESS


def is_fax_number(number: str | None) -> bool:
    """Whether `number` is digits with the usual separators, 6 to 20 digits of them (E.164 and prefixes)."""
    return _FAX.fullmatch(number or "") is not None and 6 <= len(digits(number or "")) <= 20


def digits(number: str) -> str:
    """The digits of a fax number, to compare two ways of writing it."""
    return "".join(mark for mark in number if mark in "0123456789")


def message_ids(candidates: Iterable[str | None]) -> tuple[str, ...]:
    """Those of `candidates` that are message ids (RFC 5322 3.6.4, no obsolete forms), in order, each once.

    A long thread keeps its first id and the newest ones, as RFC 5537 3.4.4 does.
    """
    good = (one for one in candidates if one and len(one) <= _MAX_MESSAGE_ID and _MESSAGE_ID.fullmatch(one))
    ids = tuple(dict.fromkeys(good))
    return ids if len(ids) <= _MAX_REFERENCES else (ids[0], *ids[1 - _MAX_REFERENCES :])


def bare(address: str) -> str:
    """Lower case and without a plus-tag: `Office+case@Example.org` and `office@example.org` are one mailbox."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
