"""Servers and hospitals for stories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.hospital import Hospital
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import SmtpSink


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as server:
        yield server


@pytest.fixture
def smtp() -> Iterator[SmtpSink]:
    with SmtpSink() as server:
        yield server


@pytest.fixture
def embedded(tmp_path: Path, made: Path) -> Hospital:
    """The embedded default: Maildir, folders, mails as files."""
    return Hospital(tmp_path, made / "forms")


@pytest.fixture
def hospital(tmp_path: Path, made: Path, dovecot: Dovecot, smtp: SmtpSink) -> Hospital:
    """Real servers on loopback."""
    return Hospital(tmp_path, made / "forms", dovecot, smtp)
