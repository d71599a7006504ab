"""The whole life of a few arrivals as one errand that may be killed anywhere and begun again: received, decided, told
about, held, shown, released, and in the end disposed of.

Everything is real but the reading, which is remembered from elsewhere so that a run takes a second.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from config.settings import Settings
from daemon import deliver, disposal, house, logs, main, pipeline
from daemon.house import House
from outbound.mailer import FileCourier
from records.errors import RefusedError
from records.model import Reading, SubmissionState
from routing.rulings import discard, release
from tests.servers.walking import walk

READING = TypeAdapter(Reading)
LATER, GRACE = timedelta(days=200), timedelta(days=15)
HOURS = {"opens": "00:00:00", "closes": "23:59:59.999999", "weekdays": list(range(7)), "country": "", "state": ""}


class End(NamedTuple):
    """What must be the same however often the errand was killed."""

    originals: tuple[str, ...]  # hashes of what is in custody and whole
    states: tuple[str, ...]
    cases: tuple[tuple[str, tuple[str, ...]], ...]  # status and the kinds of papers
    updates: tuple[tuple[str, str], ...]
    held: tuple[tuple[str, str], ...]
    sent: int  # files in outgoing


class Remembered:
    """Readers that have read everything already."""

    version, heard = "1", 0.0

    def __init__(self, file: Path) -> None:
        self._known = json.loads(file.read_text())

    def read(self, _raw: object, digest: str, _name: str | None = None, patience: float | None = None) -> Reading:  # noqa: ARG002 - the protocol's
        return READING.validate_python(self._known[digest])

    def picture(self, _raw: object, _digest: str, _part: str | None) -> list[tuple[str, bytes]]:
        return [("page.png", b"a picture made by us")]

    def warm(self) -> None: ...

    def close(self) -> None: ...


def remember(raws: list[bytes], file: Path) -> None:
    """Read them now, without recognition, and write down what was read."""
    known = {}
    for raw in raws:
        seen, digest = walk(raw, "file.bin"), hashlib.sha256(raw).hexdigest()
        reading = Reading(digest, "1", "message/rfc822", tuple(seen.parts), tuple(seen.problems), seen.mail, ())
        known[digest] = READING.dump_python(reading, mode="json")
    file.write_text(json.dumps(known))


class Office:
    """One state directory, and beside it what is not ours: the fax server's share, the mailbox, the post that went out."""

    def __init__(self, home: Path, outside: Path) -> None:
        self.outside = outside
        for name in ("fax", "courier", "mail"):
            (outside / name).mkdir(exist_ok=True, parents=True)
        drop: dict[str, Any] = {"quiet_seconds": 0}
        told: dict[str, Any] = {
            "home": home,
            "min_free": 1 << 20,
            "quarantine": home / "quarantine",
            "fax": {**drop, "path": outside / "fax", "after": "remove"},
            "courier": {**drop, "path": outside / "courier"},
            "rules": {"rhythm": {"settle_minutes": 0}, "hours": HOURS},
        }
        servers = outside / "servers.json"
        told |= json.loads(servers.read_text()) if servers.exists() else {}
        self.house = House(Settings.model_validate(told))
        self.house.__dict__["readers"] = Remembered(outside / "readings.json")
        if not servers.exists():
            self.house.__dict__["mailer"] = FileCourier(outside / "outgoing")

    def work(self) -> None:
        """All that is to do, up to what staff let go; nothing is done twice."""
        with self.house.only_one():
            steps = main.prepare(self.house)
            for _ in range(4):  # what staff let go may be held once more, for another reason
                for source in self.house.sources:
                    steps.receive(source)
                while steps.decide_next(True):
                    pass
                steps.look_again(True)
                steps.show_quarantine()
                while steps.deliver_next():
                    pass
                if not self.let_go():
                    break
            steps.anchor()

    def let_go(self) -> int:
        """Staff release what is held as a paper and discard the rest; returns how many."""
        count = 0
        for held in self.house.store.held():
            try:
                if held.document is not None:
                    ruled = release(held, "Example Staff", "medical_record")
                else:
                    ruled = discard(held, "Example Staff", "asked for again")
                self.house.store.rule(ruled, house.now())
            except RefusedError:
                continue
            count += 1
        return count

    def end(self) -> None:
        """Years of silence: cases are listed, and disposed of after the grace."""
        for moment in (house.now() + LATER, house.now() + LATER + GRACE):
            judged = list(disposal.plan(self.house, moment))
            due = sum(one.retention.step.value == "dispose" for one in judged)
            disposal.run(self.house, judged, "Example Staff", moment, due)

    @property
    def ending(self) -> bool:
        """Disposal has begun."""
        return any(s.state is SubmissionState.DISPOSED for s in self.house.store.submissions())

    def seen(self) -> End:
        store = self.house.store
        submissions = [s for s in store.submissions() if s.state is not SubmissionState.DISPOSED]
        cases = store.cases()
        return End(
            tuple(sorted(s.digest for s in submissions if self.house.vault.intact(s.digest))),
            tuple(sorted(s.state.value for s in store.submissions())),
            tuple(sorted((r.case.status.value, tuple(sorted(d.document.kind.value for d in r.documents))) for r in cases)),
            tuple(sorted((u.event.value, u.status.value) for u in store.outbox() if u.event.value != "disposal_near")),
            tuple(sorted((h.reason, h.state.value) for h in store.held(None))),
            len(list((self.outside / "outgoing").glob("*.eml"))),
        )


def errand(home: str, outside: str, *words: str) -> None:
    pipeline.PAUSE = timedelta(0)  # after a temporary fault nobody waits
    deliver.__dict__["next_try"] = lambda *_: house.now()
    logs.configure("json", io.StringIO())  # said to nobody: every write that is left is one to the disk
    office = Office(Path(home), Path(outside))
    office.work()
    if "end" in words:
        office.end()
    office.house.close()


if __name__ == "__main__":
    errand(*sys.argv[1:])
