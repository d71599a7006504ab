"""A short form of the campaign over returned forms; `make forms-campaign` runs all of it."""

from __future__ import annotations

from pathlib import Path
from typing import cast
from unittest.mock import Mock

import pytest

from tests.campaign.report import Tally, page
from tests.campaign.run import OUTCOMES, Result, cells, register_all, run
from tests.campaign.states import EITHER, NEVER, PASS, STATES, Entry, entry
from tests.campaign.ways import TEXTUAL, WAYS
from tests.servers.signing import LOOKS, TEXTS, birth_date


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("forms")
    register_all(home)
    return home


@pytest.mark.parametrize("language", ["en", "es", "ar"])
def test_complete_text_forms_open(language: str, forms: Path) -> None:
    """Filled PDF, form fields, flattened, inked, pasted: nothing to say."""
    tally = Tally(run(forms, cells(["complete", "representative"], list(TEXTUAL), [language], [5])))
    assert [tally.share(way) for way in TEXTUAL] == [1.0] * len(TEXTUAL)
    assert tally.wrong == []


def test_no_text_form_opens_that_must_not(forms: Path) -> None:
    """Every state that lacks something, as text: none passes, and no date, version or signer is taken for another."""
    tally = Tally(run(forms, cells([name for name, state in STATES.items() if state.verdict == NEVER], ["text"], ["ar"], [3])))
    assert tally.count == 36
    assert (tally.unsafe, tally.wrong) == ([], [])


def test_whole_letters_open_whatever_their_version_and_order(forms: Path) -> None:
    """As text: current and older version named, pages shuffled among another form's, a trusted digital signature."""
    names = [name for name, state in STATES.items() if state.ways and state.verdict == PASS]
    tally = Tally(run(forms, cells(names, ["text"], ["es"], [3])))
    assert [(r.state, r.outcome) for r in tally.results] == [(name, "pass") for name in names]
    assert tally.wrong == []


@pytest.mark.parametrize("way", [way for way in WAYS if way not in TEXTUAL])
def test_paper_forms_never_open_unsigned(way: str, forms: Path) -> None:
    """Scanned, faxed, photographed and mixed: a complete form and two that must not pass, each in another layout."""
    tally = Tally(run(forms, cells(["complete", "unsigned", "typed"], [way], ["en"], [5])))
    assert (tally.unsafe, tally.wronged, tally.wrong) == ([], [], [])
    assert tally.count == 3


@pytest.mark.parametrize("language", list(TEXTS))
def test_the_line_down_the_page_runs_through_no_figures(language: str) -> None:
    """Beside the birth date and the day of signing, in every layout; in the state named after them right through them."""
    first, last = birth_date(language)
    assert 50 < last - first < 80
    for look in LOOKS:
        place, day = look.of(language).signature, look.of(language).date
        canvas = Mock()
        for state in ("line-down", "line-through-figures"):
            cast(Entry, entry(state, look, language, 1)).dirt[0](canvas)
        ran = [call.args[0] for call in canvas.line.call_args_list]
        assert not first < ran[0] < last
        assert place.x < ran[0] < place.x + place.width
        assert not day.x < ran[0] < day.x + day.width
        assert first < ran[1] < last


def result(outcome: str, state: str = "unsigned", wrong: tuple[str, ...] = ()) -> Result:
    return Result(state, "text", "en", 0, outcome, "loa_unsigned", wrong, 0.5, 0.25, 1, "0")


def test_the_table_counts_what_became_of_each() -> None:
    """A row a state, a column a way, three counts a cell; a pass that must not be is told by name, on the page too."""
    tally = Tally([result("pass"), result("reject"), result("pass", "complete", ("version 1 named",))])
    assert tally.table().splitlines()[-1] == "| unsigned | 1 / 0 / 1 |"
    assert tally.languages().splitlines()[-1] == "| en, must never pass | 1 / 0 / 1 |"
    assert [line.startswith("UNSAFE unsigned by text") for line in tally.unsafe] == [True]
    assert tally.missed() == []
    written = page(tally, 1602)
    assert "3 of 1602 forms were run." in written
    assert "unsafe passes: 1 of 2" in written
    assert "version 1 named: complete by text" in written
    assert OUTCOMES == ("pass", "doubt", "reject")
    assert {state.verdict for state in STATES.values()} == {PASS, NEVER, EITHER}


def test_an_ended_run_goes_on(forms: Path, tmp_path: Path) -> None:
    """What a file of results holds is not run again; parts of the campaign add up to all of it."""
    every = list(cells(["unsigned"], ["text"], ["en", "es"], [0]))
    first = run(forms, every[:1], results=tmp_path / "results")
    assert run(forms, every, results=tmp_path / "results")[:1] == first
    assert len((tmp_path / "results").read_text().splitlines()) == 2
    assert sorted(map(repr, (*every[0::2], *every[1::2]))) == sorted(map(repr, every))
