"""Faults of the folder that the embedded default writes to."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from outbound.faxing import FileFax
from outbound.mailer import Courier, FileCourier
from records.model import Outcome
from tests.unit.outbound.making import NOW, message


def couriers(folder: Path) -> list[Courier]:
    return [FileCourier(folder, clock=lambda: NOW), FileFax(folder, clock=lambda: NOW)]


def test_a_failing_disk_is_temporary_and_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EIO on fsync: deferred, and neither a half file nor a name that promises a whole one."""

    def failing(_descriptor: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    for courier in couriers(tmp_path):
        delivery = courier.send(message())
        assert (delivery.outcome, delivery.code) == (Outcome.DEFERRED, "disk")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none_is_temporary(tmp_path: Path) -> None:
    """A file stands where the folder should be, or its parent is away."""
    (tmp_path / "outgoing").touch()
    for courier in couriers(tmp_path / "outgoing"):
        assert courier.send(message()).outcome is Outcome.DEFERRED


def test_a_left_over_of_a_killed_run_is_written_over(tmp_path: Path) -> None:
    """What a kill left under the temporary name does not reach the final one."""
    sent = message()
    (tmp_path / f".{sent.update}.eml.part").write_bytes(b"half a mail")
    FileCourier(tmp_path).send(sent)
    (written,) = tmp_path.iterdir()
    assert written.name == f"{sent.update}.eml"
    assert written.read_bytes().startswith(b"To: physician@example.org\r\n")


def test_the_name_appears_only_after_its_bytes_are_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes, then fsync, then the name, then fsync of the folder."""
    steps: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        steps.append("fsync")
        real_fsync(descriptor)

    def replace(path: Path, target: Path) -> Path:
        steps.append("rename")
        return real_replace(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    FileCourier(tmp_path).send(message())
    assert steps == ["fsync", "rename", "fsync"]
