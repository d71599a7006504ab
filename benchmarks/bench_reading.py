"""Measures the reading room on pages made here: `python -m benchmarks.bench_reading`.

Prints wall seconds and ratios of one run on one machine; the raw ceiling is the same engine, the same pages and as
many processes as cores, with nothing around it.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from config.settings import ReadingSettings
from reading import jail
from reading.ocr import find_tessdata, make_engine
from reading.prepare import despeckle
from reading.sandbox import WorkerPool
from tests.servers import paper

PAGES = 10


def fax_sheets(lines: tuple[str, ...]) -> list[np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
    return [np.array(paper.fax(paper.page(lines, repeat=6), seed=seed)).astype(np.uint8) * np.uint8(255) for seed in range(PAGES)]


def text_pdf(pages: int) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    for number in range(pages):
        for line, words in enumerate(paper.ENGLISH * 8):
            canvas.drawString(40, 800 - 18 * line, f"{number} {words}")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _serve(
    orders: multiprocessing.SimpleQueue[bytes | None], answers: multiprocessing.SimpleQueue[int], shape: tuple[int, int]
) -> None:
    engine = make_engine("tesserocr", find_tessdata(None) or "", 60)
    engine.recognise(np.full((64, 256), 255, np.uint8), 204, ("eng",))
    answers.put(0)
    while (raw := orders.get()) is not None:
        engine.recognise(despeckle(np.frombuffer(raw, np.uint8).reshape(shape)), 204, ("eng",))
        answers.put(1)


def ceiling(sheets: list[np.ndarray[tuple[int, int], np.dtype[np.uint8]]]) -> float:
    """Wall seconds of resident engines, one a core, that do nothing else."""
    context = multiprocessing.get_context("spawn")
    orders, answers = context.SimpleQueue(), context.SimpleQueue()
    crew = [context.Process(target=_serve, args=(orders, answers, sheets[0].shape)) for _ in range(cores())]
    for one in crew:
        one.start()
    for _ in crew:
        answers.get()
    began = time.perf_counter()
    for sheet in sheets:
        orders.put(sheet.tobytes())
    for _ in sheets:
        answers.get()
    seconds = time.perf_counter() - began
    for _ in crew:
        orders.put(None)
    for one in crew:
        one.join()
    return seconds


def cores() -> int:
    return len(os.sched_getaffinity(0))


def timed(act: Callable[[], object], times: int = 3) -> float:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def resident(pid: int) -> int:
    """Megabytes of a process and those below it."""
    listed = subprocess.run(["ps", "-o", "pid=,ppid=,rss=", "-A"], capture_output=True, text=True, check=True).stdout  # noqa: S607 - a fixed program
    rows = [tuple(map(int, line.split())) for line in listed.splitlines()]
    family, more = {pid}, True
    while more:
        grown = {row[0] for row in rows if row[1] in family} - family
        family |= grown
        more = bool(grown)
    return sum(row[2] for row in rows if row[0] in family) // 1024


def main() -> None:
    """The table."""
    folder = Path(tempfile.mkdtemp(prefix="somrr-bench-"))
    english, spanish = fax_sheets(paper.ENGLISH), fax_sheets(paper.SPANISH)
    print(f"python {sys.version.split()[0]}, {cores()} cores, {PAGES} pages of {english[0].shape} one-bit pixels")
    print(f"a worker from start to ready          {timed(start_worker):7.2f} s")
    raw = ceiling(english)
    with WorkerPool(ReadingSettings(), None) as pool:
        print(f"all workers warm                      {timed(pool.warm, 1):7.2f} s")

        def read(name: str, content: bytes) -> float:
            path = folder / name
            path.write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            return timed(lambda: pool.read(path, digest), 1 if "fax" in name else 5)

        print(f"text PDF of 1 page                    {read('one.pdf', text_pdf(1)):7.3f} s")
        print(f"text PDF of 20 pages                  {read('twenty.pdf', text_pdf(20)):7.3f} s")
        ours = read("fax.tif", paper.tiff(*pictures(english)))
        again = ceiling(english)
        best = min(raw, again)
        print(f"fax of {PAGES} pages, raw ceiling           {raw:7.2f} s, again {again:.2f} s")
        print(f"fax of {PAGES} pages, TIFF                  {ours:7.2f} s = {best / ours:.2f} of the ceiling")
        print(f"fax of {PAGES} pages, PDF                   {read('fax.pdf', paper.fax_pdf(*pictures(english))):7.2f} s")
        print(f"fax of {PAGES} pages, Spanish               {read('fax-es.tif', paper.tiff(*pictures(spanish))):7.2f} s")
        sizes = [resident(child.pid) for child in pool._idle]
        print(f"resident, each warm worker            {sizes} MB; this process {resident(os.getpid()) - sum(sizes)} MB")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def start_worker() -> None:
    with WorkerPool(ReadingSettings(workers=1), None) as pool:
        pool._give(pool._take())


def pictures(sheets: list[np.ndarray[tuple[int, int], np.dtype[np.uint8]]]) -> list[Image.Image]:
    return [Image.fromarray(sheet).convert("1", dither=Image.Dither.NONE) for sheet in sheets]


if __name__ == "__main__":
    os.environ.update({name: value for name, value in jail.ENVIRONMENT.items() if name.endswith("_LIMIT")})
    main()
