"""A reading walk in this process, without sandbox and without recognition: what each format's reader says of some bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from reading.bitmap import Bitmap, Grey
from reading.limits import Limits
from reading.unpack import Found, Walk
from reading.words import Word
from records.model import Mail, Part, Problem, Role

PART = TypeAdapter(Part)
PROBLEM = TypeAdapter(Problem)


@dataclass
class Walked:
    """All that a walk said, as the daemon would put it together; `bitmaps` are the pages that need recognition."""

    limits: Limits
    parts: list[Part] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: set[str] = field(default_factory=set)
    mail: Mail | None = None
    bitmaps: list[Bitmap] = field(default_factory=list)

    def say(self, header: dict[str, Any]) -> None:
        if "leave" not in header:
            return
        if header["part"]:
            self.parts.append(PART.validate_python(header["part"]))
        self.problems += [PROBLEM.validate_python(problem) for problem in header["problems"]]
        self.notes |= set(header["notes"])
        if header["mail"]:
            self.mail = TypeAdapter(Mail).validate_python(header["mail"])

    def page(self, header: dict[str, Any], bitmap: Bitmap) -> None:
        assert header["page"] >= 1
        self.bitmaps.append(Bitmap.of(bitmap.header(), bitmap.blob()))

    def form(self, text: str, models: Sequence[str], page: Callable[[], tuple[Grey, list[Word]]], **_: Any) -> None:
        """No form is judged here."""

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]

    def part(self, path: str) -> Part:
        return next(part for part in self.parts if part.path == path)

    @property
    def paths(self) -> list[str]:
        return [part.path for part in self.parts]


def walk(raw: bytes, name: str = "file.bin", **limits: Any) -> Walked:
    """Walk `raw` as a submission of its own."""
    walked = Walked(dataclasses.replace(Limits(), **limits))
    found = Found("0", name, Role.ATTACHMENT, file=io.BytesIO(raw), size=len(raw), sha256=hashlib.sha256(raw).hexdigest())
    Walk(walked).visit(found)
    return walked


def damaged(raw: bytes, chance: random.Random) -> bytes:
    """`raw` with a few bytes changed where structure is, now and then cut short."""
    out = bytearray(raw)
    for _ in range(chance.choice((1, 1, 4, 30))):
        at = chance.randrange(len(out))
        out[at] = chance.choice((0, 1, 0x7F, 0xFF, out[at] ^ 1 << chance.randrange(8)))
    return bytes(out[: chance.randrange(len(out))]) if chance.random() < 0.1 else bytes(out)
