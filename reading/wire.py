"""The frames that daemon and worker exchange over pipes or a socket: a JSON header and a blob, both length-prefixed.

Both ends only read and write descriptors: a worker has no right to a socket's own calls.
`Pipe` is the worker's blocking end, `Channel` the daemon's with a deadline on every byte: what comes from a worker that
has parsed hostile bytes is hostile too, so sizes are bounded before memory is given.
"""

from __future__ import annotations

import json
import os
import select
import struct
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

HEAD = struct.Struct(">II")
MAX_HEADER = 24 << 20
MAX_BLOB = 24 << 20
CHUNK = 256 << 10

Header = dict[str, Any]


class WireError(Exception):
    """Base of what can go wrong with the other end."""


class GoneError(WireError):
    """The other end closed its pipe: it died."""


class LateError(WireError):
    """The deadline passed."""


class SpentError(WireError):
    """A worker's last words: it has used up its memory or its computing time (`what`) and ended."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class GarbledError(WireError):
    """A frame is too large or is no JSON object."""


def pack(header: Header, blob: bytes = b"") -> bytes:
    """The frame's bytes without the blob: prefix and header."""
    text = json.dumps(header, separators=(",", ":"), default=_iso).encode()
    return HEAD.pack(len(text), len(blob)) + text


def _iso(value: object) -> str:
    """A mail's date is the one thing in an answer that JSON has no form for."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


class Pipe:
    """The worker's end: blocking; an end of file ends the worker.  `turned` is told of every frame."""

    def __init__(self, source: int, sink: int, turned: Callable[[], None] = lambda: None) -> None:
        self._source, self._sink, self._turned = source, sink, turned
        self._sending = threading.Lock()

    def receive(self) -> tuple[Header, bytes]:
        """The next frame; `EOFError` when the daemon is gone."""
        header_size, blob_size = HEAD.unpack(self._exactly(HEAD.size))
        header: Header = json.loads(self._exactly(header_size))
        blob = self._exactly(blob_size)
        self._turned()
        return header, blob

    def send(self, header: Header, blob: bytes = b"") -> None:
        self._turned()
        with self._sending:
            self._write(header, blob)

    def last_words(self, what: str) -> None:
        """Why this process ends now (`SpentError`), from another thread; unsaid when a frame is stuck half way."""
        if self._sending.acquire(timeout=1):
            self._write({"spent": what}, b"")

    def hung_up(self) -> bool:
        """Whether the daemon has closed its end."""
        poll = select.poll()
        poll.register(self._source, select.POLLRDHUP)
        return bool(poll.poll(0))

    def _write(self, header: Header, blob: bytes) -> None:
        for piece in (pack(header, blob), blob):
            view = memoryview(piece)
            while view:
                view = view[os.write(self._sink, view) :]

    def _exactly(self, size: int) -> bytes:
        pieces = bytearray()
        while len(pieces) < size:
            piece = os.read(self._source, min(size - len(pieces), 1 << 20))
            if not piece:
                raise EOFError
            pieces += piece
        return bytes(pieces)


class Channel:
    """The daemon's end: every call has a deadline on the monotonic clock."""

    def __init__(self, source: int, sink: int) -> None:
        self._source, self._sink = source, sink
        os.set_blocking(source, False)
        os.set_blocking(sink, False)

    def send(self, header: Header, blob: bytes = b"", *, deadline: float) -> None:
        """Write a frame; `GoneError` or `LateError`."""
        for piece in (pack(header, blob), blob):
            view = memoryview(piece)
            while view:
                self._wait(self._sink, select.POLLOUT, deadline)
                try:
                    view = view[os.write(self._sink, view[:CHUNK]) :]
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise GoneError from error

    def receive(self, *, deadline: float) -> tuple[Header, bytes]:
        """Read a frame; `GoneError`, `LateError` or `GarbledError`."""
        header_size, blob_size = HEAD.unpack(self._exactly(HEAD.size, deadline))
        if header_size > MAX_HEADER or blob_size > MAX_BLOB:
            raise GarbledError
        try:
            header = json.loads(self._exactly(header_size, deadline))
        except (ValueError, RecursionError) as error:
            raise GarbledError from error
        if not isinstance(header, dict):
            raise GarbledError
        if "spent" in header:
            raise SpentError(str(header["spent"])[:20])
        return header, self._exactly(blob_size, deadline)

    def hung_up(self) -> bool:
        """Whether the worker is gone."""
        poll = select.poll()
        poll.register(self._source, select.POLLRDHUP)
        return bool(poll.poll(0))

    def _exactly(self, size: int, deadline: float) -> bytes:
        pieces = bytearray()
        while len(pieces) < size:
            self._wait(self._source, select.POLLIN, deadline)
            try:
                piece = os.read(self._source, min(size - len(pieces), 1 << 20))
            except BlockingIOError:
                continue
            except OSError as error:
                raise GoneError from error
            if not piece:
                raise GoneError
            pieces += piece
        return bytes(pieces)

    @staticmethod
    def _wait(descriptor: int, event: int, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise LateError
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(left * 1000):
            raise LateError
