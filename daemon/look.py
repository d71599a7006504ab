"""`somrr read`: what the reader and the classifiers make of files, keeping nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from classifiers.cards import mask, masked
from classifiers.identify import identify
from daemon import show as shown
from daemon.house import House
from reading.reader import in_file
from records.errors import SomrrError
from records.model import Problem

Answer = dict[str, Any]


def look(house: House, files: Iterable[Path]) -> Iterator[Answer]:
    """One answer a file, whatever it is: documents, or the problem that kept it from being read."""
    for path in files:
        yield _one(house, path)


def show(answer: Answer, as_json: bool) -> None:
    if as_json:
        _say(json.dumps(answer, ensure_ascii=False))
        return
    _say(f"{answer['path']}  ({answer['media_type'] or 'not read'})")
    for document in answer["documents"]:
        pages = ",".join(map(str, document["pages"]))
        _say(f"  {document['kind']:22} {document['confidence']:.2f}  {document['part']}  pages {pages or '-'}")
        for finding in document["findings"]:
            _say(f"      {finding['severity']}: {finding['code']}")
        if document["evidence"]:
            _say(f"      seen: {'; '.join(document['evidence'][:5])}")
    for problem in answer["problems"]:
        _say(f"  problem {problem['code']}  {problem['part']}  {problem['detail']}")


def _say(line: str) -> None:
    """R12: the name of a file may hold a card number, too."""
    click.echo(mask(line))


def _one(house: House, path: Path) -> Answer:
    answer: Answer = {"path": str(path), "sha256": None, "media_type": None, "documents": [], "problems": []}
    try:
        with path.open("rb") as file:
            answer["sha256"] = digest = hashlib.file_digest(file, "sha256").hexdigest()
        reading = masked(house.readers.read(in_file(path), digest, path.name))
    except OSError as fault:
        answer["problems"] = [shown.problem(Problem("unreadable_file", path.name, fault.strerror or type(fault).__name__))]
        return answer
    except SomrrError as fault:
        answer["problems"] = [shown.problem(Problem(fault.code, path.name, fault.detail))]
        return answer
    documents = identify(reading, house.settings.rules.identifying)
    answer["media_type"] = reading.media_type
    answer["documents"] = [shown.document(d) for d in documents]
    answer["problems"] = [shown.problem(p) for p in reading.problems]
    return answer
