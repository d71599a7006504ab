"""Ink told apart: pen, print, smudge, line, ring, dirt; fax lines taken out without hurting what crosses them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from reading.ink import FRAME, MM, Grey, Mask, dark, flat, look, on_the_line, rules, streaks, strokes
from reading.sheet import unstreaked

Draw = Callable[[Mask], None]
WIDE, TALL = round(70 * MM), round(18 * MM)


def scribble(mask: Mask, high: float = 6, left: float = 10, wide: float = 40) -> None:
    """A winding pen line of so many millimetres."""
    t = np.linspace(0, 1, 400)
    x = (left + wide * t + 2 * np.sin(40 * t)) * MM
    y = (9 + high / 2 * np.cos(40 * t) * (1 - 0.4 * t)) * MM
    cv2.polylines(mask, [np.c_[x, y].astype(np.int32)], False, (1,), 3)


def writing(text: str, size: float) -> Draw:
    def draw(mask: Mask) -> None:
        cv2.putText(mask, text, (30, 80), cv2.FONT_HERSHEY_SIMPLEX, size, (1,), 2)

    return draw


def lines(*points: tuple[int, int], closed: bool = False) -> Draw:
    def draw(mask: Mask) -> None:
        cv2.polylines(mask, [np.array(points, np.int32)], closed, (1,), 3)

    return draw


def oval(width: int, height: int, thick: int = 3, until: int = 360) -> Draw:
    def draw(mask: Mask) -> None:
        cv2.ellipse(mask, (150, 52), (width, height), 0, 0, until, (1,), thick)

    return draw


def dots(mask: Mask) -> None:
    rng = np.random.default_rng(1)
    for x, y in zip(rng.integers(0, WIDE - 4, 40), rng.integers(0, TALL - 4, 40), strict=True):
        mask[y : y + 2, x : x + 3] = 1


def both(*draws: Draw) -> Draw:
    def draw(mask: Mask) -> None:
        for each in draws:
            each(mask)

    return draw


DRAWN: dict[str, tuple[Draw, str]] = {
    "nothing": (both(), "empty"),
    "dirt": (dots, "empty"),
    "a signature": (scribble, "pen"),
    "a signature among dirt": (both(scribble, dots), "pen"),
    "a straight line": (lines((30, 70), (330, 55)), "line"),
    "a tick": (lines((60, 60), (70, 75), (95, 40)), "unclear"),
    "a cross": (both(lines((60, 40), (85, 70)), lines((85, 40), (60, 70))), "unclear"),
    "a blot": (oval(60, 22, thick=-1), "smudge"),
    "a ring": (oval(44, 44), "unclear"),
    "an oval": (oval(90, 40), "unclear"),
    "half a ring": (oval(48, 48, until=180), "unclear"),
    "a box": (lines((60, 15), (240, 15), (240, 90), (60, 90), closed=True), "unclear"),
    "unread type": (writing("Synthetic Alpha", 0.6), "print"),
    "large type": (writing("Synthetic A", 1.5), "print"),
    "large letters": (writing("PAID IN FULL", 1.6), "unclear"),
}


@pytest.mark.parametrize("what", DRAWN)
def test_ink_is_told_apart(what: str) -> None:
    """Only writing is called a pen's."""
    draw, expected = DRAWN[what]
    mask = np.zeros((TALL, WIDE), np.uint8)
    draw(mask)
    assert look(strokes(mask, np.zeros_like(mask)), 4 * MM) == expected


def test_what_was_read_is_print_whatever_its_shape() -> None:
    """Ink under confidently read words is type."""
    mask = np.zeros((TALL, WIDE), np.uint8)
    writing("Synthetic Alpha", 0.6)(mask)
    assert look(strokes(mask, np.ones_like(mask)), 4 * MM) == "print"


def test_a_low_scribble_is_believed_only_where_type_stands_apart() -> None:
    """Where noise joins the letters of type, low writing could be a word of type."""
    mask = np.zeros((TALL, WIDE), np.uint8)
    lines(*((60 + 9 * n, 60 - (n % 2) * 15 - n % 3) for n in range(26)))(mask)
    seen = strokes(mask, np.zeros_like(mask))
    assert (look(seen, 4 * MM), look(seen, 30 * MM)) == ("pen", "unclear")


def test_type_strung_on_a_line_is_no_writing() -> None:
    """A typed name that is struck out is one wide winding shape, too."""
    mask = np.zeros((TALL, WIDE), np.uint8)
    both(writing("Synthetic Patient", 0.6), lines((15, 73), (330, 72)))(mask)
    seen = strokes(mask, np.zeros_like(mask))
    assert max(s.width for s in seen) > 40 * MM
    assert look(seen, 4 * MM) == "unclear"


