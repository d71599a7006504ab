"""One page as pixels: what goes from the opening worker to a recognising one, and the hash it is remembered by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]  # height × width, 0 black .. 255 white

MAX_PIXELS = 12_000_000  # A4 at 300 dpi is 8.7 million; more only costs time


@dataclass(frozen=True, slots=True)
class Bitmap:
    """Grey pixels; `bilevel` when they are 0 and 255 only (fax), `photo` when a camera took them."""

    pixels: Grey
    dpi: int
    bilevel: bool = False
    photo: bool = False

    def header(self) -> dict[str, Any]:
        height, width = self.pixels.shape
        return {"width": width, "height": height, "dpi": self.dpi, "bilevel": self.bilevel, "photo": self.photo}

    def blob(self) -> bytes:
        """One bit a pixel for bilevel pages, else one byte."""
        return np.packbits(self.pixels > 127, axis=1).tobytes() if self.bilevel else self.pixels.tobytes()

    def digest(self, blob: bytes) -> str:
        return hashlib.sha256(repr(sorted(self.header().items())).encode() + blob).hexdigest()

    @classmethod
    def of(cls, header: dict[str, Any], blob: bytes) -> Bitmap:
        """The inverse of `header` and `blob`."""
        height, width = header["height"], header["width"]
        flat = np.frombuffer(blob, np.uint8)
        if header["bilevel"]:
            pixels = np.unpackbits(flat.reshape(height, -1), axis=1, count=width) * np.uint8(255)
        else:
            pixels = flat.reshape(height, width)
        return cls(pixels, header["dpi"], header["bilevel"], header["photo"])
