"""The daemon: load, wire, run, stop.  Three loops joined only by the ledger."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

from config.settings import endpoint
from daemon.digest import Duty
from daemon.health import Health
from daemon.house import House, now
from daemon.notify import Notifier
from daemon.pipeline import Pipeline
from daemon.room import AGAIN
from ingest.backoff import Backoff
from ingest.source import Source
from records import events
from records.errors import SomrrError

log = structlog.get_logger()
TICK = 0.25  # seconds between looks at the ledger
DRAIN = 40.0  # seconds that a step may take to finish after SIGTERM
STUCK = 120.0  # seconds of silence beyond its longest wait after which a loop counts as hung, and the watchdog is let bite


class Loop(threading.Thread):
    """Runs `turn` until stopped; `turn` waits by itself.  A fault never ends it: it backs off and goes on."""

    def __init__(
        self,
        name: str,
        turn: Callable[[], object],
        stop: threading.Event,
        most: float,
        failed: str = events.LOOP_FAILED,
        longest: float = 0.0,  # seconds that it may wait for somebody without a sign of life
        heard: Callable[[], float] = lambda: 0.0,  # a later sign of life from within a long turn
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.turn, self.stop_asked, self.failed, self.heard = turn, stop, failed, heard
        self.backoff, self.turned = Backoff(most=most), time.monotonic()
        self.patience = STUCK + max(longest, most)

    def run(self) -> None:
        while not self.stop_asked.is_set():
            self.turned = time.monotonic()
            try:
                self.turn()
                self.backoff.reset()
            except Exception as fault:
                pause = self.backoff.next()
                code = fault.code if isinstance(fault, SomrrError) else "unforeseen"
                log.warning(self.failed, loop=self.name, code=code, retry_seconds=round(pause, 1), exc_info=fault)
                self.turned = time.monotonic()
                self.stop_asked.wait(pause)

    @property
    def sign(self) -> float:
        """When it last showed life (monotonic)."""
        return max(self.turned, self.heard())

    @property
    def hung(self) -> bool:
        return time.monotonic() - self.sign > self.patience


def run(house: House) -> None:
    """Until SIGTERM or SIGINT; the step under way is drained."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    with house.only_one():
        pipeline = prepare(house)
        loops = _loops(pipeline, stop)
        health = Health(house, pipeline.room, pipeline.polled, loops)
        notifier = Notifier()
        with _answering(health):
            threading.Thread(target=pipeline.warm, name="warm", daemon=True).start()
            for loop in (*loops, _looking(health, stop)):
                loop.start()
            log.info(events.DAEMON_STARTED, sources=len(house.sources))
            notifier.ready()
            while not stop.wait(notifier.interval or 1.0):
                if not any(loop.hung for loop in loops):
                    notifier.watchdog()
            notifier.stopping()
            _drain(pipeline, loops)


@contextmanager
def _answering(health: Health) -> Iterator[None]:
    """Whoever watches is answered, where it is so configured."""
    listen = health.house.settings.metrics.listen
    if listen is None:
        yield
        return
    from daemon.metrics import answering  # its library loads only where it is used

    with answering(health, endpoint(listen)):
        yield


def _looking(health: Health, stop: threading.Event) -> Loop:
    def turn() -> None:
        if not stop.wait(health.house.settings.alarms.look_seconds):
            health.look()

    return Loop("health", turn, stop, 60)


def prepare(house: House) -> Pipeline:
    """What every start does first: sweep what a killed run left, free its claims."""
    pipeline = Pipeline(house)
    _ = house.readers.version  # a machine that can not lock its readers in is refused here, not at the first packet
    swept = house.vault.sweep() + house.keys.sweep()
    lost = house.store.recover(house.mailer.repeatable and house.fax.repeatable)
    if swept or lost:
        log.info(events.WORK_SWEPT, files=swept, uncertain=lost)
    return pipeline


def once(house: House, settled: bool) -> None:
    """All work that is waiting, retries aside; returns when idle."""
    with house.only_one():
        pipeline = prepare(house)
        for source in house.sources:
            _receive_all(pipeline, source)
        while pipeline.decide_next(settled):
            pass
        pipeline.look_again(settled)
        pipeline.show_quarantine()
        while pipeline.deliver_next():
            pass
        Duty(house).look(now())
        pipeline.anchor()


def _receive_all(pipeline: Pipeline, source: Source) -> None:
    """Poll until a file that was still settling down is taken too, or has had its time."""
    pipeline.receive(source)
    deadline = time.monotonic() + source.patience
    while source.unfinished and time.monotonic() < deadline:
        time.sleep(TICK)
        pipeline.receive(source)


def _loops(pipeline: Pipeline, stop: threading.Event) -> list[Loop]:
    house = pipeline.house
    seconds = (house.settings.mailbox.poll_seconds, house.settings.fax.poll_seconds, house.settings.courier.poll_seconds)

    def receive(source: Source, pause: float) -> Callable[[], None]:
        def turn() -> None:
            pipeline.receive(source)
            source.wait(min(pause, AGAIN) if pipeline.room.short else pause, stop)

        return turn

    def moved(source: Source) -> Callable[[], float]:
        return lambda: pipeline.signs.get(source.name, 0.0)

    def decide() -> None:
        pipeline.look_again()
        if pipeline.decide_next():
            pipeline.show_quarantine()
        else:
            pipeline.anchor()
            stop.wait(TICK)

    duty = Duty(house)

    def deliver() -> None:
        if not pipeline.deliver_next():
            duty.look(now())
            stop.wait(TICK)

    s = house.settings
    most = s.mailbox.max_backoff
    failed = (events.MAILBOX_FAILED, events.FOLDER_FAILED, events.FOLDER_FAILED)
    receiving = [
        Loop(
            source.name,
            receive(source, pause),
            stop,
            most,
            event,
            longest=max(pause, s.mailbox.fetch_timeout),
            heard=moved(source),
        )
        for source, pause, event in zip(house.sources, seconds, failed, strict=True)
    ]
    read = max(s.reading.open_seconds, s.reading.page_seconds, s.scanning.timeout if s.scanning.clamd else 0.0)
    sent = s.smtp.timeout + 3 * s.faxing.timeout + s.mailbox.login_timeout  # a fax is three questions to its server

    def heard() -> float:
        return max(house.readers.heard, pipeline.signs.get("decide", 0.0))

    deciding = Loop("decide", decide, stop, 30, longest=read, heard=heard)
    return [*receiving, deciding, Loop("deliver", deliver, stop, 30, longest=sent)]


def _drain(pipeline: Pipeline, loops: list[Loop]) -> None:
    """Let every loop finish its step; a read that takes too long is given back to the ledger, untouched."""
    deadline = time.monotonic() + DRAIN
    for loop in loops:
        loop.join(max(0.0, deadline - time.monotonic()))
    for source in pipeline.house.sources:
        source.close()
    log.info(events.DAEMON_STOPPED)
    if any(loop.is_alive() for loop in loops):
        pipeline.give_back()
        os._exit(0)
