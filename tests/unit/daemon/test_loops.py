"""When a loop counts as hung: after its longest wait and a margin, and never while something shows that it lives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import FolderSettings, MailboxSettings, ScanningSettings, Settings
from daemon import main
from daemon.house import House
from daemon.pipeline import Pipeline
from records.errors import TemporaryError
from records.model import Arrival, Channel, Envelope
from tests.makers import NOW


class Readers:
    """Never asked."""

    heard = 0.0

    def close(self) -> None: ...


def pipeline(house: House) -> Pipeline:
    house.__dict__["readers"] = Readers()
    return Pipeline(house)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    settings = Settings(
        home=tmp_path / "home",
        mailbox=MailboxSettings(poll_seconds=1200),
        fax=FolderSettings(poll_seconds=10),
        scanning=ScanningSettings(clamd="/run/clamd", timeout=200),
    )
    made = House(settings)
    yield made
    made.close()


def test_each_loop_may_be_silent_for_its_own_longest_wait(house: House) -> None:
    """A poll every twenty minutes is no hung mailbox; what hangs is noticed within minutes, not a quarter of an hour."""
    patience = {loop.name: loop.patience - main.STUCK for loop in main._loops(pipeline(house), threading.Event())}
    assert patience == {"maildir": 1200, "fax": 300, "courier": 300, "decide": 200, "deliver": 240}


def test_a_long_turn_lives_as_long_as_something_moves(house: House) -> None:
    """Ten thousand mails at the first start, or one very long one: each piece is a sign of life."""
    made = pipeline(house)
    loop = next(loop for loop in main._loops(made, threading.Event()) if loop.name == "maildir")
    loop.turned -= loop.patience + 1
    assert loop.hung

    class Source:
        name = "maildir"

        def poll(self, _known: object) -> Iterator[Arrival]:
            yield Arrival("maildir", "1", Envelope(Channel.EMAIL, NOW))

        def fetch(self, _arrival: Arrival) -> Iterator[bytes]:
            yield b"piece"
            assert not loop.hung
            raise TemporaryError("away")

    with pytest.raises(TemporaryError):
        made.receive(Source())  # type: ignore[arg-type]  # what receive uses of it
    assert not loop.hung


def test_a_loop_that_waits_after_a_fault_is_not_hung() -> None:
    """Its pause counts from the fault, however long the turn before it took."""
    paused: list[bool] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - the pause itself is not waited for
            paused.append(loop.hung)
            self.set()
            return True

    def turn() -> None:
        loop.turned -= 1000
        raise TemporaryError("away")

    loop = main.Loop("one", turn, Stop(), most=300)
    loop.run()
    assert paused == [False]
