"""The raw ceiling of OCR: the same engine, models and pixels, a resident process a core, and nothing around it."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.queues import SimpleQueue
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Orders = SimpleQueue[int | None]
Answers = SimpleQueue[tuple[int, str]]
DPI = 204


class Ceiling:
    """Bare processes that hold the pages already; `read` gives the texts of some."""

    def __init__(self, sheets: list[Grey], tessdata: str, crew: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._orders: Orders = context.SimpleQueue()
        self._answers: Answers = context.SimpleQueue()
        task = (self._orders, self._answers, sheets, tessdata)
        self._crew = [context.Process(target=serve, args=task, daemon=True) for _ in range(crew)]

    def __enter__(self) -> Self:
        for one in self._crew:
            one.start()
        for _ in self._crew:
            self._answers.get()
        return self

    def read(self, first: int, count: int) -> list[str]:
        for number in range(first, first + count):
            self._orders.put(number)
        return [text for _, text in sorted(self._answers.get() for _ in range(count))]

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        for _ in self._crew:
            self._orders.put(None)
        for one in self._crew:
            one.join()


def serve(orders: Orders, answers: Answers, sheets: list[Grey], tessdata: str) -> None:
    """One of the processes."""
    os.environ["OMP_THREAD_LIMIT"] = "1"  # before the engine loads: its own threads would make it 3.6 times slower
    import tesserocr

    from reading.prepare import despeckle

    engine = tesserocr.PyTessBaseAPI(path=tessdata, lang="eng", psm=tesserocr.PSM.AUTO)

    def read(sheet: Grey) -> str:
        height, width = sheet.shape
        engine.SetImageBytes(despeckle(sheet).tobytes(), width, height, 1, width)
        engine.SetSourceResolution(DPI)
        text = str(engine.GetUTF8Text())
        engine.ClearAdaptiveClassifier()  # as we do: else a page's text would depend on the pages before it
        return text

    read(np.full((64, 256), 255, np.uint8))
    answers.put((-1, ""))
    while (number := orders.get()) is not None:
        answers.put((number, read(sheets[number])))
