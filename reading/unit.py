"""Readers that systemd starts, one for each connection to a socket (`somrr-read.socket`), each locked in by its own unit.

The daemon then needs no right to make a sandbox, and a reader has not even the daemon's user.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

from reading.child import START_SECONDS, greet
from reading.limits import Limits
from reading.wire import Channel


def unit_works(place: Path) -> str | None:
    """None when the socket is there and is for us, else one sentence for the operator."""
    if not place.is_socket():
        return "the readers' socket is not there: systemctl enable --now somrr-read.socket"
    if not os.access(place, os.W_OK):
        return "the readers' socket is there but not for this user: run as the daemon's user (somrr)"
    return None


class UnitChild:
    """`Child` at the other end of a socket.  Closing it is the kill: the worker sees it, or its fuse ends it (reading.worker)."""

    def __init__(self, place: Path, limits: Limits, forms: Path | None, generation: str) -> None:
        self.generation, self.born = generation, time.monotonic()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(START_SECONDS)
        try:
            self._socket.connect(str(place))
        except OSError:
            self._socket.close()
            raise
        self.channel = Channel(self._socket.fileno(), self._socket.fileno())
        greet(self, limits, sent=forms)

    def alive(self) -> bool:
        """Not after it has hung up."""
        return not self.channel.hung_up()

    def how_it_ended(self) -> str:
        """Only systemd's journal knows more."""
        return "its connection closed"

    def kill(self) -> None:
        """Hang up, in both directions."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
