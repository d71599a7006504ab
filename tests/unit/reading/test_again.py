"""Dates read more than once: believed where readings agree, doubtful where they do not, never another day."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reading.again import CERTAIN, DISPUTED, Reading, agreed, alike, date_part, words_of


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("14/03/2026", "14/03/2026"),
        ("scrawl | 14/03/2026", "14/03/2026"),
        ("_14 March 2026 _", "14 March 2026"),
        ("14 de marzo de 2026", "14 de marzo de 2026"),
        ("14 de-marzo de 2026", "14 de-marzo de 2026"),
        ("14 de marzo del 2026", "14 de marzo del 2026"),
        ("March 14, 2026", "March 14, 2026"),
        ("١٤/٠٣/٢٠٢٦", "١٤/٠٣/٢٠٢٦"),
        ("14 مارس 2026", "14 مارس 2026"),
        ("7 14/03/2026", ""),
        ("2026-03-1 4", ""),
        ("144 March 2026", ""),
        ("1961-04-0%", ""),
        ("1961-04-0", ""),
        ("no date", ""),
    ],
)
def test_a_date_is_taken_out_of_its_surroundings_but_not_out_of_other_figures(text: str, date: str) -> None:
    """Strokes of a neighbour do not matter; a figure that may belong to the date makes it none."""
    assert date_part(text) == date


@pytest.mark.parametrize(
    ("page", "own", "date", "sure"),
    [
        (("_14/03/2026", 0.5), [("14/03/2026", 0.9)], "14/03/2026", 0.9),
        (("4 March 2026", 0.9), [("14 March 2026", 0.9)] * 4, "14 March 2026", 0.9),
        (("", 0.0), [("14 March 2026", 0.9)] * 3 + [("44 March 2026", 0.9)], "14 March 2026", 0.9),
        (("2026-03-14", 0.9), [("2026-63-14", 0.7), ("2026-03-14", 0.8)] * 2, "2026-03-14", 0.9),
        (("2026-03-14", 0.9), [("2026-08-14", 0.7), ("2026-03-14", 0.8)] * 2, "2026-03-14", 0.45),
        (("14 March 2026", 0.9), [("44 March 2026", 0.9), ("14 March 2026", 0.9)] * 2, "14 March 2026", 0.45),
        (("14 March 2026", 0.9), [("11 March 2026", 0.9)] * 2, "14 March 2026", 0.45),
        (("", 0.0), [("14 March 2026", 0.9)] * 2, "14 March 2026", 0.45),
    ],
)
def test_a_date_is_believed_where_readings_agree(page: Reading, own: list[Reading], date: str, sure: float) -> None:
    """The page and one reading, or all readings but one; else it is doubtful, however sure each was."""
    assert agreed(page, iter(own)) == (date, sure)


def test_no_reading_is_asked_for_that_is_not_needed() -> None:
    """Recognition costs time: the first that agrees with the page ends it."""

    def own() -> Iterator[Reading]:
        yield "14/03/2026", 0.9
        raise AssertionError

    assert agreed(("14/03/2026", 0.8), own()) == ("14/03/2026", 0.9)


def test_the_name_beside_a_date_is_the_pages_own() -> None:
    """A model for other letters may confirm the figures; its letters are never taken."""
    page = "مريض تجريبي 1961-04-03", 0.85
    assert agreed(page, iter([("Yarro pri 1961-04-03", 0.95)]), whole=True) == page
    assert agreed(page, iter([("Yarro pri 1961-04-08", 0.95)] * 4), whole=True) == (page[0], DISPUTED)


def test_two_readings_of_the_same_words_are_certain() -> None:
    """Each alone was not sure enough; a guess is not made certain by being repeated."""
    assert alike(("PACIENTE BETA", 0.7), ("Paciente Beta", 0.75)) == CERTAIN
    assert alike(("PACIENTE BETA", 0.7), ("PACIENTE BETA", 0.3)) == 0.0
    assert alike(("PACIENTE BETA", 0.7), ("PACIENTE RETA", 0.9)) == 0.0


def test_words_are_compared_without_the_figures_beside_them() -> None:
    """What a name and a label say, whatever was made of the date."""
    assert words_of("مريض تجريبي ألفا، 1961-04-03") == words_of("مريض تجريبي ألفا 1061-64-08 ")
    assert words_of("1961-04-03") == ""
