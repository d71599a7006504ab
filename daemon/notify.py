"""Word to the service manager: sd_notify(3) as one datagram, nothing where there is no NOTIFY_SOCKET."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


class Notifier:
    """Speaks to the manager that started us; every method does nothing outside systemd."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address  # "@": the abstract namespace
        self._watchdog = _watchdog_seconds(environ)

    @property
    def interval(self) -> float | None:
        """Seconds between calls of `watchdog`, half of what is allowed (sd_watchdog_enabled(3)); None: nobody watches."""
        return self._watchdog

    def ready(self) -> None:
        self._send("READY=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; counts and states only."""
        self._send(f"STATUS={' '.join(text.split())}")

    def watchdog(self) -> None:
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.settimeout(1)  # a manager that does not listen must not hold the daemon
            to.sendto(message.encode(), self._address)


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    microseconds = environ.get("WATCHDOG_USEC", "")
    for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(microseconds) / 2e6 if for_us and microseconds.isdecimal() and int(microseconds) > 0 else None
