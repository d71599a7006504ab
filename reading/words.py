"""A printed or recognised word and where it stands: what OCR, text layers and the form check share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """Coordinates are fractions of the page (0..1, origin top left); confidence 0..1, None for a text layer."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float | None = None
