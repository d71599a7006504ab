"""Is a dropped PDF or TIFF whole?  A cheap look at the structure that a half-written file can not have yet.

This decides only whether to wait a little longer; whether a file can be read is the reader's answer.
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass

HEAD_BYTES = 1024  # ISO 32000-1 annex H.3: readers look for %PDF- in the first 1024 bytes
TAIL_BYTES = 2048  # and for %%EOF in the last 1024; fax servers pad
MOST_PAGES = 5000
MOST_STRIPS = 200_000

# tag numbers of TIFF 6.0
_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES = 273, 279, 324, 325
_WIDTH = {3: (2, "H"), 4: (4, "I")}  # SHORT, LONG


def whole(opened: int, size: int, name: str) -> bool:
    """True unless the file is a PDF or TIFF, by content or (while it holds nothing yet) by name, and its end is missing.

    `opened` is a descriptor, `size` its length; past our limits (pages, strips) the answer is True: the reader judges.
    """
    head = os.pread(opened, HEAD_BYTES, 0)
    if head[:4] in (b"II*\0", b"MM\0*"):
        return _Tiff(opened, size, "<" if head[:2] == b"II" else ">").whole()
    if b"%PDF-" in head:
        return _pdf_ends(os.pread(opened, TAIL_BYTES, max(0, size - TAIL_BYTES)), size)
    # some copying programs make the file at full length first and fill it then
    started = len(head) >= 8 and bool(head.strip(b"\0"))
    return started or not name.lower().endswith((".pdf", ".tif", ".tiff"))


def _pdf_ends(tail: bytes, size: int) -> bool:
    """The last `%%EOF` has a `startxref` that points into the file.

    A linearised PDF has an early `%%EOF` after `startxref 0`, which a file cut after its first page shows too.
    """
    if b"%%EOF" not in tail:
        return False
    starts = re.findall(rb"startxref\s+(\d{1,12})", tail)
    return not starts or 0 < int(starts[-1]) < size


@dataclass(frozen=True, slots=True)
class _Tiff:
    opened: int
    size: int
    order: str

    def whole(self) -> bool:
        """Each directory in the chain and each strip or tile of it lies within the file."""
        try:
            [at] = struct.unpack(f"{self.order}I", self._read(4, 4))
            if at == 0:
                return False  # the writer has not closed it
            seen: set[int] = set()
            while at and at not in seen and len(seen) < MOST_PAGES:
                seen.add(at)
                at = self._directory(at)
        except (EOFError, struct.error):
            return False
        return True

    def _directory(self, at: int) -> int:
        """Check one directory; returns where the next one is (0: none)."""
        [count] = struct.unpack(f"{self.order}H", self._read(at, 2))
        body = self._read(at + 2, 12 * count + 4)
        fields = {tag: (kind, n, value) for tag, kind, n, value in struct.iter_unpack(f"{self.order}HHI4s", body[:-4])}
        for offsets, sizes in ((_STRIPS, _STRIP_SIZES), (_TILES, _TILE_SIZES)):
            if offsets in fields and sizes in fields:
                for start, length in zip(self._numbers(*fields[offsets]), self._numbers(*fields[sizes]), strict=False):
                    if start + length > self.size:
                        raise EOFError
        [following] = struct.unpack(f"{self.order}I", body[-4:])
        return int(following)

    def _numbers(self, kind: int, count: int, value: bytes) -> tuple[int, ...]:
        if kind not in _WIDTH or count > MOST_STRIPS:
            return ()
        width, letter = _WIDTH[kind]
        if width * count > 4:
            [at] = struct.unpack(f"{self.order}I", value)
            value = self._read(at, width * count)
        return struct.unpack(f"{self.order}{count}{letter}", value[: width * count])

    def _read(self, at: int, length: int) -> bytes:
        found = os.pread(self.opened, length, at)
        if len(found) < length:
            raise EOFError
        return found
