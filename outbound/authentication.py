"""What our own mail server says about a sender: `Authentication-Results` (RFC 8601), read with suspicion.

A sender can write such a field too.  Only the topmost one with our server's own id counts, because our server
puts its field on top of whatever was there; comments and quoted strings are taken out before anything is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_RESULT = re.compile(r"dmarc(?:\s*/\s*1)?\s*=\s*(?P<result>[a-z]+)", re.IGNORECASE)
_FROM = re.compile(r"header\.from\s*=\s*(?P<domain>[^\s;]+)", re.IGNORECASE)


def dmarc_passed(fields: Iterable[str], authserv_id: str, from_address: str) -> bool:
    """Whether our server found that DMARC passes for the domain of `from_address`.

    `fields` topmost first, without the field name.  Every DMARC result in our field must be a pass, there must
    be one, and a `header.from` that it names must be the domain of the address we would write to.
    """
    ours = next((parts for parts in map(_parts, fields) if _issuer(parts) == authserv_id.lower()), [])
    results = [(found, part) for part in ours[1:] if (found := _RESULT.match(part))]
    domain = from_address.rpartition("@")[2].lower()
    return bool(results) and all(found["result"].lower() == "pass" and _about(part, domain) for found, part in results)


def _issuer(parts: list[str]) -> str:
    words = parts[0].split()  # the id, and perhaps the version of the format
    return words[0].lower() if words else ""


def _about(part: str, domain: str) -> bool:
    named = _FROM.findall(part)
    return all(one.lower().rpartition("@")[2] == domain for one in named)


def _parts(field: str) -> list[str]:
    """The field's parts between semicolons, trimmed, without comments and quoted strings."""
    return [part.strip() for part in "".join(_plain(field)).split(";")]


def _plain(field: str) -> Iterator[str]:
    """The characters outside comments and quoted strings (RFC 5322 3.2.2, 3.2.4); one left open swallows the rest."""
    depth, quoted, escaped = 0, False, False
    for mark in field:
        if escaped:
            escaped = False
        elif mark == "\\" and (depth or quoted):  # elsewhere it is a character like any other: nothing vanishes from a name
            escaped = True
        elif depth:
            depth += {"(": 1, ")": -1}.get(mark, 0)  # a quote means nothing inside a comment
        elif quoted:
            quoted = mark != '"'
        elif mark in '("':
            depth, quoted = int(mark == "("), mark == '"'
            yield " "
        else:
            yield mark
