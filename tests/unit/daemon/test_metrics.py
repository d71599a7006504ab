"""What whoever watches is told: figures without a word from outside, at little cost; alive or not, ready or not."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from config.settings import Endpoint, Settings
from daemon import health as health_room
from daemon import logs, metrics
from daemon.health import Health
from daemon.house import House, now
from daemon.metrics import AT_ONCE, answering
from daemon.room import Room
from records import events
from records import tables as t
from records.errors import ConfigurationError
from records.figures import figures
from records.model import Arrival, Channel, Envelope

ROOT = Path(__file__).parents[3]
HERE = Endpoint("127.0.0.1", 0)
CANARY = "canary-from-outside"


@dataclass
class Loop:
    """One that turns, until it is said that it does not."""

    name: str = "decide"
    sign: float = field(default_factory=time.monotonic)
    hung: bool = False
    alive: bool = True

    def is_alive(self) -> bool:
        return self.alive


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(Settings(home=tmp_path / "home", min_free=1 << 20))
    yield made
    made.close()


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def health(house: House, loop: Loop) -> Health:
    house.store.head()
    return Health(house, Room(house.home, 1 << 20), {}, [loop])


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    said = io.StringIO()
    logs.configure("json", said)
    yield said
    structlog.reset_defaults()


def accept(house: House, key: str = "1", ago: timedelta = timedelta(), source: str = "maildir") -> None:
    at = now() - ago
    kept = house.vault.keep([key.encode()])
    house.store.accept(Arrival(source, key, Envelope(Channel.EMAIL, at, f"{CANARY}@clinic.example")), kept, at)


@contextmanager
def asking(health: Health) -> Iterator[int]:
    with answering(health, HERE) as port:
        yield port


def get(port: int, path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        client.request(method, path)
        answer = client.getresponse()
        return answer.status, answer.read().decode()
    finally:
        client.close()


def values(port: int) -> dict[tuple[str, tuple[str, ...]], float]:
    """(name, label values) → value."""
    status, body = get(port)
    assert status == 200, body
    families = text_string_to_metric_families(body)
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


def test_it_lives_and_is_ready(health: Health) -> None:
    """The good day."""
    with asking(health) as port:
        assert get(port, "/live") == (200, "live\n")
        assert get(port, "/ready") == (200, "ready\n")


@pytest.mark.parametrize("change", [{"hung": True}, {"alive": False}])
def test_a_loop_that_hangs_or_died_is_not_alive(health: Health, loop: Loop, change: dict[str, bool]) -> None:
    """Then, and only then, a restart would help."""
    loop.__dict__.update(change)
    with asking(health) as port:
        assert get(port, "/live") == (503, "a loop hangs\n")


def test_what_keeps_the_work_from_being_done_is_named(
    health: Health, loop: Loop, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop that hangs, no ledger, no room, no reader: not ready, each in a line."""
    loop.hung = True
    monkeypatch.setattr(house.store, "head", None)
    health.room.min_free = 1 << 62
    monkeypatch.setattr(health_room, "_reading_works", lambda _house: "no reader can be started")
    with asking(health) as port:
        status, body = get(port, "/ready")
    lines = [
        "the decide loop hangs",
        "the ledger does not answer",
        "the disk is full",
        "no reader can be started",
    ]
    assert (status, body.splitlines()) == (503, lines)


