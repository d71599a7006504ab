"""Words of office documents (docx, xlsx, pptx, odt, ods, rtf) and the pictures pasted into them.

Small readers of our own: XML through expat with every document type and entity refused, nothing external
loaded, no macro run.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING
from xml.parsers import expat

from reading import kinds, rtf
from reading.limits import Unreadable
from reading.text import add_links
from reading.zips import metered, opened
from records.model import Role

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

_NUMBER = re.compile(r"(\d+)")
_TEXT_PARTS = {
    kinds.WORD: re.compile(r"^word/(?:document|header\d*|footer\d*|footnotes|endnotes|comments)\.xml$"),
    kinds.SLIDES: re.compile(r"^ppt/(?:slides|notesSlides)/[^/]+\.xml$"),
    kinds.SHEET: re.compile(r"^xl/worksheets/[^/]+\.xml$"),
    kinds.ODT: re.compile(r"^(?:content|styles)\.xml$"),
    kinds.ODS: re.compile(r"^content\.xml$"),
}
_MEDIA = re.compile(r"^(?:word/media|ppt/media|xl/media|Pictures|word/embeddings)/[^/]+$", re.IGNORECASE)
_BREAKS = {
    "p": "\n",
    "h": "\n",
    "br": "\n",
    "line-break": "\n",
    "tab": "\t",
    "row": "\n",
    "table-row": "\n",
    "tc": "\t",
    "table-cell": "\t",
}
MAX_PICTURE_PARTS = 300


def read(found: Found, sheet: Sheet) -> None:
    """All words as one page, then the pictures inside as parts of their own."""
    if sheet.media_type == kinds.RTF:
        sheet.text_page(1, rtf.words(found.load(sheet.limits.max_part_bytes)))
        return
    archive = opened(found.open(), sheet.walk)
    names = archive.namelist()
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        sheet.notes.add("macro")
    shared = _shared_strings(archive, sheet) if sheet.media_type == kinds.SHEET else []
    wanted = sorted((name for name in names if _TEXT_PARTS[sheet.media_type].match(name)), key=_reading_order)
    kept = {"p", "h"} if sheet.media_type in (kinds.ODT, kinds.ODS) else {"t", "v"}
    words = [_words(_member(archive, name, sheet), kept, shared) for name in wanted]
    _links(archive, names, sheet)
    sheet.text_page(1, "\n".join(words))
    for name in [name for name in names if _MEDIA.match(name)][:MAX_PICTURE_PARTS]:
        sheet.child(name, _member(archive, name, sheet), Role.MEMBER)


def _reading_order(name: str) -> tuple[int, list[object]]:
    """The main text first, then parts by their number."""
    return (
        0 if "document" in name or "content" in name else 1,
        [int(piece) if piece.isdigit() else piece for piece in _NUMBER.split(name)],
    )


def _member(archive: zipfile.ZipFile, name: str, sheet: Sheet) -> bytes:
    entry = archive.getinfo(name)
    if entry.flag_bits & 1:
        raise Unreadable("encrypted", "a member is encrypted")
    try:
        with archive.open(entry) as stream:
            return metered(stream, entry.compress_size, sheet.walk, "a member")
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Unreadable("office_malformed", "a member is damaged") from error


def parse(
    raw: bytes, start: Callable[[str, dict[str, str]], None], end: Callable[[str], None], text: Callable[[str], None]
) -> None:
    """Run expat; names come without namespace; `xml_entities` when the document declares a type."""

    def refuse(*_: object) -> int:
        raise Unreadable("xml_entities", "the document declares a type or entities")

    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    parser.StartElementHandler = lambda name, attributes: start(
        _local(name), {_local(key): value for key, value in attributes.items()}
    )
    parser.EndElementHandler = lambda name: end(_local(name))
    parser.CharacterDataHandler = text
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise Unreadable("office_malformed", "broken XML") from error


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _words(raw: bytes, kept: set[str], shared: list[str]) -> str:
    """Characters inside `kept` elements; paragraphs, rows and cells apart; cells of type "s" are numbers of shared strings."""
    pieces: list[str] = []
    state = {"keep": 0, "shared": False}

    def start(name: str, attributes: dict[str, str]) -> None:
        state["keep"] += name in kept
        if name == "c":
            state["shared"] = attributes.get("t") == "s"
        if name in ("br", "tab", "line-break"):
            pieces.append(_BREAKS[name])

    def end(name: str) -> None:
        state["keep"] -= name in kept
        if name in _BREAKS and name not in ("br", "tab", "line-break"):
            pieces.append(_BREAKS[name])
        if name == "c":
            pieces.append("\t")

    def text(characters: str) -> None:
        if not state["keep"]:
            return
        pieces.append(_shared(characters, shared) if state["shared"] else characters)

    parse(raw, start, end, text)
    return re.sub(r"[ \t]*\n[ \t]*", "\n", re.sub(r"\t{2,}", "\t", "".join(pieces))).strip()


def _shared(index: str, shared: list[str]) -> str:
    return shared[int(index)] if index.isdigit() and int(index) < len(shared) else index


def _shared_strings(archive: zipfile.ZipFile, sheet: Sheet) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    strings: list[str] = []

    def start(name: str, _: dict[str, str]) -> None:
        if name == "si":
            strings.append("")

    def text(characters: str) -> None:
        if strings:
            strings[-1] += characters

    parse(_member(archive, "xl/sharedStrings.xml", sheet), start, lambda _: None, text)
    return strings


def _links(archive: zipfile.ZipFile, names: list[str], sheet: Sheet) -> None:
    """Targets outside the document: listed, never loaded; a template from outside is noted."""
    targets: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") == "External":
            targets.append(attributes.get("Target", ""))
            if attributes.get("Type", "").endswith("/attachedTemplate"):
                sheet.notes.add("remote_template")

    for name in [name for name in names if name.endswith(".rels")][:50]:
        parse(_member(archive, name, sheet), start, lambda _: None, lambda _: None)
    add_links(sheet, targets)
