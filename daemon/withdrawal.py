"""After disposal: originals that still lie in mailbox or folder go, where that is configured (R40).

Nothing is queued: what is there, was ours and is disposed of in the ledger is the work, so that a killed run or an absent
server loses none of it.  Each removal stands in the trail before it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from ingest.source import Doomed
from records import events, withdrawal
from records.errors import TemporaryError
from records.model import Submission

if TYPE_CHECKING:
    from daemon.house import House

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Withdrawn:
    removed: int = 0
    left: int = 0  # still there, and why is in the log
    unreached: int = 0  # sources that could not be asked: at the next run

    def told(self) -> str:
        """For whoever ran it; nothing when there was nothing."""
        lines = [
            (self.removed, "original(s) removed from where they came"),
            (self.left, "original(s) left where they came: the log says why"),
            (self.unreached, "source(s) could not be reached: run `somrr dispose` again"),
        ]
        return "".join(f"{number} {said}\n" for number, said in lines if number)


@dataclass(frozen=True, slots=True)
class OfSource:
    """The ledger's answers to one source."""

    house: House
    source: str
    by: str
    moment: datetime

    def by_key(self, keys: Sequence[str]) -> Mapping[str, Doomed]:
        found = withdrawal.by_key(self.house.store, self.source, keys)
        return {key: _doomed(submission) for key, submission in found.items()}

    def by_size(self, size: int) -> Sequence[Doomed]:
        return [_doomed(submission) for submission in withdrawal.by_size(self.house.store, self.source, size)]

    def going(self, doomed: Doomed) -> None:
        self.house.store.note(self.by, f"original removed from {self.source.partition(':')[0]}", doomed.submission, self.moment)


def withdraw(house: House, by: str, moment: datetime) -> Withdrawn:
    """Ask every source; one that is away keeps no other from being asked."""
    removed = left = unreached = 0
    for source in house.sources:
        try:
            for doomed, code in source.withdraw(OfSource(house, source.name, by, moment)):
                if code == "removed":
                    removed += 1
                    log.info(events.COPY_REMOVED, source=source.name, submission=doomed.submission)
                else:
                    left += 1
                    log.warning(events.COPY_LEFT, source=source.name, submission=doomed.submission, code=code)
        except TemporaryError as fault:
            unreached += 1
            log.warning(events.COPY_LEFT, source=source.name, code=fault.code)
    return Withdrawn(removed, left, unreached)


def _doomed(submission: Submission) -> Doomed:
    return Doomed(submission.id, submission.digest)
