"""What is drawn on a page: paper told from ink, and ink told apart (pen, print, smudge, line, specks).

Pictures are arrays rows × columns; grey is uint8 (0 black, 255 white), a mask is uint8 of 0 and 1.
Sizes are given at `FRAME` pixels a page width, about 146 dots an inch: 5.75 pixels a millimetre.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.uint8]

FRAME = 1240
MM = FRAME / 215.9
DARK = 0.76  # of the paper's own brightness around it
SPECK = 9  # pixels: less is dirt
STREAK = 0.35  # of the page: longer straight runs are drawn by scanners, not by people
STRAIGHT = 0.3 * MM  # how far a drawn line strays from straight, and low writing does not keep to
PIECE, DRIFT = 41, 9  # pixels: least straight piece of such a run, and how high all of it may be


def grown(mask: Mask, wide: int, tall: int) -> Mask:
    """`mask` spread by a window of so many pixels."""
    return np.asarray(cv2.dilate(mask, np.ones((tall, wide), np.uint8)), np.uint8)


def filling(mask: Mask, wide: int, tall: int) -> Mask:
    """What of `mask` holds a whole window of so many pixels (morphological opening)."""
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((tall, wide), np.uint8)), np.uint8)


def joined(mask: Mask, wide: int, tall: int) -> Mask:
    """`mask` with gaps narrower than a window closed (morphological closing)."""
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((tall, wide), np.uint8)), np.uint8)


def flat(grey: Grey) -> Grey:
    """The page as if evenly lit: paper is white wherever it lies."""
    small = cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(cv2.dilate(small, np.ones((13, 13), np.uint8)), 21)
    around = cv2.resize(paper, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(grey, np.maximum(around, 16), scale=255), np.uint8)


def dark(lit: Grey) -> Mask:
    """Ink on an evenly lit page: what is clearly darker than its paper."""
    return (lit < round(255 * DARK)).astype(np.uint8)


def streaks(ink: Mask) -> Mask:
    """Thin lines over much of the page, level or upright: fax lines, dirty glass (and the form's own long rules).

    They may drift a little on their way, as on a page that lies askew or was photographed.
    """
    level, upright = streaks_apart(ink)
    return level | upright


def streaks_apart(ink: Mask) -> tuple[Mask, Mask]:
    """The level ones and the upright ones."""
    return _level_streaks(ink) & ink, turned(_level_streaks(turned(ink))) & ink


def turned(mask: Mask) -> Mask:
    """Rows for columns."""
    return np.ascontiguousarray(mask.T)


def _level_streaks(ink: Mask) -> Mask:
    found = np.zeros_like(ink)
    pieces = filling(grown(ink, 1, 3), PIECE, 1)
    inked = np.convolve(pieces.sum(axis=1, dtype=np.int64), np.ones(DRIFT), "same")
    for top, bottom in _stretches(inked > STREAK * ink.shape[1]):  # few rows can hold one, on most pages none
        top, bottom = max(0, top - DRIFT), bottom + DRIFT
        here = pieces[top:bottom]
        here = here & (1 - filling(here, 9, 9))  # a black bar is no streak
        _, marks, stats, _ = cv2.connectedComponentsWithStats(joined(here, 15, 1), connectivity=8)
        long = (stats[:, cv2.CC_STAT_WIDTH] > STREAK * ink.shape[1]) & (stats[:, cv2.CC_STAT_HEIGHT] <= DRIFT)
        long[0] = False
        found[top:bottom] |= here & long[marks].astype(np.uint8)
    return found


def _stretches(there: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and past-the-last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], there.astype(np.int8), [0]))))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def rules(ink: Mask, shortest: int = 60) -> list[tuple[int, int, int, int]]:
    """Level ruled lines (drawn, underscored or dotted) as (left, top, right, bottom) in pixels, top to bottom."""
    count, marks, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    low = np.zeros(count, np.uint8)
    low[1:] = (stats[1:, cv2.CC_STAT_HEIGHT] <= 5).astype(np.uint8)
    dotted = joined(low[marks], 14, 1)
    lines = joined(grown(filling(ink, shortest, 1) | filling(dotted, shortest, 1), 1, 3), 15, 1)
    _, _, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    boxes = []
    for x, y, w, h in stats[1:, :4].tolist():
        if h > 12:  # writing along the line has joined it: the line is where most of the width is inked
            full = np.flatnonzero(lines[y : y + h, x : x + w].sum(axis=1) > 0.6 * w)
            if not len(full) or np.ptp(full) > 12:
                continue
            y, h = y + int(full[0]), int(np.ptp(full)) + 1
        if w < 0.93 * ink.shape[1]:  # from edge to edge only a scanner draws
            boxes.append((x, y, x + w, y + h))
    return sorted(boxes, key=lambda box: (box[1], box[0]))


def on_the_line(added: Mask, near: Mask) -> Mask:
    """Of the ink `near` a ruled line, what belongs to the shapes in `added` and not to the line: low writing rests upon it."""
    loose = near & (1 - grown(level_runs(near), 1, 3))
    count, marks = cv2.connectedComponents(added | loose, connectivity=8)
    mine = np.bincount(marks.ravel(), weights=added.ravel(), minlength=count) >= SPECK
    mine[0] = False
    return np.asarray(loose & mine[marks], np.uint8)


def crossing(rest: Mask, gone: Mask, ink: Mask, reach: int, wide: int = 9) -> Mask:
    """Of the ink that lies under `gone` level lines, what crosses them: other ink (`rest`) is right above and right below."""
    upper = np.zeros((2 * reach + 1, wide), np.uint8)
    upper[: reach + 1] = 1  # a pixel sees what is above it
    above, below = (np.asarray(cv2.dilate(rest, half), np.uint8) for half in (upper, upper[::-1].copy()))
    return ink & gone & above & below


@dataclass(frozen=True, slots=True)
class Stroke:
    """One connected shape of ink."""

    left: int
    top: int
    width: int
    height: int
    area: int
    length: float  # of the line that drew it, were it a pen's
    sway: float  # pixels: how far its ink strays from the straight line through it (standard deviation)
    solid: float  # share of its convex hull that its filled outline takes: a blob, a ring or a box is near 1
    worded: float  # share of its ink that lies under words that were read
    drawn: bool  # lies on an ellipse or on straight level and upright lines: a stamp's border, not writing
    strung: bool  # letters joined by a line under or through them, or a line that runs on beyond the picture
    rest: tuple[Stroke, ...] = ()  # what is left without the long level line that runs along most of it

    @property
    def breadth(self) -> float:
        return self.area / max(self.length, 1.0)

    @property
    def winding(self) -> float:
        """How much longer the line is than the way from corner to corner: 1 for a straight line."""
        return self.length / max(float(np.hypot(self.width, self.height)), 1.0)


_NOTHING = Stroke(0, 0, 1, 1, 1, 0.0, 0.0, 1.0, 0.0, drawn=False, strung=False)


def strokes(ink: Mask, letters: Mask) -> list[Stroke]:
    """The shapes in `ink` larger than dirt; `letters` masks the words that were read with confidence."""
    count, marks, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    under = np.bincount(marks.ravel(), weights=(letters & ink).ravel(), minlength=count)
    found: list[Stroke] = []
    for index in range(1, count):
        left, top, width, height, area = (int(v) for v in stats[index])
        if area < SPECK:
            continue
        shape = (marks[top : top + height, left : left + width] == index).astype(np.uint8)
        through = width > 20 * MM and (left == 0 or left + width == ink.shape[1])
        stroke = _stroke(shape, left, top, area, float(under[index]) / area, through)
        found.append(replace(stroke, rest=_rest(shape, left, top)) if stroke.length > 10 * MM else stroke)
    return found


def _rest(shape: Mask, left: int, top: int) -> tuple[Stroke, ...]:
    level = level_runs(shape) & shape
    if level.any(axis=0).sum() < 0.5 * shape.shape[1]:
        return ()
    bare = unruled(shape, level_runs(shape))
    pieces = strokes(bare, np.zeros_like(bare)) if bare.sum() < shape.sum() else []
    return tuple(replace(p, left=p.left + left, top=p.top + top, rest=()) for p in pieces) or (_NOTHING,)


def _stroke(shape: Mask, left: int, top: int, area: int, worded: float, through: bool) -> Stroke:
    outlines, _ = cv2.findContours(np.pad(shape, 1), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    length = sum(cv2.arcLength(outline, True) for outline in outlines) / 2
    outer = max(outlines, key=cv2.contourArea)
    hull = cv2.contourArea(cv2.convexHull(outer))
    solid = cv2.contourArea(outer) / hull if hull > 0 else 1.0
    drawn = length > 10 * MM and (_round(shape) or _straight(shape))
    strung = through or (length > 10 * MM and _strung(shape))
    return Stroke(left, top, shape.shape[1], shape.shape[0], area, length, _sway(shape), solid, worded, drawn, strung)


def _sway(shape: Mask) -> float:
    if min(shape.shape) < 3:
        return 0.0
    spread = np.linalg.eigvalsh(np.cov(np.argwhere(shape).T.astype(np.float64)))
    return float(np.sqrt(max(spread[0], 0.0)))


def level_runs(shape: Mask) -> Mask:
    """Where a nearly level line runs for at least 6 mm: no pen that writes does so, but at a stroke under its word."""
    return filling(grown(shape, 1, 3), round(6 * MM), 1)


def unruled(shape: Mask, level: Mask) -> Mask:
    """`shape` without its level runs; upright strokes that cross them stay."""
    gone = grown(level, 1, 3)
    return shape & (1 - gone) | filling(shape, 1, round(1.2 * MM)) & gone


def _strung(shape: Mask) -> bool:
    """Is there one straight level line all along the shape, and a row of letters when it is taken away?"""
    high, wide = shape.shape
    if wide < 8 * MM or high > 9 * MM:
        return False
    level = level_runs(shape)
    ys, xs = np.nonzero(level)
    if len(np.unique(xs)) < 0.6 * wide:
        return False
    columns = np.unique(xs)
    heights = np.bincount(xs, weights=ys)[columns] / np.bincount(xs)[columns]
    slope = np.polyfit(xs, ys, 1)
    if np.mean(np.abs(heights - np.polyval(slope, columns)) < STRAIGHT) < 0.85:
        return False
    rest = unruled(shape, level)
    _, _, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    letters = stats[1:][(stats[1:, cv2.CC_STAT_HEIGHT] > 0.8 * MM) & (stats[1:, cv2.CC_STAT_WIDTH] < 4.5 * MM)]
    return len(letters) >= 3 and bool(np.ptp(letters[:, cv2.CC_STAT_LEFT]) > 0.35 * wide)


def _round(shape: Mask) -> bool:
    """Does the shape lie on one ellipse?"""
    points = np.argwhere(shape)[:, ::-1].astype(np.float32)
    if min(shape.shape) < 3 * MM or len(points) < 20:
        return False
    (x, y), axes, angle = cv2.fitEllipse(points)
    if not 5 * MM < min(axes) <= max(axes) < 70 * MM:
        return False
    turn = np.deg2rad(angle)
    across = (points[:, 0] - x) * np.cos(turn) + (points[:, 1] - y) * np.sin(turn)
    along = (points[:, 1] - y) * np.cos(turn) - (points[:, 0] - x) * np.sin(turn)
    ring = np.hypot(across / (axes[0] / 2), along / (axes[1] / 2))
    stray = 0.08 if min(axes) > 6 * MM else 0.05  # small ones are letters
    return bool(np.std(ring) < stray and abs(ring.mean() - 1) < stray)


def _straight(shape: Mask) -> bool:
    """Is the shape made of long lines, some level and some upright?  Steep handwriting has but the latter."""
    if min(shape.shape) < 3 * MM:
        return False
    long = round(6 * MM)
    thick = grown(shape, 3, 3)
    level, upright = filling(thick, long, 1) & shape, filling(thick, 1, long) & shape
    least, all_ink = min(level.sum(), upright.sum()), shape.sum()
    return bool((level | upright).sum() > 0.8 * all_ink and least > 0.1 * all_ink)


def look(seen: list[Stroke], type_width: float) -> str:
    """empty | print | pen | smudge | line | unclear for the shapes in one zone.

    `pen` is said only of what a hand writes and nothing else does: a winding line, longer than 20 mm, wider than 9 mm and
    higher than type; or lower, but one shape much wider than a shape of type gets on this page (`type_width`).
    """
    inked = [s for s in seen if s.worded < 0.6]
    if not seen:
        return "empty"
    if not inked or _mostly_read(seen, inked):
        return "print"
    written = [s for s in inked if _written(s)]
    frames = [s for s in written if s.drawn or (s.solid > 0.9 and min(s.width, s.height) > 4 * MM)]
    written = [s for s in written if s not in frames]
    length = sum(s.length for s in written)
    if any(s.breadth > 1.5 * MM and s.area > 4 * MM * MM for s in inked):
        return "unclear" if length > 20 * MM else "smudge"
    if frames and (sum(s.length for s in frames) > length or _encloses(frames, written)):
        return "unclear"  # a ring, a box, a stamp's border
    if not written:
        return "line" if any(s.winding < 1.3 and max(s.width, s.height) > 6 * MM for s in inked) else _small(inked)
    if (
        _lettered(written)
        or any(_lettered(list(s.rest), 3) for s in written)
        or (_joined_by_line(written, type_width) and not _written_without_line(inked))
    ):
        return "unclear"
    if _encloses(written, [s for s in seen if s.worded >= 0.6]):
        return "unclear"
    span = max(s.left + s.width for s in written) - min(s.left for s in written)
    widest = max(written, key=lambda s: s.width)
    tall = max(s.height for s in written) > 3.9 * MM and widest.width > 8 * MM
    least = max(8 * MM, 2.2 * type_width)
    low = widest.height > 1.8 * MM and sum(s.length for s in written if s.width > least) > 0.6 * length
    if span > 9 * MM and length > 20 * MM and (tall or low) and not _typed(inked):
        return "pen"
    return "print" if _typed(inked) else "unclear"


def _joined_by_line(written: list[Stroke], type_width: float) -> bool:
    """Does a long straight line hold together what may be type, or make up half of it all, as an arrow's shaft does?"""
    shafts = sum(s.length for s in written if _shaft(s))
    return any(type_width > 0 and s.strung for s in written) or shafts > 0.45 * sum(s.length for s in written)


def _shaft(stroke: Stroke) -> bool:
    """Is a long level line most of the shape?"""
    left = sum(r.length for r in stroke.rest)
    return bool(stroke.rest) and stroke.length > 20 * MM and left < 0.5 * stroke.length and left < 20 * MM


def _written_without_line(inked: list[Stroke]) -> bool:
    """Is what remains without the line still a hand's: winding, and higher than type?"""
    bare = [r for s in inked for r in s.rest or (s,)]
    written = [r for r in bare if _written(r) and not r.drawn]
    if not written or _lettered(written, 3) or _typed(bare):
        return False
    span = max(r.left + r.width for r in written) - min(r.left for r in written)
    tall = max(r.height for r in written) > 3.9 * MM and max(r.width for r in written) > 5 * MM
    return span > 9 * MM and sum(r.length for r in written) > 20 * MM and tall


def widest_type(ink: Mask) -> float:
    """How wide a single shape of type gets on this page, pixels: blur and fax noise join letters."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    tall, wide = stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_WIDTH]
    letters = wide[(tall > 1.2 * MM) & (tall < 4.5 * MM)]
    return float(np.percentile(letters, 98)) if len(letters) > 60 else 12 * MM


def _written(stroke: Stroke) -> bool:
    winds = stroke.winding >= 1.3 or (stroke.winding >= 1.18 and stroke.sway > 0.6 * MM)
    return winds and stroke.sway > 0.5 * MM and stroke.breadth <= 1.5 * MM and max(stroke.width, stroke.height) > 2.5 * MM


def _encloses(outer: list[Stroke], inner: list[Stroke]) -> bool:
    """Do the shapes stand around the others, as a stamp's border around its words?"""
    if len(inner) < 2:
        return False
    left, right = min(s.left for s in outer), max(s.left + s.width for s in outer)
    top, bottom = min(s.top for s in outer), max(s.top + s.height for s in outer)
    within = [s for s in inner if left < s.left and s.left + s.width < right and top <= s.top and s.top + s.height <= bottom]
    return len(within) > 0.8 * len(inner)


def _lettered(written: list[Stroke], least: int = 4) -> bool:
    """Large letters side by side, all of one size: a stamp's or a printer's, not a hand's."""
    if len(written) < least:
        return False
    tall = np.array([s.height for s in written])
    feet = np.array([s.top + s.height for s in written])
    narrow = all(s.width < 1.7 * s.height for s in written)
    return narrow and bool(np.std(tall) < 0.12 * tall.mean() and np.std(feet) < 0.15 * tall.mean())


def _small(inked: list[Stroke]) -> str:
    """Only little shapes: dirt, type that was not read, or something that is neither."""
    if sum(s.length for s in inked) < 4 * MM and all(max(s.width, s.height) < 2 * MM for s in inked):
        return "empty"
    return "print" if _typed(inked) else "unclear"


def _mostly_read(seen: list[Stroke], inked: list[Stroke]) -> bool:
    """Is most of the ink under words that were read, and the rest no larger than type?"""
    large = any(max(s.width, s.height) > 6 * MM for s in inked)
    return not large and len(seen) > len(inked) and sum(s.area for s in inked) < 0.4 * sum(s.area for s in seen)


def _typed(inked: list[Stroke]) -> bool:
    """Is most of it a row of narrow shapes of like size on one base line, whatever the size?"""
    sized = [s for s in inked if s.height > MM]
    if len(sized) < 5:
        return False
    usual = float(np.median([s.height for s in sized]))
    letters = [s for s in sized if 0.5 * usual < s.height < 1.9 * usual and s.width < 1.8 * usual]
    feet = np.array([s.top + s.height for s in letters])
    level = len(letters) >= 5 and np.median(np.abs(feet - np.median(feet))) < max(0.5 * MM, 0.08 * usual)
    return bool(level and sum(s.length for s in letters) > 0.6 * sum(s.length for s in sized))
