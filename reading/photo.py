"""A photo of a sheet made flat: the paper cut out of the table it lies on, perspective undone, light evened."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from reading.bitmap import Grey

LOOKED_AT = 500  # pixels of the long side on which the sheet is sought
LEAST_AREA = 0.2  # of the picture, that the sheet must fill
MOST_AREA = 0.97  # above, the sheet fills the picture and there is nothing to cut
NEAR, FAR = 3, 9  # pixels to either side of an edge: paper ends within the first, a shadow fades over the second
STEP = 0.05  # brightness from table to paper, as a logarithm: the same in light and in shadow
FULL_STEP = 0.5  # more does not make an edge surer
EDGE_SHARE = 0.85  # of a side's length, on which the step must be seen
LINE_SHARE = 0.4  # of the picture's, before it is known where the side ends
INWARD = 0.45  # of the picture's width or height, how far in a side is sought
SLANT = 0.2  # of a side's length, how far its ends may lie apart
SQUARE = 0.35  # cosine of the greatest corner angle's deviation that is still a sheet
TRIMMED = 0.015  # of the way to the middle: a rest of the table along the edge would pass for a frame around the print
GLARE = 1.15  # paper is made so much brighter than white: its grain would pass for print where there is little print
MARK = 0.25  # of the paper's brightness, by which print is darker than what is around it
LOST_PRINT = 0.04  # of all print, that may lie outside what is cut out

Corners = NDArray[np.float32]  # 4 × 2, clockwise from top left
Light = NDArray[np.float32]


def flat(pixels: Grey) -> list[Grey]:
    """The sheet as a scanner would give it, or both that lie side by side; the picture in even light when none stands out."""
    corners = sheet_corners(pixels)
    if corners is not None:
        return [even(straightened(pixels, corners))]
    height, width = pixels.shape
    halves = np.array_split(pixels, 2, axis=1 if width > height else 0)
    sheets = [(half, sheet_corners(half)) for half in halves]
    both = [even(straightened(half, corners)) for half, corners in sheets if corners is not None]
    return both if len(both) == 2 else [even(pixels)]


def needs_light(pixels: Grey) -> bool:
    """Whether paper is far from white or unevenly lit: a photo that came as a scan or inside a PDF."""
    height, width = pixels.shape
    small = cv2.resize(pixels, (max(8, width // 32), max(8, height // 32)), interpolation=cv2.INTER_AREA)
    paper = cv2.dilate(small, np.ones((5, 5), np.uint8))
    low, high = (float(np.percentile(paper, share)) for share in (10, 90))
    return high < 215 or high - low > 35


def even(pixels: Grey) -> Grey:
    """Even light: each pixel over the paper's brightness around it, the camera's grain in the paper made white."""
    height, width = pixels.shape
    small = cv2.resize(pixels, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    paper = cv2.GaussianBlur(cv2.dilate(small, np.ones((7, 7), np.uint8)), (0, 0), 9)
    paper = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(pixels, paper, scale=255 * GLARE), np.uint8)


def sheet_corners(pixels: Grey) -> Corners | None:
    """The corners of a bright four-sided sheet on a darker ground, clockwise from top left; None when there is none.

    None as well when print lies outside the sheet that was found: nothing that was sent is cut away.
    """
    height, width = pixels.shape
    scale = LOOKED_AT / max(height, width)
    small = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    calm = cv2.GaussianBlur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)), (5, 5), 0)
    light = np.log(calm.astype(np.float32) + 16)
    right, down = _edges(light), _edges(light.T).T  # positive where it is brighter to the right, and below
    left_side, right_side = _side(right), _side(-right[:, ::-1])
    top_side, bottom_side = _side(down.T), _side(-down.T[:, ::-1])
    if left_side is None or right_side is None or top_side is None or bottom_side is None:
        return None
    high, wide = light.shape
    columns = left_side, (wide - 1 - right_side[0], wide - 1 - right_side[1])
    rows = top_side, (high - 1 - bottom_side[0], high - 1 - bottom_side[1])
    corners = np.array([_crossing(columns[c], rows[r], wide, high) for c, r in ((0, 0), (1, 0), (1, 1), (0, 1))], np.float32)
    share = cv2.contourArea(corners) / small.size
    if not LEAST_AREA < share < MOST_AREA or not _is_sheet(corners) or not _stands_out(right, down, corners):
        return None
    if _loses_print(small, np.asarray(calm, np.uint8), corners):
        return None
    inward = TRIMMED * (corners.mean(axis=0) - corners)
    return np.asarray((corners + inward) / scale, np.float32)


def _edges(light: Light) -> Light:
    """How much brighter it becomes from left to right, all at once: a shadow's soft edge counts nothing."""

    def step(apart: int) -> Light:
        wide = np.pad(light, ((0, 0), (apart, apart)), mode="edge")
        return wide[:, 2 * apart :] - wide[:, : -2 * apart]

    return 2 * step(NEAR) - step(FAR)


