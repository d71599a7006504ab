"""A small IMAP server that behaves well, so that a test can make one thing about it bad (RFC 3501, 6851, 2177).

Each fault is a subclass that overrides one answer; `heard` keeps every line a client sent.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

CAPABILITIES_BEFORE = "IMAP4rev1 AUTH=PLAIN IDLE"
CAPABILITIES_AFTER = "IMAP4rev1 IDLE MOVE"


class HangUp(Exception):  # noqa: N818 - a wish, not an error
    """Raised by an answer to close the connection."""


class ImapServer:
    """Serves `mails` (UID → raw bytes) in one folder on `localhost:port`; trust it with `ca_file`."""

    host = "localhost"
    names: tuple[str, ...] = ("localhost", "127.0.0.1")  # on the certificate
    trusted = True  # whether `ca_file` vouches for the certificate
    expired = False
    tls = True
    validity = 7

    def __init__(self, *mails: bytes) -> None:
        self.mails = dict(enumerate(mails, 1))
        self.heard: list[str] = []
        self.connections = 0
        self.over = threading.Event()  # a fake that falls silent waits for this
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        authority = trustme.CA()
        self._directory = tempfile.TemporaryDirectory(prefix="im")
        self.ca_file = Path(self._directory.name) / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        until = datetime.now(UTC) - timedelta(days=1) if self.expired else None
        issuer = authority if self.trusted else trustme.CA()
        issuer.issue_cert(*self.names, not_after=until).configure_cert(self._context)
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.over.set()
        for each in (self._socket, *self._open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for each in (self._socket, *self._open):
            each.close()
        self._directory.cleanup()

    # the answers, each to be overridden by a fault

    def greet(self, line: Line) -> None:
        line.say("* OK ready")

    def capability(self, line: Line) -> None:
        line.say(f"* CAPABILITY {CAPABILITIES_AFTER if line.logged_in else CAPABILITIES_BEFORE}")
        line.done()

    def login(self, line: Line) -> None:
        line.logged_in = True
        line.done()

    def examine(self, line: Line) -> None:
        line.say("* FLAGS (\\Seen)")
        line.say(f"* {len(self.mails)} EXISTS")
        line.say(f"* OK [UIDVALIDITY {self.validity}] valid")
        line.done("[READ-ONLY] selected" if line.words[1].upper() == "EXAMINE" else "[READ-WRITE] selected")

    def search(self, line: Line) -> None:
        line.say(f"* SEARCH {' '.join(map(str, self.mails))}".rstrip())
        line.done()

    def fetch(self, line: Line) -> None:
        for uid in map(int, line.words[3].split(",")):
            if uid in self.mails:
                part = re.search(r"BODY\.PEEK\[\]<(\d+)\.(\d+)>", line.text)
                if part:
                    self.body(line, uid, int(part[1]), int(part[2]))
                else:
                    self.description(line, uid)
        line.done()

    def description(self, line: Line, uid: int) -> None:
        found = re.search(rb"(?im)^message-id:.*$", self.mails[uid])
        header = (found[0].strip() if found else b"") + b"\r\n\r\n"
        date = "24-Nov-2026 09:00:00 +0000"
        line.say(
            f'* {uid} FETCH (UID {uid} RFC822.SIZE {len(self.mails[uid])} INTERNALDATE "{date}"'
            f" BODY[HEADER.FIELDS (MESSAGE-ID)] {{{len(header)}}}"
        )
        line.send(header + b")\r\n")

    def body(self, line: Line, uid: int, start: int, most: int) -> None:
        part = self.mails[uid][start : start + most]
        line.say(f"* {uid} FETCH (UID {uid} BODY[]<{start}> {{{len(part)}}}")
        line.send(part + b")\r\n")

    def store(self, line: Line) -> None:
        line.done()

    def move(self, line: Line) -> None:
        for uid in map(int, line.words[3].split(",")):
            self.mails.pop(uid, None)
        line.done()

    def idle(self, line: Line) -> None:
        line.say("+ idling")
        line.hear()  # DONE
        line.done()

    def logout(self, line: Line) -> None:
        line.say("* BYE")
        line.done()
        raise HangUp

    # the machinery

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # answers are sent in small pieces
            self._open.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.tls:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            line = Line(self, connection)
            self.greet(line)
            while line.hear():
                words = line.words
                command = words[2] if words[1].upper() == "UID" else words[1]
                answers = {"SELECT": self.examine}
                answers.get(command.upper(), getattr(self, command.lower(), None) or (lambda line: line.done(status="BAD")))(line)
        except (OSError, ValueError, IndexError, HangUp):
            pass  # the client went away, or the fault wants to
        finally:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]  # a bound method
        self._threads.append(thread)
        thread.start()


class Line:
    """One connection: the command at hand and what is said back."""

    def __init__(self, server: ImapServer, connection: socket.socket) -> None:
        self._server = server
        self._connection = connection
        self._file = connection.makefile("rb")
        self.text = ""
        self.words: list[str] = []
        self.logged_in = False

    def hear(self) -> bool:
        """Read the next line; False at the end."""
        raw = self._file.readline(1 << 16)
        self.text = raw.decode("latin-1").strip()
        if raw:
            self._server.heard.append(self.text)
        if len(self.text.split()) > 1:
            self.words = self.text.split()
        return bool(raw)

    def send(self, raw: bytes) -> None:
        self._connection.sendall(raw)

    def say(self, text: str) -> None:
        self.send(text.encode("latin-1") + b"\r\n")

    def done(self, text: str = "done", status: str = "OK") -> None:
        self.say(f"{self.words[0]} {status} {text}")
