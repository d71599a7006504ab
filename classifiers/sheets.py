"""The lexicon's files: data that ships with the package, read once."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any


@cache
def sheet(name: str) -> dict[str, Any]:
    """One TOML file of `classifiers/lexicon`; callers do not change it."""
    return tomllib.loads((resources.files("classifiers") / "lexicon" / name).read_text(encoding="utf-8"))


@cache
def sheet_names() -> tuple[str, ...]:
    """Names of all files there, sorted."""
    return tuple(sorted(f.name for f in (resources.files("classifiers") / "lexicon").iterdir() if f.name.endswith(".toml")))
