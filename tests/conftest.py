"""Fixtures for every test: the synthetic forms, papers, studies and packets, made once for all processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from fixtures.make import build

# how fast a shared machine draws its examples says nothing about the code; the same examples in every run, so that a
# red test is red for everybody.  HYPOTHESIS_SEARCH=1 looks for new ones.
settings.register_profile(
    "somrr",
    suppress_health_check=[HealthCheck.too_slow],
    deadline=None,
    derandomize="HYPOTHESIS_SEARCH" not in os.environ,
)
settings.load_profile("somrr")


@pytest.fixture(scope="session")
def made() -> Path:
    """The folder of everything that `fixtures.make` makes."""
    return build(Path(__file__).parent.parent / "fixtures" / "made")


@pytest.fixture(autouse=True)
def _pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader sets Pillow's limit for its whole process: no test leaves it to the next."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)


@pytest.fixture(scope="session", autouse=True)
def _memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a daemon lays open in memory goes when its tests are over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNTIME_DIRECTORY", str(tmp_path_factory.mktemp("run")))
        yield
