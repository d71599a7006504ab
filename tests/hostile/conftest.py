"""The readers that all cases share: jailed as ever, with short times: two seconds of computing for any one file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from config.settings import ReadingSettings
from fixtures import dicom
from fixtures.people import Calendar
from fixtures.studies import STUDIES
from reading.sandbox import WorkerPool
from tests.hostile.bench import Bench


@pytest.fixture(scope="session")
def readers() -> Iterator[WorkerPool]:
    with WorkerPool(ReadingSettings(workers=2, sandbox="bwrap", open_seconds=4, cpu_seconds=2), None) as pool:
        yield pool


@pytest.fixture
def bench(readers: WorkerPool, tmp_path: Path) -> Bench:
    return Bench(readers, tmp_path)


@pytest.fixture(scope="session")
def image() -> bytes:
    """A DICOM file that is as it should be."""
    return dicom.series(STUDIES["ct-chest", "en"], Calendar.of(date(2026, 11, 1)))[0]
