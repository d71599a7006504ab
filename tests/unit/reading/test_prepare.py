"""Pages made ready: slopes taken out, two pages on one sheet told from one page and from a table."""

from __future__ import annotations

import numpy as np
import pytest

from reading.bitmap import Grey
from reading.prepare import gutter, straight, turned, unlined
from tests.servers import paper

HALF = tuple(line[:44] for line in paper.ENGLISH)


def beside(*lines: tuple[str, ...]) -> Grey:
    """Pages side by side on a landscape sheet."""
    return np.hstack([np.array(paper.page(each, width=1100, height=1600, repeat=4)) for each in lines])


@pytest.mark.parametrize("degrees", [-9, -4, 3, 6, 11])
def test_a_sloping_page_is_turned_straight(degrees: int) -> None:
    """Rows between the lines of print are empty again, and no corner is cut off."""
    page = paper.page(repeat=5)
    sloping = np.array(page.rotate(degrees, fillcolor=255, expand=True))
    again = straight(sloping)
    assert (again < 128).sum() == pytest.approx((sloping < 128).sum(), rel=0.05)
    empty = [float(((pixels < 128).sum(axis=1) == 0).mean()) for pixels in (sloping, again)]
    assert empty[1] > empty[0] + 0.15


@pytest.mark.parametrize("degrees", [-0.7, 0, 1])
def test_small_slopes_are_left_to_the_engine(degrees: float) -> None:
    """What it reads well anyhow keeps its exact pixels; so do pages with next to nothing on them."""
    page = np.array(paper.page().rotate(degrees, fillcolor=255))
    assert straight(page) is page
    empty = np.full((2200, 1728), 255, np.uint8)
    assert straight(empty) is empty


def test_two_pages_on_one_sheet_have_a_gutter() -> None:
    """Found where it is, right side up or upside down."""
    sheet = beside(HALF, HALF[::-1])
    for pixels in (sheet, turned(sheet, 180)):
        cut = gutter(pixels)
        assert cut is not None
        assert (pixels[:, cut - 20 : cut + 20] == 255).all()


@pytest.mark.parametrize(
    "lines",
    [tuple(f"{line[:16]}        {line[20:34]}" for line in paper.ENGLISH), tuple(line[:14] for line in paper.ENGLISH)],
    ids=["columns of a table", "narrow columns"],
)
def test_a_table_has_none(lines: tuple[str, ...]) -> None:
    """Columns that are no pages of their own stay together, whatever stands between them."""
    assert gutter(beside(lines, lines)) is None


def test_one_page_has_none() -> None:
    """Lines that cross the middle, and portrait sheets."""
    assert gutter(np.array(paper.page(width=2200, height=1600, size=36))) is None
    assert gutter(np.array(paper.page())) is None


def test_a_scanners_line_down_the_page_is_taken_out() -> None:
    """Three pixels wide from edge to edge, through letters: the line goes, and what it crosses is hardly touched."""
    page = np.array(paper.page(repeat=5))
    ink = page < 128
    column = int(ink.sum(axis=0).argmax())
    dirty = page.copy()
    dirty[:, column - 1 : column + 2] = 0
    clean = unlined(dirty) < 128
    outside = np.delete(clean != ink, slice(column - 7, column + 8), axis=1)
    assert not outside.any()
    assert (clean != ink).sum() < 0.2 * (3 * len(page))
    assert (clean & ink)[:, column - 1 : column + 2].sum() > 0.5 * ink[:, column - 1 : column + 2].sum()


def test_lines_that_end_on_the_page_are_the_forms_own() -> None:
    """The side of a table, a thick bar and a page of print keep their exact pixels."""
    page = np.array(paper.page(repeat=5))
    assert unlined(page) is page
    page[300:1400, 200:203] = 0
    assert unlined(page) is page
    bar = page.copy()
    bar[:, 600:660] = 0
    assert (unlined(bar) == bar).all()
