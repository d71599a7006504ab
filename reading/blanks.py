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
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pypdfium2
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from reading.geometry import shaded
from reading.ink import FRAME, Grey, dark, flat
from reading.limits import Unreadable
from reading.pdf import flattened, layer_words, opened
from reading.signatures import TRUST
from reading.widgets import widgets
from reading.words import Word
from reading.zones import bracketed, highlights, places
from records.errors import ConfigurationError, RefusedError
from records.model import Zone

HELP = """\
withdrawn = false  # true: a form returned on this version is no longer accepted without staff

# Places. A missing one is added, a wrong one changed or removed; then: somrr form show NAME
#   kind = "signature", "date", "role" (relationship to the patient) or "field" (what the sender replaces)
#   name: whose it is. "signature" and "date" are the patient's, or of whoever signs for the patient; "representative" signs
#     in the patient's place; names that begin with "witness", "interpreter" or "physician" sign for nobody else.
#     "signature" and "signature_2": both must be signed; "date" and "date_2": both must be filled in.
#   box: left, top, right, bottom in fractions of the page from its upper left corner: all of the room that a hand may use
#   placeholder: of a field, the blank's own words in it
"""
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
    withdrawn: bool = False  # no longer accepted: known only to be told from the current one


class _ZoneEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1)
    kind: Literal["field", "signature", "date", "role"]
    page: int = Field(1, ge=1, le=MOST_PAGES)
    box: tuple[float, float, float, float]
    placeholder: str = ""

    @field_validator("box")
    @classmethod
    def _on_the_page(cls, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        left, top, right, bottom = box
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError(
                "left, top, right, bottom are fractions of the page from its upper left corner: 0 to 1, left < right"
            )
        return box


class _FormEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["letter_of_agreement", "informed_consent"]
    version: str = "1"
    language: str = "en"
    withdrawn: bool = False
    zones: list[_ZoneEntry] = []

    @field_validator("zones")
    @classmethod
    def _named_apart(cls, zones: list[_ZoneEntry]) -> list[_ZoneEntry]:
        twice = [name for name, count in Counter(z.name for z in zones).items() if count > 1]
        if twice:
            raise ValueError("two zones have one name: give each its own, such as signature and signature_2")
        return zones


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


def load_blank(home: Path) -> tuple[Blank, ...]:
    """The pages of one registered blank; raises ConfigurationError as `load_blanks`."""
    return tuple(_load(home))


def _load(home: Path) -> Iterator[Blank]:
    try:
        entry = _FormEntry.model_validate(tomllib.loads((home / "form.toml").read_text(encoding="utf-8")))
        sheets = _sheets((home / "blank.pdf").read_bytes())
        if beyond := [z.name for z in entry.zones if z.page > len(sheets)]:
            raise ConfigurationError(
                "form_unusable", f"{home.name}: zone {beyond[0]!r} is on a page that blank.pdf does not have"
            )
    except (OSError, ValueError, Unreadable, pypdfium2.PdfiumError) as fault:
        raise ConfigurationError("form_unusable", f"{home.name}: {_why(fault)}") from fault
    for number, (image, words) in enumerate(sheets, start=1):
        zones = tuple(Zone(z.name, z.kind, z.page, z.box, z.placeholder) for z in entry.zones if z.page == number)
        said = entry.kind, entry.version, entry.language
        yield Blank(home.name, *said, number, len(sheets), words, _grey(image), zones, entry.withdrawn)


def _why(fault: Exception) -> str:
    """What is wrong with a blank's folder and what would be right, without quoting its content."""
    if isinstance(fault, ValidationError):
        first = fault.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(n + 1) if isinstance(n, int) else n for n in first["loc"])
        return f"form.toml, {where}: {first['msg']}"
    if isinstance(fault, tomllib.TOMLDecodeError):
        at = re.search(r"\(at .*\)", str(fault))
        return f"form.toml is not TOML {at[0] if at else ''}".strip()
    if isinstance(fault, FileNotFoundError):
        return "blank.pdf is missing"
    if isinstance(fault, OSError):
        return f"a file can not be read: {fault.strerror}"
    return "blank.pdf is no PDF that can be read, or has more pages than a form"


def find_zones(pdf: bytes) -> tuple[Zone, ...]:
    """The places of a blank found by its highlights, brackets, labels and ruled lines, page by page."""
    found: list[Zone] = []
    sheets = _sheets(pdf)
    declared = widgets(pdf)
    pale = list(shaded(pdf, [words for _, words in sheets]))
    for number, (image, words) in enumerate(sheets, start=1):
        fields = highlights(image, words, number) or bracketed(words, number) or [z for z in pale if z.page == number]
        seen = [*(z for z in declared if z.page == number), *places(words, dark(flat(_grey(image))), number)]
        found.extend(f for f in fields if not any(_covers(f, z) for z in seen if z.kind != "field"))
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


def _covers(marked: Zone, place: Zone) -> bool:
    """Does a highlight only show where to sign or to date?"""
    x, y = (marked.box[0] + marked.box[2]) / 2, (marked.box[1] + marked.box[3]) / 2
    return place.box[0] <= x <= place.box[2] and place.box[1] <= y <= place.box[3]


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
        raise RefusedError("form_name", "A form's name is small letters, digits, - and _, at most 64, such as loa-es-2026.")
    if name == TRUST:
        raise RefusedError("form_name", "The folder of that name holds the certificates of trusted signers; take another name.")
    if (folder / name).exists():
        raise RefusedError(
            "form_exists", "A form of this name is registered; give --version or --name, or remove its folder first."
        )
    try:
        sheets = _sheets(pdf)
    except (Unreadable, pypdfium2.PdfiumError, ValueError) as fault:
        raise RefusedError(
            "form_unreadable", f"The file is no PDF that can be read, or has more than {MOST_PAGES} pages."
        ) from fault
    if any(len(words) < 5 for _, words in sheets):
        raise RefusedError(
            "form_no_text",
            "The blank needs a text layer on every page, by which returned ones are laid over it: register the original PDF, or "
            "export it again from the program that wrote it, not a scan or a picture.",
        )
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
    lines += HELP.splitlines()
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
