"""The child process that touches hostile bytes: `python -m reading.worker`, spoken to over standard input and output.

It holds no secret, sees no network and no state directory (`jail.py`, `unit.py`, `seccomp.py`), and everything it
answers is checked by the daemon.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reading import seccomp
from reading.bitmap import Bitmap, Grey
from reading.limits import Limits, Unreadable
from reading.unpack import Found, Walk, safe_name
from reading.wire import Header, Pipe
from reading.words import Word
from records.errors import ConfigurationError
from records.model import FormSeen, Role

if TYPE_CHECKING:
    from reading.blanks import Blank
    from reading.signatures import Seal

PR_SET_PDEATHSIG = 1
GRACE = 5  # seconds after which a worker ends itself when the daemon's own deadline did not come
SPENT_STATUS = 77
LINE_DPI = 300  # of a place cut out of a form


class Desk:
    """The worker's resident things: engine, registered blanks, and the pipe to the daemon."""

    def __init__(self, pipe: Pipe, limits: Limits, forms: str | None) -> None:
        self.pipe, self.limits = pipe, limits
        self._forms = forms
        self._engine: Any = None
        self._installed: frozenset[str] = frozenset()
        self._blanks: Sequence[Blank] = ()
        self._anchors: Sequence[Any] = ()  # certificates of authorities that the operator trusts
        self._sealed: tuple[bytes, tuple[Seal, ...]] | None = None  # the last file's

    # what the walk needs (reading.unpack.Courier)
    def say(self, header: Header) -> None:
        self.pipe.send(header)

    def page(self, header: Header, bitmap: Bitmap) -> None:
        """Offer a page: the daemon gives it to another worker, has it done here, or knows it already."""
        blob = bitmap.blob()
        self.pipe.send({"offer": header["number"], "page": header["page"], "digest": bitmap.digest(blob), "size": len(blob)})
        answer, _ = self.pipe.receive()
        if answer["do"] == "give":
            self.pipe.send(bitmap.header(), blob)
        elif answer["do"] == "here":
            self.pipe.send(self.recognise(bitmap))

    def form(
        self, text: str, models: Sequence[str], page: Callable[[], tuple[Grey, list[Word]]], *, pdf: bytes = b"", number: int = 1
    ) -> FormSeen | None:
        """The page laid over the registered blanks, when its words hint at a form (reading.forms).

        `pdf` is the file whose page `number` has a text layer: its digital signatures are checked (reading.signatures).
        """
        from reading import forms
        from reading.recognise import line_models

        if not forms.looks_like_form(text, self._blanks):
            return None
        pixels, words = page()
        engine, _, _ = self._reader()

        def read_line(line: Grey, digits: bool = False) -> Iterator[tuple[str, float]]:
            for codes in line_models(models, self._installed) if digits else (models,):
                read = engine.line(line, LINE_DPI, codes)
                yield read.text, read.confidence

        return forms.observe(pixels, words, self._blanks, read_line, self._seals(pdf), number)

    def _seals(self, pdf: bytes) -> tuple[Seal, ...]:
        """The file's digital signatures, checked once for all its pages."""
        from reading.signatures import seals

        if self._sealed is None or self._sealed[0] is not pdf:
            self._sealed = pdf, seals(pdf, self._anchors)
        return self._sealed[1]

    def load_forms(self) -> None:
        """The registered blanks, once."""
        if self._forms:
            from reading.blanks import load_blanks
            from reading.signatures import load_anchors

            self._blanks = load_blanks(Path(self._forms))
            self._anchors = load_anchors(Path(self._forms))

    # verbs
    def open(self, header: Header) -> None:
        """Walk a submission; ends with a frame `done`."""
        walk = Walk(self, skip=frozenset(header["skip"]))
        walk.visit(self._submission(header))
        self._sealed = None
        self.pipe.send({"done": True, "memory_failed": walk.memory_failed})

    def recognise(self, bitmap: Bitmap) -> Header:
        """One page's text, or the code of what went wrong."""
        from reading.recognise import recognise

        try:
            page = recognise(bitmap, *self._reader(), self.form)
        except Unreadable as error:
            return {"code": error.code, "detail": error.detail}
        except MemoryError:
            return {"code": "parser_memory", "detail": f"limit {self.limits.memory_bytes} bytes"}
        except Exception as error:  # the engine's fault on one page must not cost the file its other pages
            return {"code": "parser_crashed", "detail": f"{type(error).__name__} while recognising"}
        return {"recognised": dataclasses.asdict(page)}

    def picture(self, header: Header) -> None:
        """Pictures of one part or of all, for staff."""
        from reading.picture import PictureWalk

        PictureWalk(self, header["part"]).visit(self._submission(header))
        self.pipe.send({"done": True})

    def show(self, name: str, raw: bytes) -> None:
        """One picture made by us (reading.picture)."""
        self.pipe.send({"picture": name}, raw)

    def warm(self) -> None:
        """Load what the first fax page would wait for."""
        import numpy as np

        from reading import forms, images, pdf  # noqa: F401 - loaded for their own sake

        engine, configured, _ = self._reader()
        engine.recognise(np.full((64, 256), 255, np.uint8), 200, configured[:1])

    def _reader(self) -> tuple[Any, tuple[str, ...], frozenset[str]]:
        from reading.ocr import installed, make_engine

        if self._engine is None:
            self._installed = installed(self.limits.tessdata)
            self._engine = make_engine(self.limits.engine, self.limits.tessdata, self.limits.page_seconds)
        return self._engine, self.limits.languages, self._installed

    def _submission(self, header: Header) -> Found:
        """The raw bytes, kept in memory that no file system knows and that dies with this process."""
        file = os.fdopen(os.memfd_create("raw", os.MFD_CLOEXEC), "w+b")
        while True:
            _, chunk = self.pipe.receive()
            if not chunk:
                break
            file.write(chunk)
        size = file.tell()
        file.flush()
        from reading import kinds

        media_type = kinds.media_type(file, header["name"] or "", top=True) if size else kinds.UNKNOWN
        name = header["name"] or f"file.{kinds.extension(media_type)}"
        return Found("0", safe_name(name)[0], Role.ATTACHMENT, file=file, size=size, sha256=header["digest"])