def _side(edges: Light) -> tuple[float, float] | None:
    """The left side of a sheet: the columns at which its line meets the first and the last row; None when no line is seen."""
    high, wide = edges.shape
    ends = np.arange(0, int(wide * INWARD), 2)
    first, last = (each.ravel() for each in np.meshgrid(ends, ends))
    straight = np.abs(first - last) <= SLANT * high
    first, last = first[straight], last[straight]
    rows = np.linspace(0.04, 0.96, 50)
    columns = np.rint(first[:, None] + (last - first)[:, None] * rows).astype(int)
    seen = edges[np.rint(rows * (high - 1)).astype(int), columns]
    best = int(seen.clip(0, FULL_STEP).mean(axis=1).argmax())
    return (float(first[best]), float(last[best])) if (seen[best] > STEP).mean() >= LINE_SHARE else None


def _crossing(column: tuple[float, float], row: tuple[float, float], wide: int, high: int) -> tuple[float, float]:
    """Where a line from top to bottom and one from left to right meet."""
    down, across = (column[1] - column[0]) / (high - 1), (row[1] - row[0]) / (wide - 1)
    x = (column[0] + down * row[0]) / (1 - down * across)
    return x, row[0] + across * x


def _stands_out(right: Light, down: Light, corners: Corners) -> bool:
    """Whether each side is an edge on its whole length, from corner to corner."""
    limits = np.array(right.shape[::-1]) - 1
    for index, edges in enumerate((down, -right, -down, right)):
        places = corners[index] + np.linspace(0.05, 0.95, 60)[:, None] * (corners[(index + 1) % 4] - corners[index])
        columns, rows = np.rint(places).astype(int).clip(0, limits).T
        if (edges[rows, columns] > STEP).mean() < EDGE_SHARE:
            return False
    return True


def _loses_print(small: Grey, calm: Grey, corners: Corners) -> bool:
    """Whether small dark marks, as letters are, lie outside the corners as well: a second sheet, or a wrong cut."""
    inside = cv2.fillConvexPoly(np.zeros_like(small), np.rint(corners).astype(np.int32), 1)
    margin = cv2.dilate(inside, np.ones((15, 15), np.uint8))
    marks = calm.astype(int) - small > MARK * np.percentile(calm[inside == 1], 90)
    return bool((marks & (margin == 0)).sum() > LOST_PRINT * marks.sum())


def _is_sheet(corners: Corners) -> bool:
    """Four distinct corners, each not far from a right angle."""
    if len({tuple(corner) for corner in corners.tolist()}) != 4:
        return False
    for index in range(4):
        one, other = corners[index - 1] - corners[index], corners[(index + 1) % 4] - corners[index]
        cosine = float(one @ other) / float(np.linalg.norm(one) * np.linalg.norm(other) + 1e-6)
        if abs(cosine) > SQUARE:
            return False
    return True


def straightened(pixels: Grey, corners: Corners) -> Grey:
    """The sheet alone, its corners at the picture's."""
    top, right, bottom, left = (float(np.linalg.norm(corners[(i + 1) % 4] - corners[i])) for i in range(4))
    width, height = round(max(top, bottom)), round(max(left, right))
    target = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    return np.asarray(cv2.warpPerspective(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC), np.uint8)
