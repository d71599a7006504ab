"""Photos of paper: the sheet found in light and shadow, two sheets, and nothing cut away that may be print."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reading.bitmap import Bitmap, Grey
from reading.photo import even, flat, sheet_corners
from reading.prepare import positive
from tests.servers import paper

SHEET = np.array(paper.page().resize((864, 1100)))
UPRIGHT = ((150, 120), (900, 80), (960, 1150), (110, 1200))
BESIDE = ((1220, 90), (2000, 130), (1980, 1180), (1190, 1160))


def laid(scene: Grey, corners: tuple[tuple[int, int], ...]) -> Grey:
    """The scene with the sheet on it."""
    matrix = cv2.getPerspectiveTransform(
        np.array([[0, 0], [863, 0], [863, 1099], [0, 1099]], np.float32), np.array(corners, np.float32)
    )
    size = scene.shape[::-1]
    mask = cv2.warpPerspective(np.full_like(SHEET, 255), matrix, size)
    return np.where(mask > 0, cv2.warpPerspective(SHEET, matrix, size), scene).astype(np.uint8)


def shadow(shape: tuple[int, ...], *, darkest: float, width: float) -> NDArray[np.float64]:
    """Light that falls off across a slanting line, within `width` of the picture."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] / max(shape)
    return np.asarray(1 - (1 - darkest) / (1 + np.exp((0.5 * x + y - 0.6) * 8 / width)), np.float64)


@pytest.mark.parametrize("table", [40, 120, 200])
def test_a_sheet_half_in_shadow_is_cut_out_whole(table: int) -> None:
    """A shadow's edge is stronger than the paper's, and is not taken for it."""
    scene = laid(np.full((1300, 1060), table, np.uint8), UPRIGHT)
    dim = (scene * shadow(scene.shape, darkest=0.5, width=0.15)).astype(np.uint8)
    corners = sheet_corners(dim)
    assert corners is not None
    assert np.abs(corners - np.array(UPRIGHT)).max() < 14


@pytest.mark.parametrize("width", [0.1, 0.3, 1.0])
def test_a_shadow_over_a_page_is_no_sheet(width: float) -> None:
    """The page fills the picture; what is dark of it belongs to it."""
    page = np.array(paper.page())
    assert sheet_corners((page * shadow(page.shape, darkest=0.5, width=width)).astype(np.uint8)) is None


def test_print_outside_the_sheet_forbids_the_cut() -> None:
    """A note that lies beside the sheet was sent as well."""
    scene = np.full((1300, 1500), 90, np.uint8)
    scene[100:400, 1050:1450] = SHEET[60:360, 50:450]
    assert sheet_corners(laid(scene, UPRIGHT)) is None
    assert sheet_corners(laid(np.full((1300, 1500), 90, np.uint8), UPRIGHT)) is not None


def test_two_sheets_side_by_side_are_two() -> None:
    """Each is straightened for itself, the left one first; an empty half of the table is no sheet."""
    table = np.full((1300, 2120), 60, np.uint8)
    one, other = flat(laid(laid(table, UPRIGHT), BESIDE))
    for sheet, corners in ((one, UPRIGHT), (other, BESIDE)):
        wide = max(corners[1][0] - corners[0][0], corners[2][0] - corners[3][0])
        assert sheet.shape[1] == pytest.approx(wide, rel=0.05)
    assert np.abs(cv2.resize(one, (40, 50)).astype(int) - cv2.resize(other, (40, 50))).mean() < 25
    assert len(flat(laid(table, UPRIGHT))) == 1


def test_grain_of_the_paper_becomes_white() -> None:
    """Print stays, the camera's noise around it goes."""
    noise = np.random.default_rng(5).normal(0, 5, SHEET.shape)
    clean = even((SHEET * 0.6 + noise).clip(0, 255).astype(np.uint8))
    assert (clean[:60] == 255).mean() > 0.95
    assert abs(int((clean < 128).sum()) - int((SHEET < 128).sum())) < 0.2 * (SHEET < 128).sum()


def test_white_on_black_is_turned_round() -> None:
    """A negative of a page, of one bit or grey; neither a page as it should be nor a sheet on a dark table is touched."""
    page = np.array(paper.page())
    fax = np.array(paper.fax(paper.page())).astype(np.uint8) * np.uint8(255)
    for bitmap in (Bitmap(page, 204), Bitmap(fax, 204, bilevel=True)):
        negative = Bitmap(255 - bitmap.pixels, 204, bitmap.bilevel)
        assert np.array_equal(positive(negative).pixels, bitmap.pixels)
        assert positive(bitmap) is bitmap
    small = Bitmap(laid(np.full((2000, 1600), 30, np.uint8), UPRIGHT)[:1900, :1500], 204, photo=True)
    assert (small.pixels > 127).mean() < 0.3
    assert positive(small) is small
