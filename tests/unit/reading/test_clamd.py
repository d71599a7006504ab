"""What a real clamd passes and does not pass, and that nothing passes when it is not sure or not there."""

from __future__ import annotations

import io
import socket
import tempfile
import threading
import zipfile
from base64 import encodebytes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from config.settings import ScanningSettings
from reading.clamd import Clamd, NoScanner, NotPassedError
from records import events
from records.errors import TemporaryError
from tests.servers import clamd as real
from tests.servers.clamd import EICAR, SIGNATURE

LIMIT = 300_000


@pytest.fixture(scope="module")
def running() -> Iterator[real.Clamd]:
    with real.Clamd(stream_max=LIMIT) as server:
        yield server


@pytest.fixture
def scanner(running: real.Clamd) -> Clamd:
    return Clamd(running.settings())


def zipped(content: bytes, depth: int = 1) -> bytes:
    for _ in range(depth):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner.bin", content)
        content = packed.getvalue()
    return content


def mail(attachment: bytes) -> bytes:
    head = b"From: a@clinic.example\nMIME-Version: 1.0\nContent-Type: application/zip\nContent-Transfer-Encoding: base64\n\n"
    return head + encodebytes(attachment)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 nothing to see", zipped(b"harmless"), mail(zipped(b"harmless"))])
def test_what_it_does_not_know_passes(scanner: Clamd, content: bytes) -> None:
    """In one piece or in pieces of one byte; an empty chunk in between does not end the stream."""
    scanner.scan([content])
    scanner.scan([b"", content[:1], b"", content[1:]])


@pytest.mark.parametrize("content", [EICAR, zipped(EICAR), mail(zipped(EICAR))], ids=["bare", "zip", "mail"])
def test_what_it_knows_is_held_by_the_signature_s_name(scanner: Clamd, content: bytes) -> None:
    """Bare, in an archive, in an archive in a mail; nothing of the original is in the detail."""
    with pytest.raises(NotPassedError) as told:
        scanner.scan([content])
    assert (told.value.code, told.value.detail) == ("malware", f"{SIGNATURE}.UNOFFICIAL")


@pytest.mark.parametrize(("size", "passes"), [(LIMIT - 1, True), (LIMIT, True), (LIMIT + 1, False), (40 * LIMIT, False)])
def test_a_stream_over_its_limit_was_not_scanned(scanner: Clamd, size: int, passes: bool) -> None:
    """StreamMaxLength at L-1, L and L+1, and far over it, where clamd hangs up in the middle."""
    chunks = [b"x" * min(65536, size - start) for start in range(0, size, 65536)]
    if passes:
        scanner.scan(chunks)
        return
    with pytest.raises(NotPassedError) as told:
        scanner.scan(chunks)
    assert (told.value.code, told.value.detail) == ("not_scanned", "StreamMaxLength")


@pytest.mark.parametrize(("depth", "passes"), [(6, True), (20, False)])
def test_what_it_did_not_look_into_to_the_end_was_not_scanned(scanner: Clamd, depth: int, passes: bool) -> None:
    """clamd's own limit on nesting (8 here), told because AlertExceedsMax is on."""
    if passes:
        scanner.scan([zipped(b"harmless", depth)])
        return
    with pytest.raises(NotPassedError) as told:
        scanner.scan([zipped(b"harmless", depth)])
    assert (told.value.code, told.value.detail) == ("not_scanned", "Heuristics.Limits.Exceeded.MaxRecursion")


def test_over_tcp_on_loopback() -> None:
    """The same answers, and an original far over the limit still has its own."""
    with real.Clamd(tcp=True, stream_max=LIMIT) as server:
        scanner = Clamd(server.settings())
        scanner.scan([b"harmless"])
        for content, code in ((EICAR, "malware"), (b"x" * (40 * LIMIT), "not_scanned")):
            with pytest.raises(NotPassedError, match=code):
                scanner.scan([content])
        assert scanner.version().startswith("ClamAV ")


