"""Several versions of one form registered: the one that came back is named, and what no word tells apart is said to be so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reading.blanks import Blank, load_blanks, register
from reading.forms import observe
from records.model import FormSeen
from tests.campaign.sheets import bound, long_form
from tests.servers.signing import TEXTS, rendered

KIND = "letter_of_agreement"


@pytest.fixture(scope="module")
def blanks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Blank, ...]:
    home = tmp_path_factory.mktemp("forms")
    for version in ("2024", "2025", "2026"):
        toml = register(home, f"loa-{version}", bound(long_form("en", version)), KIND, version) / "form.toml"
        if version == "2024":
            toml.write_text(toml.read_text().replace("withdrawn = false", "withdrawn = true"))
    return load_blanks(home)


def laid(page: bytes, blanks: tuple[Blank, ...], but: str = "") -> FormSeen:
    image, words = rendered(page)
    seen = observe(image, [w for w in words if not but or but not in w.text], blanks)
    assert seen is not None
    return seen


@pytest.mark.parametrize("version", ["2024", "2025", "2026"])
def test_each_page_names_its_version(version: str, blanks: tuple[Blank, ...]) -> None:
    """One clause tells the first pages apart, the line at the foot the second ones; a withdrawn version is said to be so."""
    for number, page in enumerate(long_form("en", version, TEXTS["en"]["replaced"], "14 March 2026"), 1):
        seen = laid(page, blanks)
        assert (seen.form, seen.version, seen.page, seen.also) == (f"loa-{version}", version, number, ())
        assert seen.withdrawn == (version == "2024")


def test_what_no_word_tells_apart_is_named_with_its_like(blanks: tuple[Blank, ...]) -> None:
    """A second page whose foot was cut off: the latest that is accepted, and which others it may be as well."""
    page = long_form("en", "2024", date="14 March 2026")[1]
    seen = laid(page, blanks, but="2024")
    assert (seen.form, seen.also, seen.withdrawn) == ("loa-2026", ("loa-2024", "loa-2025"), False)
    only = tuple(replace(b, withdrawn=True) for b in blanks)
    assert laid(page, only, but="2024").withdrawn


def test_many_blanks_of_one_text_are_all_tried(blanks: tuple[Blank, ...]) -> None:
    """The right one is not lost among more versions than are usually tried."""
    others = [b for b in blanks if b.version == "2025" and b.page == 1]
    more = tuple(replace(others[0], name=f"copy-{n}", image=np.array(others[0].image)) for n in range(7))
    page = long_form("en", "2026", TEXTS["en"]["replaced"])[0]
    assert laid(page, (*more, *blanks)).form == "loa-2026"
