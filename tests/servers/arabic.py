"""Arabic text as a PDF's canvas wants it: letters in their joined shapes, in the order in which they stand on paper."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_LEFT_TO_RIGHT = re.compile(r"[0-9A-Za-z٠-٩](?:[0-9A-Za-z٠-٩ .,/:-]*[0-9A-Za-z٠-٩])?")
_MIRROR = str.maketrans("()[]<>«»", ")(][><»«")


@cache
def _shapes() -> dict[tuple[str, str], str]:
    """(letters, isolated | initial | medial | final) to the one character that shows them (Unicode's presentation forms B)."""
    found = {}
    for code in range(0xFE70, 0xFEFD):
        kind, *letters = unicodedata.decomposition(chr(code)).split() or [""]
        if kind and letters[0] != "0020":
            found["".join(chr(int(letter, 16)) for letter in letters), kind.strip("<>")] = chr(code)
    return found


def shaped(text: str) -> str:
    """`text` joined and turned round; digits and Latin words keep their own order."""
    joined = "".join(_joined(word) for word in re.split(r"(\s+)", text))
    turned = joined[::-1].translate(_MIRROR)
    return _LEFT_TO_RIGHT.sub(lambda run: run[0][::-1], turned)


def _joined(word: str) -> str:
    """One word's letters, each in the shape that its neighbours ask for."""
    table = _shapes()
    pieces = re.findall(r"ل[اأإآ]|.", word)
    out = []
    for at, piece in enumerate(pieces):
        before = at > 0 and (pieces[at - 1], "initial") in table
        after = at + 1 < len(pieces) and (piece, "initial") in table and (pieces[at + 1], "final") in table
        before = before and (piece, "final") in table
        wanted = "medial" if before and after else "final" if before else "initial" if after else "isolated"
        out.append(table.get((piece, wanted), piece))
    return "".join(out)
