"""The service manager hears READY, STOPPING, STATUS and WATCHDOG over a real datagram socket."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A stand-in for systemd listening at a path or in the abstract namespace, and its NOTIFY_SOCKET."""
    name = f"@somrr-test-{secrets.token_hex(8)}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name[1:] if name.startswith("@") else name)
        listening.settimeout(5)
        yield listening, name


def test_every_word_arrives_as_one_datagram(manager: tuple[socket.socket, str]) -> None:
    """Each call is one message in the protocol of sd_notify(3), at a path and in the abstract namespace."""
    listening, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready()
    notifier.status("3 waiting,\n0 held")
    notifier.watchdog()
    notifier.stopping()
    heard = [listening.recv(4096) for _ in range(4)]
    assert heard == [b"READY=1", b"STATUS=3 waiting, 0 held", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_status_can_not_smuggle_another_word(manager: tuple[socket.socket, str]) -> None:
    """A line break in a status is no new assignment."""
    listening, name = manager
    Notifier({"NOTIFY_SOCKET": name}).status("idle\nMAINPID=1")
    assert listening.recv(4096).count(b"\n") == 0


@pytest.mark.parametrize("address", ["", "/nonexistent/notify", "@somrr-nobody-listens"])
def test_without_a_listening_manager_nothing_happens(address: str) -> None:
    """Outside systemd, or when it does not answer, the daemon goes on."""
    notifier = Notifier({"NOTIFY_SOCKET": address} if address else {})
    notifier.ready()
    notifier.watchdog()
    notifier.stopping()


def test_a_full_socket_does_not_hold_the_daemon(tmp_path: Path) -> None:
    """A manager that stopped reading costs a second, not the loop."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(address)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
            filler.setblocking(False)
            with pytest.raises(BlockingIOError):
                while True:
                    filler.sendto(b"x", address)
        Notifier({"NOTIFY_SOCKET": address}).watchdog()


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(environ: dict[str, str], interval: float | None) -> None:
    """Half of WATCHDOG_USEC, and only when it is meant for this process (sd_watchdog_enabled(3))."""
    assert Notifier(environ).interval == interval
