"""A worker's desk in this process: files read, recognised and laid over the blanks without a sandbox, timed."""

from __future__ import annotations

import hashlib
import io
import pickle
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

from reading.bitmap import Bitmap, Grey
from reading.job import Job
from reading.limits import Limits
from reading.ocr import Recognised
from reading.unpack import Found, Walk
from reading.wire import Header, Pipe
from reading.words import Word
from reading.worker import Desk
from records.model import FormSeen, Reading, Role
from tests.servers.signing import TESSDATA


class LocalDesk(Desk):
    """Reads a file at a time; `form_seconds` of CPU were spent on laying `form_pages` pages over the blanks."""

    def __init__(self, forms: Path, languages: tuple[str, ...] = ("eng", "spa", "ara"), kept: Path | None = None) -> None:
        super().__init__(cast(Pipe, None), Limits(tessdata=TESSDATA, languages=languages), str(forms))
        self.form_seconds, self.form_pages = 0.0, 0
        self._kept = kept
        self.load_forms()

    def read(self, raw: bytes, name: str) -> Reading:
        """All that is in the file, as the daemon would put it together."""
        digest = hashlib.sha256(raw).hexdigest()
        self._job = Job(digest, name)
        Walk(self).visit(Found("0", name, Role.ATTACHMENT, file=io.BytesIO(raw), size=len(raw), sha256=digest))
        return self._job.reading("campaign")

    def say(self, header: Header) -> None:
        (self._job.enter if "enter" in header else self._job.leave)(header)

    def page(self, header: Header, bitmap: Bitmap) -> None:
        digest = bitmap.digest(bitmap.blob())
        self._job.places[header["number"], header["page"]] = digest
        answer: Future[Header] = Future()
        answer.set_result(self.recognise(bitmap))
        self._job.pages[digest] = answer

    def form(
        self, text: str, models: Sequence[str], page: Callable[[], tuple[Grey, list[Word]]], *, pdf: bytes = b"", number: int = 1
    ) -> FormSeen | None:
        shown = page()
        began = time.process_time()
        seen = super().form(text, models, lambda: shown, pdf=pdf, number=number)
        if seen is not None:
            self.form_seconds += time.process_time() - began
            self.form_pages += 1
        return seen

    def _reader(self) -> tuple[Any, tuple[str, ...], frozenset[str]]:
        engine, languages, installed = super()._reader()
        return (Remembering(engine, self._kept) if self._kept else engine), languages, installed


class Remembering:
    """An engine whose whole pages are kept in a folder: the same pixels give the same words, so a second run is short."""

    def __init__(self, engine: Any, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        folder.mkdir(parents=True, exist_ok=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def recognise(self, image: Grey, dpi: int, languages: Sequence[str]) -> Recognised:
        seed = repr((image.shape, dpi, tuple(languages))).encode() + image.tobytes()
        place = self._folder / hashlib.sha256(seed).hexdigest()
        if place.exists():
            return cast(Recognised, pickle.loads(place.read_bytes()))  # noqa: S301 - written by the last run of this campaign
        read = cast(Recognised, self._engine.recognise(image, dpi, languages))
        place.write_bytes(pickle.dumps(read))
        return read
