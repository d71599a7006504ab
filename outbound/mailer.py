"""Handing a message to the next mail server, or to a folder, and saying honestly what became of it.

The one hard question of SMTP is a lost answer (RFC 1047): once the server has asked for the text and we have begun
to give it, silence does not mean "not sent".  So the dialogue is driven step by step here, and whatever breaks
before that point is `deferred`, whatever breaks after it is `uncertain`.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Protocol

from aiosmtplib import SMTP, SMTPException, SMTPResponseException, SMTPServerDisconnected

from config.settings import SmtpSettings
from outbound.mime import to_bytes
from outbound.outgoing import Clock, Mark, deliver_file, no_mark, utc_now
from records.errors import ConfigurationError
from records.model import Delivery, Message, Outcome

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|\Z)")  # RFC 3463
_DOTS = re.compile(rb"(?m)^\.")
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_GO_AHEAD, _PERMANENT = 354, 5
_GOODBYE_SECONDS = 2


class Courier(Protocol):
    """Takes a message to its reader by one channel."""

    repeatable: bool  # sending the same message again changes nothing for its reader

    def send(self, message: Message, mark: Mark = no_mark) -> Delivery:
        """One attempt, blocking.  Faults of the way are the Delivery's outcome; only a message that must not go out raises.

        `mark` is called once, just before the point of no return; when it raises, nothing goes out.
        """
        ...


class FileCourier:
    """Writes `<update>.eml` into a folder: the embedded default, where no server is configured."""

    repeatable = True

    def __init__(self, outgoing: Path, clock: Clock = utc_now) -> None:
        self._outgoing = outgoing
        self._clock = clock

    def send(self, message: Message, mark: Mark = no_mark) -> Delivery:
        raw = to_bytes(message)
        mark()
        return deliver_file(self._outgoing, f"{message.update}.eml", raw, self._clock)


class SmtpCourier:
    """Submits to one server over verified TLS, never in clear (RFC 8314, RFC 3207)."""

    repeatable = False

    def __init__(self, settings: SmtpSettings, clock: Clock = utc_now) -> None:
        """Raises ConfigurationError `smtp_host` or `smtp_ca_file`."""
        if not settings.host:
            raise ConfigurationError("smtp_host", "no outgoing server is configured")
        self._settings = settings
        self._clock = clock
        try:
            self._tls = ssl.create_default_context(cafile=settings.ca_file)
        except OSError as fault:
            raise ConfigurationError("smtp_ca_file", "can not be read as certificates") from fault

    def send(self, message: Message, mark: Mark = no_mark) -> Delivery:
        return self.deliver(message.update, message.return_path, message.to, to_bytes(message), mark)

    def deliver(self, update: str, sender: str, to: str, raw: bytes, mark: Mark = no_mark) -> Delivery:
        """One attempt with these bytes; `sender` is where bounces go, "" the null sender."""
        attempt = _Attempt(self._settings, self._tls, mark)
        outcome, code = asyncio.run(attempt.run(_Envelope(update, sender, to), raw))
        return Delivery(outcome, code, self._clock())


@dataclass(frozen=True, slots=True)
class _Envelope:
    """What the dialogue says before the text."""

    update: str
    sender: str
    to: str

    @property
    def untagged(self) -> str:
        """The sender without the token for bounces."""
        local, at, domain = self.sender.rpartition("@")
        return f"{re.sub(rf'[+=-]{re.escape(self.update)}$', '', local)}{at}{domain}"

    def asks(self, report: bool) -> tuple[list[str], list[str]]:
        """Options of MAIL and RCPT (RFC 3461): bounces name the update and quote no body; answers want no bounce."""
        if not report:
            return [], []
        return ["RET=HDRS", f"ENVID={self.update}"], ["NOTIFY=FAILURE" if self.sender else "NOTIFY=NEVER"]


class _Stage(IntEnum):
    CONNECT = 0  # greeting and TLS: what fails is about the server
    LOGIN = 1
    ENVELOPE = 2  # from here on a refusal is about this message
    GIVEN = 3  # the server may hold the message


class _Attempt:
    """One dialogue, and how far it came."""

    def __init__(self, settings: SmtpSettings, tls: ssl.SSLContext, mark: Mark) -> None:
        self._settings = settings
        self._mark = mark
        self._stage = _Stage.CONNECT
        self._transport: asyncio.BaseTransport | None = None
        implicit = settings.tls == "implicit"
        self._client = SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=implicit,
            start_tls=not implicit,  # True is "required"; the library's default would go on in clear without it
            tls_context=tls,
            timeout=settings.timeout,
            local_hostname=_own_host(),
        )

    async def run(self, envelope: _Envelope, raw: bytes) -> tuple[Outcome, str]:
        """Outcome and code; the settings' `timeout` bounds the attempt as a whole."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                return self._answered(*await self._dialogue(envelope, raw))
        except SMTPResponseException as refusal:
            return self._answered(refusal.code, refusal.message)
        except TimeoutError:
            return self._broken("timeout")
        except (ssl.SSLError, SMTPException, OSError, ValueError) as fault:
            return self._broken(self._name(fault))
        finally:
            await self._part()

    async def _dialogue(self, envelope: _Envelope, raw: bytes) -> tuple[int, str]:
        """The server's last word: code and text."""
        await self._client.connect()
        self._transport = self._client.transport
        if self._settings.user:
            self._stage = _Stage.LOGIN
            await self._client.login(self._settings.user, self._settings.password.get_secret_value())
        if self._client.is_ehlo_or_helo_needed:
            await self._client.ehlo()
        self._stage = _Stage.ENVELOPE
        of_mail, of_rcpt = envelope.asks(self._client.supports_extension("dsn"))
        try:
            await self._client.mail(envelope.sender, options=of_mail)
        except SMTPResponseException as refusal:  # a server may let us send as the mailbox and nothing else
            if refusal.code // 100 != _PERMANENT or envelope.untagged == envelope.sender:
                raise
            await self._client.mail(envelope.untagged, options=of_mail)
        await self._client.rcpt(envelope.to, options=of_rcpt)
        self._mark()
        code, text = await self._client.execute_command(b"DATA")
        if code != _GO_AHEAD:
            raise SMTPResponseException(code, text)
        return await self._give(raw)

    async def _give(self, raw: bytes) -> tuple[int, str]:
        # Not `SMTP.data`: it does not tell silence before the 354 from silence after the dot.
        protocol = self._client.protocol
        if protocol is None:
            raise SMTPServerDisconnected("connection lost")
        protocol.write(_DOTS.sub(b"..", raw) + b".\r\n")
        self._stage = _Stage.GIVEN
        return await protocol.read_response(timeout=self._settings.timeout)

    async def _part(self) -> None:
        """End the connection; how that goes does not matter, the verdict stands."""
        if self._client.is_connected:
            with contextlib.suppress(SMTPException, OSError, ValueError):
                await self._client.quit(timeout=_GOODBYE_SECONDS)
        self._client.close()
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()  # a farewell of TLS would outlive this loop, and its socket with it
            await asyncio.sleep(0)

    def _answered(self, code: int, text: str) -> tuple[Outcome, str]:
        """RFC 5321 4.2.1: the first digit decides; before the envelope a refusal is the server's trouble, not the message's."""
        outcome = {2: Outcome.SENT, 4: Outcome.DEFERRED, 5: Outcome.FAILED}.get(code // 100)
        if self._stage is _Stage.LOGIN:
            return Outcome.DEFERRED, "auth"
        if outcome is None or (outcome is Outcome.SENT and self._stage is not _Stage.GIVEN):
            return self._broken("protocol")
        enhanced = _ENHANCED.match(text)
        word = f"{code} {enhanced[0]}" if enhanced else str(code)
        return (Outcome.DEFERRED if self._stage is _Stage.CONNECT else outcome), word

    def _broken(self, code: str) -> tuple[Outcome, str]:
        self._client.close()  # out of step with the server: no farewell
        return (Outcome.UNCERTAIN if self._stage is _Stage.GIVEN else Outcome.DEFERRED), code

    def _name(self, fault: Exception) -> str:
        if isinstance(fault, ssl.SSLError) or isinstance(fault.__cause__, ssl.SSLError):
            return "tls"
        if isinstance(fault, SMTPServerDisconnected):
            return "disconnected"
        if isinstance(fault, OSError):
            return "connect"
        # the library's plain faults: no STARTTLS offered, no way to log in offered
        return {_Stage.CONNECT: "tls", _Stage.LOGIN: "auth"}.get(self._stage, "protocol")


def _own_host() -> str:
    """Our name in EHLO, without asking the name service for it."""
    name = socket.gethostname()
    return name if _HOST.fullmatch(name) else "localhost"
