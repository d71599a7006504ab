"""A keyring for every test of the records."""

from __future__ import annotations

from pathlib import Path

import pytest

from records.keys import Keyring


@pytest.fixture
def keys(tmp_path: Path) -> Keyring:
    """A fresh keyring, beside what the test makes."""
    return Keyring(tmp_path / "keys")
