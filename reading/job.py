"""What is known of one submission while it is being read: answers as they come, who is at fault when a worker dies.

Everything from a worker is checked here before it becomes part of a `Reading`.
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reading.text import MAX_LINKS, find_links
from reading.wire import GarbledError, Header
from records.model import Mail, Page, Part, Problem, Reading, Role, TextSource

_PART: TypeAdapter[Part] = TypeAdapter(Part)
_PAGE: TypeAdapter[Page] = TypeAdapter(Page)
_MAIL: TypeAdapter[Mail | None] = TypeAdapter(Mail | None)
_PROBLEMS: TypeAdapter[list[Problem]] = TypeAdapter(list[Problem])
_NOTES: TypeAdapter[list[str]] = TypeAdapter(list[str])

MAX_FILES = 20_000
MAX_KILLS = 16  # workers that one submission may cost; what comes after is left unread, and said

PageAnswer = Page | Problem
Place = tuple[str, int]  # number of the file in the walk, page


@dataclass(slots=True)
class Job:
    """State of one submission; `number`s are the walk's ("0.2.1")."""

    digest: str
    name: str | None
    open: list[tuple[str, Part]] = field(default_factory=list)  # entered, not yet left
    parts: dict[str, Part] = field(default_factory=dict)
    problems: dict[str, list[Problem]] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)
    mail: Mail | None = None
    media_type: str = ""
    pages: dict[str, Future[Header]] = field(default_factory=dict)  # by the bitmap's hash: nothing is recognised twice
    places: dict[Place, str] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)  # numbers that a new walk leaves out
    suspects: set[str] = field(default_factory=set)  # crashed a worker once
    kills: int = 0

    def enter(self, header: Header) -> None:
        number, part = str(header["enter"]), checked(_PART, header["part"])
        if len(self.parts) + len(self.open) > MAX_FILES:
            raise GarbledError
        if number == "0":
            self.media_type = part.media_type
        self.open.append((number, part))

    def leave(self, header: Header) -> None:
        number = str(header["leave"])
        if not self.open or self.open[-1][0] != number:
            raise GarbledError
        self.open.pop()
        if header["part"] is not None:
            self.parts[number] = checked(_PART, header["part"])
        self.problems[number] = checked(_PROBLEMS, header["problems"])
        self.notes.update(checked(_NOTES, header["notes"]))
        if number == "0":
            self.mail = checked(_MAIL, header["mail"])
        self.answered.add(number)

    def again(self) -> None:
        """The worker died over a page that has its answer: walk again."""
        self.kills += 1
        self.open.clear()

    def blame(self, code: str, detail: str) -> None:
        """The worker died: the innermost open file did it; it is kept as unread and left out of the next walk.

        A crash or a want of memory is believed the second time only: the first worker may have been killed by load,
        or have been full of what it had loaded for others.
        """
        self.kills += 1
        number, part = self.open[-1] if self.open else ("0", None)
        if code in ("parser_crashed", "parser_memory") and number not in self.suspects:
            self.suspects.add(number)
            self.open.clear()
            return
        self.open.clear()
        if part is None:
            part = Part(self.name or "file.bin", self.digest, 0, "application/octet-stream", Role.ATTACHMENT)
        self.parts[number] = dataclasses.replace(part, pages=())
        self.problems[number] = [Problem(code, part.path, detail, part.sha256)]
        self.places = {place: page for place, page in self.places.items() if place[0] != number}
        self.answered.add(number)

    @property
    def finished(self) -> bool:
        return "0" in self.answered

    def reading(self, version: str) -> Reading:
        """All answers put together, files in the order of the walk."""
        answers = {place: _answer(self.pages[digest]) for place, digest in self.places.items()}
        parts, problems = [], []
        for number in sorted(set(self.parts) | set(self.problems), key=_order):
            problems += self.problems.get(number, [])
            if number not in self.parts:
                continue
            part = self.parts[number]
            pages = tuple(_filled(page, answers.get((number, page.number))) for page in part.pages)
            seen = [link for page in pages if page.source is TextSource.OCR for link in find_links(page.text)]
            parts.append(dataclasses.replace(part, pages=pages, links=tuple(dict.fromkeys([*part.links, *seen]))[:MAX_LINKS]))
            problems += [
                Problem(answer.code, part.path, f"page {page.number}: {answer.detail}", part.sha256)
                for page in part.pages
                if isinstance(answer := answers.get((number, page.number)), Problem)
            ]
        return Reading(self.digest, version, self.media_type, tuple(parts), tuple(problems), self.mail, tuple(sorted(self.notes)))


def _filled(page: Page, answer: PageAnswer | None) -> Page:
    return dataclasses.replace(answer, number=page.number) if isinstance(answer, Page) else page


def _answer(future: Future[Header]) -> PageAnswer:
    header = future.result()
    try:
        if "recognised" in header:
            page: Page = checked(_PAGE, header["recognised"])
            return page
        return Problem(str(header["code"]), "", str(header["detail"]))
    except (GarbledError, KeyError):
        return Problem("parser_crashed", "", "an answer that makes no sense")


def checked(adapter: TypeAdapter[Any], value: object) -> Any:
    """`value` as the model wants it, else the worker is not to be believed."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise GarbledError from error


def _order(number: str) -> tuple[int, ...]:
    return tuple(int(piece) if piece.isdigit() else 0 for piece in number.split("."))
