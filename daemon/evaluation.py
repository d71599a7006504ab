"""`somrr evaluate FOLDER`: how right reading and identifying are on a labelled folder.

`FOLDER/<kind>/…` holds the documents of each kind, whatever their format; `FOLDER/other/` holds what is none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from classifiers.evaluate import OTHER, Judged, Report, folded, report, trade_off
from classifiers.identify import identify
from daemon.house import House
from daemon.show import Row, emit, table
from reading.reader import in_file
from records.errors import PermanentError
from records.model import Document, Kind


def labelled(folder: Path) -> list[tuple[str, Path]]:
    """(kind, file) of everything below the folder's kinds; PermanentError when there is none."""
    kinds = {*Kind, OTHER}
    found = [(shelf.name, file) for shelf in sorted(folder.iterdir()) if shelf.name in kinds for file in _files(shelf)]
    if not found:
        raise PermanentError("no_labels", f"no file lies in a sub-folder named after a kind: {', '.join(sorted(kinds))}")
    return found


def judge(house: House, folder: Path, progress: Callable[[int, int], None]) -> list[Judged]:
    """Read and identify each file; a file of several documents is judged by the one with the most pages."""
    files = labelled(folder)
    sure = house.settings.rules.identifying.model_copy(update={"threshold": 0.0})
    judged = []
    for done, (truth, path) in enumerate(files, 1):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        reading = house.readers.read(in_file(path), digest, path.name)
        best = _main(identify(reading, sure))
        judged.append(Judged(truth, best.kind if best else Kind.UNKNOWN, best.confidence if best else 0.0))
        progress(done, len(files))
    return folded(judged, sorted({truth for truth, _ in files}))


def show(judged: list[Judged], threshold: float, as_json: bool) -> None:
    """Per kind precision, recall and abstentions, the confusion, and what other thresholds would trade."""
    now = report(judged, threshold)
    if as_json:
        emit([_row(now), *(_row(other) for other in trade_off(judged))])
        return
    kinds = [(k.kind, k.count, k.abstained, *map(_share, (k.precision, k.recall, k.f1))) for k in now.kinds]
    table(
        f"At threshold {threshold}", ("kind", "documents", "abstained", "precision", "recall", "F1"), kinds, "Nothing was judged."
    )
    wrong = [(truth, said or "abstained", n) for truth, said, n in now.confusion if truth != said]
    table("Confusion", ("is", "was called", "times"), wrong, "Nothing was confused.")
    trades = [(r.threshold, *map(_share, (r.coverage, r.precision, r.macro_f1))) for r in trade_off(judged)]
    table("Trade-off", ("threshold", "answered", "precision of answers", "macro F1"), trades, "")
    click.echo(f"macro F1 {now.macro_f1:.3f}, precision {now.precision:.3f}, answered {now.coverage:.3f} of {len(judged)}")


def _main(documents: tuple[Document, ...]) -> Document | None:
    return max(documents, key=lambda d: (len(d.pages), d.confidence), default=None)


def _files(shelf: Path) -> Iterator[Path]:
    return (path for path in sorted(shelf.rglob("*")) if path.is_file() and not path.is_symlink())


def _share(value: float) -> str:
    return f"{value:.3f}"


def _row(r: Report) -> Row:
    return {
        "threshold": r.threshold,
        "macro_f1": round(r.macro_f1, 4),
        "precision": round(r.precision, 4),
        "coverage": round(r.coverage, 4),
        "kinds": {
            k.kind: {"count": k.count, "abstained": k.abstained, "precision": k.precision, "recall": k.recall, "f1": k.f1}
            for k in r.kinds
        },
        "confusion": [list(entry) for entry in r.confusion],
    }
