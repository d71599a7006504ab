"""A clock that jumps (hostile case 56): nothing is disposed of, no storm of mails, the trail holds, all goes on after.

What decides how long to wait for something (deadlines, back-off, watchdog, polling) runs by the monotonic clock, which
nobody can set; what stands in the records is the clock of the house, and that is turned here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.rules import Rules
from daemon import deliver, disposal, house, pipeline
from daemon import logs as daemon_logs
from outbound.hours import next_opening
from records.audit import broken
from records.errors import RefusedError
from routing.retention import Step
from tests.faults import errand
from tests.faults.test_storage_crashes import begin

Turn = Callable[[timedelta], None]


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> Turn:
    """Sets the clock of the house ahead or back."""

    def by(shift: timedelta) -> None:
        for module in (house, pipeline, deliver):
            monkeypatch.setattr(module, "now", lambda: datetime.now(UTC) + shift)

    return by


@pytest.fixture
def office(tmp_path: Path, made: Path) -> Iterator[errand.Office]:
    """Three arrivals, decided and told about, as the clock was right."""
    with (tmp_path / "log.jsonl").open("w") as log:
        daemon_logs.configure("json", log)
        opened = errand.Office(*begin(tmp_path, made))
        opened.work()
        yield opened
        opened.house.close()


@pytest.mark.parametrize("days", [400, -1])
def test_case_56_a_clock_that_jumps(office: errand.Office, turn: Turn, days: int) -> None:
    """Ahead, disposal asks before anything, and each case brings one mail at most; back, nothing happens; then as before."""
    before = office.seen()
    turn(timedelta(days=days))
    office.work()
    judged = list(disposal.plan(office.house, house.now()))
    assert {one.retention.step for one in judged if one.record} == {Step.LIST if days > 0 else Step.KEEP}
    asked = pytest.raises(RefusedError, match="clock_ahead") if days > 0 else contextlib.nullcontext()
    with asked:
        assert disposal.run(office.house, judged, "machine", house.now(), None) == 0
    there = office.seen()
    assert (there.originals, there.states) == (before.originals, before.states)
    assert there.sent - before.sent <= (len(before.cases) if days > 0 else 0)
    turn(timedelta(0))
    office.work()
    assert office.seen() == there
    assert list(broken(office.house.store.trail(), {})) == []


@pytest.mark.parametrize(("day", "opens_at"), [(datetime(2026, 3, 7, tzinfo=UTC), 15), (datetime(2026, 10, 31, tzinfo=UTC), 16)])
def test_case_56_summer_time_comes_and_goes(day: datetime, opens_at: int) -> None:
    """Twenty-three hours or twenty-five: mail that waits for the office goes out once the doors open by the office's clock."""
    hours = Rules().hours
    moments = {next_opening(day + timedelta(minutes=30 * step), hours) for step in range(48 * 2)}
    monday = (day + timedelta(days=2)).date()
    assert {moment.hour for moment in moments if moment.date() == monday} == {opens_at}
