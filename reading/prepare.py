"""A page's pixels made ready for recognition: square pixels, specks and shadows removed, straightened, turned upright."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from reading.bitmap import MAX_PIXELS, Bitmap, Grey
from reading.ink import DRIFT, crossing, grown, streaks_apart
from reading.ink import turned as on_its_side
from reading.photo import flat, needs_light, sheet_corners

Mask = NDArray[np.bool_]

cv2.setNumThreads(1)  # a worker a core: threads of its own would only get in the others' way

SHORT_PAGE = 1000  # rows: below, reading in two pieces spares nothing
QUIET_ROWS = 8  # of paper, to be a gap between lines
LIGHT_SHARE = 0.3  # of a page that is light: less is print in white on black
WIDE = 1.25  # times as wide as high: a sheet on which two pages may lie
GUTTER_COLUMNS = 400  # to which such a sheet is shrunk
GUTTER = 9  # of them without ink: between two pages, or between two columns of a table
QUIET_SHARE = 0.004  # of a column's rows: specks, no print
PAGE_FILLED = 0.5  # of its half's width, that a page's print takes at least
SLOPE_COLUMNS, SLOPE_POINTS = 540, 4000  # size of the picture, and dots of ink, by which slope is told
MOST_SLOPE, LEAST_SLOPE = 12.0, 1.5  # degrees
SURE_SLOPE = 1.15  # times as sharp as it lies
BANDS, LINED_BANDS = 32, 0.85  # of a page's height: so many of them hold a piece of a line that runs down the page
LINE_DARK, LINE_FULL = 160, 0.75  # grey of such a line, and which share of a band it fills
BLANK_SHARE = 0.0006  # of a page's pixels; a single short line of print is more


def is_bilevel(pixels: Grey) -> bool:
    """Only black and white."""
    histogram = np.bincount(pixels[:: max(1, pixels.shape[0] // 400)].ravel(), minlength=256)
    return bool(histogram[1:255].sum() == 0)


def same_picture(pixels: Grey, drawn: Grey) -> bool:
    """Whether the taken-out picture shows what the drawn page shows (mean grey of coarse tiles)."""
    size = (24, 32)
    ours = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(int)
    theirs = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA).astype(int)
    return bool(np.abs(ours - theirs).mean() < 24)


def square_pixels(pixels: Grey, across: float, down: float, bilevel: bool) -> Grey:
    """Stretch a 204×98 fax to square pixels: specks out first, then bicubic rows (1.25 % against 3.08 % character errors)."""
    ratio = across / down
    if 0.8 <= ratio <= 1.25:
        return pixels
    height, width = pixels.shape
    if bilevel:
        pixels = despeckle(pixels)
    size = (width, round(height * ratio)) if ratio > 1 else (round(width / ratio), height)
    stretched = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
    return np.where(stretched > 127, np.uint8(255), np.uint8(0)) if bilevel else np.asarray(stretched, np.uint8)


def within(pixels: Grey, limit: int = MAX_PIXELS) -> Grey:
    """Scaled down to at most `limit` pixels."""
    height, width = pixels.shape
    if height * width <= limit:
        return pixels
    scale = (limit / (height * width)) ** 0.5
    return np.asarray(
        cv2.resize(pixels, (max(1, int(width * scale)), max(1, int(height * scale))), interpolation=cv2.INTER_AREA), np.uint8
    )


def despeckle(pixels: Grey) -> Grey:
    """Black pixels without a black neighbour (8-neighbourhood) become white: line noise of a fax."""
    ink = (pixels < 128).astype(np.uint8)
    around = cv2.boxFilter(ink, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.where((ink == 1) & (around == 1), np.uint8(255), pixels)


def is_blank(bitmap: Bitmap) -> bool:
    """Nothing but paper, by a cheap look: no ink off the margins that stands out from its surroundings."""
    height, width = bitmap.pixels.shape
    inner = bitmap.pixels[height // 40 : height - height // 40, width // 40 : width - width // 40]
    if bitmap.bilevel:
        return bool((despeckle(inner) < 128).mean() < BLANK_SHARE)
    small = cv2.resize(inner, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(cv2.resize(small, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), 21)
    paper = cv2.resize(paper, (small.shape[1], small.shape[0]))
    return bool((small.astype(int) < paper.astype(int) - 40).mean() < BLANK_SHARE)


def positive(bitmap: Bitmap) -> Bitmap:
    """Dark print on light paper: a page that came white on black is turned round."""
    light = float((bitmap.pixels[::8, ::8] > 127).mean())
    if light > LIGHT_SHARE or (not bitmap.bilevel and sheet_corners(bitmap.pixels) is not None):
        return bitmap
    return dataclasses.replace(bitmap, pixels=255 - bitmap.pixels)


def ready(bitmap: Bitmap) -> list[Grey]:
    """The pixels that the engine gets; two sheets when a photo shows two."""
    if bitmap.bilevel:
        return [despeckle(bitmap.pixels)]
    if bitmap.photo or needs_light(bitmap.pixels):
        return flat(bitmap.pixels)
    return [bitmap.pixels]


def straight(pixels: Grey) -> Grey:
    """Turned by the few degrees by which its lines of print slope; untouched below the slope that the engine takes itself."""
    height, width = pixels.shape
    scale = SLOPE_COLUMNS / max(height, width)
    rows, columns = np.nonzero(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) < 160)
    some = slice(None, None, max(1, rows.size // SLOPE_POINTS))
    rows, columns = rows[some], columns[some]
    if rows.size < SLOPE_POINTS // 8:
        return pixels

    def sharpness(degrees: float) -> int:
        """How much the ink gathers in rows when it is turned so."""
        shifted = rows - np.rint(columns * np.tan(np.deg2rad(degrees))).astype(int) + SLOPE_COLUMNS
        return int((np.bincount(shifted) ** 2).sum())

    best = max(np.arange(-MOST_SLOPE, MOST_SLOPE + 0.1, 0.5), key=sharpness)
    if abs(best) < LEAST_SLOPE or sharpness(best) < SURE_SLOPE * sharpness(0):
        return pixels
    turn = np.deg2rad(abs(best))
    wide, high = (
        round(width * np.cos(turn) + height * np.sin(turn)),
        round(height * np.cos(turn) + width * np.sin(turn)),
    )
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(best), 1.0)
    matrix[:, 2] += (wide - width) / 2, (high - height) / 2
    return np.asarray(cv2.warpAffine(pixels, matrix, (wide, high), borderValue=255), np.uint8)


def unlined(pixels: Grey) -> Grey:
    """Without the lines that dirt on a scanner's glass draws down the whole page; letters that they cross are kept whole."""
    near = _lined_columns(pixels)
    if not near.any():
        return pixels
    ink = (pixels < LINE_DARK).astype(np.uint8)
    line = streaks_apart(ink)[1] * near.astype(np.uint8)
    rest = ink & (1 - line)
    kept = on_its_side(crossing(on_its_side(rest), on_its_side(line), on_its_side(ink), 5))
    edge = grown(line, 3, 1) & (1 - ink)  # a line's soft sides
    return np.where((line & (1 - kept)) | edge > 0, np.uint8(255), pixels)


