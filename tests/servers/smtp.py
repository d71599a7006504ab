"""A real SMTP server on loopback for one test: STARTTLS required, mails collected, one fault at a time on demand.

`SmtpSink` is a context manager; `stop()` and `start()` in between keep the port, so that an outage can be played.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import tempfile
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from config.settings import SmtpSettings

HOST = "127.0.0.1"
Stage = Literal["GREETING", "AUTH", "MAIL", "RCPT", "DATA", "DOT"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong and where: DATA is before the server asks for the text, DOT after it was given.

    `does` is an answer ("450 4.2.0 later"), or `close` (the connection drops), or `silent` (no answer ever).
    """

    stage: Stage
    does: str


@dataclass(frozen=True, slots=True)
class Received:
    """One mail that the sink accepted."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    encrypted: bool
    asked: tuple[str, ...] = ()  # options of MAIL and RCPT about delivery reports

    def message(self) -> EmailMessage:
        parsed = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass
class SmtpSink:
    """`tls`: how the server offers it; `name`: whose name its certificate bears; `trusted`: whether `ca_file` signed it."""

    tls: Literal["starttls", "implicit", "none"] = "starttls"
    name: str = HOST
    trusted: bool = True
    expired: bool = False
    login: tuple[str, str] | None = None
    fault: Fault | None = None
    dsn: bool = False  # offers delivery reports (RFC 3461)
    only_sender: str | None = None  # the one address that may stand in MAIL, as some submission servers have it
    port: int = 0
    mails: list[Received] = field(default_factory=list)
    in_clear: bytearray = field(default_factory=bytearray)  # every byte that came in without encryption

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="smtp-sink-")
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority = trustme.CA()
        until = datetime.now(UTC) - timedelta(days=1) if self.expired else None
        authority.issue_cert(self.name, not_after=until).configure_cert(self._context)
        self.ca_file = Path(self._folder.name) / "authority.pem"
        (authority if self.trusted else trustme.CA()).cert_pem.write_to_path(str(self.ca_file))
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._thread is not None:
            self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._sessions: list[_Session] = []
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _loop, _context: None)  # broken dialogues are what this server is for
        self._thread: threading.Thread | None = threading.Thread(target=self._loop.run_forever, name="smtp-sink", daemon=True)
        self._thread.start()
        self._server = self._run(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Drop every connection and stop listening."""
        assert self._thread is not None
        self._run(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._thread = None
        self._loop.close()

    def settings(self, timeout: float = 5) -> SmtpSettings:
        """What a courier needs to reach this server."""
        user, password = self.login or ("", "")
        return SmtpSettings.model_validate(
            {
                "host": HOST,
                "port": self.port,
                "tls": "implicit" if self.tls == "implicit" else "starttls",
                "user": user,
                "password": password,
                "ca_file": self.ca_file,
                "timeout": timeout,
            }
        )

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        implicit = self._context if self.tls == "implicit" else None
        return await self._loop.create_server(lambda: _Session(self), HOST, self.port, ssl=implicit)

    async def _shut(self) -> None:
        self._server.close()
        for session in self._sessions:
            session.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0.01)  # the aborted transports' own callbacks


class _Hooks:
    """aiosmtpd calls these by name; each answers for the fault of its stage, or accepts."""

    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's own name
        self, _server: _Session, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *(["250-DSN"] if self._sink.dsn else []), responses[-1]]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's own name
        self, server: _Session, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        only = self._sink.only_sender
        if only is not None and address.strip("<>") not in (only, ""):
            return "550 5.7.60 not allowed to send as this sender"
        envelope.mail_from = address
        return await server.play("MAIL") or "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's own name
        self, server: _Session, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        refusal = await server.play("RCPT")
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's own name
        self, server: _Session, session: Session, envelope: Envelope
    ) -> str:
        refusal = await server.play("DOT")
        if refusal is None:
            content = bytes(envelope.original_content or b"")
            encrypted = session.ssl is not None or self._sink.tls == "implicit"
            sender, asked = (envelope.mail_from or "").strip("<>"), tuple(server.asked)
            self._sink.mails.append(Received(sender, tuple(envelope.rcpt_tos), content, encrypted, asked))
        return refusal or "250 2.0.0 kept"


class _Session(SMTP):
    """One connection, which can be told to fail."""

    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink
        super().__init__(
            _Hooks(sink),
            hostname="sink.example",
            loop=sink._loop,
            tls_context=sink._context if sink.tls == "starttls" else None,
            require_starttls=sink.tls == "starttls",
            auth_required=sink.login is not None and sink.tls == "starttls",
            auth_require_tls=sink.tls == "starttls",  # it does not see that implicit TLS is TLS, and warns
            authenticator=self._check_login,
            data_size_limit=None,
        )
        self.asked: list[str] = []
        sink._sessions.append(self)

    def data_received(self, data: bytes) -> None:
        if self._sink.tls != "implicit" and self._tls_protocol is None:
            self._sink.in_clear += data
        super().data_received(data)

    def abort(self) -> None:
        for transport in (self.transport, self._original_transport):
            if transport is not None and hasattr(transport, "abort"):
                transport.abort()

    async def play(self, stage: Stage) -> str | None:
        """Do what the fault says at this stage; the answer that it gives, None when all is well."""
        fault = self._sink.fault
        if fault is None or fault.stage != stage:
            return None
        if fault.does == "close":
            self.abort()
            await asyncio.sleep(3600)  # connection_lost cancels this
        if fault.does == "silent":
            await asyncio.sleep(3600)
        return fault.does

    async def _handle_client(self) -> None:
        refusal = await self.play("GREETING")
        if refusal is None:
            await super()._handle_client()
        else:
            await self.push(refusal)
            self.abort()

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's own name
        self.asked = []
        await super().smtp_MAIL(self._without_reports(arg))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's own name
        await super().smtp_RCPT(self._without_reports(arg))

    def _without_reports(self, arg: str | None) -> str | None:
        """Its options taken off and kept: aiosmtpd does not know them."""
        if not self._sink.dsn or arg is None:
            return arg
        words = arg.split(" ")
        self.asked += [word for word in words if word.startswith(("RET=", "ENVID=", "NOTIFY="))]
        return " ".join(word for word in words if word not in self.asked)

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's own name
        refusal = await self.play("DATA")
        if refusal is None:
            await super().smtp_DATA(arg)
        else:
            await self.push(refusal)

    def _check_login(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, auth: Any) -> AuthResult:
        known = self._sink.login is not None and (auth.login.decode(), auth.password.decode()) == self._sink.login
        return AuthResult(success=known, handled=False)
