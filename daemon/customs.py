"""The customs wording for a specimen's commercial invoice, as text and as a page to print (R17-R20).

English, as United States Customs reads it; the page's own letters are those of every PDF reader, so that an organ in
another alphabet is refused rather than printed as boxes.
"""

from __future__ import annotations

import io
import textwrap

import pikepdf

from classifiers.customs import wording
from records.errors import RefusedError

TITLE = "For the commercial invoice of the pathology slides or blocks"
_WIDTH, _HEIGHT, _MARGIN = 595, 792, 72  # the smaller side of A4 and of Letter: it prints on both
_SIZE, _LINE = 11, 18
_CHARS = int((_WIDTH - 2 * _MARGIN) / (_SIZE * 0.6))  # Courier's letters are 0.6 of their height wide
LONGEST = 60


def sentence(organ: str) -> str:
    """The whole wording with `organ` named; RefusedError when that is no name of an organ or tissue."""
    named = " ".join(organ.split())
    if not any(c.isalpha() for c in named) or not named.isprintable() or "_" in named:
        raise RefusedError("organ", 'name the organ or tissue, in English: --organ "left breast"')
    if len(named) > LONGEST:
        raise RefusedError("organ", f"the organ's name is longer than {LONGEST} characters; a short one, in English, will do")
    return wording(named)


def to_pdf(words: str) -> bytes:
    """One page with the wording; the same words give the same bytes."""
    try:
        words.encode("cp1252")
    except UnicodeEncodeError as error:
        raise RefusedError("organ", "write the organ in Latin letters, in English: customs officers read the invoice") from error
    lines = [TITLE, "", *textwrap.wrap(words, _CHARS)]
    pdf = pikepdf.new()
    font = pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type1,
            BaseFont=pikepdf.Name.Courier,
            Encoding=pikepdf.Name.WinAnsiEncoding,
        )
    )
    shown = b"\n".join(b"<" + line.encode("cp1252").hex().encode() + b"> Tj T*" for line in lines)
    start = f"BT /F1 {_SIZE} Tf {_LINE} TL {_MARGIN} {_HEIGHT - _MARGIN} Td\n".encode()
    page = pikepdf.Dictionary(
        Type=pikepdf.Name.Page,
        MediaBox=[0, 0, _WIDTH, _HEIGHT],
        Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font)),
        Contents=pdf.make_stream(start + shown + b"\nET"),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    pdf.Root.Lang = pikepdf.String("en")
    written = io.BytesIO()
    pdf.save(written, deterministic_id=True)
    return written.getvalue()
