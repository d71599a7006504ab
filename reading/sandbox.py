"""The pool of locked-in workers behind `Readers`: one opens a submission, all recognise its pages, none is trusted.

Bytes are streamed from the vault to the worker, and no more than a few pages wait here, so the daemon stays
small.  A worker that passes a limit is killed; the file that it held is a `Problem`, the rest goes on.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import structlog

from config.settings import ReadingSettings
from reading.child import Child
from reading.jail import JailedChild, way
from reading.job import MAX_KILLS, Job
from reading.limits import Limits
from reading.ocr import find_tessdata
from reading.reader import Raw, version_of
from reading.unit import UnitChild
from reading.wire import GarbledError, GoneError, Header, LateError, SpentError, WireError
from records.errors import ConfigurationError, TemporaryError
from records.events import WORKER_KILLED
from records.model import Reading

log = structlog.get_logger()

WAITING_BYTES = 24 << 20  # pages that may wait here for a free worker
MAX_PICTURES_BYTES = 48 << 20
TOTAL_FACTOR = 10  # all opening of one submission together, in `open_seconds`
START_SECONDS = 20
MAX_AGE = 1800  # seconds after which an idle worker gives place to a fresh one


class PageError(Exception):
    """The opening worker died over one page's recognition."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class WorkerPool:
    """`Readers` on this machine; safe to call from several threads."""

    def __init__(self, settings: ReadingSettings, forms: Path | None) -> None:
        tessdata = find_tessdata(settings.tessdata)
        if tessdata is None:
            raise ConfigurationError("tessdata", "Tesseract's models were not found: apt install tesseract-ocr tesseract-ocr-eng")
        self._way, self._socket = way(settings), settings.socket
        self.limits = Limits.of(settings, tessdata)
        self._forms = forms.resolve() if forms else None
        self._size = settings.workers or _cores()
        self._idle: list[Child] = []
        self._count = 0
        self._closed = False
        self._free = threading.Condition()
        self._queued = 0  # pages handed to the pool and not yet begun,
        self._waiting = 0  # and their bytes
        self._version = ("", "")
        self.heard = time.monotonic()
        # a worker dies with the *thread* that started it (PR_SET_PDEATHSIG), so one long-lived thread starts them all
        self._starter = ThreadPoolExecutor(1, "reading-start")
        self._pages = ThreadPoolExecutor(self._size, "reading-page")

    # ------------------------------------------------------------ what callers use

    @property
    def version(self) -> str:
        """`Readers.version`; the forms are hashed again only when a file's name, size or time changed."""
        stamp = _stamp(self._forms)
        if self._version[0] != stamp or not self._version[1]:
            self._version = (stamp, version_of(self.limits, self._forms))
        return self._version[1]

    def read(self, raw: Raw, digest: str, name: str | None = None, patience: float | None = None) -> Reading:
        """`Readers.read`."""
        version = self.version
        job = Job(digest, name)
        deadline = time.monotonic() + TOTAL_FACTOR * self.limits.open_seconds
        while not job.finished:
            if job.kills >= MAX_KILLS or time.monotonic() > deadline:
                job.blame("parser_timeout", f"given up after {job.kills} files that killed the reader")
                break
            self._walk(raw, job, patience)
        return job.reading(version)

    def picture(self, raw: Raw, digest: str, part: str | None) -> list[tuple[str, bytes]]:
        """`Readers.picture`; what can not be drawn is left out."""
        child = self._take()
        pictures: list[tuple[str, bytes]] = []
        try:
            self._draw(child, raw, {"verb": "picture", "part": part, "digest": digest, "name": None}, pictures)
        except (WireError, KeyError):
            self._bury(child, "picture", digest)
        except BaseException:
            self._drop(child)
            raise
        else:
            self._give(child)
        return pictures

    def warm(self) -> None:
        """Start all workers and load their models, so that the first packet does not wait."""
        children = [self._take() for _ in range(self._size)]
        with ThreadPoolExecutor(self._size) as threads:
            for child, warm in zip(children, threads.map(self._warmed, children), strict=True):
                self._give(child) if warm else self._drop(child)

    def close(self) -> None:
        """End every worker; reads under way end with what they have."""
        with self._free:
            self._closed = True
            idle, self._idle = self._idle, []
            self._free.notify_all()
        for child in idle:
            child.kill()
        self._pages.shutdown(cancel_futures=True)
        self._starter.shutdown()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ------------------------------------------------------------ opening

    def _walk(self, raw: Raw, job: Job, patience: float | None) -> None:
        """One worker walks the submission, as far as it gets."""
        child = self._take()
        seconds = min(self.limits.open_seconds, patience or self.limits.open_seconds)
        try:
            order = {"verb": "open", "digest": job.digest, "name": job.name, "skip": sorted(job.answered)}
            self._stream(child, raw, order, time.monotonic() + self.limits.open_seconds)
            healthy = self._listen(child, job, seconds)
        except PageError as fault:  # the page has its answer; the file is not to blame
            self._bury(child, fault.code, job.digest)
            job.again()
        except WireError as fault:
            if isinstance(fault, LateError) and seconds < self.limits.open_seconds:
                self._drop(child)
                self._renew()
                raise TemporaryError("reader_slow") from None
            code, detail = self._verdict(fault, child, self.limits.open_seconds)
            self._bury(child, code, job.digest)
            job.blame(code, detail)
        except BaseException:
            self._drop(child)
            raise
        else:
            self._give(child) if healthy else self._bury(child, "parser_memory", job.digest)

    def _listen(self, child: Child, job: Job, seconds: float) -> bool:
        """Take the walk's frames until it is done; each file has so many seconds, less what its pages' recognition took."""
        deadline = time.monotonic() + seconds
        while True:
            header, _ = child.channel.receive(deadline=deadline)
            self.heard = time.monotonic()
            try:
                if "done" in header:
                    return not header["memory_failed"]
                if "offer" in header:
                    began = time.monotonic()
                    self._offered(child, header, job)
                    deadline += time.monotonic() - began
                    continue
                job.enter(header) if "enter" in header else job.leave(header)
            except (KeyError, TypeError, AttributeError) as error:
                raise GarbledError from error
            deadline = time.monotonic() + seconds

    def _offered(self, child: Child, header: Header, job: Job) -> None:
        """A page to recognise: known already, handed to another worker, or done by the one that found it."""
        digest, size = str(header["digest"]), int(header["size"])
        job.places[(str(header["offer"]), int(header["page"]))] = digest
        soon = time.monotonic() + self.limits.page_seconds
        if digest in job.pages:
            child.channel.send({"do": "nothing"}, deadline=soon)
        elif self._room(size):
            child.channel.send({"do": "give"}, deadline=soon)
            bitmap, blob = child.channel.receive(deadline=soon)
            job.pages[digest] = self._pages.submit(self._recognise, bitmap, blob)
        else:
            child.channel.send({"do": "here"}, deadline=soon)
            answer: Future[Header] = Future()
            job.pages[digest] = answer
            try:
                answer.set_result(child.channel.receive(deadline=soon)[0])
            except WireError as fault:
                code, detail = self._verdict(fault, child, self.limits.page_seconds)
                answer.set_result({"code": code, "detail": detail})
                raise PageError(code) from fault

    def _stream(self, child: Child, raw: Raw, order: Header, deadline: float) -> None:
        """The order, then the file's bytes in pieces, then an empty frame."""
        child.channel.send(order, deadline=deadline)
        for chunk in raw():
            child.channel.send({}, chunk, deadline=deadline)
        child.channel.send({}, deadline=deadline)

    def _draw(self, child: Child, raw: Raw, order: Header, pictures: list[tuple[str, bytes]]) -> None:
        deadline = time.monotonic() + self.limits.open_seconds
        self._stream(child, raw, order, deadline)
        while True:
            header, blob = child.channel.receive(deadline=deadline)
            self.heard = time.monotonic()
            if "done" in header:
                return
            pictures.append((str(header["picture"])[:80].replace("/", "_"), blob))
            if sum(len(picture) for _, picture in pictures) > MAX_PICTURES_BYTES:
                raise GarbledError

    # ------------------------------------------------------------ recognising

    def _room(self, size: int) -> bool:
        """Whether one more page may wait here for another worker; reserves its bytes."""
        with self._free:
            if self._size == 1 or self._waiting + size > WAITING_BYTES or self._queued >= 2 * (self._size - 1):
                return False
            self._waiting += size
            self._queued += 1
            return True

    def _recognise(self, bitmap: Header, blob: bytes) -> Header:
        """One page by whichever worker is free; a crash is tried once more on a fresh worker, a timeout is not."""
        answer: Header = {}
        for attempt in range(2):
            try:
                child = self._take()
            finally:
                if attempt == 0:
                    self._begun(len(blob))
            deadline = time.monotonic() + self.limits.page_seconds
            try:
                child.channel.send({"verb": "recognise", "bitmap": bitmap}, blob, deadline=deadline)
                answer, _ = child.channel.receive(deadline=deadline)
                self.heard = time.monotonic()
            except WireError as fault:
                code, detail = self._verdict(fault, child, self.limits.page_seconds)
                self._bury(child, code, "")
                answer = {"code": code, "detail": detail}
                if code == "parser_timeout":
                    break
            else:
                self._give(child)
                break
        return answer

    def _begun(self, size: int) -> None:
        with self._free:
            self._waiting -= size
            self._queued -= 1

    # ------------------------------------------------------------ workers

    def _take(self) -> Child:
        """An idle worker, a new one, or a wait for one."""
        generation = self.version
        with self._free:
            while True:
                if self._closed:
                    raise TemporaryError("reader_closed")
                child = self._idle.pop() if self._idle else None
                if child and child.generation == generation and child.alive() and time.monotonic() - child.born < MAX_AGE:
                    return child
                if child:
                    child.kill()
                    self._count -= 1
                elif self._count < self._size:
                    self._count += 1
                    break
                else:
                    self._free.wait()
        return self._start(generation)

    def _start(self, generation: str) -> Child:
        try:
            return self._starter.submit(self._child, generation).result()
        except TemporaryError:
            self._forget()
            raise
        except (OSError, WireError, RuntimeError) as error:
            self._forget()
            raise TemporaryError("worker_start", type(error).__name__) from error

    def _child(self, generation: str) -> Child:
        forms = self._forms if self._forms and self._forms.is_dir() else None
        if self._way == "unit":
            return UnitChild(self._socket, self.limits, forms, generation)
        return JailedChild(self.limits, str(forms) if forms else None, self._way == "bwrap", generation)

    def _give(self, child: Child) -> None:
        with self._free:
            if not self._closed:
                self._idle.append(child)
                self._free.notify()
                return
        self._drop(child)

    def _drop(self, child: Child) -> None:
        child.kill()
        self._forget()

    def _forget(self) -> None:
        with self._free:
            self._count -= 1
            self._free.notify()

    def _bury(self, child: Child, code: str, digest: str) -> None:
        """End a worker that failed us, and have the next one ready soon."""
        self._drop(child)
        log.warning(WORKER_KILLED, code=code, sha256=digest)
        self._renew()

    def _renew(self) -> None:
        with contextlib.suppress(RuntimeError):  # closing
            self._starter.submit(self._replace)

    def _replace(self) -> None:
        """Start and warm a worker in the place of a dead one (in the starting thread)."""
        generation = self.version
        with self._free:
            if self._closed or self._count >= self._size:
                return
            self._count += 1
        try:
            child = self._child(generation)
        except (OSError, WireError, TemporaryError):
            self._forget()  # whoever needs a worker next meets the same fault, and says so
            return
        if self._warmed(child):
            self._give(child)
        else:
            self._drop(child)

    @staticmethod
    def _warmed(child: Child) -> bool:
        deadline = time.monotonic() + START_SECONDS
        try:
            child.channel.send({"verb": "warm"}, deadline=deadline)
            child.channel.receive(deadline=deadline)
        except WireError:
            return False
        return True

    def _verdict(self, fault: WireError, child: Child, seconds: float) -> tuple[str, str]:
        """Problem code and detail for a worker that failed us."""
        if isinstance(fault, LateError):
            return "parser_timeout", f"stopped after {seconds:g} seconds"
        if isinstance(fault, SpentError):
            if fault.what == "memory":
                return "parser_memory", f"limit {self.limits.memory_bytes} bytes"
            return "parser_timeout", f"stopped after {self.limits.cpu_seconds:g} seconds of computing"
        if isinstance(fault, GoneError):
            return "parser_crashed", f"the reader ended with {child.how_it_ended()}"
        return "parser_crashed", "the reader gave an answer that makes no sense"


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _stamp(forms: Path | None) -> str:
    """Changes when a file under `forms` does, without reading it."""
    if forms is None or not forms.is_dir():
        return "none"
    found = sorted((str(path), path.stat()) for path in forms.rglob("*") if path.is_file())
    return repr([(path, stat.st_size, stat.st_mtime_ns) for path, stat in found])
