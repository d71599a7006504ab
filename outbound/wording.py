"""A language is a folder of data: `templates/<language>/` holds its words, its findings, and one prose file an event.

Package data, loaded once; nothing here knows a case.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from outbound.markup import fill, left_to_right, underline

BELOW = "en"  # the language under every other
GAP_GROUPS = ("forms", "radiology", "pathology", "other")


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Jinja2, strict about names; only `*.html.j2` escapes, because the prose becomes text as well as HTML."""
    made = Environment(
        loader=PackageLoader("outbound"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False, default_for_string=False),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["fill"] = fill
    made.filters["underline"] = underline
    made.filters["left_to_right"] = left_to_right
    return made


_TOGETHER = {
    frozenset(("CHEST", "ABDOMEN")): "CHESTABDOMEN",
    frozenset(("ABDOMEN", "PELVIS")): "ABDOMENPELVIS",
    frozenset(("CHEST", "ABDOMEN", "PELVIS")): "CHESTABDPELVIS",
    frozenset(("HEAD", "NECK")): "HEADNECK",
}


@dataclass(frozen=True, slots=True)
class Language:
    """One language: `words` as its TOML has them, `findings` as code → (group, sentence template)."""

    code: str
    words: Mapping[str, Any]
    findings: Mapping[str, tuple[str, str]]

    def sentence(self, code: str, study: Mapping[str, str], fees: Mapping[str, str] = MappingProxyType({})) -> str:
        """The sentence for a finding that has one, its study named; amounts only where `fees` has them (R15)."""
        return environment().from_string(self.findings[code][1]).render(study=self.study(study), fees=fees)

    def study(self, study: Mapping[str, str]) -> str:
        """A study as a phrase by modality, body part and date (R13), "" when none of them is known.

        Only words of the closed lists get out: what a DICOM header says in its own words does not.
        """
        modality = self.words["modality"].get(study.get("modality", "").upper(), "")
        body_part = self._parts(study.get("body_part", "").upper())
        day = self._date(study.get("date", ""))
        if not (modality or body_part or day):
            return ""
        phrase = environment().from_string(self.words["study"]["named"])
        return phrase.render(modality=modality or self.words["study"]["any_modality"], body_part=body_part, date=day)

    def _parts(self, told: str) -> str:
        """Parts of the body joined by `+`: by their common name where there is one, else one after the other."""
        names = self.words["body_part"]
        common = names.get(_TOGETHER.get(frozenset(told.split("+")), told), "")
        return common or ", ".join(dict.fromkeys(names[part] for part in told.split("+") if part in names))

    def _date(self, iso: str) -> str:
        try:
            day = date.fromisoformat(iso)
        except ValueError:
            return ""
        month = self.words["months"][day.month - 1]
        return environment().from_string(self.words["date"]).render(day=day.day, month=month, year=day.year)


@lru_cache(maxsize=32)
def language(code: str) -> Language:
    """Load one of `languages()`."""
    findings = {one: (group, text) for group, table in _toml(code, "findings").items() for one, text in table.items()}
    return Language(code, _toml(code, "words"), findings)


@lru_cache(maxsize=1)
def languages() -> frozenset[str]:
    """The languages that have a folder."""
    return frozenset(entry.name for entry in files("outbound").joinpath("templates").iterdir() if entry.is_dir())


def best(wished: str, allowed: tuple[str, ...]) -> Language:
    """The language for a reader who wished `wished` (BCP 47), among those the programme allows; else English."""
    primary = wished.lower().replace("_", "-").partition("-")[0]
    return language(primary if primary in allowed and primary in languages() else BELOW)


def _toml(code: str, name: str) -> dict[str, Any]:
    return tomllib.loads(files("outbound").joinpath("templates", code, f"{name}.toml").read_text("utf-8"))
