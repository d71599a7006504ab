"""clamd asked about an original before anybody parses it: INSTREAM over its socket, closed when in doubt.

Three answers and no fourth: it passes, or NotPassedError (`malware`, or `not_scanned` where clamd stopped at a limit of
its own, which says nothing about the rest), or TemporaryError: clamd is away, and the submission waits.
"""

from __future__ import annotations

import re
import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog

from config.settings import ScanningSettings, endpoint
from records import events
from records.errors import PermanentError, TemporaryError

log = structlog.get_logger()

PIECE = 1 << 20
ANSWER_BYTES = 4096
CONNECT_SECONDS = 10.0
LIMITS = "Heuristics.Limits.Exceeded"  # clamd's own name for what it did not look at to the end
SIGNATURE = re.compile(r"[\w.:/-]{1,80}", re.ASCII)


class NotPassedError(PermanentError):
    """`detail` is the signature's or the limit's name, nothing of the original."""


class Scanner(Protocol):
    """Whoever looks at originals before they are read."""

    def scan(self, chunks: Iterable[bytes]) -> None:
        """All of the bytes; NotPassedError, or TemporaryError when no answer can be had."""

    def locked(self) -> None:
        """What was locked in them, and was opened by the reader, the scanner could not see."""


class NoScanner:
    """None is configured."""

    def scan(self, chunks: Iterable[bytes]) -> None:
        pass

    def locked(self) -> None:
        pass


class Clamd:
    """The scanner behind `scanning.clamd`.

    `scanner_away`: it can not be reached, which says nothing about the bytes.  `scanner_lost` and `scanner_failed`: that
    happened while it had them, and they may be the reason.  Each is told once, until it answers again.
    """

    def __init__(self, settings: ScanningSettings) -> None:
        if not settings.clamd:
            raise ValueError("no clamd is configured")
        self._address, self._timeout = settings.clamd, settings.timeout
        self._away = False

    def scan(self, chunks: Iterable[bytes]) -> None:
        try:
            refused = _refused(self._stream(chunks))
        except TemporaryError as fault:
            if not self._away and fault.code.startswith("scanner"):
                self._away = True
                log.warning(events.SCANNER_AWAY, code=fault.code)
            raise
        if self._away:
            self._away = False
            log.info(events.ALARM_ENDED, code="scanner")
        if refused is not None:
            raise refused

    def locked(self) -> None:
        raise NotPassedError("not_scanned", "files that a password locks")

    def version(self) -> str:
        """`ClamAV 1.4.3/27800/Mon Nov 23 09:00:00 2026`: program, signatures, their date."""
        with self._connected() as connection:
            try:
                connection.sendall(b"zVERSION\0")
                return _answer(connection)
            except OSError:
                raise TemporaryError("scanner_away") from None

    def _stream(self, chunks: Iterable[bytes]) -> str:
        """clamd answers and hangs up as soon as it has had enough: then the answer is read, and the rest not sent."""
        with self._connected() as connection:
            try:
                connection.sendall(b"zINSTREAM\0")
                for piece in _pieces(chunks):
                    if select.select([connection], [], [], 0)[0]:
                        break
                    connection.sendall(struct.pack(">I", len(piece)) + piece)
                else:
                    connection.sendall(struct.pack(">I", 0))
            except (BrokenPipeError, ConnectionResetError):
                pass
            except OSError:  # a send that is never taken: it hangs
                raise TemporaryError("scanner_lost") from None
            return self._waited(connection)

    def _waited(self, connection: socket.socket) -> str:
        """An original that clamd is not done with in time, while it still answers others, was not scanned."""
        try:
            return _answer(connection)
        except TimeoutError:
            self.version()
            return "time limit exceeded. ERROR"

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        near = self._address.startswith("/")
        with socket.socket(socket.AF_UNIX if near else socket.AF_INET6 if "[" in self._address else socket.AF_INET) as connection:
            connection.settimeout(CONNECT_SECONDS)
            try:
                connection.connect(self._address if near else endpoint(self._address))
            except OSError:
                raise TemporaryError("scanner_away") from None
            connection.settimeout(self._timeout)
            yield connection


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Never an empty one: that would end the stream."""
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE):
            yield chunk[start : start + PIECE]


def _answer(connection: socket.socket) -> str:
    """Up to the NUL; TimeoutError when it takes too long, all in all."""
    said, deadline = b"", time.monotonic() + (connection.gettimeout() or 0)
    while not said.endswith(b"\0"):
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            more = connection.recv(ANSWER_BYTES)
        except TimeoutError:
            raise
        except OSError:
            more = b""
        if not more or len(said) > ANSWER_BYTES:
            raise TemporaryError("scanner_lost")
        said += more
    return said[:-1].decode("utf-8", "replace")


def _refused(answer: str) -> NotPassedError | None:
    if answer == "stream: OK":
        return None
    if answer.endswith(" FOUND"):
        name = answer.removeprefix("stream: ").removesuffix(" FOUND")
        shown = name if SIGNATURE.fullmatch(name) else ""
        return NotPassedError("not_scanned" if name.startswith(LIMITS) else "malware", shown)
    if "limit exceeded" in answer:
        return NotPassedError("not_scanned", "StreamMaxLength" if "size" in answer else "scanning.timeout")
    raise TemporaryError("scanner_failed")
