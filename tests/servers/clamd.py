"""A real clamd on loopback for one test, with signatures of our own: no service of the machine, and nothing fetched."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from config.settings import ScanningSettings
from daemon.fitness.servers import sample_file

UNPACKED = Path(__file__).parents[2] / ".venv" / "clamav"
SIGNATURE = "Somrr.Test.Eicar"
EICAR = sample_file()

CONFIG = """
{listen}
DatabaseDirectory {base}/signatures
TemporaryDirectory {base}
LogFile {base}/clamd.log
Foreground yes
StreamMaxLength {stream}
AlertExceedsMax {alert}
MaxRecursion 8
"""


class Clamd:
    """It knows EICAR and nothing else; `stream_max` is its StreamMaxLength, in bytes."""

    def __init__(self, *, stream_max: int = 25 << 20, alert: bool = True, tcp: bool = False, signature: str = "") -> None:
        self.base = Path(tempfile.mkdtemp(prefix="cl"))
        self.address = f"127.0.0.1:{_free_port()}" if tcp else str(self.base / "clamd.ctl")
        self._daemon: subprocess.Popen[bytes] | None = None
        (self.base / "signatures").mkdir()
        (self.base / "signatures" / "test.ndb").write_text(f"{SIGNATURE}:0:*:{signature or EICAR.hex()}\n")
        where = f"TCPAddr 127.0.0.1\nTCPSocket {self.address[10:]}" if tcp else f"LocalSocket {self.address}"
        words = {"listen": where, "base": self.base, "stream": stream_max, "alert": "yes" if alert else "no"}
        (self.base / "clamd.conf").write_text(CONFIG.format(**words))

    def settings(self, timeout: float = 20) -> ScanningSettings:
        return ScanningSettings(clamd=self.address, timeout=timeout)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.remove()

    def start(self, seconds: float = 20) -> None:
        libraries = ":".join(str(folder) for folder in sorted(UNPACKED.glob("usr/lib/*-linux-gnu")))
        command = [_program(), "-c", str(self.base / "clamd.conf")]
        environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
        self._daemon = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up and self._daemon.poll() is None:
            if self._answers():
                return
            time.sleep(0.02)
        log = self.base / "clamd.log"
        raise RuntimeError(f"clamd did not start: {log.read_text() if log.exists() else 'no log'}")

    def stop(self) -> None:
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            daemon.kill()
            daemon.wait(10)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.base, ignore_errors=True)

    def _answers(self) -> bool:
        near = self.address.startswith("/")
        try:
            with socket.socket(socket.AF_UNIX if near else socket.AF_INET) as probe:
                probe.connect(self.address if near else ("127.0.0.1", int(self.address[10:])))
                probe.sendall(b"zPING\0")
                return probe.recv(16) == b"PONG\0"
        except OSError:
            return False


def _program() -> str:
    unpacked = UNPACKED / "usr" / "sbin" / "clamd"
    path = str(unpacked) if unpacked.exists() else shutil.which("clamd", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        raise RuntimeError("clamd is not there: make .venv/clamav/.unpacked")
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
