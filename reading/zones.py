"""Where a form asks for something: places found from its labels, ruled lines and highlights.

Works on a blank (to register it) and, with less certainty, on a returned page that no blank is near to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from reading.ink import MM, Mask, filling, joined, rules
from reading.labels import PLACEHOLDER, Label, labels, mirrored, read_rows, right_to_left
from reading.words import Word
from records.model import Zone

Box = tuple[float, float, float, float]
Ruled = tuple[int, int, int, int]  # left, top, right, bottom of a drawn line, pixels
ABOVE, BELOW = 11 * MM, 2.5 * MM  # how far a hand writes over and under its line
OPEN = 60 * MM  # width of a place with nothing drawn


def places(words: Sequence[Word], ink: Mask, page: int, lines: Sequence[Ruled] | None = None) -> tuple[Zone, ...]:
    """Signature, date, role and name places beside, over or under their labels; right-to-left pages in their mirror.

    `lines` are the page's ruled lines, when they are known already.
    """
    if not right_to_left(words):
        return _places(words, ink, page, rules(ink) if lines is None else lines)
    turned = ink[:, ::-1].copy()
    found = _places(mirrored(words, 1.0), turned, page, rules(turned))
    return tuple(replace(z, box=(round(1 - z.box[2], 4), z.box[1], round(1 - z.box[0], 4), z.box[3])) for z in found)


def _places(words: Sequence[Word], ink: Mask, page: int, lines: Sequence[Ruled]) -> tuple[Zone, ...]:
    height, width = ink.shape
    pixels = [replace(w, left=w.left * width, right=w.right * width, top=w.top * height, bottom=w.bottom * height) for w in words]
    upright = filling(ink, 1, 35)
    found: list[tuple[Label, Box]] = []
    every = labels(pixels, 1.0)
    for label in every:
        box = _place(label, every, pixels, lines, upright)
        if box is not None and box[2] - box[0] > 8 * MM:
            found.append((label, box))
    taken: Counter[str] = Counter()
    zones = []
    for label, box in _whose_dates(found):
        taken[label.name] += 1
        name = label.name if taken[label.name] == 1 else f"{label.name}_{taken[label.name]}"
        zones.append(Zone(name, label.kind, page, _fractions(box, width, height)))
    return tuple(zones)


def _fractions(box: Box, width: int, height: int) -> Box:
    left, top, right, bottom = box
    return round(left / width, 4), round(top / height, 4), round(right / width, 4), round(bottom / height, 4)


def _place(label: Label, every: Sequence[Label], words: Sequence[Word], lines: Sequence[Ruled], upright: Mask) -> Box | None:
    """The empty place that a label speaks of, in pixels."""
    left, top, right, bottom = label.box
    tall = max(bottom - top, 2 * MM)
    beside = [
        x for x in lines if -tall < x[1] - bottom < 1.2 * tall and x[2] - max(x[0], right) > 10 * MM and x[0] < right + 14 * MM
    ]
    if beside:
        line = min(beside, key=lambda x: abs(x[1] - bottom))
        return _over(max(line[0], right + 3), line[2], line[1], words)
    under = [x for x in lines if x[2] > left + 6 * MM]
    over = [x for x in under if -0.3 * tall < top - x[3] < 2.2 * tall and x[0] - 4 * MM < left < x[2]]
    cells = [x for x in under if 2 * MM < x[1] - bottom < 20 * MM and x[0] - MM < left and right < x[2] + MM]
    if cells and (_walled(left, top, min(c[1] for c in cells), upright) or not over):
        floor = min(cells, key=lambda x: x[1])
        wall = _wall_right(right, bottom, floor, upright)
        beyond = [o.box[0] for o in every if o is not label and o.box[0] > right and abs(o.box[1] - top) < tall]
        return max(floor[0], left - MM), bottom + 1, min([floor[2], wall, *(b - 3 for b in beyond)]), floor[1] - 2.0
    if over:
        line = max(over, key=lambda x: x[3])
        return _over(line[0], line[2], line[1], words)
    return _beside(label, words)


def _over(left: float, right: float, line: float, words: Sequence[Word]) -> Box:
    """The place on a ruled line: as high as a hand writes, or up to what is printed above it."""
    ceiling = line - ABOVE
    for word in words:
        across = min(word.right, right) - max(word.left, left)
        if across > 0 and word.bottom < line - 3 * MM and word.bottom > ceiling and word.top > ceiling - 20 * MM:
            ceiling = max(ceiling, word.bottom + 1)
    return left, min(ceiling, line - 4 * MM), right, line + BELOW


def _walled(left: float, top: float, floor: float, upright: Mask) -> bool:
    """Is there an upright line close on the left, from the label down to the floor of its cell?"""
    strip = upright[max(0, int(top)) : int(floor), max(0, int(left - 8 * MM)) : int(left)]
    return bool(strip.size and strip.max(axis=1).mean() > 0.8)


def _wall_right(right: float, bottom: float, floor: tuple[int, int, int, int], upright: Mask) -> float:
    strip = upright[int(bottom) + 2 : floor[1] - 2, int(right) : floor[2]]
    walls = np.flatnonzero(strip.mean(axis=0) > 0.8) if strip.size else np.array([], int)
    return float(right + walls[0] - 2) if len(walls) else float(floor[2])


def _beside(label: Label, words: Sequence[Word]) -> Box | None:
    """Nothing is drawn: the room to the right of a label with a colon, up to the next word."""
    _, top, right, bottom = label.box
    if not label.text.rstrip().endswith((":", "：")):
        return None
    row = [w.left for w in words if w.left > right and min(w.bottom, bottom) - max(w.top, top) > 0.4 * (bottom - top)]
    middle = (top + bottom) / 2
    return right + 2, middle - 7 * MM, min([right + OPEN, *(x - 3 for x in row)]), middle + 4 * MM


def _whose_dates(found: Sequence[tuple[Label, Box]]) -> list[tuple[Label, Box]]:
    """A date stands for the signature nearest to it: on its row, else just above."""
    signed = [(label, box) for label, box in found if label.kind == "signature"]
    named = []
    for label, box in found:
        if label.kind == "date" and label.name == "date" and signed:
            nearest = min(signed, key=lambda s: (abs(s[1][3] - box[3]) > 8 * MM, abs(s[1][3] - box[3]), abs(s[1][0] - box[0])))
            label = replace(label, name=f"{nearest[0].name}_date".removeprefix("signature_"))
        named.append((label, box))
    return named


def highlights(colour: npt.NDArray[np.uint8], words: Sequence[Word], page: int) -> tuple[Zone, ...]:
    """Fields marked with a highlighter's colour (`colour`: rows × columns × BGR), with the words that stand in them."""
    height, width = colour.shape[:2]
    hue, strong, bright = cv2.split(cv2.cvtColor(colour, cv2.COLOR_BGR2HSV))
    marked = ((strong > 55) & (bright > 150) & (hue > 15) & (hue < 95)).astype(np.uint8)  # orange, yellow, green, cyan
    marked |= ((strong > 55) & (bright > 190) & (hue > 140) & (hue < 175)).astype(np.uint8)  # pink
    solid = filling(joined(marked, 11, 11), 25, 11)  # over letters, and the gap between two lines
    _, _, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    zones: list[Zone] = []
    for left, top, wide, tall, area in sorted((tuple(map(int, s)) for s in stats[1:]), key=lambda s: (s[1], s[0])):
        if wide < 6 * MM or tall < 2 * MM or tall > 30 * MM or wide > 0.9 * width or area < 0.45 * wide * tall:
            continue
        inside = [
            w
            for row in read_rows(words)
            for w in row
            if marked[
                min(height - 1, int((w.top + w.bottom) / 2 * height)) - 6 : int((w.top + w.bottom) / 2 * height) + 6,
                int(w.left * width) : int(w.right * width) + 1,
            ].mean()
            > 0.3
            and left - 4 <= (w.left + w.right) / 2 * width <= left + wide + 4
            and top - 4 <= (w.top + w.bottom) / 2 * height <= top + tall + 4
        ]
        zones.append(_field(len(zones), page, _fractions((left, top, left + wide, top + tall), width, height), inside))
    return tuple(zones)


def bracketed(words: Sequence[Word], page: int) -> tuple[Zone, ...]:
    """Fields that show only by their words: "[patient name]" and the like."""
    zones: list[Zone] = []
    for row in read_rows(words):
        text, spots = "", []
        for word in row:
            spots.append((len(text), word))
            text += word.text + " "
        for hit in PLACEHOLDER.finditer(text):
            inside = [w for at, w in spots if at < hit.end() and at + len(w.text) > hit.start()]
            box = (
                min(w.left for w in inside),
                min(w.top for w in inside),
                max(w.right for w in inside),
                max(w.bottom for w in inside),
            )
            zones.append(_field(len(zones), page, box, inside))
    return tuple(zones)


def _field(count: int, page: int, box: Box, inside: Sequence[Word]) -> Zone:
    name = "patient" if count == 0 else f"patient_{count + 1}"
    return Zone(name, "field", page, box, " ".join(w.text for w in inside))