def test_the_readers_are_asked_seldom(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question starts a process: a flood of /ready must not."""
    asked: list[House] = []
    monkeypatch.setattr(health_room, "_reading_works", lambda house: asked.append(house))
    with asking(health) as port:
        for _ in range(5):
            assert get(port, "/ready")[0] == 200
    assert len(asked) == 1


def test_the_figures_are_those_of_the_ledger(health: Health, house: House) -> None:
    """Counts, ages, disk, key, trail."""
    accept(house, "1", timedelta(hours=3))
    accept(house, "2", timedelta(hours=1))
    house.store.note("A Person", "view", "SOMRR-00000-00000-0", now())
    health.polled["maildir"] = time.monotonic() - 7  # type: ignore[index]  # the test is the pipeline here
    with asking(health) as port:
        seen = values(port)
    assert seen["somrr_submissions", ("email", "waiting")] == 2
    assert seen["somrr_waiting_oldest_seconds", ()] == pytest.approx(3 * 3600, abs=60)
    assert seen["somrr_source_arrival_age_seconds", ("maildir",)] == pytest.approx(3600, abs=60)
    assert seen["somrr_source_fetch_age_seconds", ("maildir",)] == pytest.approx(7, abs=5)
    assert ("somrr_source_fetch_age_seconds", ("fax",)) not in seen
    assert seen["somrr_disk_free_bytes", ()] > seen["somrr_disk_min_free_bytes", ()] == 1 << 20
    assert (seen["somrr_master_key_fit", ()], seen["somrr_trail_entries", ()], seen["somrr_trail_sound", ()]) == (1, 1, 1)
    assert (seen["somrr_quarantine_things", ()], seen["somrr_quarantine_oldest_seconds", ()]) == (0, 0)


def test_events_are_counted_as_they_are_logged(health: Health) -> None:
    """Reasons, sources and times from the lines themselves; warnings are there from the start, at nought."""
    log = structlog.get_logger()
    with asking(health) as port:
        before = values(port)
        log.info(events.SUBMISSION_ACCEPTED, source="maildir", size=1)
        log.info(events.SUBMISSION_HELD, reason="encrypted")
        log.info(events.SUBMISSION_READ, parts=1, seconds=2.5)
        log.info(events.SUBMISSION_DECIDED, status="decided", seconds=0.02, since_accepted=61.0)
        log.warning(events.MAILBOX_FAILED, code="connect")
        after = values(port)
    assert before["somrr_events_total", (events.MAILBOX_FAILED,)] == 0
    assert after["somrr_events_total", (events.MAILBOX_FAILED,)] == 1
    assert after["somrr_accepted_total", ("maildir",)] == 1
    assert after["somrr_held_total", ("encrypted",)] == 1
    assert (after["somrr_reading_seconds_count", ()], after["somrr_reading_seconds_sum", ()]) == (1, 2.5)
    assert after["somrr_deciding_seconds_sum", ()] == 0.02
    assert after["somrr_accepted_to_decided_seconds_bucket", ("60.0",)] == 0
    assert after["somrr_accepted_to_decided_seconds_bucket", ("120.0",)] == 1


def test_no_label_holds_anything_from_outside(health: Health, house: House, log: io.StringIO) -> None:
    """Senders, keys, ids, references, unknown codes, sources and events, the paths asked for: none of them comes back."""
    accept(house, CANARY)
    told = structlog.get_logger()
    with asking(health) as port:
        told.info(events.SUBMISSION_ACCEPTED, source="imap:canary", submission="c0ffee" * 4)
        told.info(events.SUBMISSION_HELD, reason="canary_code", case="SOMRR-CANAR-YREF0-0")
        told.info(CANARY)
        assert get(port, f"/{CANARY}") == (404, "not found\n")
        body = get(port)[1]
        seen = values(port)
    assert re.search("canary|c0ffee|SOMRR-|@", body, re.IGNORECASE) is None
    assert seen["somrr_accepted_total", ("other",)] == seen["somrr_held_total", ("other",)] == 1
    assert seen["somrr_events_total", (events.LOG_UNLISTED,)] == 1
    assert CANARY not in log.getvalue()
    labels = {name for line in body.splitlines() for name in re.findall(r'(\w+)="', line)}
    assert labels == {"event", "source", "reason", "channel", "state", "loop", "le"}


def test_the_log_is_as_before_when_nobody_listens_any_more(health: Health, log: io.StringIO) -> None:
    """The tap lets every line pass, and goes with the listener."""
    before = structlog.get_config()["processors"]
    with asking(health):
        structlog.get_logger().info(events.DAEMON_STARTED, sources=3)
    assert structlog.get_config()["processors"] == before
    assert json.loads(log.getvalue())["sources"] == 3


def test_only_get_is_answered_and_nothing_is_said_of_who_asks(
    health: Health, log: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """No other method, no garbage, no endless line; the library's own report of requests is silent."""
    with asking(health) as port:
        assert get(port, method="POST")[0] == 501
        for garbage in (b"\x16\x03\x01" * 10 + b"\r\n\r\n", b"GET " + b"x" * 70_000 + b" HTTP/1.0\r\n\r\n", b"\r\n"):
            with socket.create_connection(("127.0.0.1", port), 10) as client:
                client.sendall(garbage)
                client.shutdown(socket.SHUT_WR)
                client.recv(100)
        assert get(port, "/live")[0] == 200
    assert (log.getvalue(), *capfd.readouterr()) == ("", "", "")


def test_slow_clients_keep_nobody_out_for_long(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as are answered at once say nothing: the next is hung up on, and after their time is up answered."""
    monkeypatch.setattr(metrics, "PATIENCE", 1.0)
    with asking(health) as port:
        slow = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(AT_ONCE)]
        with pytest.raises((http.client.HTTPException, OSError)):
            get(port, "/live")
        answer, give_up = 0, time.monotonic() + 30
        while answer != 200 and time.monotonic() < give_up:
            time.sleep(0.1)
            with contextlib.suppress(http.client.HTTPException, OSError):
                answer = get(port, "/live")[0]
        assert answer == 200
        for client in slow:
            client.close()


def test_a_ledger_that_does_not_answer_is_no_traceback(health: Health, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, and an event that says where."""
    monkeypatch.setattr(health, "figures", lambda: 1 / 0)
    with asking(health) as port:
        assert get(port) == (503, "the ledger does not answer\n")
    told = json.loads(log.getvalue())
    assert (told["event"], told["loop"], told["fault"]) == (events.LOOP_FAILED, "metrics", "ZeroDivisionError")


def test_a_place_that_is_taken_is_a_fault_of_the_configuration(health: Health) -> None:
    """Named, with the key."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = Endpoint("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match=r"metrics\.listen"), answering(health, at):
            pass


def test_on_ipv6_too(health: Health) -> None:
    """::1 is loopback as well."""
    with answering(health, Endpoint("::1", 0)) as port:
        client = http.client.HTTPConnection("::1", port, timeout=10)
        client.request("GET", "/live")
        assert client.getresponse().status == 200
        client.close()


def test_a_scrape_of_ten_thousand_cases_costs_little(health: Health, house: House) -> None:
    """At most 50 ms of processor time, and between two looks at the ledger next to nothing."""
    at, body = now(), bytes(400)
    ids = [f"{number:016x}" for number in range(20_000)]
    refs = [f"SOMRR-{number:05}-00000-0" for number in range(10_000)]
    owed = [f"{number:032x}" for number in range(20_000)]
    fill(house, ids, refs, owed, body)
    with asking(health) as port:
        assert values(port)["somrr_cases", ("open",)] == 10_000
        spent = []
        for _ in range(5):
            began = time.process_time()
            seen = figures(house.store)
            spent.append(time.process_time() - began)
        assert (seen.submissions["email", "decided"], seen.updates["sent"], seen.held) == (20_000, 20_000, 0)
        assert statistics.median(spent) < 0.05, spent
        began = time.process_time()
        for _ in range(10):
            get(port)
        assert (time.process_time() - began) / 10 < 0.05
    assert at <= now()


def fill(house: House, ids: list[str], refs: list[str], owed: list[str], body: bytes) -> None:
    """Rows as the ledger has them, their bodies of a usual size."""
    at = now()
    s = {"data_key": "k", "size": 1, "channel": "email", "received_at": at, "body": body, "state": "decided", "attempts": 1}
    k = {
        "status": "open",
        "created_at": at,
        "last_activity": at,
        "last_arrival": at,
        "revision": 1,
        "data_key": "k",
        "body": body,
    }
    u = {"status": "sent", "due_at": at, "next_try": at, "attempts": 1, "body": body}
    with house.store.engine.connect() as c, c.begin():
        rows = [{**s, "id": one, "digest": one, "not_before": at, "accepted_at": at} for one in ids]
        c.execute(insert(t.submissions), rows)
        c.execute(insert(t.arrivals), [{"source": "maildir", "key": one, "submission": one, "seen_at": at} for one in ids])
        c.execute(insert(t.cases), [{**k, "ref": ref} for ref in refs])
        c.execute(insert(t.updates), [{**u, "id": one, "case_ref": refs[n % len(refs)]} for n, one in enumerate(owed)])


def test_the_daemon_answers_from_start_to_stop(tmp_path: Path) -> None:
    """`somrr run` with metrics.listen set: ready when its loops turn, gone when it is."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "SOMRR_METRICS__LISTEN": f"127.0.0.1:{port}"}
    command = [sys.executable, "-m", "daemon", "--config", os.devnull, "--home", str(tmp_path / "home"), "run"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        give_up = time.monotonic() + 60
        answer = (0, "")
        while answer[0] != 200 and time.monotonic() < give_up:
            time.sleep(0.1)
            with contextlib.suppress(OSError):
                answer = get(port, "/ready")
        seen = values(port)
        running.terminate()
        assert running.wait(60) == 0
    assert answer == (200, "ready\n")
    assert seen["somrr_events_total", (events.DAEMON_STARTED,)] == 1
    assert seen["somrr_loop_sign_age_seconds", ("decide",)] < 60
    with pytest.raises(OSError, match="refused"):
        get(port, "/live")


def test_loops_are_not_held_up_by_scrapes(health: Health) -> None:
    """A line is counted in microseconds, and while somebody scrapes without end others still get their turn."""
    log = structlog.get_logger()
    with asking(health) as port:
        stop = threading.Event()

        def scrape() -> None:
            while not stop.is_set():
                get(port)

        thread = threading.Thread(target=scrape)
        thread.start()
        began = time.thread_time()
        for _ in range(1000):
            log.info(events.SUBMISSION_READ, parts=1, seconds=1.0)
        spent = time.thread_time() - began
        stop.set()
        thread.join(10)
    assert spent / 1000 < 0.001
