"""A log line holds ids, hashes, counts, codes and durations, whatever is thrown at it."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from daemon import logs
from daemon.redaction import NUMBERS, TEXTS, redact
from records import events
from records.errors import TemporaryError

CANARIES = [
    "SYNTHETIC PATIENT ALPHA",
    "Canary",
    "Пациент Синтетический",
    "患者甲",
    "مريض تجريبي",
    "1961-04-03",
    "03/04/1961",
    "MRN-0045-1234",
    "canary.patient@example.org",
    "4111111111111111",
    "canary scan.pdf",
    "carcinoma of the canary",
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging is global: each test leaves it as it was."""
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)
    logging.root.handlers[:], logging.root.level = handlers, level
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def lines(act: Callable[[Any], object], **options: Any) -> list[dict[str, Any]]:
    """The lines that `act` writes when it is given a logger."""
    stream = io.StringIO()
    logs.configure("json", stream, **options)
    act(structlog.get_logger())
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_level_and_event_first() -> None:
    """UTC to the millisecond, the level, the event, then what was given and bound."""
    with structlog.contextvars.bound_contextvars(submission="ab" * 8, attempt=2):
        (line,) = lines(lambda log: log.warning(events.SUBMISSION_DEFERRED, code="disk_full", retry_seconds=1.5))
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert line.pop("timestamp").endswith("Z")
    assert datetime.fromisoformat(lines(lambda log: log.info(events.DAEMON_STOPPED))[0]["timestamp"]).utcoffset() is not None
    assert line == {
        "level": "warning",
        "event": events.SUBMISSION_DEFERRED,
        "code": "disk_full",
        "retry_seconds": 1.5,
        "submission": "ab" * 8,
        "attempt": 2,
    }


@pytest.mark.parametrize("canary", CANARIES)
def test_no_canary_passes_in_any_allowed_text_field(canary: str) -> None:
    """A name, date, number, address, file name or diagnosis has the shape of no field, plain or in a list."""
    for value in (canary, [canary], (canary,), {canary: 1}, canary.encode(), Path(canary)):
        fields = dict.fromkeys(TEXTS, value)
        (line,) = lines(lambda log, fields=fields: log.info(events.SUBMISSION_READ, **fields))  # type: ignore[misc]
        allowed = {name: value for name, value in line.items() if name in TEXTS}
        allowed.pop("version", None)  # the program's own, and never bound to anything else
        allowed.pop("fault", None), allowed.pop("causes", None), allowed.pop("logger", None)  # Python names: one word each
        assert allowed == {}, allowed
        assert line["redacted"] >= len(TEXTS) - 4


@pytest.mark.parametrize("canary", CANARIES)
def test_no_canary_passes_under_a_name_that_is_not_allowed(canary: str) -> None:
    """Subjects, senders, file names and whatever else somebody may add are dropped and counted."""
    fields: dict[str, object] = {
        "subject": canary,
        "sender": canary,
        "path": Path(canary),
        "part": canary,
        "detail": canary,
        canary: 1,
    }
    (line,) = lines(lambda log: log.info(events.SUBMISSION_READ, parts=1, **fields))
    assert canary not in json.dumps(line, ensure_ascii=False)
    assert line["redacted"] == len(fields)


def test_no_canary_passes_as_bound_field_event_or_argument() -> None:
    """Context variables, events made of text and %-arguments go through the same gate."""

    def act(log: Any) -> None:
        with structlog.contextvars.bound_contextvars(patient="Canary", case="Canary"):
            log.bind(name="Canary").error("failed for Canary")
            log.error("failed for %s", "Canary")
            log.error(events.LOOP_FAILED, birth_date=date(1961, 4, 3), parts=19610403 * 10**6, pages=float("nan"))

    written = lines(act)
    assert "Canary" not in json.dumps(written)
    assert [line["event"] for line in written] == [events.LOG_UNLISTED, events.LOG_UNLISTED, events.LOOP_FAILED]
    assert written[2] == {**written[2], "redacted": 5}
    assert "pages" not in written[2]


def test_an_unlisted_event_raises_where_asked_to() -> None:
    """Tests can hold the code to the catalogue."""
    with pytest.raises(logs.UnlistedEventError):
        lines(lambda log: log.info("something happened"), strict=True)


