"""A returned page laid over a blank by the words that both have.

The result maps fractions of the page to pixels of the blank; it undoes skew, scale, perspective and pixels that are
not square, and knows how far each neighbourhood still is off (paper bends, edited text flows on).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz

from reading.ink import dark, flat
from reading.labels import plain
from reading.words import Word

Points = npt.NDArray[np.float64]
NEAR = 9.0  # pixels of the blank: what still counts as in place
SHARP = 1.5  # times as sharp as half a degree to either side: the page lies level
FLOW = 160.0  # pixels: how far edited text may have flowed on


@dataclass(frozen=True, eq=False)
class Laid:
    """How a page lies over a blank."""

    matrix: Points  # 3 × 3: fractions of the page to pixels of the blank
    match: float  # share of the blank's words found in place, 0..1
    agreed: float  # share of the page's words that stand where the blank has them, 0..1
    pairs: tuple[tuple[int, int], ...]  # (word of the page, word of the blank)
    at: Points  # n × 2: where the pairs' words stand on the blank
    off: Points  # n × 2: how far the page's words then lie from there
    same: float = 0.0  # how many of the blank's words stand in place, a word that reads otherwise counting less

    def shift(self, x: float, y: float, neighbours: int = 8, above: bool = False) -> tuple[float, float]:
        """How far the page lies off around a point of the blank, pixels: the middle of its nearest words, or those `above`."""
        known = np.flatnonzero(self.at[:, 1] < y - NEAR) if above else np.arange(len(self.at))
        if not len(known):
            return 0.0, 0.0
        at, off = self.at[known], self.off[known]
        distance = np.hypot((at[:, 0] - x) * 0.35, at[:, 1] - y)  # words of the same row are the best witnesses
        nearest = np.argsort(distance)[:neighbours]
        dx, dy = np.median(off[nearest], axis=0)
        return float(dx), float(dy)


def middles(words: Sequence[Word]) -> Points:
    return np.array([((w.left + w.right) / 2, (w.top + w.bottom) / 2) for w in words], np.float64).reshape(-1, 2)


def through(matrix: Points, points: Points) -> Points:
    """`points` (n × 2) sent through a 3 × 3 matrix."""
    if not len(points):
        return points
    sent = np.c_[points, np.ones(len(points))] @ matrix.T
    return np.asarray(sent[:, :2] / sent[:, 2:], np.float64)


def lay(page: Sequence[Word], blank: Sequence[Word], size: tuple[int, int]) -> Laid | None:
    """Lay `page` over `blank` of `size` (width, height) pixels; None when too few words are shared or they do not agree."""
    mine, theirs = [plain(w.text) for w in page], [plain(w.text) for w in blank]
    seeds = _seeds(mine, theirs)
    if len(seeds) < 5:
        return None
    source, target = middles(page), middles(blank) * np.array(size, np.float64)
    matrix = _fit(source, target, seeds)
    if matrix is None:
        return None
    for _ in range(2):
        pairs = _in_place(mine, theirs, through(matrix, source), target)
        matrix = _fit(source, target, pairs) if len(pairs) >= 5 else None
        if matrix is None:
            return None
    placed = through(matrix, source)
    pairs = _in_place(mine, theirs, placed, target)
    match = len(pairs) / max(1, sum(1 for t in theirs if t))
    known = {b: p for p, b in pairs}
    flowed = [(p, b) for p, b in seeds if b not in known and np.abs(placed[p] - target[b]).max() < FLOW]
    every = [*pairs, *flowed]
    ps, bs = [p for p, _ in every], [b for _, b in every]
    agreed = len(pairs) / max(1, sum(1 for m in mine if m))
    same = sum(fuzz.ratio(mine[p], theirs[b]) for p, b in pairs) / 100
    return Laid(matrix, match, agreed, tuple(every), target[bs], placed[ps] - target[bs], same)


def _seeds(mine: list[str], theirs: list[str]) -> list[tuple[int, int]]:
    """Words that stand once in both, by themselves or with their neighbours."""
    pairs: dict[int, int] = {}
    for reach in (0, 1):
        for before in (0, reach):
            keyed = [_keys(tokens, before, reach - before) for tokens in (mine, theirs)]
            once = [{k for k, n in Counter(ks).items() if n == 1} for ks in keyed]
            spots = {k: i for i, k in enumerate(keyed[1]) if k and k in once[1]}
            for index, key in enumerate(keyed[0]):
                if key in once[0] and key in spots:
                    pairs.setdefault(index, spots[key])
    taken = Counter(pairs.values())
    return [(p, b) for p, b in pairs.items() if taken[b] == 1]


def _keys(tokens: list[str], before: int, after: int) -> list[str]:
    keys = []
    for index, token in enumerate(tokens):
        run = tokens[max(0, index - before) : index + after + 1]
        keys.append(" ".join(run) if token and sum(map(len, run)) >= 4 and len(run) == before + after + 1 else "")
    return keys


def _fit(source: Points, target: Points, pairs: Sequence[tuple[int, int]]) -> Points | None:
    """An affine map, or a perspective one where that explains clearly more; None when neither is a page on its blank."""
    a, b = source[[p for p, _ in pairs]], target[[q for _, q in pairs]]
    cv2.setRNGSeed(7)  # the same page gives the same reading
    affine, agreed = _affine(a, b)
    perspective, inside = _perspective(a, b) if len(pairs) >= 12 else (None, 0)
    if perspective is None or inside < 8:
        return affine if agreed >= 5 else None
    if affine is None or inside > 1.1 * agreed:
        return perspective
    return perspective if inside >= agreed and _error(perspective, a, b) < 0.6 * _error(affine, a, b) else affine


def _affine(a: Points, b: Points) -> tuple[Points | None, int]:
    """The best affine map, and how many pairs agree with it."""
    found, agreed = cv2.estimateAffine2D(
        a * 1000, b, method=cv2.RANSAC, ransacReprojThreshold=NEAR, maxIters=3000, confidence=0.999
    )
    if found is None:
        return None, 0
    matrix = np.vstack([np.asarray(found, np.float64) * (1000, 1000, 1), (0, 0, 1)])
    return (matrix, int(agreed.sum())) if _upright(matrix) else (None, 0)


def _perspective(a: Points, b: Points) -> tuple[Points | None, int]:
    found, agreed = cv2.findHomography(a * 1000, b, cv2.RANSAC, NEAR, maxIters=3000, confidence=0.999)
    if found is None:
        return None, 0
    matrix = np.asarray(found, np.float64) * (1000, 1000, 1)
    return (matrix, int(agreed.sum())) if _upright(matrix / matrix[2, 2]) else (None, 0)


def _error(matrix: Points, a: Points, b: Points) -> float:
    return float(np.median(np.hypot(*(through(matrix, a) - b).T)))


def _upright(matrix: Points) -> bool:
    """A page lies on its blank turned a little and not mirrored, stretched or shrunk beyond reason."""
    right, down = matrix[:2, 0], matrix[:2, 1]
    return bool(
        500 < right[0] < 3500 and 600 < down[1] < 4500 and abs(right[1]) < 0.35 * right[0] and abs(down[0]) < 0.35 * down[1]
    )


def _in_place(mine: list[str], theirs: list[str], placed: Points, target: Points) -> list[tuple[int, int]]:
    """Each word of the blank with the word of the page that stands at its place and reads much like it."""
    pairs, used = [], set()
    for index, wanted in enumerate(theirs):
        if not wanted:
            continue
        dx, dy = np.abs(placed - target[index]).T
        best, likeness = -1, 69.0
        for candidate in np.flatnonzero((dx < 45) & (dy < 26)):
            score = fuzz.ratio(wanted, mine[candidate]) - 0.2 * dy[candidate] - 0.1 * dx[candidate]
            if score > likeness and int(candidate) not in used:
                best, likeness = int(candidate), score
        if best >= 0:
            used.add(best)
            pairs.append((best, index))
    return pairs


def level(image: npt.NDArray[np.uint8], words: Sequence[Word]) -> tuple[npt.NDArray[np.uint8], list[Word]]:
    """The page turned until its rows lie level, and its words with it."""
    height, width = image.shape
    angle = _skew(image)
    if abs(angle) < 0.1:
        return image, list(words)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    flat = cv2.warpAffine(image, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    size = np.array([width, height], np.float64)
    moved = (np.c_[middles(words) * size, np.ones(len(words))] @ turn.T) / size - middles(words)
    turned = [
        replace(w, left=w.left + dx, right=w.right + dx, top=w.top + dy, bottom=w.bottom + dy)
        for w, (dx, dy) in zip(words, moved.tolist(), strict=True)
    ]
    return np.asarray(flat, np.uint8), turned


def _skew(image: npt.NDArray[np.uint8]) -> float:
    """The angle in degrees that makes rows of print sharpest."""
    small = cv2.resize(image, (620, round(620 * image.shape[0] / image.shape[1])), interpolation=cv2.INTER_AREA)
    ink = dark(flat(np.asarray(small, np.uint8))).astype(np.float32)
    height, width = ink.shape

    def sharpness(angle: float) -> float:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
        profile = cv2.warpAffine(ink, turn, (width, height))[10:-10].sum(axis=1)
        return float(np.square(np.diff(profile)).sum())

    lies = sharpness(0.0)
    if lies > SHARP * max(sharpness(-0.5), sharpness(0.5)) and lies >= max(sharpness(-0.1), sharpness(0.1)):
        return 0.0  # as it came from a printer's file; to try all angles would cost more than all else
    coarse = max(np.arange(-4, 4.01, 0.5).tolist(), key=lambda a: (sharpness(a), -abs(a)))
    return float(max(np.arange(coarse - 0.4, coarse + 0.41, 0.1).tolist(), key=sharpness))
