"""What hangs on a PDF's page beside its content: links, filled fields, files pinned to it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from reading.text import MAX_LINKS
from reading.unpack import clean

MAX_NOTES, MAX_VALUE = 1000, 20_000  # looked at on a page; bytes of a field's value
TYPED = (pdfium_c.FPDF_FORMFIELD_TEXTFIELD, pdfium_c.FPDF_FORMFIELD_COMBOBOX, pdfium_c.FPDF_FORMFIELD_LISTBOX)


def link_targets(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> Iterator[str]:
    """Web addresses behind the page's link areas."""
    place, link = ctypes.c_int(0), pdfium_c.FPDF_LINK()
    for _ in range(MAX_LINKS):
        if not pdfium_c.FPDFLink_Enumerate(page, place, link):
            return
        action = pdfium_c.FPDFLink_GetAction(link)
        if action and pdfium_c.FPDFAction_GetType(action) == pdfium_c.PDFACTION_URI:
            size = pdfium_c.FPDFAction_GetURIPath(document, action, None, 0)
            buffer = ctypes.create_string_buffer(size)
            pdfium_c.FPDFAction_GetURIPath(document, action, buffer, size)
            yield buffer.value.decode("utf-8", "replace")


def typed_values(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> Iterator[str]:
    """What was typed or chosen in the page's fields."""
    form = document.formenv
    for index in range(min(pdfium_c.FPDFPage_GetAnnotCount(page), MAX_NOTES)):
        field = pdfium_c.FPDFPage_GetAnnot(page, index)
        if pdfium_c.FPDFAnnot_GetFormFieldType(form, field) in TYPED:
            size = min(pdfium_c.FPDFAnnot_GetFormFieldValue(form, field, None, 0), MAX_VALUE)
            buffer = ctypes.create_string_buffer(size)
            pdfium_c.FPDFAnnot_GetFormFieldValue(form, field, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
            yield clean(buffer.raw.decode("utf-16-le", "replace"))
        pdfium_c.FPDFPage_CloseAnnot(field)


def has_clip(page: pdfium.PdfPage) -> bool:
    """Whether a file is pinned to the page."""
    for number in range(min(pdfium_c.FPDFPage_GetAnnotCount(page), MAX_NOTES)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, number)
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        pdfium_c.FPDFPage_CloseAnnot(annotation)
        if kind == pdfium_c.FPDF_ANNOT_FILEATTACHMENT:
            return True
    return False