def test_an_arrow_is_no_writing_and_a_name_with_a_flat_stroke_is_some() -> None:
    """A shape that is mostly a level line counts for nothing; what was written beside it does."""
    shaft = both(lines((20, 85), (200, 85)), lines((185, 78), (200, 85), (185, 92)))
    name = lines(*((60 + 14 * n, 65 - (n % 2) * 40 - n % 3 * 3) for n in range(18)))
    for draw, wanted in ((shaft, ("line", "unclear")), (both(name, shaft), ("pen",))):
        mask = np.zeros((TALL, WIDE), np.uint8)
        draw(mask)
        assert look(strokes(mask, np.zeros_like(mask)), 4 * MM) in wanted


def page() -> Grey:
    return np.full((round(FRAME * 1.29), FRAME), 235, np.uint8)


def test_uneven_light_is_no_ink() -> None:
    """A shadow over half the page leaves paper paper and ink ink."""
    grey = page()
    cv2.putText(grey, "words in light", (100, 300), cv2.FONT_HERSHEY_SIMPLEX, 1, (30,), 2)
    cv2.putText(grey, "words in shadow", (100, 1200), cv2.FONT_HERSHEY_SIMPLEX, 1, (30,), 2)
    slope = np.linspace(1.0, 0.35, grey.shape[0])[:, None]
    ink = dark(flat((grey * slope).astype(np.uint8)))
    assert ink[270:310].any()
    assert ink[1170:1210].any()
    assert ink[400:1100].mean() < 0.001


def test_a_fax_line_goes_and_the_writing_across_it_stays() -> None:
    """The line over the whole page is taken out; a signature that crosses it stays in one piece."""
    grey = page()
    mask = np.zeros((TALL, WIDE), np.uint8)
    scribble(mask)
    grey[500 : 500 + TALL, 200 : 200 + WIDE][mask > 0] = 40
    before = len(strokes(dark(flat(grey)), np.zeros_like(grey)))
    grey[500 + round(9 * MM) : 503 + round(9 * MM)] = 20
    assert streaks(dark(flat(grey))).any()
    clean = dark(flat(unstreaked(grey)[0]))
    assert not streaks(clean).any()
    assert clean[:490].sum() == clean[640:].sum() == 0
    assert len(strokes(clean, np.zeros_like(clean))) <= before + 2


def test_a_page_without_streaks_is_left_alone() -> None:
    """Nothing is changed where nothing is wrong."""
    grey = page()
    cv2.putText(grey, "words", (100, 300), cv2.FONT_HERSHEY_SIMPLEX, 1, (30,), 2)
    assert unstreaked(grey)[0] is grey


def test_rules_are_found_drawn_dotted_and_written_upon() -> None:
    """A ruled line, a dotted one, one that a signature rests on; not the fax's line from edge to edge, nor a bar."""
    ink = np.zeros((800, FRAME), np.uint8)
    ink[100:102, 200:600] = 1
    ink[200:202, 200:600:6] = ink[200:202, 201:600:6] = 1
    ink[300:302, 200:600] = 1
    mask = np.zeros((TALL, WIDE), np.uint8)
    scribble(mask)
    ink[240 : 240 + TALL, 200 : 200 + WIDE] |= mask
    ink[500:502, :] = 1
    ink[600:640, 200:600] = 1
    found = rules(ink)
    assert [(round(top, -1), round(left, -1), round(right, -1)) for left, top, right, _ in found] == [
        (100, 200, 600), (200, 200, 600), (300, 200, 600),
    ]  # fmt: skip


def test_low_writing_keeps_what_rests_on_the_line() -> None:
    """Of the ink close to a ruled line the line goes, the foot of the writing above it stays, ragged ink elsewhere goes."""
    page = np.zeros((60, 400), np.uint8)
    page[40:42, 10:390] = 1  # the line
    page[20:40, 100:104] = 1  # a stroke that stands upon it
    page[37:40, 300:304] = 1  # a burr of the line
    near = page.copy()
    near[:35] = 0
    kept = on_the_line(page & (1 - near), near)
    assert kept[35:38, 100:104].all()
    assert not kept[:, 290:310].any()
    assert not kept[40:42, 200:].any()


def test_a_line_that_drifts_is_a_streak_and_a_slanting_stroke_is_none() -> None:
    """A page that came askew: a line over most of it that strays a millimetre; a pen's stroke rises faster."""
    drifting, slanting = np.zeros((400, FRAME), np.uint8), np.zeros((400, FRAME), np.uint8)
    cv2.line(drifting, (0, 200), (FRAME - 1, 204), (1,), 2)
    cv2.line(slanting, (300, 200), (900, 215), (1,), 3)
    assert streaks(drifting).sum() > 0.9 * drifting.sum()
    assert not streaks(slanting).any()
    upright = np.ascontiguousarray(drifting.T)
    assert streaks(upright).sum() > 0.9 * upright.sum()
