"""Fixtures for every test: the synthetic forms, papers, studies and packets, made once for all processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.make import build


@pytest.fixture(scope="session")
def made() -> Path:
    """The folder of everything that `fixtures.make` makes."""
    return build(Path(__file__).parent.parent / "fixtures" / "made")
