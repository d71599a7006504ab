"""Words of rich text (RTF 1.9): control words dropped, characters of code pages and Unicode escapes decoded."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    rb"\\(?P<word>[a-z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<symbol>[^a-z])"
    rb"|(?P<brace>[{}])|(?P<text>[^\\{}\r\n]+)|[\r\n]+",
)
_DROPPED = frozenset(
    b"fonttbl colortbl stylesheet info pict object themedata datastore listtable listoverridetable rsidtbl generator xmlnstbl "
    b"latentstyles fldinst header footer".split()
) - {b"header", b"footer"}
_BREAKS = {b"par": "\n", b"line": "\n", b"row": "\n", b"page": "\n", b"sect": "\n", b"tab": "\t", b"cell": "\t"}
_SIGNS = {b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”", b"bullet": "•", b"endash": "–", b"emdash": "—"}
_SYMBOLS = {b"~": " ", b"_": "-", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n"}


def words(raw: bytes) -> str:
    """The document's running text."""
    pieces: list[str] = []
    stack: list[tuple[bool, int]] = []
    dropping, skip, swallow = False, 1, 0
    codec, pending = "cp1252", bytearray()

    def flush() -> None:
        if pending:
            pieces.append(pending.decode(codec, "replace"))
            pending.clear()

    for token in _TOKEN.finditer(raw):
        if token["brace"]:
            flush()
            if token["brace"] == b"{":
                stack.append((dropping, skip))
            elif stack:
                dropping, skip = stack.pop()
            continue
        word = token["word"]
        if word == b"ansicpg":
            codec = _codec(token["number"])
        elif word == b"uc":
            skip = int(token["number"] or 1)
        elif word in _DROPPED or token["symbol"] == b"*":
            dropping = True
        if dropping:
            continue
        if token["hex"] or token["text"]:
            swallow = _literal(token, pending, swallow)
            continue
        flush()
        if word == b"u" and token["number"]:
            pieces.append(chr(int(token["number"]) % 0x10000))
            swallow = skip
        elif word:
            pieces.append(_BREAKS.get(word) or _SIGNS.get(word, ""))
        elif token["symbol"]:
            pieces.append(_SYMBOLS.get(token["symbol"], ""))
    flush()
    return "".join(pieces)


def _literal(token: re.Match[bytes], pending: bytearray, swallow: int) -> int:
    """Keep literal bytes, less those that only stand in for a Unicode escape before them."""
    literal = bytes.fromhex(token["hex"].decode()) if token["hex"] else token["text"]
    kept = literal[swallow:]
    pending += kept
    return max(0, swallow - len(literal))


def _codec(number: bytes | None) -> str:
    import codecs

    name = f"cp{int(number or 1252)}"
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
