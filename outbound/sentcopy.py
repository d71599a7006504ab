"""Did a mail whose answer was lost go out?  The folder of sent mail may know: many servers keep a copy there.

Reading only, over verified TLS.  A copy that is there proves that the server took the mail; one that is not proves nothing.
"""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Iterable

from config.settings import MailboxSettings
from outbound.addresses import message_ids


class SentCopy:
    """The folder `sent_folder` of the mailbox."""

    def __init__(self, settings: MailboxSettings) -> None:
        self._settings = settings

    def holds(self, candidates: Iterable[str | None]) -> set[str]:
        """Which of these message ids have a copy there; none when the folder can not be asked."""
        wanted = message_ids(candidates)
        if not (wanted and self._settings.host and self._settings.sent_folder):
            return set()
        try:
            return self._ask(wanted)
        except (OSError, imaplib.IMAP4.error, ssl.SSLError):
            return set()

    def _ask(self, wanted: tuple[str, ...]) -> set[str]:
        s = self._settings
        tls = ssl.create_default_context(cafile=s.ca_file)
        with imaplib.IMAP4_SSL(s.host or "", s.port, ssl_context=tls, timeout=s.login_timeout) as client:
            client.login(s.user, s.password.get_secret_value())
            if client.select(_quoted(s.sent_folder), readonly=True)[0] != "OK":
                return set()
            return {one for one in wanted if _found(client.uid("SEARCH", "HEADER", "Message-ID", _quoted(one)))}


def _found(answer: tuple[str, list[bytes | None]]) -> bool:
    status, uids = answer
    return status == "OK" and any(uids)


def _quoted(text: str) -> str:
    """An IMAP quoted string (RFC 9051, section 9)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
