"""A short form of the campaign over returned forms; `make forms-campaign` runs all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaign.run import OUTCOMES, Tally, cells, register_all, run
from tests.campaign.states import NEVER, PASS, STATES
from tests.campaign.ways import TEXTUAL, WAYS


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("forms")
    register_all(home)
    return home


@pytest.mark.parametrize("language", ["en", "es", "ar"])
def test_complete_text_forms_open(language: str, forms: Path) -> None:
    """Filled PDF, form fields, flattened, inked, pasted: nothing to say."""
    tally = run(forms, cells(["complete", "representative"], TEXTUAL, [language], [3]))
    assert [tally.share(way) for way in TEXTUAL] == [1.0] * len(TEXTUAL)


def test_no_text_form_opens_that_must_not(forms: Path) -> None:
    """Every state that lacks something, as text: none passes, and no date is taken for another."""
    tally = run(forms, cells([state for state, (verdict, _) in STATES.items() if verdict == NEVER], ["text"], ["ar"], [3]))
    assert tally.count == 20
    assert (tally.unsafe, tally.misread) == ([], [])


@pytest.mark.parametrize("way", [way for way in WAYS if way not in TEXTUAL])
def test_paper_forms_never_open_unsigned(way: str, forms: Path) -> None:
    """Scanned, faxed, photographed and mixed: a complete form and two that must not pass, each in another layout."""
    tally = run(forms, cells(["complete", "unsigned", "typed"], [way], ["en"], [5]))
    assert (tally.unsafe, tally.wronged, tally.misread) == ([], [], [])
    assert tally.count == 3


def test_the_table_counts_what_became_of_each() -> None:
    """A row a state, a column a way, three counts a cell; a pass that must not be is told by name."""
    tally = Tally()
    (cell,) = cells(["unsigned"], ["text"], ["en"], [0])
    tally.take(cell, "pass", "")
    tally.take(cell, "reject", "loa_unsigned")
    assert tally.table().splitlines()[-1] == "| unsigned | 1 / 0 / 1 |"
    assert [line.startswith("UNSAFE unsigned by text") for line in tally.unsafe] == [True]
    assert OUTCOMES == ("pass", "doubt", "reject")
    assert {verdict for verdict, _ in STATES.values()} == {PASS, NEVER, "either"}
