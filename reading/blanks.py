"""The programme's registered blank forms: read from their folder, and made from a PDF with their places found.

A blank is a folder `<forms>/<name>/` with `blank.pdf` and `form.toml`; operators correct the TOML by hand.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pypdfium2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reading.geometry import shaded
from reading.ink import FRAME, Grey, dark, flat
from reading.limits import Unreadable
from reading.pdf import flattened, layer_words, opened
from reading.widgets import widgets
from reading.words import Word
from reading.zones import bracketed, highlights, places
from records.errors import ConfigurationError, RefusedError
from records.model import Zone

MOST_PAGES = 20  # of a blank: more is no form
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, eq=False)
class Blank:
    """One page of a registered blank."""

    name: str
    kind: str  # a Kind's value
    version: str
    language: str
    page: int  # from 1
    pages: int
    words: tuple[Word, ...]  # of its text layer, in fractions of the page
    image: Grey  # rows × FRAME columns
    zones: tuple[Zone, ...]  # of this page


class _ZoneEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1)
    kind: str = Field(pattern="^(field|signature|date|role)$")
    page: int = Field(1, ge=1, le=MOST_PAGES)
    box: tuple[float, float, float, float]
    placeholder: str = ""


class _FormEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: str
    version: str = "1"
    language: str = "en"
    zones: list[_ZoneEntry] = []


def load_blanks(folder: Path | None) -> tuple[Blank, ...]:
    """Every page of every registered blank, by name; none when there is no folder.

    Raises ConfigurationError when a blank's TOML or PDF can not be used.
    """
    if folder is None or not folder.is_dir():
        return ()
    found: list[Blank] = []
    for home in sorted(folder.iterdir()):
        if (home / "form.toml").is_file():
            found.extend(_load(home))
    return tuple(found)


def _load(home: Path) -> Iterator[Blank]:
    try:
        entry = _FormEntry.model_validate(tomllib.loads((home / "form.toml").read_text(encoding="utf-8")))
        sheets = _sheets((home / "blank.pdf").read_bytes())
    except (OSError, ValueError, ValidationError, Unreadable, pypdfium2.PdfiumError) as fault:
        raise ConfigurationError("form_unusable", f"{home.name}: {type(fault).__name__}") from fault
    for number, (image, words) in enumerate(sheets, start=1):
        zones = tuple(Zone(z.name, z.kind, z.page, z.box, z.placeholder) for z in entry.zones if z.page == number)
        yield Blank(home.name, entry.kind, entry.version, entry.language, number, len(sheets), words, _grey(image), zones)


def find_zones(pdf: bytes) -> tuple[Zone, ...]:
    """The places of a blank found by its highlights, brackets, labels and ruled lines, page by page."""
    found: list[Zone] = []
    sheets = _sheets(pdf)
    declared = widgets(pdf)
    pale = list(shaded(pdf, [words for _, words in sheets]))
    for number, (image, words) in enumerate(sheets, start=1):
        fields = highlights(image, words, number) or bracketed(words, number) or [z for z in pale if z.page == number]
        seen = [*(z for z in declared if z.page == number), *places(words, dark(flat(_grey(image))), number)]
        found.extend(fields)
        found.extend(z for i, z in enumerate(seen) if not (z.kind == "field" and fields) and not _known(z, seen[:i]))
    return tuple(_distinct(found))


def _known(zone: Zone, others: Sequence[Zone]) -> bool:
    """Was a place of this kind found here already?"""
    for other in (o for o in others if o.kind == zone.kind):
        wide = min(zone.box[2], other.box[2]) - max(zone.box[0], other.box[0])
        tall = min(zone.box[3], other.box[3]) - max(zone.box[1], other.box[1])
        if tall > 0 and wide > 0.5 * min(zone.box[2] - zone.box[0], other.box[2] - other.box[0]):
            return True
    return False


def _distinct(zones: Sequence[Zone]) -> Iterator[Zone]:
    """Zones of several pages under names of their own."""
    taken: set[str] = set()
    for zone in zones:
        stem, name, count = re.sub(r"_\d+$", "", zone.name), zone.name, 1
        while name in taken:
            count += 1
            name = f"{stem}_{count}"
        taken.add(name)
        yield Zone(name, zone.kind, zone.page, zone.box, zone.placeholder)


def register(folder: Path, name: str, pdf: bytes, kind: str, version: str = "1", language: str = "en") -> Path:
    """Keep `pdf` as the blank `name` with the places found in it, and return its folder.

    Raises RefusedError when the name is taken or no name, or the PDF is no readable blank.
    """
    if not _NAME.fullmatch(name):
        raise RefusedError("form_name", "A form's name is small letters, digits, - and _.")
    if (folder / name).exists():
        raise RefusedError("form_exists", "A form of this name is registered; remove its folder first or take another name.")
    try:
        sheets = _sheets(pdf)
    except (Unreadable, pypdfium2.PdfiumError, ValueError) as fault:
        raise RefusedError("form_unreadable", "The file is no PDF that can be read.") from fault
    if any(len(words) < 5 for _, words in sheets):
        raise RefusedError("form_no_text", "The blank needs a text layer on every page: register the original PDF, not a scan.")
    folder.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        (made / "blank.pdf").write_bytes(pdf)
        (made / "form.toml").write_text(_toml(kind, version, language, find_zones(pdf)), encoding="utf-8")
        made.chmod(0o755)
        made.rename(folder / name)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        raise
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return folder / name


def _toml(kind: str, version: str, language: str, zones: Sequence[Zone]) -> str:
    lines = [f"{key} = {_quoted(value)}" for key, value in (("kind", kind), ("version", version), ("language", language))]
    lines.append("# box: left, top, right, bottom as fractions of the page, from its upper left corner")
    for zone in zones:
        lines += ["", "[[zones]]", f"name = {_quoted(zone.name)}", f"kind = {_quoted(zone.kind)}", f"page = {zone.page}"]
        lines += [f"box = [{', '.join(f'{side:.4f}' for side in zone.box)}]", f"placeholder = {_quoted(zone.placeholder)}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps("".join(c for c in text if c.isprintable()), ensure_ascii=False)


def _sheets(pdf: bytes) -> list[tuple[npt.NDArray[np.uint8], tuple[Word, ...]]]:
    """Each page's colours (BGR, FRAME columns) and words."""
    with opened(pdf) as document:
        if not 0 < len(document) <= MOST_PAGES:
            raise ValueError("pages")
        sheets = []
        for number in range(1, len(document) + 1):
            with flattened(document, number) as page:
                bitmap = page.render(scale=FRAME / page.get_width())
                image = np.asarray(bitmap.to_numpy())[:, :FRAME, :3].astype(np.uint8)
                sheets.append((image.copy(), tuple(layer_words(page))))
        return sheets


def _grey(image: npt.NDArray[np.uint8]) -> Grey:
    blue, green, red = (image[:, :, channel].astype(np.float32) for channel in range(3))
    return np.asarray(0.114 * blue + 0.587 * green + 0.299 * red, np.float32).round().astype(np.uint8)
