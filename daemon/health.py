"""Is all as it should be?  Looked at again and again; a trouble is told once when it begins, and once when it is over.

`live` asks whether a restart would help, `unready` what keeps the work from being done.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from daemon.house import House, now
from daemon.room import Room
from records import events
from records.errors import ConfigurationError
from records.figures import Figures, figures

log = structlog.get_logger()


class Turning(Protocol):
    """A loop, as seen from outside."""

    name: str

    @property
    def sign(self) -> float:
        """When it last showed life (monotonic)."""

    @property
    def hung(self) -> bool: ...

    def is_alive(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not as it should be; the same trouble is one however its figures change."""

    code: str
    event: str = field(compare=False)
    source: str | None = None
    figures: Mapping[str, object] = field(default_factory=dict, compare=False)


class Health:
    """Of one running daemon."""

    def __init__(self, house: House, room: Room, polled: Mapping[str, float], loops: Sequence[Turning]) -> None:
        self.house, self.room, self.polled, self.loops = house, room, polled, loops
        self.started = now()
        self.told: set[Trouble] = set()
        self._reading: tuple[float, str | None] = (0.0, None)

    def figures(self) -> Figures:
        return figures(self.house.store)

    def look(self) -> None:
        """Tell what has begun since the last look, and what is over."""
        found = set(self._troubles(self.figures(), now()))
        for trouble in sorted(found - self.told, key=lambda one: one.code):
            named = {"source": trouble.source} if trouble.source else {}
            log.warning(trouble.event, **named, **trouble.figures)
        for over in sorted(self.told - found, key=lambda one: one.code):
            log.info(events.ALARM_ENDED, code=over.code, source=over.source)
        self.told = found

    def live(self) -> bool:
        return all(loop.is_alive() and not loop.hung for loop in self.loops)

    def unready(self) -> Iterator[str]:
        """What stands in the way, in words of this file; nothing when the work is done."""
        for loop in self.loops:
            if loop.hung or not loop.is_alive():
                yield f"the {loop.name} loop hangs"
        try:
            self.house.store.head()
        except Exception:
            yield "the ledger does not answer"
        if not self.room.holds():
            yield "the disk is full"
        if (why := self._readers()) is not None:
            yield why

    def keys(self) -> str | None:
        """What is wrong with the master key's file; None when nothing is, or it is no file."""
        file = self.house.keys.file
        if file is None:
            return None
        try:
            mode = file.stat().st_mode
        except OSError:
            return "missing"
        return "open_to_others" if stat.S_IMODE(mode) & 0o077 else None

    def _troubles(self, seen: Figures, at: datetime) -> Iterator[Trouble]:
        alarms = self.house.settings.alarms
        waited = at - (seen.oldest_waiting or at)
        if waited > timedelta(minutes=alarms.waiting_minutes):
            yield Trouble("waiting", events.WORK_LATE, figures={"seconds": round(waited.total_seconds())})
        for source, allowed in self._silence().items():
            quiet = at - seen.last_arrivals.get(source, self.started)
            if allowed and quiet > timedelta(hours=allowed):
                yield Trouble("silent", events.SOURCE_SILENT, source, {"seconds": round(quiet.total_seconds())})
        if (wrong := self.keys()) is not None:
            yield Trouble("keys", events.KEYS_UNFIT, figures={"code": wrong})
        if not seen.trail_sound:
            yield Trouble("trail", events.AUDIT_BROKEN)

    def _silence(self) -> dict[str, float]:
        """Hours of silence that each source may keep."""
        s = self.house.settings
        hours = (s.mailbox.silent_hours, s.fax.silent_hours, s.courier.silent_hours)
        return {source.name: allowed for source, allowed in zip(self.house.sources, hours, strict=True)}

    def _readers(self) -> str | None:
        """The sandbox is asked at most as often as the rest is looked at: asking it starts a process."""
        asked, answer = self._reading
        if time.monotonic() - asked > self.house.settings.alarms.look_seconds or not asked:
            answer = _reading_works(self.house)
            self._reading = (time.monotonic(), answer)
        return answer


def _reading_works(house: House) -> str | None:
    from reading.jail import way

    try:
        way(house.settings.reading)
    except ConfigurationError:
        return "no reader can be started"
    return None