def fall_over() -> None:
    try:
        dict[str, int]()["Canary"]
    except KeyError as fault:
        raise ExceptionGroup("Canary", [ValueError("Canary"), TemporaryError("disk_full", "Canary")]) from fault


def test_an_exception_is_types_and_places_never_its_message() -> None:
    """A message may quote a document; the type, its causes and the code's place tell enough."""

    def act(log: Any) -> None:
        try:
            fall_over()
        except ExceptionGroup:
            log.exception(events.LOOP_FAILED, loop="decide")

    (line,) = lines(act)
    assert "Canary" not in json.dumps(line)
    assert line["fault"] == "ExceptionGroup"
    assert line["causes"] == ["ValueError", "records.errors.TemporaryError", "KeyError"]
    assert all(place.startswith(f"{__name__}:") for place in line["where"]), line["where"]
    assert line["level"] == "error"


def test_our_own_faults_bring_their_code() -> None:
    """`code` is from a fixed list, the detail stays behind."""
    (line,) = lines(lambda log: log.error(events.LOOP_FAILED, exc_info=TemporaryError("disk_full", "Canary")))
    assert (line["code"], line["fault"]) == ("disk_full", "records.errors.TemporaryError")
    assert "Canary" not in json.dumps(line)


def test_a_fault_that_causes_itself_ends() -> None:
    """A ring of causes does not hang the log."""
    first, second = ValueError("Canary"), KeyError("Canary")
    first.__cause__, second.__cause__ = second, first
    (line,) = lines(lambda log: log.error(events.LOOP_FAILED, exc_info=first))
    assert line["causes"] == ["KeyError"]


def test_libraries_are_heard_without_their_words() -> None:
    """From WARNING on a library's line is its logger, level and place; below that nothing."""

    def act(_log: Any) -> None:
        for name in ("pdfminer.psparser", "imap_tools", "aiosmtplib", "alembic.runtime.migration"):
            library = logging.getLogger(name)
            library.debug("Canary %s", "Canary")
            library.info("Canary %s", "Canary")
            library.warning("Canary %s %d", "Canary", "no number")
            try:
                Path("/nonexistent/Canary").read_bytes()
            except OSError:
                library.exception("Canary", extra={"subject": "Canary"})

    written = lines(act)
    assert "Canary" not in json.dumps(written)
    assert [line["level"] for line in written] == ["warning", "error"] * 4
    assert {line["event"] for line in written} == {events.LIBRARY_WARNED}
    assert {line["logger"] for line in written} == {"pdfminer.psparser", "imap_tools", "aiosmtplib", "alembic.runtime.migration"}
    assert written[1]["fault"] == "FileNotFoundError"


def test_a_python_warning_is_heard_without_its_words() -> None:
    """`warnings.warn` goes the libraries' way."""

    def act(_log: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(False)
            logging.captureWarnings(True)  # inside catch_warnings, which puts back Python's own printer
            warnings.warn("Canary", stacklevel=1)

    (line,) = lines(act)
    assert "Canary" not in json.dumps(line)
    assert line["logger"] == "py.warnings"


def test_what_nobody_catches_is_logged_without_its_words() -> None:
    """A dying thread and a dying process print no traceback with messages."""
    script = (
        "import sys, threading\nfrom daemon import logs\nlogs.configure('json', sys.stdout)\nlogs.catch_strays()\n"
        "def die():\n    raise ValueError('Canary')\n"
        "thread = threading.Thread(target=die)\nthread.start()\nthread.join()\n"
        "class Bad:\n    def __del__(self):\n        raise KeyError('Canary')\n"
        "Bad()\ndie()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(logs.__file__).parents[1], check=False
    )
    assert done.returncode == 1
    assert done.stderr == ""
    written = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["event"], line["fault"]) for line in written] == [
        (events.FAULT_UNCAUGHT, kind) for kind in ("ValueError", "KeyError", "ValueError")
    ]
    assert "Canary" not in done.stdout


def test_nobody_can_pretend_time_or_level() -> None:
    """Timestamp and level are the log's own, also when somebody binds their names."""
    (line,) = lines(lambda log: log.info(events.DAEMON_STOPPED, timestamp="Canary", level="Canary"))
    assert line["level"] == "info"
    assert line["redacted"] == 2