def confine(limits: Limits, parent: int) -> None:
    """Limits that hold even without the jail: memory, file size, no core, no network, no programs, end with the daemon."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent and os.getppid() != parent:
        sys.exit(1)  # the daemon ended before we could ask to end with it
    for name, figure in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.max_archive_bytes + (64 << 20)),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(name, (figure, figure))
    os.umask(0o077)
    import libarchive  # noqa: F401 - its binding finds the library by running ldconfig, which is refused from here on

    seccomp.refuse(children=limits.engine == "pytesseract")


class Fuse:
    """Ends the process by the clock, whatever it hangs in: lit again by every frame, put out between orders.

    The daemon's deadlines come first.  This one is for a daemon that died, and for a worker that it can not kill
    because systemd started it.
    """

    def __init__(self) -> None:
        self.seconds, self.begun = 0.0, 0.0
        self.working = threading.Event()

    def light(self) -> None:
        self.working.set()
        self.turned()

    def turned(self) -> None:
        if self.working.is_set():
            self.begun = time.process_time()
            signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def put_out(self) -> None:
        self.working.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)


class Watch(threading.Thread):
    """Ends the process and says why: before memory is refused to a parser that would only abort, or after too much computing.

    Without a word when nobody is there any more to hear it.
    """

    def __init__(self, limits: Limits, pipe: Pipe, fuse: Fuse) -> None:
        super().__init__(daemon=True)
        self._pipe, self._fuse = pipe, fuse
        self._memory, self._seconds = int(limits.memory_bytes * 0.92), limits.cpu_seconds

    def run(self) -> None:
        page = resource.getpagesize()
        with Path("/proc/self/statm").open("rb", buffering=0) as statm:
            while self._fuse.working.wait():
                statm.seek(0)
                if int(statm.read().split()[0]) * page > self._memory:
                    self._end("memory")
                if time.process_time() - self._fuse.begun > self._seconds:
                    self._end("computing")
                if self._pipe.hung_up():
                    os._exit(SPENT_STATUS)
                time.sleep(0.03)

    def _end(self, what: str) -> None:
        self._pipe.last_words(what)
        os._exit(SPENT_STATUS)


def trim() -> None:
    """Give freed memory back: a warm worker stays small."""
    ctypes.CDLL(None).malloc_trim(0)


def serve(desk: Desk, pipe: Pipe, fuse: Fuse) -> None:
    """One order."""
    header, blob = pipe.receive()
    fuse.light()
    match header["verb"]:
        case "open":
            desk.open(header)
        case "recognise":
            pipe.send(desk.recognise(Bitmap.of(header["bitmap"], blob)))
        case "picture":
            desk.picture(header)
        case "warm":
            desk.warm()
            pipe.send({"ready": True})
    fuse.put_out()


def receive_forms(pipe: Pipe, count: int, folder: Path) -> None:
    """The registered blanks come over the wire where this worker sees no folder of the daemon's."""
    for _ in range(count):
        header, blob = pipe.receive()
        path = folder / header["file"]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(blob)


def main() -> None:
    """Serve until the daemon closes the pipe."""
    fuse = Fuse()
    pipe = Pipe(os.dup(0), os.dup(1), fuse.turned)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)  # what a library prints must not look like our answer
    hello, _ = pipe.receive()
    limits = Limits(**{**hello["limits"], "languages": tuple(hello["limits"]["languages"])})
    fuse.seconds = limits.open_seconds + limits.page_seconds + GRACE
    confine(limits, hello["parent"])
    try:
        with tempfile.TemporaryDirectory() as scratch:
            receive_forms(pipe, hello["files"], Path(scratch))
            desk = Desk(pipe, limits, scratch if hello["files"] else hello["forms"])
            desk.load_forms()
    except Exception as error:  # the operator's folder, not a sender's: whatever is wrong with it, work waits
        pipe.send({"unusable": error.code if isinstance(error, ConfigurationError) else type(error).__name__})
        return
    pipe.send({"ready": True})
    Watch(limits, pipe, fuse).start()
    with contextlib.suppress(EOFError):
        while True:
            serve(desk, pipe, fuse)
            trim()


if __name__ == "__main__":
    main()
