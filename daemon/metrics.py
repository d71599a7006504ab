"""Figures for Prometheus, and the two questions of whoever watches: GET /metrics, /live, /ready.

What happened is counted from the log's own events, so that nothing can happen uncounted; how things stand is asked of
the ledger when somebody looks, at most every few seconds.  A label is a word of our own: an event, a reason, a state,
a channel, a configured source; nothing that came from outside, and nobody's id.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from config.reasons import reasons
from config.settings import Endpoint
from daemon.health import Health
from daemon.house import now
from daemon.redaction import Line
from records import events
from records.errors import ConfigurationError
from records.figures import Figures

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's lack; it would make a series for each series
FRESH = 5.0  # seconds in which another look at the ledger would say the same
SECONDS = (0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 900, 3600, 14400, 86400)
AT_ONCE = 8  # answers being given; who comes on top is hung up on
PATIENCE = 5.0  # seconds that a client may take to say what it wants
OTHER = "other"


class Counted:
    """A processor of the log that lets each line pass and counts it."""

    def __init__(self, sources: Collection[str], registry: CollectorRegistry) -> None:
        self._sources = sources
        self._events = Counter("somrr_events", "Events of docs/EVENTS.md.", ["event"], registry=registry)
        self._taken = Counter("somrr_accepted", "Submissions taken into custody.", ["source"], registry=registry)
        self._held = Counter("somrr_held", "Things that went to quarantine.", ["reason"], registry=registry)
        times = {
            (events.SUBMISSION_READ, "seconds"): ("somrr_reading_seconds", "Reading one submission."),
            (events.SUBMISSION_DECIDED, "seconds"): ("somrr_deciding_seconds", "Deciding one submission, reading aside."),
            (events.SUBMISSION_DECIDED, "since_accepted"): ("somrr_accepted_to_decided_seconds", "From custody to a decision."),
        }
        self._times = {of: Histogram(name, told, registry=registry, buckets=SECONDS) for of, (name, told) in times.items()}
        for name, meant in events.LEVELS.items():
            if meant != "info":
                self._events.labels(name)  # there from the start, so that the first one is a change

    def __call__(self, _logger: object, _method: str, line: Line) -> Line:
        event = line["event"]
        self._events.labels(event if event in events.EVENTS else OTHER).inc()
        if event == events.SUBMISSION_ACCEPTED:
            source = line.get("source")
            self._taken.labels(source if source in self._sources else OTHER).inc()
        elif event in (events.ITEM_HELD, events.SUBMISSION_HELD):
            reason = line.get("reason")
            self._held.labels(reason if reason in reasons() else OTHER).inc()
        for (timed, name), histogram in self._times.items():
            if event == timed and name in line:
                histogram.observe(float(line[name]))
        return line


class Standing(Collector):
    """How things stand, asked when somebody looks."""

    def __init__(self, health: Health) -> None:
        self._health, self._guard = health, threading.Lock()
        self._seen: tuple[float, Figures] | None = None

    def collect(self) -> Iterator[Metric]:
        seen, at, health = self._figures(), now(), self._health
        yield _by(("channel", "state"), "somrr_submissions", "Submissions in custody.", seen.submissions)
        yield _by(("status",), "somrr_cases", "Cases.", {(name,): count for name, count in seen.cases.items()})
        yield _by(("status",), "somrr_updates", "Updates, owed and past.", {(name,): n for name, n in seen.updates.items()})
        yield _one("somrr_quarantine_things", "Things that wait for staff.", seen.held)
        yield _one("somrr_quarantine_oldest_seconds", "Age of the oldest of them.", _age(seen.oldest_held, at))
        yield _one("somrr_waiting_oldest_seconds", "Age of the oldest submission not decided.", _age(seen.oldest_waiting, at))
        yield _one("somrr_outbox_oldest_due_seconds", "How long the first queued update is due.", _age(seen.oldest_queued, at))
        names = [source.name for source in health.house.sources]
        arrived = {(name,): _age(seen.last_arrivals[name], at) for name in names if name in seen.last_arrivals}
        yield _by(("source",), "somrr_source_arrival_age_seconds", "Since the last new arrival.", arrived)
        polled = {(name,): time.monotonic() - health.polled[name] for name in names if name in health.polled}
        yield _by(("source",), "somrr_source_fetch_age_seconds", "Since the source was last gone through.", polled)
        yield _one("somrr_disk_free_bytes", "Free where the state directory is.", health.room.free)
        yield _one("somrr_disk_min_free_bytes", "Below it nothing is taken in.", health.room.min_free)
        yield _one("somrr_master_key_fit", "1: its file is there and closed to others.", health.keys() is None)
        yield _one("somrr_trail_entries", "Entries of the trail.", seen.trail)
        yield _one("somrr_trail_sound", "1: the newest entry is bound to the one before it.", seen.trail_sound)
        signs = {(loop.name,): time.monotonic() - loop.sign for loop in health.loops}
        yield _by(("loop",), "somrr_loop_sign_age_seconds", "Since a loop last showed life.", signs)

    def _figures(self) -> Figures:
        with self._guard:
            if self._seen is None or time.monotonic() - self._seen[0] > FRESH:
                self._seen = (time.monotonic(), self._health.figures())
            return self._seen[1]


def _age(since: datetime | None, at: datetime) -> float:
    return max((at - since).total_seconds(), 0.0) if since else 0.0


def _one(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=float(value))


def _by(labels: tuple[str, ...], name: str, told: str, values: Mapping[Any, float]) -> Metric:
    """`values` by the tuples of their labels."""
    family = GaugeMetricFamily(name, told, labels=labels)
    for words, value in values.items():
        family.add_metric(words, float(value))
    return family


class _Server(ThreadingHTTPServer):
    """At most `AT_ONCE` answers at a time, and none is written to any log: a request's words come from outside."""

    daemon_threads = True
    request_queue_size = AT_ONCE

    def __init__(self, at: Endpoint, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
        self._places = threading.BoundedSemaphore(AT_ONCE)
        super().__init__((at.host, at.port), handler)

    def server_bind(self) -> None:
        """Without asking the name service who we are, as the library's own does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client's trouble."""


def _handler(answers: dict[str, Callable[[], tuple[int, str, bytes]]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE
        server_version, sys_version = "somrr", ""

        def do_GET(self) -> None:
            answer = answers.get(self.path)
            status, kind, body = answer() if answer else (404, "text/plain", b"not found\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: Any) -> None:  # the library would print the request
            pass

    return Handler


@contextmanager
def answering(health: Health, at: Endpoint) -> Iterator[int]:
    """Answer at this place until left; yields the port.  ConfigurationError when the place is taken."""
    registry = CollectorRegistry()
    counted = Counted([source.name for source in health.house.sources], registry)
    registry.register(Standing(health))

    def metrics() -> tuple[int, str, bytes]:
        try:
            return 200, CONTENT_TYPE_LATEST, generate_latest(registry)
        except Exception as fault:
            structlog.get_logger().warning(events.LOOP_FAILED, loop="metrics", exc_info=fault)
            return 503, "text/plain", b"the ledger does not answer\n"

    def live() -> tuple[int, str, bytes]:
        return (200, "text/plain", b"live\n") if health.live() else (503, "text/plain", b"a loop hangs\n")

    def ready() -> tuple[int, str, bytes]:
        wrong = list(health.unready())
        return (503 if wrong else 200), "text/plain", ("\n".join(wrong or ["ready"]) + "\n").encode()

    try:
        server = _Server(at, _handler({"/metrics": metrics, "/live": live, "/ready": ready}))
    except OSError as fault:
        raise ConfigurationError("metrics", f"metrics.listen can not be listened on ({fault.strerror})") from None
    with server, _counting(counted):
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@contextmanager
def _counting(counted: Counted) -> Iterator[None]:
    """Behind the redaction and before the line becomes text."""
    processors = structlog.get_config()["processors"]
    structlog.configure(processors=[*processors[:-1], counted, processors[-1]])
    try:
        yield
    finally:
        structlog.configure(processors=[one for one in structlog.get_config()["processors"] if one is not counted])
