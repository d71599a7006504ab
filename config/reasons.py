"""What a code means to staff, in plain words: the sentences of `reasons.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a thing is held, what a finding means, or why a message was not sent."""

    code: str
    seen: str  # what was seen, one or two sentences
    do: str  # what staff can do
    severity: str | None = None  # of a finding: missing | doubtful | advisory
    reader: bool = False  # a finding that the reader reports of a file, too
    update: bool = False  # why a message was not sent


@cache
def reasons() -> dict[str, Reason]:
    """Every known code, in the order of the file."""
    table = tomllib.loads(files("config").joinpath("reasons.toml").read_text("utf-8"))
    return {code: Reason(code, **entry) for code, entry in table.items()}


def reason(code: str) -> Reason:
    """The sentences for `code`; a code that nobody described still tells staff what to do."""
    return reasons().get(code) or Reason(
        code,
        f"The daemon could not settle this by itself (code: {code}).",
        "Look at the original: release it as what it is, or discard it with a reason. Tell the operator about the code.",
    )