def _lined_columns(pixels: Grey) -> Mask:
    """Columns close to a line that runs down nearly all of the page: a scanner's, or a frame's side, which says nothing."""
    height, width = pixels.shape
    rows = height // BANDS
    if rows < 8:
        return np.zeros(width, np.bool_)
    ink = (pixels[: rows * BANDS] < LINE_DARK).reshape(BANDS, rows, width)
    pieces = (ink.mean(axis=1) > LINE_FULL).astype(np.uint8)
    there = grown(pieces, DRIFT, 1).mean(axis=0) >= LINED_BANDS
    return np.asarray(there, np.bool_)


def sideways(pixels: Grey) -> bool:
    """Whether lines of print seem to run up or down the page: ink then varies more over columns than over rows."""
    small = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    ink = small < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if rows.size < 50 or columns.size < 50:
        return False
    inner = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return bool(inner.mean(axis=1).std() < 0.7 * inner.mean(axis=0).std())


def quiet_row(pixels: Grey) -> int:
    """A row of paper between lines of print, between a fifth and nearly half of the page's ink; the height when there is none."""
    height = int(pixels.shape[0])
    ink = (pixels < 128).sum(axis=1)
    so_far = np.cumsum(ink)
    first, last = (int(np.searchsorted(so_far, share * so_far[-1])) for share in (0.2, 0.45))
    if height < SHORT_PAGE or last - first < QUIET_ROWS:
        return height
    start, size = _widest(ink[first:last] <= 2)
    return first + start + size // 2 if size >= QUIET_ROWS else height


def gutter(pixels: Grey) -> int | None:
    """The column between two pages that lie side by side on a landscape sheet; None when it is one page, or a table."""
    height, width = pixels.shape
    if width < WIDE * height:
        return None
    ink = cv2.resize(pixels, (GUTTER_COLUMNS, max(1, GUTTER_COLUMNS * height // width)), interpolation=cv2.INTER_AREA) < 190
    quiet = ink.mean(axis=0) < QUIET_SHARE
    first, last = round(0.42 * GUTTER_COLUMNS), round(0.58 * GUTTER_COLUMNS)
    start, size = _widest(quiet[first:last])
    middle = first + start + size // 2
    if size < GUTTER or not (_is_page(ink[:, :middle]) and _is_page(ink[:, middle:])):
        return None
    return int(middle * width // GUTTER_COLUMNS)


def _is_page(ink: Mask) -> bool:
    """Whether half a sheet looks like a page: lines of print that fill its width, in one column."""
    columns, rows = np.flatnonzero(ink.mean(axis=0) >= QUIET_SHARE), np.flatnonzero(ink.any(axis=1))
    if columns.size == 0 or columns[-1] - columns[0] < PAGE_FILLED * ink.shape[1] or rows[-1] - rows[0] < 0.2 * ink.shape[0]:
        return False
    inner = ink[:, columns[0] : columns[-1]]
    return _widest(inner.mean(axis=0) < QUIET_SHARE)[1] < GUTTER


def _widest(quiet: Mask) -> tuple[int, int]:
    """Start and length of the longest run of True."""
    loud = np.flatnonzero(np.concatenate(([True], ~quiet, [True])))
    gaps = np.diff(loud) - 1
    widest = int(gaps.argmax())
    return int(loud[widest]), int(gaps[widest])


def turned(pixels: Grey, rotation: int) -> Grey:
    """Turned clockwise by 0, 90, 180 or 270 degrees."""
    return np.ascontiguousarray(np.rot90(pixels, -rotation // 90))
