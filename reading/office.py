"""Words of office documents (docx, xlsx, pptx, odt, ods, rtf) and the pictures pasted into them.

Small readers of our own: XML through expat with every document type and entity refused, nothing external
loaded, no macro run.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
_METAFILE = re.compile(r"\.(?:emf|wmf|emz|wmz)$", re.IGNORECASE)  # previews of objects and logos
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
_DATES = frozenset(map(str, (*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59))))  # built-in formats (18.8.30)
_DATE_FORMAT = re.compile(r"[yd]|m{3}", re.IGNORECASE)
_LITERAL = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')


def read(found: Found, sheet: Sheet) -> None:
    """All words as one page, then the pictures inside as parts of their own."""
    if sheet.media_type == kinds.RTF:
        sheet.text_page(1, rtf.words(found.load(sheet.limits.max_part_bytes)))
        return
    archive = opened(found.open(), sheet.walk)
    names = archive.namelist()
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        sheet.notes.add("macro")
    cells = _cells(archive, sheet) if sheet.media_type == kinds.SHEET else Cells()
    wanted = sorted((name for name in names if _TEXT_PARTS[sheet.media_type].match(name)), key=_reading_order)
    kept = {"p", "h"} if sheet.media_type in (kinds.ODT, kinds.ODS) else {"t", "v"}
    if not wanted:
        raise Unreadable("holds_nothing", "none of the parts in which its words should be")
    words = [_words(archive, name, kept, cells, sheet) for name in wanted]
    _links(archive, names, sheet)
    sheet.text_page(1, "\n".join(words))
    for name in [name for name in names if _MEDIA.match(name)][:MAX_PICTURE_PARTS]:
        if _METAFILE.search(name) and any(words):
            sheet.notes.add("metafile")
            continue
        with _as_far_as_it_goes(sheet):
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
    parser.buffer_text = True  # a number comes in one piece
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise Unreadable("office_malformed", "broken XML") from error


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _words(archive: zipfile.ZipFile, name: str, kept: set[str], cells: Cells, sheet: Sheet) -> str:
    """Characters inside `kept` elements; paragraphs, rows and cells apart.

    Of a damaged part the words before the damage; the other parts go on.
    """
    pieces: list[str] = []
    state = {"keep": 0}
    shown: list[Callable[[str], str]] = [str]  # how the cell's value is shown

    def start(name: str, attributes: dict[str, str]) -> None:
        state["keep"] += name in kept
        if name == "c":
            shown[0] = cells.shown(attributes)
        if name in ("br", "tab", "line-break"):
            pieces.append(_BREAKS[name])

    def end(name: str) -> None:
        state["keep"] -= name in kept
        if name in _BREAKS and name not in ("br", "tab", "line-break"):
            pieces.append(_BREAKS[name])
        if name == "c":
            pieces.append("\t")

    def text(characters: str) -> None:
        if state["keep"]:
            pieces.append(shown[0](characters))

    with _as_far_as_it_goes(sheet):
        parse(_member(archive, name, sheet), start, end, text)
    return re.sub(r"[ \t]*\n[ \t]*", "\n", re.sub(r"\t{2,}", "\t", "".join(pieces))).strip()


@contextmanager
def _as_far_as_it_goes(sheet: Sheet) -> Iterator[None]:
    """A damaged part is said and costs no other."""
    try:
        yield
    except Unreadable as error:
        if error.code != "office_malformed":
            raise
        sheet.problem(error.code, f"{error.detail}; what stands before it was read")


def _nothing(_: str) -> None:
    """Ends and characters that are not wanted."""


# ---------------------------------------------------------------- spreadsheets


@dataclass
class Cells:
    """What a workbook keeps apart from its cells: their texts, and which of their styles show a date."""

    texts: list[str] = field(default_factory=list)
    dates: list[bool] = field(default_factory=list)
    first_day: datetime = datetime(1899, 12, 30)  # noqa: DTZ001 - a day of the calendar, in no place's time

    def shown(self, cell: dict[str, str]) -> Callable[[str], str]:
        """How the value of this cell becomes words."""
        style = cell.get("s", "0")
        if cell.get("t") == "s":
            return self._text
        is_date = "t" not in cell and style.isdigit() and int(style) < len(self.dates) and self.dates[int(style)]
        return self._date if is_date else str

    def _text(self, number: str) -> str:
        return self.texts[int(number)] if number.isdigit() and int(number) < len(self.texts) else number

    def _date(self, days: str) -> str:
        try:
            when = self.first_day + timedelta(days=float(days))
        except (ValueError, OverflowError):
            return days
        return str(when.date() if not (when.hour or when.minute) else when.replace(microsecond=0))


def _cells(archive: zipfile.ZipFile, sheet: Sheet) -> Cells:
    names = set(archive.namelist())
    cells = Cells()
    formats: dict[str, bool] = {}
    state = {"styles": False, "spoken": False}

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "si":
            cells.texts.append("")
        elif name == "rPh":
            state["spoken"] = True  # how Japanese words are pronounced
        elif name == "numFmt":
            formats[attributes.get("numFmtId", "")] = bool(
                _DATE_FORMAT.search(_LITERAL.sub("", attributes.get("formatCode", "")))
            )
        elif name == "cellXfs":
            state["styles"] = True
        elif name == "xf" and state["styles"]:
            number = attributes.get("numFmtId", "")
            cells.dates.append(number in _DATES or formats.get(number, False))
        elif name == "workbookPr" and attributes.get("date1904") in ("1", "true"):
            cells.first_day = datetime(1904, 1, 1)  # noqa: DTZ001 - as above

    def end(name: str) -> None:
        state["styles"] &= name != "cellXfs"
        state["spoken"] &= name != "rPh"

    def text(characters: str) -> None:
        if cells.texts and not state["spoken"]:
            cells.texts[-1] += characters

    for name, take in (("xl/workbook.xml", _nothing), ("xl/styles.xml", _nothing), ("xl/sharedStrings.xml", text)):
        if name in names:
            with _as_far_as_it_goes(sheet):
                parse(_member(archive, name, sheet), start, end, take)
    return cells


def _links(archive: zipfile.ZipFile, names: list[str], sheet: Sheet) -> None:
    """Targets outside the document: listed, never loaded; a template from outside is noted."""
    targets: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") == "External":
            targets.append(attributes.get("Target", ""))
            if attributes.get("Type", "").endswith("/attachedTemplate"):
                sheet.notes.add("remote_template")

    for name in [name for name in names if name.endswith(".rels")][:50]:
        with _as_far_as_it_goes(sheet):
            parse(_member(archive, name, sheet), start, _nothing, _nothing)
    add_links(sheet, targets)
