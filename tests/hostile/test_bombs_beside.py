"""The short form of `make bombs-campaign`: good packets do not wait for a bomb that another reader holds."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

import daemon.pipeline
from config.settings import ReadingSettings
from fixtures import hostile
from reading.sandbox import WorkerPool
from tests.hostile.__main__ import Ward, good, p95, queued


def test_case_64_good_packets_pass_a_bomb_by(tmp_path: Path) -> None:
    """All of them are read, wholly, before the bomb's time is over."""
    with WorkerPool(
        ReadingSettings(workers=2, sandbox="bwrap", open_seconds=60, cpu_seconds=8, memory_bytes=6 << 30), None
    ) as pool:
        ward = Ward(pool, tmp_path)
        packets = [good(number) for number in range(6)]
        alone = ward.all(packets)
        bomb = threading.Thread(target=ward.read, args=(hostile.endless_pdf(), "bad"))
        bomb.start()
        time.sleep(0.5)
        beside = ward.all(packets)
        assert bomb.is_alive(), f"alone {p95(alone):.1f} s, beside {p95(beside):.1f} s"
        assert ward.unread == 0
        bomb.join()


def test_case_64_good_packets_in_the_queue_wait_for_one_first_try_of_a_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two bombs came first; all good ones are decided before either of them, which has its full time afterwards."""
    monkeypatch.setattr(daemon.pipeline, "FIRST_TRY", 1.5)
    evil = [hostile.endless_pdf(), hostile.endless_pdf() + b" "]
    reading = ReadingSettings(workers=2, sandbox="bwrap", open_seconds=60, cpu_seconds=8, memory_bytes=6 << 30)
    seconds, bombs = queued(tmp_path, [good(number) for number in range(4)], evil, reading)
    assert (bombs, seconds < 30) == (0, True), f"{seconds:.1f} s"
