"""The lengths of a DICOM data set, element by element (PS3.5 §7): is the file whole, how deep is it, where are its pixels.

Linear, without reading values.  This is what notices a declared length past the end of the file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from reading.limits import Unreadable

LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
PIXELS = frozenset({(0x7FE0, 0x0008), (0x7FE0, 0x0009), (0x7FE0, 0x0010)})
MAX_ELEMENTS = 2_000_000


@dataclass(slots=True)
class Layout:
    """What the walk found; `truncated` is empty or says what is missing; offsets are from the start of the bytes."""

    elements: int = 0
    end: int = 0
    has_pixels: bool = False
    pixels_at: int = 0
    pixels_length: int = 0  # as declared; UNDEFINED for fragments
    truncated: str = ""


@dataclass(frozen=True, slots=True)
class _Element:
    tag: tuple[int, int]
    vr: bytes
    value_at: int
    length: int


@dataclass(frozen=True, slots=True)
class _Level:
    """An open sequence or sequence item: `end` None when delimited; `fragments`: its items hold pixels, not elements."""

    end: int | None
    implicit: bool
    fragments: bool = False


@dataclass(slots=True)
class _Scanner:
    raw: bytes
    order: str
    implicit: bool
    max_depth: int
    only_group: int | None
    levels: list[_Level] = field(default_factory=list)

    def run(self, start: int) -> Layout:
        layout, at = Layout(end=start), start
        while at + 8 <= len(self.raw):
            while self.levels and self.levels[-1].end is not None and at >= self.levels[-1].end:
                self.levels.pop()
            element = self._element(at)
            if element is None or (self.only_group is not None and element.tag[0] != self.only_group):
                return layout
            self._count(element, at, layout)
            at = self._step(element)
            if at > len(self.raw):
                layout.truncated = f"an element ends {at - len(self.raw)} bytes after the end of the file"
                return layout
            layout.end = at
        if any(level.end is None for level in self.levels) or any(self.raw[at:]):
            layout.truncated = "the file ends inside an element"
        return layout

    def _count(self, element: _Element, at: int, layout: Layout) -> None:
        layout.elements += 1
        if layout.elements > MAX_ELEMENTS:
            raise Unreadable("dicom_nesting", f"more than {MAX_ELEMENTS} elements")
        if element.tag in PIXELS and not self.levels and not layout.pixels_at:
            layout.has_pixels, layout.pixels_at, layout.pixels_length = element.length > 0, at, element.length

    def _step(self, element: _Element) -> int:
        """Where the next element begins: into sequences and their items, over everything else."""
        undefined = element.length == UNDEFINED
        inside = self.levels[-1] if self.levels else None
        if element.tag in (ITEM_END, SEQUENCE_END):
            if self.levels:
                self.levels.pop()
            return element.value_at
        if element.tag == ITEM and inside is not None and inside.fragments and not undefined:
            return element.value_at + element.length
        if not (undefined or element.vr == b"SQ" or element.tag == ITEM):
            return element.value_at + element.length
        if len(self.levels) // 2 >= self.max_depth:  # a sequence and its item are one level of nesting
            raise Unreadable("dicom_nesting", f"sequences deeper than {self.max_depth}")
        implicit = element.vr == b"UN" or (inside.implicit if inside else self.implicit)  # PS3.5 6.2.2 note 2
        end = None if undefined else element.value_at + element.length
        self.levels.append(_Level(end, implicit, fragments=undefined and element.tag in PIXELS))
        return element.value_at

    def _element(self, at: int) -> _Element | None:
        tag = struct.unpack_from(self.order + "HH", self.raw, at)
        if tag[0] == 0xFFFE or (self.levels[-1].implicit if self.levels else self.implicit):
            return _Element(tag, b"", at + 8, struct.unpack_from(self.order + "I", self.raw, at + 4)[0])
        vr = self.raw[at + 4 : at + 6]
        if not (vr.isalpha() and vr.isupper()):
            return None
        if vr not in LONG_VRS:
            return _Element(tag, vr, at + 8, struct.unpack_from(self.order + "H", self.raw, at + 6)[0])
        if at + 12 > len(self.raw):
            return _Element(tag, vr, at + 12, 0)
        return _Element(tag, vr, at + 12, struct.unpack_from(self.order + "I", self.raw, at + 8)[0])


def scan(raw: bytes, start: int, *, implicit: bool, little: bool, max_depth: int, only_group: int | None = None) -> Layout:
    """Walk the elements from `start`; `dicom_nesting` when sequences lie deeper than `max_depth`."""
    return _Scanner(raw, "<" if little else ">", implicit, max_depth, only_group).run(start)
