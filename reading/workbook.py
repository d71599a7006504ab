"""Old Excel workbooks (.xls, BIFF 2 to 8): the cells' words, row by row, each sheet under its name.

The library reads the stream of records that our own reader takes out of the compound file; formulas are not
computed, macros not looked at, charts and drawings left out.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from reading.compound import MAGIC, Compound
from reading.limits import Unreadable

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

STREAMS = ("Workbook", "Book")  # since 1997, before


def read(found: Found, sheet: Sheet) -> None:
    """All sheets as one page."""
    records = _records(found, sheet)
    sheet.text_page(1, "\n".join(_lines(_opened(records), sheet.limits.max_text)))


def _records(found: Found, sheet: Sheet) -> bytes:
    raw = b"" if found.opened else found.load(sheet.limits.max_part_bytes)
    if raw and not raw.startswith(MAGIC):
        return raw  # before there were compound files
    storage = found.opened or Compound(raw, sheet.walk.spend).root
    if "_VBA_PROJECT_CUR" in storage.storages:
        sheet.notes.add("macro")
    return next((records for name in STREAMS if (records := storage.read(name))), b"")


def _opened(records: bytes) -> Any:
    import xlrd

    try:
        return xlrd.open_workbook(file_contents=records, logfile=io.StringIO(), on_demand=True, ragged_rows=True)
    except xlrd.XLRDError as error:
        if "encrypted" in str(error).lower():
            raise Unreadable("encrypted", "a workbook with a password") from None
        raise Unreadable("office_malformed", "no readable workbook") from None


def _lines(book: Any, most: int) -> Iterator[str]:
    """Rows with their cells apart, until there are more than `most` characters."""
    for number in range(book.nsheets):
        sheet = book.sheet_by_index(number)
        yield sheet.name
        for row in range(sheet.nrows):
            line = "\t".join(_shown(cell, book.datemode) for cell in sheet.row(row)).rstrip()
            most -= len(line)
            if line:
                yield line
            if most < 0:
                return
        book.unload_sheet(number)


def _shown(cell: Any, dates_from: int) -> str:
    """A cell's value as a person sees it, near enough: dates as ISO 8601, whole numbers without a fraction."""
    import xlrd

    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            when = xlrd.xldate.xldate_as_datetime(cell.value, dates_from)
        except (ValueError, OverflowError):
            return str(cell.value)
        return str(when.date() if not (when.hour or when.minute or when.second) else when.replace(microsecond=0))
    if cell.ctype == xlrd.XL_CELL_NUMBER:
        return f"{cell.value:.10g}"
    return str(cell.value).strip() if cell.ctype == xlrd.XL_CELL_TEXT else ""
