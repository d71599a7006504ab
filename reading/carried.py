"""Files that a PDF carries: attached to the document (a portfolio's too), or pinned to a page as a paper clip.

qpdf finds them; PDFium knows no paper clips and gives up on attachments that do not state their size.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import pikepdf

from reading.limits import Unreadable

MAX_FILES = 200
_PARTS = (pikepdf.PdfError, ValueError, TypeError, KeyError, AttributeError, RuntimeError)  # what damage makes of one object


def carried(raw: bytes, passwords: Iterable[str] = ()) -> Iterator[tuple[str, bytes | None]]:
    """Names and contents, in the order of the document; None when one can not be taken out."""
    with _opened(raw, passwords) as document:
        seen: set[tuple[int, int]] = set()
        for name, found in _specifications(document):
            try:
                stream = _stream(found)
                if stream.objgen in seen and stream.objgen != (0, 0):
                    continue
                seen.add(stream.objgen)
                content: bytes | None = stream.read_bytes()
            except _PARTS:
                content = None
            yield _name(found) or name, content


def _opened(raw: bytes, passwords: Iterable[str]) -> pikepdf.Pdf:
    for password in ("", *passwords):
        try:
            return pikepdf.open(io.BytesIO(raw), password=password)
        except pikepdf.PasswordError:
            continue
        except _PARTS:
            break
    raise Unreadable("pdf_malformed", "its embedded files can not be taken out")


def _specifications(document: pikepdf.Pdf) -> Iterator[tuple[str, pikepdf.Object]]:
    names = document.Root.get("/Names")
    if isinstance(names, pikepdf.Dictionary) and "/EmbeddedFiles" in names:
        yield from ((str(name), found) for name, found in pikepdf.NameTree(names.EmbeddedFiles).items())
    for page in document.pages:
        for note in page.get("/Annots", ()):
            if isinstance(note, pikepdf.Dictionary) and note.get("/Subtype") == "/FileAttachment" and "/FS" in note:
                yield "", note.FS


def _stream(found: pikepdf.Object) -> pikepdf.Object:
    kept = found.EF
    return next(kept[key] for key in ("/UF", "/F", "/Unix", "/DOS", "/Mac") if key in kept)


def _name(found: pikepdf.Object) -> str:
    try:
        return str(next((found[key] for key in ("/UF", "/F") if key in found), ""))
    except _PARTS:
        return ""
