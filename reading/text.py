"""Plain text and HTML: characters from bytes of an unknown or wrongly named encoding, and the links that stand there."""

from __future__ import annotations

import codecs
import html.parser
import re
from typing import TYPE_CHECKING

from reading import kinds

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

_LINK = re.compile(r"https?://[^\s<>\"'()\[\]{}]{4,2000}", re.IGNORECASE)
_TRAILING = ".,;:!?"
MAX_LINKS = 200


def read(found: Found, sheet: Sheet) -> None:
    """One page of text."""
    words = found.words
    add_links(sheet, list(found.links))
    if sheet.media_type == kinds.SHORTCUT:
        add_links(sheet, find_links(found.load(sheet.limits.max_mail_bytes).decode("latin-1")))
        words = "\n".join(sheet.links)
    if words is None:
        words = decode(found.load(sheet.limits.max_mail_bytes), None)
    if found.words is None and sheet.media_type == kinds.HTML:
        words, links = from_html(words)
        add_links(sheet, links)
    add_links(sheet, find_links(words))
    sheet.text_page(1, words)


def decode(raw: bytes, charset: str | None) -> str:
    """Characters of `raw`: the named charset if it holds, else UTF-8, else the likeliest, else Latin-1."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace")
    for name in (charset, "utf-8-sig"):
        try:
            if name and codecs.lookup(name)._is_text_encoding:  # keeps zip and rot13 "codecs" out
                return raw.decode(name)
        except (LookupError, ValueError):
            continue
    return _likeliest(raw)


def _likeliest(raw: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(raw[: 64 << 10]).best()
    try:
        return raw.decode(best.encoding if best else "latin-1", "replace")
    except LookupError:
        return raw.decode("latin-1")


def find_links(words: str) -> list[str]:
    """Web addresses in running text."""
    return [link.rstrip(_TRAILING) for link in _LINK.findall(words)]


def add_links(sheet: Sheet, links: list[str]) -> None:
    """Keep web addresses, each once: they are promised material, never fetched (R13)."""
    for link in links:
        if len(sheet.links) >= MAX_LINKS:
            sheet.notes.add("many_links")
            return
        if link.lower().startswith(("http://", "https://")):
            sheet.links[link[:2000]] = None


class _Text(html.parser.HTMLParser):
    """Words and links of HTML; scripts, styles and comments are dropped, nothing is loaded."""

    DROPPED = frozenset({"script", "style", "head", "title", "template", "noscript", "object", "svg"})
    BREAKS = frozenset(
        {"p", "div", "br", "li", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "hr", "ul", "ol", "pre"}
    )

    def __init__(self, xml: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._xml = xml  # a clinical document (CDA) or the like: every element is a word of its own, none is dropped
        self.pieces: list[str] = []
        self.links: list[str] = []
        self.pictures: list[str] = []
        self._dropping = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._dropping = 0 if tag == "body" or self._xml else self._dropping + (tag in self.DROPPED)  # an unclosed head ends here
        if tag in self.BREAKS or self._xml:
            self.pieces.append("\n")
        elif tag in ("td", "th"):
            self.pieces.append("\t")
        for name, value in attrs:
            if value and name == "href":
                self.links.append(value.strip())
            elif value and name == "src" and tag == "img":
                self.pictures.append(value.strip())

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._xml or tag not in self.DROPPED:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.DROPPED:
            self._dropping = max(0, self._dropping - 1)
        elif tag in self.BREAKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            self.pieces.append(re.sub(r"\s+", " ", data))


def from_html(markup: str) -> tuple[str, list[str]]:
    """Readable text of HTML and its link targets."""
    parser = parse_html(markup)
    return tidy("".join(parser.pieces)), parser.links


def parse_html(markup: str) -> _Text:
    start = markup[:2000].lower()
    parser = _Text(xml=start.lstrip("\ufeff \r\n\t").startswith("<?xml") and "<html" not in start)
    parser.feed(markup)
    parser.close()
    return parser


def tidy(words: str) -> str:
    """Lines without trailing blanks, at most one empty line in a row."""
    lines = [re.sub(r"[ \u00a0]+", " ", line).strip() for line in words.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
