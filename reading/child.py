"""One reader at work, as the pool sees it: whoever started it, the same frames, the same end."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Protocol

from reading.limits import Limits
from reading.wire import Channel, WireError
from records.errors import TemporaryError

START_SECONDS = 30
TRUST = "trust"  # as reading.signatures has it, whose libraries the daemon does not need


class Child(Protocol):
    """A worker (reading.worker) and the daemon's end of its wire."""

    generation: str  # the reader's version it was started under
    born: float  # on the monotonic clock
    channel: Channel

    def alive(self) -> bool:
        """Whether it can be given an order."""

    def how_it_ended(self) -> str:
        """For the record, of one that is gone: its signal or status, as far as we can know."""

    def kill(self) -> None:
        """End it and all that it started."""


def greet(child: Child, limits: Limits, *, forms: str | None = None, sent: Path | None = None, parent: int = 0) -> None:
    """The first words: limits, where the registered blanks are (or the blanks themselves), and the answer that it is ready."""
    files = registered(sent) if sent else []
    hello = {"limits": dataclasses.asdict(limits), "forms": forms, "files": len(files), "parent": parent}
    deadline = time.monotonic() + START_SECONDS
    try:
        child.channel.send(hello, deadline=deadline)
        for path in files:
            child.channel.send({"file": f"{path.parent.name}/{path.name}"}, path.read_bytes(), deadline=deadline)
        answer, _ = child.channel.receive(deadline=deadline)
    except (WireError, OSError):
        child.kill()
        raise
    if "ready" not in answer:  # the operator's folder: work waits until it is mended
        child.kill()
        raise TemporaryError("forms_unusable", str(answer.get("unusable", ""))[:80])


def registered(folder: Path) -> list[Path]:
    """The files that a worker needs of the registered forms: each blank with its TOML, and the trusted certificates."""
    homes = [home for home in sorted(folder.iterdir()) if home.name == TRUST or (home / "form.toml").is_file()]
    return [path for home in homes if home.is_dir() for path in sorted(home.iterdir()) if path.is_file()]
