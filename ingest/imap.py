"""One verified and bounded IMAP conversation: what the mailbox may say costs limited time and memory.

Everything that a server answers is hostile.  Each operation has a deadline that ends a drip of bytes (a socket
timeout alone does not: it restarts with each byte) and a budget of bytes that ends a flood.  Whatever goes wrong
becomes a `TemporaryError` with a code and the connection is dropped; server text never travels, it may quote mail.

Of imap-tools only connecting, selecting and IDLE are used: its `flag`, `move` and `delete` can expunge mails
that somebody else has marked \\Deleted.
"""

from __future__ import annotations

import contextlib
import imaplib
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from typing import cast

from imap_tools.errors import MailboxLoginError
from imap_tools.mailbox import MailBox
from imap_tools.utils import encode_folder

from config.settings import MailboxSettings
from ingest.answers import Description, fetched
from ingest.deadline import Deadline, Watchdog
from ingest.headers import HEADER_BYTES
from ingest.source import ArrivalError
from records.errors import ConfigurationError, TemporaryError

ANSWER_BYTES = 32 << 20  # all that the answer to one command may hold: a search over a few million mails
IDLE_SLICE = 0.5  # how soon a stop is seen
IDLE_MOST = 28 * 60.0  # RFC 2177: re-issue IDLE at least every 29 minutes
GOODBYE_SECONDS = 3.0

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_KEYWORD = re.compile(r"[A-Za-z0-9$_.-]{1,64}")


class _Client(imaplib.IMAP4_SSL):
    """imaplib with a verified handshake inside the deadline, and a budget on what is read."""

    def __init__(self, settings: MailboxSettings, context: ssl.SSLContext, deadline: Deadline) -> None:
        self._raw: socket.socket | None = None
        self._context = context
        self._deadline = deadline
        self._literal_most = max(settings.part_bytes, HEADER_BYTES) + 4096
        self.budget = ANSWER_BYTES
        self.watchdog = Watchdog(self.hang_up)
        try:
            with self.watchdog.over(deadline):
                super().__init__(settings.host or "", settings.port, ssl_context=context, timeout=deadline.left())
        except BaseException:
            self.watchdog.close()
            raise

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        self._raw = plain = socket.create_connection((self.host, self.port), timeout)
        if self._deadline.passed:  # while connecting there was nothing to shut
            plain.close()
            raise TimeoutError
        try:
            self._raw = wrapped = self._context.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
            wrapped.do_handshake()
        except BaseException:
            self._raw.close()
            raise
        return wrapped

    def read(self, size: int) -> bytes:
        """A literal; CPython before gh-119511 would allocate whatever size the server announces."""
        if size > self._literal_most:
            raise self.abort("literal too large")
        self._spend(size)
        return super().read(size)

    def readline(self) -> bytes:
        line = super().readline()
        self._spend(len(line))
        return line

    def _spend(self, size: int) -> None:
        self.budget -= size
        if self.budget < 0:
            raise self.abort("answer too large")

    def shutdown(self) -> None:
        self.watchdog.close()
        super().shutdown()

    def hang_up(self) -> None:
        """From another thread: end every read and write at once, leaving the TLS layer in place."""
        raw = self._raw
        if raw is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(raw, socket.SHUT_RDWR)


class _MailBox(MailBox):
    """imap-tools over our client."""

    def __init__(self, settings: MailboxSettings, context: ssl.SSLContext, deadline: Deadline) -> None:
        self._how = (settings, context, deadline)
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        return _Client(*self._how)


def check(settings: MailboxSettings) -> None:
    """Refuse what can not work or could smuggle a command (ConfigurationError)."""
    texts = {"folder": settings.folder, "move_to": settings.move_to, "user": settings.user, "host": settings.host or ""}
    for name, text in {**texts, "password": settings.password.get_secret_value()}.items():
        if _CONTROL.search(text):
            raise ConfigurationError("mailbox_setting", f"mailbox.{name} holds a control character")
    if settings.ca_file is not None and not settings.ca_file.is_file():
        raise ConfigurationError("mailbox_setting", "mailbox.ca_file is not there")
    if not _KEYWORD.fullmatch(settings.keyword):
        raise ConfigurationError("mailbox_setting", "mailbox.keyword must be 1-64 of A-Z a-z 0-9 $ _ . -")


