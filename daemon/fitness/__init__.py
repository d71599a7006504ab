"""The doctor's questions: each yields answers and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from config.settings import Settings

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One question's answer; `remedy` says what to do when `status` is not ok."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


Answers = Iterator[Check]
Question = Callable[[Settings], Answers]


def judged(name: str, good: bool, detail: str, remedy: str, otherwise: Status = "fail") -> Check:
    """ok without a remedy, or `otherwise` with it."""
    return Check(name, "ok", detail) if good else Check(name, otherwise, detail, remedy)
