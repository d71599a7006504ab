"""Row 2: started after a kill with a thousand arrivals waiting, the daemon is ready within ten seconds."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from config.settings import Settings
from daemon.house import House
from records.model import Arrival, Channel, Envelope, Kept

WAITING = 1000
READY = 10.0  # seconds


def queue(home: Path) -> None:
    """A thousand arrivals in custody that nobody has decided; one sealed object is enough, the ledger is what is asked."""
    house = House(Settings(home=home))

    @event.listens_for(house.store.engine, "connect")
    def _quickly(connection: object, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]  # a test's own shortcut

    house.store.engine.dispose()
    key = house.vault.keep([b"Synthetic words"]).key
    moment = datetime(2026, 11, 24, tzinfo=UTC)
    for number in range(WAITING):
        arrival = Arrival("maildir", str(number), Envelope(Channel.EMAIL, moment))
        house.store.accept(arrival, Kept(f"{number:064x}", 1, key), moment)
    house.close()


@pytest.mark.timeout(120)
def test_row_02_ready_again_with_a_thousand_waiting(tmp_path: Path) -> None:
    """Killed while it works them off, and started anew: READY=1, with every one of them still there."""
    home = tmp_path / "var"
    queue(home)
    command = [sys.executable, "-m", "daemon", "--home", str(home), "run"]
    took = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        environ = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        for _ in range(2):
            began = time.monotonic()
            with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
                assert manager.recv(100) == b"READY=1"
                took.append(time.monotonic() - began)
                time.sleep(0.5)
                daemon.send_signal(signal.SIGKILL)
    print(f"ready after {took[0]:.1f} s, after a kill {took[1]:.1f} s")
    assert max(took) < READY
    house = House(Settings(home=home))
    assert len(house.store.submissions()) == WAITING
    house.close()
