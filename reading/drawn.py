"""A registered blank as a picture with its places drawn in and named: what an operator looks at before correcting the TOML."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from reading.blanks import Blank
from records.model import Zone

COLOURS = {"field": (0, 160, 230), "signature": (200, 60, 20), "date": (40, 140, 20), "role": (150, 40, 140)}  # BGR
PICTURE = "places"  # file name of the pictures in a blank's folder: places-1.png, one a page


def draw_places(home: Path, pages: tuple[Blank, ...]) -> list[Path]:
    """Write a picture of each page of one blank into its folder; gives their paths.  Old pictures are replaced."""
    for old in home.glob(f"{PICTURE}-*.png"):
        old.unlink()
    made = []
    for blank in pages:
        drawn, png = cv2.imencode(".png", _page(blank))
        if drawn:
            made.append(home / f"{PICTURE}-{blank.page}.png")
            made[-1].write_bytes(png.tobytes())
    return made


def _page(blank: Blank) -> npt.NDArray[np.uint8]:
    canvas = cv2.cvtColor(blank.image, cv2.COLOR_GRAY2BGR)
    tint = canvas.copy()
    for zone in blank.zones:
        cv2.rectangle(tint, *_corners(zone, blank), COLOURS[zone.kind], thickness=-1)
    canvas = cv2.addWeighted(tint, 0.22, canvas, 0.78, 0)
    for zone in blank.zones:
        first, last = _corners(zone, blank)
        cv2.rectangle(canvas, first, last, COLOURS[zone.kind], thickness=2)
        name = f"{zone.name} ({zone.kind})".encode("ascii", "replace").decode()
        cv2.putText(canvas, name, (first[0] + 3, first[1] - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.5, COLOURS[zone.kind], 1, cv2.LINE_AA)
    return np.asarray(canvas, np.uint8)


def _corners(zone: Zone, blank: Blank) -> tuple[tuple[int, int], tuple[int, int]]:
    height, width = blank.image.shape
    left, top, right, bottom = zone.box
    return (round(left * width), round(top * height)), (round(right * width), round(bottom * height))
