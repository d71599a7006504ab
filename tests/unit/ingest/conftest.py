"""What the tests of the ingest room share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from structlog.typing import EventDict

from config.settings import MailboxSettings
from ingest.source import Source
from tests.servers.dovecot import Dovecot


class Custody:
    """Plays the pipeline: takes what a source yields, and knows afterwards."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def known(self, keys: Sequence[str]) -> set[str]:
        return self.kept.keys() & set(keys)

    def take(self, source: Source) -> list[bytes]:
        """One poll: fetch, keep and acknowledge each arrival; returns the new bytes in the order they came."""
        new = []
        for arrival in source.poll(self.known):
            raw = b"".join(source.fetch(arrival))
            assert arrival.key not in self.kept
            self.kept[arrival.key] = raw
            new.append(raw)
            source.acknowledge(arrival)
        return new


@pytest.fixture
def custody() -> Custody:
    return Custody()


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as events:
        yield events


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as server:
        yield server


@pytest.fixture
def folder(dovecot: Dovecot, request: pytest.FixtureRequest) -> str:
    """A folder of its own for each test."""
    name = f"T{abs(hash(request.node.nodeid))}"
    dovecot.create(name)
    return name


@pytest.fixture
def settings(dovecot: Dovecot, folder: str) -> Callable[..., MailboxSettings]:
    """Settings for that folder, with what the test wants otherwise."""

    def make(**other: object) -> MailboxSettings:
        known: dict[str, object] = {"host": dovecot.host, "port": dovecot.port, "user": dovecot.user, "folder": folder}
        secret = {"password": SecretStr(dovecot.password), "ca_file": dovecot.ca_file}
        return MailboxSettings.model_validate({**known, **secret, **other})

    return make


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    return tmp_path / "drop"