class Session:
    """One logged-in connection to one folder; raises only `TemporaryError`, after which it is closed."""

    def __init__(self, settings: MailboxSettings) -> None:
        """Connect by implicit TLS, verify the server, log in and read its capabilities again.

        Nothing is sent before the certificate is verified.  Dovecot tells MOVE and UIDPLUS only after login.
        """
        check(settings)
        self._settings = settings
        self._open = True
        self.validity = 0
        deadline = Deadline(settings.login_timeout)
        with self._faults(deadline):
            context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._box = _MailBox(settings, context, deadline)
        with self._asking(deadline):
            self._log_in()
            self._client._get_capabilities()
        self._client.sock.settimeout(settings.fetch_timeout)

    @property
    def open(self) -> bool:
        return self._open

    def can(self, capability: str) -> bool:
        """Whether the server said so after login."""
        return capability in self._client.capabilities

    def uids(self, *, writable: bool = False) -> list[int]:
        """Select the folder anew and list all UIDs in it; `validity` is its UIDVALIDITY (RFC 3501 2.3.1.1).

        Read-only (EXAMINE) unless mails are to be marked, moved or removed.
        """
        with self._asking():
            self._box.folder.set(self._settings.folder, readonly=self._settings.after == "leave" and not writable)
            [validity] = self._client.response("UIDVALIDITY")[1]
            self.validity = int(validity)
        return self._search("ALL")

    def unmarked(self, keyword: str) -> list[int]:
        """UIDs of the selected folder without this keyword."""
        return self._search("UNKEYWORD", keyword)

    def describe(self, uids: Sequence[int]) -> list[Description]:
        """One round trip for many mails; those that are gone are absent."""
        wanted = "(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
        with self._asking():
            answer = self._uid("FETCH", ",".join(map(str, uids)), wanted)
            asked = set(uids)
            found = (each.description() for each in fetched(answer))
            once = {each.uid: each for each in found if each is not None and each.uid in asked}
            return [once[uid] for uid in uids if uid in once]

    def part(self, uid: int, offset: int, size: int, deadline: Deadline) -> bytes:
        """At most `size` raw bytes from `offset` on, empty at the end; never sets \\Seen."""
        with self._asking(deadline):
            status, answer = self._client.uid("FETCH", str(uid), f"(UID BODY.PEEK[]<{offset}.{size}>)")
            if status != "OK":
                raise ArrivalError("mail_refused")
            for each in fetched(answer):
                if (body := each.body(uid, offset)) is not None:
                    return body[:size]
        raise ArrivalError("mail_gone")

    def mark(self, uids: Sequence[int], keyword: str) -> bool:
        """Add the keyword; False when the server refuses."""
        with self._asking():
            status, _ = self._client.uid("STORE", _set(uids), "+FLAGS.SILENT", f"({keyword})")
        return bool(status == "OK")

    def move(self, uids: Sequence[int], folder: str) -> bool:
        """UID MOVE (RFC 6851), one atomic command; False when the server refuses.  Never COPY and delete."""
        imaplib.Commands.setdefault("MOVE", ("SELECTED",))
        with self._asking():
            status, _ = self._client.uid("MOVE", _set(uids), encode_folder(folder).decode("ascii"))
        return bool(status == "OK")

    def remove(self, uid: int) -> str:
        """Expunge this one mail (UID EXPUNGE, RFC 4315): `removed`, or why not.

        Never a plain EXPUNGE, which would take along what somebody else has marked.
        """
        if not (self.can("UIDPLUS") or self.can("IMAP4REV2")):
            return "no_uidplus"
        with self._asking():
            status, _ = self._client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)")
            if status != "OK":
                return "refused"
            status, _ = self._client.uid("EXPUNGE", str(uid))
            if status != "OK":
                self._client.uid("STORE", str(uid), "-FLAGS.SILENT", r"(\Deleted)")
        return "removed" if status == "OK" else "refused"

    def idle(self, seconds: float, stop: threading.Event) -> None:
        """Wait for the server to announce a mail; returns early on `stop` too (RFC 2177)."""
        ends = time.monotonic() + min(seconds, IDLE_MOST)
        deadline = Deadline(self._settings.login_timeout)
        with self._asking(deadline):
            self._box.idle.start()  # type: ignore[no-untyped-call]  # imap-tools types only some
        with self._faults(None):
            said = self._said_already()
        while not any(map(_announces, said)) and not stop.is_set() and (left := ends - time.monotonic()) > 0:
            began = time.monotonic()
            with self._faults(None):
                said = self._box.idle.poll(timeout=min(IDLE_SLICE, left))
            if not said and time.monotonic() - began < min(IDLE_SLICE, left) / 2:
                break  # readable yet silent: the server hung up, which DONE will find
        with self._asking(Deadline(self._settings.login_timeout)):
            self._box.idle.stop()  # type: ignore[no-untyped-call]  # imap-tools types only some

    def close(self) -> None:
        """Say goodbye, briefly; never raises."""
        if not self._open:
            return
        with contextlib.suppress(TemporaryError), self._asking(Deadline(GOODBYE_SECONDS)):
            self._client.logout()
        self._drop()

    @property
    def _client(self) -> _Client:
        return cast("_Client", self._box.client)

    def _log_in(self) -> None:
        user, password = self._settings.user, self._settings.password.get_secret_value()
        log_in = self._box.login if (user + password).isascii() else self._box.login_utf8
        log_in(user, password, initial_folder=None)

    def _search(self, *criteria: str) -> list[int]:
        with self._asking():
            lines = self._uid("SEARCH", *criteria)
            found = {int(word) for line in lines if isinstance(line, bytes) for word in line.split()}
            if any(not 0 < uid < 1 << 32 for uid in found):
                raise TemporaryError("mailbox_protocol", "UID")
            return sorted(found)

    def _uid(self, command: str, *words: str) -> list[object]:
        status, answer = self._client.uid(command, *words)
        if status != "OK":
            raise TemporaryError("mailbox_refused", command)
        return list(answer)

    def _said_already(self) -> list[bytes]:
        """Lines that came in the same packet as IDLE's continuation: imap-tools polls the socket, not the buffer."""
        said: list[bytes] = []
        self._client.sock.settimeout(0)
        with contextlib.suppress(OSError, imaplib.IMAP4.abort):
            while len(said) < 1000:
                said.append(self._client._get_line())
        self._client.sock.settimeout(self._settings.fetch_timeout)
        return said

    @contextlib.contextmanager
    def _asking(self, deadline: Deadline | None = None) -> Iterator[None]:
        """Guard one or more commands of one operation."""
        if not self._open:
            raise TemporaryError("mailbox_disconnected")
        deadline = deadline or Deadline(self._settings.fetch_timeout)
        self._client.budget = ANSWER_BYTES
        with self._faults(deadline), self._client.watchdog.over(deadline):
            yield

    @contextlib.contextmanager
    def _faults(self, deadline: Deadline | None) -> Iterator[None]:
        """Turn what went wrong into a code; the original text may quote mail and is cut off."""
        try:
            yield
        except ArrivalError:
            raise
        except TemporaryError:
            self._drop()
            raise
        except Exception as fault:  # imaplib and imap-tools raise nearly any type on nonsense from a server
            self._drop()
            code = "mailbox_timeout" if deadline is not None and deadline.passed else _code(fault)
            raise TemporaryError(code, type(fault).__name__) from None

    def _drop(self) -> None:
        self._open = False
        box = getattr(self, "_box", None)
        if box is not None:
            with contextlib.suppress(OSError, ValueError):
                box.client.shutdown()


def _code(fault: Exception) -> str:
    """The fixed word for a fault of the connection."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return "tls_certificate"
    if isinstance(fault, ssl.SSLError):
        return "tls_failed"
    if isinstance(fault, TimeoutError):
        return "mailbox_timeout"
    if isinstance(fault, (OSError, imaplib.IMAP4.abort)):
        return "mailbox_disconnected"
    if isinstance(fault, MailboxLoginError):
        return "login_refused"
    return "mailbox_protocol"


def _set(uids: Sequence[int]) -> str:
    return ",".join(map(str, uids))


def _announces(line: bytes) -> bool:
    return bool(re.match(rb"\* \d+ (EXISTS|RECENT)\b", line))
