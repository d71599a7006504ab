"""A fax packet on all cores, read by us, by the bare engine and by OCRmyPDF: the same pages, in turns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import ocrmypdf, pages
from benchmarks.ceiling import Ceiling
from benchmarks.clock import Spent, in_turns, times_cheaper, times_faster
from benchmarks.figures import RATIO, Figure
from benchmarks.letters import percent
from benchmarks.machine import cores
from config.settings import ReadingSettings
from reading.ocr import find_tessdata
from reading.reader import in_file
from reading.sandbox import WorkerPool
from records.model import Reading

PAGES, ROUNDS = 10, 5
QUICK_PAGES, QUICK_ROUNDS = 4, 1
CHANCE = 0.05  # percent of letters by which equally good ways differ over fifty pages


def measure(folder: Path, quick: bool, forms: Path) -> Iterator[Figure]:
    """Another packet in every round, the same for all rivals; `quick` makes one round with fewer pages."""
    count, rounds = (QUICK_PAGES, QUICK_ROUNDS) if quick else (PAGES, ROUNDS)
    packets = [pages.fax_packet(count * number, count) for number in range(rounds)]
    files = [(folder / f"fax-{number}.pdf", pages.digest_of(packet.pdf)) for number, packet in enumerate(packets)]
    for (path, _), packet in zip(files, packets, strict=True):
        path.write_bytes(packet.pdf)
    sheets = [np.asarray(picture.convert("L")) for packet in packets for picture in packet.pictures]
    read: dict[str, list[str]] = {"bare": [""] * len(sheets), "ours": [""] * len(sheets)}
    with Ceiling(sheets, find_tessdata(None) or "", cores()) as bare, WorkerPool(ReadingSettings(), forms) as pool:
        pool.warm()

        def by_bare(number: int) -> None:
            read["bare"][count * number : count * (number + 1)] = bare.read(count * number, count)

        def by_us(number: int) -> None:
            path, digest = files[number]
            read["ours"][count * number : count * (number + 1)] = texts(pool.read(in_file(path), digest))

        rivals = {"bare": by_bare, "ours": by_us}
        if ocrmypdf.missing() is None:
            rivals["ocrmypdf"] = lambda number: ocrmypdf.run(files[number][0], cores())
        spent = in_turns(rivals, rounds)
    if "ocrmypdf" in spent:
        read["ocrmypdf"] = [text for path, _ in files for text in ocrmypdf.texts(path)[:count]]
    truths = [text for packet in packets for text in packet.texts]
    yield from figures(spent, {name: percent(text, truths) for name, text in read.items()}, count)


def texts(reading: Reading) -> list[str]:
    """Page by page."""
    return [page.text for part in reading.parts for page in part.pages]


def figures(spent: dict[str, Spent], errors: dict[str, float], count: int) -> Iterator[Figure]:
    """Ratios first, then what they are made of."""
    ours, bare, name = spent["ours"], spent["bare"], f"fax of {count}"
    rounds = f"{len(ours.wall)} rounds in turns"
    yield Figure(name, "ours by the bare engine, wall", times_faster(ours, bare), RATIO, least=0.9, note=rounds)
    yield Figure(name, "ours by the bare engine, CPU", times_cheaper(ours, bare), RATIO, note="neighbours hardly move this one")
    most, note = round(errors["bare"] + CHANCE, 2), f"bare engine {errors['bare']:.2f} %, and {CHANCE} for chance"
    yield Figure(name, "letters wrong, ours", errors["ours"], "%", most=most, note=note)
    if (theirs := spent.get("ocrmypdf")) is not None:
        yield Figure(name, "ours by OCRmyPDF, wall", times_faster(ours, theirs), RATIO, least=1.35, note="it writes a PDF/A too")
        yield Figure(name, "ours by OCRmyPDF, CPU", times_cheaper(ours, theirs), RATIO)
        yield Figure(name, "letters wrong, OCRmyPDF", errors["ocrmypdf"], "%")
    for rival, seconds in spent.items():
        note = f"CPU {seconds.cpu_seconds / count:.2f} s a page"
        yield Figure(name, f"{rival}, wall a page", seconds.seconds / count, "s", note=note)
