"""A photo of a sheet made flat: the paper cut out of the table it lies on, perspective undone, light evened."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from reading.bitmap import Grey

LOOKED_AT = 500  # pixels of the long side on which the sheet is sought
LEAST_AREA = 0.3  # of the picture, that the sheet must fill
MOST_AREA = 0.97  # above, the sheet fills the picture and there is nothing to cut
STEP = 16  # levels of grey from table to paper: less is a shadow that lies over the sheet
STEP_WIDTH = 8  # pixels to either side of the edge, as it is looked at
SQUARE = 0.35  # cosine of the greatest corner angle's deviation that is still a sheet

Corners = NDArray[np.float32]  # 4 × 2, clockwise from top left


def flat(pixels: Grey) -> Grey:
    """The sheet as a scanner would give it; the picture with even light when no sheet stands out."""
    corners = sheet_corners(pixels)
    return even(pixels if corners is None else straightened(pixels, corners))


def needs_light(pixels: Grey) -> bool:
    """Whether paper is far from white or unevenly lit: a photo that came as a scan or inside a PDF."""
    height, width = pixels.shape
    small = cv2.resize(pixels, (max(8, width // 32), max(8, height // 32)), interpolation=cv2.INTER_AREA)
    paper = cv2.dilate(small, np.ones((5, 5), np.uint8))
    low, high = (float(np.percentile(paper, share)) for share in (10, 90))
    return high < 215 or high - low > 35


def even(pixels: Grey) -> Grey:
    """Even light: each pixel over the paper's brightness around it."""
    height, width = pixels.shape
    small = cv2.resize(pixels, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    paper = cv2.GaussianBlur(cv2.dilate(small, np.ones((7, 7), np.uint8)), (0, 0), 9)
    paper = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(pixels, paper, scale=255), np.uint8)


def sheet_corners(pixels: Grey) -> Corners | None:
    """The corners of a bright four-sided sheet on a darker ground, None when there is none."""
    height, width = pixels.shape
    scale = LOOKED_AT / max(height, width)
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    calm = cv2.GaussianBlur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)), (5, 5), 0)
    _, bright = cv2.threshold(calm, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    outlines, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return None
    outline = cv2.convexHull(max(outlines, key=cv2.contourArea))
    four = cv2.approxPolyDP(outline, 0.03 * cv2.arcLength(outline, True), True).reshape(-1, 2)
    share = cv2.contourArea(outline) / small.size
    if len(four) != 4 or not LEAST_AREA < share < MOST_AREA:
        return None
    corners = _ordered(four.astype(np.float32))
    return corners / np.float32(scale) if _is_sheet(corners) and _stands_out(np.asarray(calm, np.uint8), corners) else None


def _ordered(four: Corners) -> Corners:
    """Clockwise from top left."""
    total, difference = four.sum(axis=1), four[:, 0] - four[:, 1]
    order = [total.argmin(), difference.argmax(), total.argmax(), difference.argmin()]
    return four[order]


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


def _stands_out(calm: Grey, corners: Corners) -> bool:
    """Whether brightness steps down at each edge: a smooth shadow over a sheet has outlines, too, but no edge."""
    middle = corners.mean(axis=0)
    limits = np.array(calm.shape[::-1]) - 1
    for index in range(4):
        places = corners[index] + np.linspace(0.15, 0.85, 15)[:, None] * (corners[(index + 1) % 4] - corners[index])
        outward = places.mean(axis=0) - middle
        outward = outward / (float(np.linalg.norm(outward)) + 1e-6) * STEP_WIDTH
        inside, outside = np.rint(places - outward).astype(int), np.rint(places + outward).astype(int)
        seen = ((outside >= 0) & (outside <= limits)).all(axis=1)
        if not seen.any():  # the sheet goes on beyond the picture
            continue
        inside, outside = inside[seen].clip(0, limits), outside[seen]
        steps = calm[inside[:, 1], inside[:, 0]].astype(int) - calm[outside[:, 1], outside[:, 0]]
        if np.median(steps) < STEP:
            return False
    return True


def straightened(pixels: Grey, corners: Corners) -> Grey:
    """The sheet alone, its corners at the picture's."""
    top, right, bottom, left = (float(np.linalg.norm(corners[(i + 1) % 4] - corners[i])) for i in range(4))
    width, height = round(max(top, bottom)), round(max(left, right))
    target = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    return np.asarray(cv2.warpPerspective(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC), np.uint8)
