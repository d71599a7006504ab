"""The daemon as a process of its own: how soon it is ready, what it keeps resident, what one large mail adds to that."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
from pydicom import dcmread
from pydicom.uid import UID

from benchmarks.figures import Figure
from benchmarks.processes import MB, cpu_seconds, forget_peak, readers_below, resident, status
from fixtures.dicom import series
from fixtures.people import Calendar
from fixtures.studies import STUDIES
from records import events

STARTS, QUICK_STARTS = 5, 2
MAIL_BYTES = 40 * MB
PATIENCE = 120.0
DECIDED = (events.SUBMISSION_DECIDED, events.SUBMISSION_HELD)


def measure(folder: Path, quick: bool, forms: Path) -> Iterator[Figure]:
    """A daemon as installed, on an empty state directory that an earlier start has made."""
    home = folder / "service"
    shutil.copytree(forms, home / "forms")
    with Daemon(home):
        pass  # makes the ledger
    starts = []
    for _ in range(QUICK_STARTS if quick else STARTS):
        with Daemon(home) as daemon:
            starts.append(daemon.ready_after)
    yield Figure("service", "start until its loops run", statistics.median(starts), "s", most=2)
    with Daemon(home) as daemon:
        daemon.rest()
        idle = status(daemon.pid, "VmRSS")
        yield Figure("service", "idle daemon", idle, "MB", most=150, note="resident; its readers are counted above")
        readers = [resident(family) for family in readers_below(daemon.pid)]
        yield Figure("service", "with its readers", idle + sum(readers), "MB", note=f"{len(readers)} readers")
        forget_peak(daemon.pid)
        began = time.perf_counter()
        post(home, large_mail(MAIL_BYTES))
        daemon.wait_for(*DECIDED)
        seconds = time.perf_counter() - began
        peak = status(daemon.pid, "VmHWM") - idle
        note = f"at its peak, {MAIL_BYTES // MB} MB of CT slices; decided {seconds:.1f} s after it was there"
        yield Figure("service", "a large mail adds", peak, "MB", most=64, note=note)
        daemon.rest()
        yield Figure("service", "and leaves", status(daemon.pid, "VmRSS") - idle, "MB")


class Daemon:
    """`python -m daemon run` on a state directory; inside `with` its loops run."""

    def __init__(self, home: Path) -> None:
        self.home, self.ready_after = home, 0.0

    def __enter__(self) -> Self:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SOMRR_")}
        settings = self.home / "somrr.toml"
        settings.write_text(f'forms = "{self.home / "forms"}"\nlog_format = "json"\n')
        command = [sys.executable, "-m", "daemon", "--config", str(settings), "--home", str(self.home), "run"]
        began = time.perf_counter()
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)  # noqa: S603 - ourselves
        self.wait_for(events.DAEMON_STARTED)
        self.ready_after = time.perf_counter() - began
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for(self, *names: str) -> None:
        """Until one of these is logged; RuntimeError when the daemon ends first, or is ended for its silence."""
        log: IO[str] | None = self._process.stdout
        silence = threading.Timer(PATIENCE, self._process.kill)
        silence.start()
        try:
            for line in log or ():
                if json.loads(line)["event"] in names:
                    return
        finally:
            silence.cancel()
        raise RuntimeError("the daemon ended")

    def rest(self) -> None:
        """Until daemon and readers have done next to nothing for a second (the first second is warming up)."""
        give_up, before = time.monotonic() + PATIENCE, -1.0
        while time.monotonic() < give_up:
            now = cpu_seconds(self.pid)
            if now - before < 0.1 and any(readers_below(self.pid)):
                return
            before = now
            time.sleep(1.5)

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE)


def post(home: Path, mail: Iterator[bytes]) -> None:
    """Deliver into the Maildir as an MTA does: written aside, then renamed."""
    aside = home / "mail" / "tmp" / "large"
    with aside.open("wb") as file:
        file.writelines(mail)
    aside.rename(home / "mail" / "new" / "large")


def large_mail(size: int) -> Iterator[bytes]:
    """A mail of about `size` bytes: CT slices of 512 × 512 pixels as attachments."""
    head = (
        "From: Dr. Example Physician <physician@clinic.example>\r\nTo: intake@hospital.example\r\nSubject: images\r\n"
        "Message-ID: <large@clinic.example>\r\nDate: Wed, 04 Mar 2026 10:00:00 -0800\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="cut"\r\n\r\n--cut\r\nContent-Type: text/plain\r\n\r\n'
        "The images are enclosed.\r\n"
    )
    yield head.encode()
    sent, number = 0, 0
    while sent < size:
        number += 1
        part = base64.encodebytes(slice_of(number)).replace(b"\n", b"\r\n")
        yield b"--cut\r\nContent-Type: application/dicom\r\nContent-Transfer-Encoding: base64\r\n\r\n" + part
        sent += len(part)
    yield b"--cut--\r\n"


def slice_of(number: int) -> bytes:
    """One plain CT slice of the synthetic patient."""
    study = next(study for study in STUDIES.values() if study.modality == "CT")
    image = dcmread(io.BytesIO(series(study, Calendar(date(2026, 3, 1)))[0]))
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = UID(f"{image.SeriesInstanceUID[:50]}.{number}")
    image.InstanceNumber, image.Rows, image.Columns = number, 512, 512
    image.PixelData = np.random.default_rng(number).integers(0, 4096, (512, 512), dtype=np.uint16).tobytes()
    out = io.BytesIO()
    image.save_as(out, enforce_file_format=True)
    return out.getvalue()