def test_a_scanner_that_is_away_is_told_once_and_again_when_it_is_back() -> None:
    """Three tries without clamd are one alarm; the first answer ends it; the next absence is another."""
    with real.Clamd() as server:
        scanner = Clamd(server.settings())
        server.stop()
        with structlog.testing.capture_logs() as lines:
            for _ in range(3):
                with pytest.raises(TemporaryError, match="scanner_away"):
                    scanner.scan([EICAR])
            server.start()
            scanner.scan([b"harmless"])
            server.stop()
            with pytest.raises(TemporaryError, match="scanner_away"):
                scanner.scan([b"harmless"])
    assert [line["event"] for line in lines] == [events.SCANNER_AWAY, events.ALARM_ENDED, events.SCANNER_AWAY]


@contextmanager
def answering(how: Callable[[socket.socket], None]) -> Iterator[Clamd]:
    """A server that is not clamd: each connection is handled by `how`."""
    with tempfile.TemporaryDirectory(prefix="cl") as base, socket.socket(socket.AF_UNIX) as server:
        path = str(Path(base) / "clamd.ctl")
        server.bind(path)
        server.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    how(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Clamd(ScanningSettings(clamd=path, timeout=0.3))
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def said(answer: bytes) -> Callable[[socket.socket], None]:
    def how(connection: socket.socket) -> None:
        heard = b""
        while not heard.endswith(b"\0\0\0\0"):
            heard += connection.recv(65536)
        connection.sendall(answer)

    return how


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "scanner_lost"),
        (b"stream: OK", "scanner_lost"),
        (b"x" * 10_000, "scanner_lost"),
        (b"stream: Can't allocate memory ERROR\0", "scanner_failed"),
        (b"stream: OK and more\0", "scanner_failed"),
        (b"other: OK\0", "scanner_failed"),
        (b"\xff\xfe\0", "scanner_failed"),
    ],
)
def test_any_other_answer_is_none(answer: bytes, code: str) -> None:
    """Cut short, garbled, an error: only the one exact sentence passes anything."""
    with answering(said(answer)) as scanner, pytest.raises(TemporaryError, match=code):
        scanner.scan([b"harmless"])


def test_a_signature_with_a_strange_name_is_not_repeated() -> None:
    """Staff are told that it is malware; words that are no signature's name are left out."""
    with answering(said(b"stream: Evil \x1b[31m name FOUND\0")) as scanner, pytest.raises(NotPassedError) as told:
        scanner.scan([b"harmless"])
    assert (told.value.code, told.value.detail) == ("malware", "")


def test_an_original_that_it_never_gets_done_with_was_not_scanned() -> None:
    """No answer in time while clamd answers others: the original is to blame, and is held rather than tried for ever."""

    def how(connection: socket.socket) -> None:
        if connection.recv(10) == b"zVERSION\0":
            connection.sendall(b"ClamAV 1.4.3\0")
        else:
            thread = threading.Thread(target=kept, args=(connection.dup(),), daemon=True)
            thread.start()

    def kept(connection: socket.socket) -> None:
        with connection:
            while connection.recv(65536):
                pass

    with answering(how) as scanner, pytest.raises(NotPassedError) as told:
        scanner.scan([b"harmless"])
    assert (told.value.code, told.value.detail) == ("not_scanned", "scanning.timeout")


def test_a_scanner_that_hangs_is_away() -> None:
    """It takes everything and answers nobody."""
    ended = threading.Event()

    def how(_connection: socket.socket) -> None:
        ended.wait(10)

    with answering(how) as scanner:
        with pytest.raises(TemporaryError, match="scanner_away"):
            scanner.scan([b"harmless"])
        ended.set()


def test_without_a_scanner_all_passes() -> None:
    """The embedded default; `somrr doctor` warns of it."""
    NoScanner().scan([EICAR])
    NoScanner().locked()
    with pytest.raises(ValueError, match="no clamd"):
        Clamd(ScanningSettings())
