"""Case references: random, said over the phone and read through a fax, with a check character.

`SOMRR-XXXXX-XXXXX-C`: 50 random bits in Crockford's base 32 (no I, L, O, U) and one check character by
ISO 7064's hybrid scheme (MOD 33,32), which finds every single wrong character and every swap of neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKE = str.maketrans("ILOU", "110V")
_PATTERN = re.compile(
    r"S[O0]MRR[\s\-–—_.:]{0,3}([0-9A-Z]{5})[\s\-–—_.]{0,3}([0-9A-Z]{5})[\s\-–—_.]{0,3}([0-9A-Z])(?![0-9A-Z])", re.IGNORECASE
)


def new_ref(number: int) -> str:
    """The reference of a random number below 2**50."""
    body = "".join(ALPHABET[(number >> shift) & 31] for shift in range(45, -1, -5))
    return f"SOMRR-{body[:5]}-{body[5:]}-{check_character(body)}"


def check_character(body: str) -> str:
    product = 32
    for character in body:
        total = (product + ALPHABET.index(character)) % 32 or 32
        product = total * 2 % 33
    return ALPHABET[(33 - product) % 32]


def find_refs(text: str) -> Iterator[str]:
    """Valid references in a text, look-alike letters mended (I and L are 1, O is 0), each once."""
    seen: set[str] = set()
    for match in _PATTERN.finditer(text):
        first, second, check = (group.upper().translate(_LOOKALIKE) for group in match.groups())
        ref = f"SOMRR-{first}-{second}-{check}"
        if ref not in seen and set(first + second + check) <= set(ALPHABET) and check_character(first + second) == check:
            seen.add(ref)
            yield ref