@pytest.mark.parametrize(
    ("log_format", "stream", "environ", "is_json"),
    [
        ("auto", io.StringIO, {}, True),
        ("auto", Terminal, {}, False),
        ("auto", Terminal, {"JOURNAL_STREAM": "8:1"}, True),
        ("console", io.StringIO, {"JOURNAL_STREAM": "8:1"}, False),
        ("json", Terminal, {}, True),
    ],
)
def test_json_for_the_journal_and_colour_for_people(
    log_format: str, stream: type[io.StringIO], environ: dict[str, str], is_json: bool
) -> None:
    """Auto means console on a terminal outside systemd, else JSON; either is redacted."""
    out = stream()
    logs.configure(log_format, out, environ=environ)
    structlog.get_logger().info(events.DAEMON_STOPPED, subject="Canary")
    assert out.getvalue().startswith("{") is is_json
    assert "Canary" not in out.getvalue()


def test_no_colour_where_it_is_not_wanted() -> None:
    """NO_COLOR is honoured on a terminal."""
    coloured, plain = Terminal(), Terminal()
    for out, environ in ((coloured, {}), (plain, {"NO_COLOR": "1"})):
        logs.configure("auto", out, environ=environ)
        structlog.get_logger().info(events.DAEMON_STOPPED)
    assert "\x1b[" in coloured.getvalue()
    assert "\x1b[" not in plain.getvalue()


def test_a_lost_stream_does_not_stop_the_work() -> None:
    """Neither a closed file nor a broken pipe raises into the loop that logs."""
    closed = io.StringIO()
    closed.close()
    logs.configure("json", closed, environ={})
    structlog.get_logger().info(events.DAEMON_STOPPED)

    class Broken(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    logs.configure("json", Broken(), environ={})
    structlog.get_logger().info(events.DAEMON_STOPPED)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("submission", "0123456789abcdef"),
        ("digest", "0" * 64),
        ("key", "00ff" * 4),
        ("case", "SOMRR-7F3K2-00000-9"),
        ("source", "imap:INBOX"),
        ("source", "imap:Shared/SOMRR.in"),
        ("loop", "courier"),
        ("code", "mail_over_custody_limit"),
        ("code", "450 4.2.0"),
        ("code", "28"),
        ("reason", "customs_clause_missing_3"),
        ("from_status", "in_review"),
        ("fault", "sqlalchemy.exc.OperationalError"),
        ("where", ["ingest.mailbox:120", "__main__:3"]),
        ("seconds", 0.25),
        ("missing", 0),
        ("idle", True),
        ("case", None),
    ],
)
def test_what_operators_need_does_pass(field: str, value: object) -> None:
    """Ids, references, sources, codes, SMTP answers, error numbers, types and counts are kept."""
    assert redact(None, "info", {"event": "x", field: value}) == {"event": "x", field: value}


SCRIPTS = st.characters(whitelist_categories=["Lu", "Lo", "Lt", "Nd", "Zs"])


@given(st.dictionaries(st.sampled_from([*TEXTS, *NUMBERS, "subject", "note"]), st.text(SCRIPTS, min_size=4, max_size=40)))
def test_upper_case_digits_and_other_scripts_never_pass(fields: dict[str, str]) -> None:
    """Whatever is written in capitals, with spaces, in another script or as digits alone stays out of every code and id."""
    kept = redact(None, "info", {"event": "x", **fields})
    texts = {name for name, value in kept.items() if isinstance(value, str)} - {"event", "version", "fault", "causes", "logger"}
    assert all(kept[name].isascii() and not kept[name].isalpha() for name in texts), kept


@pytest.mark.parametrize(
    ("method", "event", "level"),
    [
        ("info", events.DAEMON_STARTED, "info"),
        ("info", events.UPDATE_FAILED, "warning"),
        ("warning", events.DISK_LOW, "error"),
        ("error", events.DAEMON_STARTED, "error"),
        ("critical", events.UPDATE_FAILED, "critical"),
    ],
)
def test_no_event_sinks_below_its_own_level(method: str, event: str, level: str) -> None:
    """What the handbook has a heading for is found by level, however the code says it."""
    (line,) = lines(lambda log: getattr(log, method)(event))
    assert (line["event"], line["level"]) == (event, level)
