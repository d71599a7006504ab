"""Words from pixels: two Tesseract engines behind one protocol, both fed only with pixels that we made.

`TesserocrEngine` keeps the models in memory (default); `PytesseractEngine` starts the program for each page.
Both give the same TSV, which `recognised` turns into words and lines, so the same tests hold for both.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from reading.bitmap import Grey
from reading.words import Word

TESSDATA_PLACES = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata")
WHOLE_PAGE, ONE_LINE = 3, 7  # Tesseract's page segmentation modes
MODELS_KEPT = 2  # each costs 25-80 MB in a resident worker


@dataclass(frozen=True, slots=True)
class Recognised:
    """What stands on a page; `confidence` is the mean of the words', weighted by their length, 0 when there is none."""

    text: str
    words: tuple[Word, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Orientation:
    """`rotation`: degrees clockwise by which the page must be turned to stand upright; margins as Tesseract gives them."""

    rotation: int
    rotation_margin: float
    script: str
    script_margin: float


class Engine(Protocol):
    """One page, or one line of it, at a time; deterministic."""

    def recognise(self, image: Grey, dpi: int, languages: Sequence[str]) -> Recognised: ...

    def line(self, image: Grey, dpi: int, languages: Sequence[str]) -> Recognised: ...

    def orientation(self, image: Grey, dpi: int) -> Orientation | None: ...


@functools.cache
def find_tessdata(configured: Path | None) -> str | None:
    """The folder of Tesseract's models, None when there is none."""
    places = [str(configured)] if configured else list(TESSDATA_PLACES)
    return next((place for place in places if Path(place, "eng.traineddata").exists()), None)


def installed(tessdata: str) -> frozenset[str]:
    """Names of the models in the folder."""
    return frozenset(path.stem for path in Path(tessdata).glob("*.traineddata")) - {"osd", "equ"}


def recognised(tsv: str, height: int, width: int) -> Recognised:
    """Words and lines of Tesseract's TSV (level, page, block, paragraph, line, word, left, top, width, height, conf, text)."""
    words: list[Word] = []
    lines: list[list[str]] = []
    place, block = None, None
    weight = total = 0.0
    for row in tsv.splitlines():
        cells = row.split("\t")
        if len(cells) < 12 or cells[0] != "5" or not cells[11].strip():
            continue
        left, top, wide, high = (int(cell) for cell in cells[6:10])
        sure = max(0.0, float(cells[10])) / 100
        text = cells[11].strip()
        words.append(Word(text, left / width, top / height, (left + wide) / width, (top + high) / height, sure))
        weight += len(text)
        total += len(text) * sure
        if cells[2:5] != place:
            if block is not None and cells[2:4] != block:
                lines.append([])
            lines.append([])
        place, block = cells[2:5], cells[2:4]
        lines[-1].append(text)
    return Recognised("\n".join(" ".join(line) for line in lines), tuple(words), total / weight if weight else 0.0)


class TesserocrEngine:
    """Resident models in this process."""

    def __init__(self, tessdata: str) -> None:
        self._tessdata = tessdata
        self._models: OrderedDict[str, Any] = OrderedDict()
        self._osd: Any = None

    def recognise(self, image: Grey, dpi: int, languages: Sequence[str]) -> Recognised:
        return self._read(image, dpi, languages, WHOLE_PAGE)

    def line(self, image: Grey, dpi: int, languages: Sequence[str]) -> Recognised:
        return self._read(image, dpi, languages, ONE_LINE)

    def _read(self, image: Grey, dpi: int, languages: Sequence[str], layout: int) -> Recognised:
        model = self._model("+".join(languages))
        model.SetPageSegMode(layout)
        height, width = image.shape
        self._show(model, image, dpi)
        try:
            model.Recognize()
            return recognised(model.GetTSVText(0), height, width)
        finally:
            model.Clear()

    def orientation(self, image: Grey, dpi: int) -> Orientation | None:
        import tesserocr

        if self._osd is None:
            self._osd = tesserocr.PyTessBaseAPI(path=self._tessdata, lang="osd", psm=tesserocr.PSM.OSD_ONLY)
        self._show(self._osd, image, dpi)
        try:
            found = self._osd.DetectOrientationScript()
        finally:
            self._osd.Clear()
        if not found:
            return None
        turned = int(found["orient_deg"])
        script = found["script_name"]
        return Orientation((360 - turned) % 360, float(found["orient_conf"]), script, float(found["script_conf"]))

    def _model(self, languages: str) -> Any:
        import tesserocr

        model = self._models.pop(languages, None)
        if model is None:
            while len(self._models) >= MODELS_KEPT:
                self._models.popitem(last=False)[1].End()
            model = tesserocr.PyTessBaseAPI(path=self._tessdata, lang=languages)
        self._models[languages] = model
        # what it learned from the last page would make this page's text depend on the order of pages
        model.ClearAdaptiveClassifier()
        return model

    @staticmethod
    def _show(model: Any, image: Grey, dpi: int) -> None:
        height, width = image.shape
        model.SetImageBytes(np.ascontiguousarray(image).tobytes(), width, height, 1, width)
        model.SetSourceResolution(dpi)


class PytesseractEngine:
    """The `tesseract` program, one start a page; its files lie in the worker's private temporary folder."""

    def __init__(self, tessdata: str, seconds: float) -> None:
        self._options = f'--tessdata-dir "{tessdata}"'
        self._seconds = seconds

    def recognise(self, image: Grey, dpi: int, languages: Sequence[str]) -> Recognised:
        return self._read(image, dpi, languages, WHOLE_PAGE)

    def line(self, image: Grey, dpi: int, languages: Sequence[str]) -> Recognised:
        return self._read(image, dpi, languages, ONE_LINE)

    def _read(self, image: Grey, dpi: int, languages: Sequence[str], layout: int) -> Recognised:
        import pytesseract

        tsv = pytesseract.image_to_data(
            self._picture(image),
            lang="+".join(languages),
            config=f"{self._options} --dpi {dpi} --psm {layout}",
            timeout=self._seconds,
        )
        return recognised(tsv, *image.shape)

    def orientation(self, image: Grey, dpi: int) -> Orientation | None:
        import pytesseract

        try:
            found = pytesseract.image_to_osd(
                self._picture(image),
                config=f"{self._options} --dpi {dpi} --psm 0",
                timeout=self._seconds,
                output_type=pytesseract.Output.DICT,
            )
        except pytesseract.TesseractError:  # "Too few characters": it says so by failing
            return None
        return Orientation(
            int(found["rotate"]), float(found["orientation_conf"]), str(found["script"]), float(found["script_conf"])
        )

    @staticmethod
    def _picture(image: Grey) -> Any:
        from PIL import Image

        return Image.fromarray(image)


def make_engine(name: str, tessdata: str, seconds: float) -> Engine:
    """The engine that the settings name."""
    return PytesseractEngine(tessdata, seconds) if name == "pytesseract" else TesserocrEngine(tessdata)
