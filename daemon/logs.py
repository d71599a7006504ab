"""Log lines: one JSON object an event, in words of the catalogue only (`records.events`, docs/EVENTS.md)."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

import structlog

from daemon.redaction import Line, redact, shrink_fault
from records import events


class UnlistedEventError(LookupError):
    """A log line whose event is not in `records.events` (raised when `strict`, else marked)."""


def configure(
    log_format: str = "auto",
    stream: TextIO | None = None,
    *,
    strict: bool = False,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Send every log line to `stream` (the daemon's standard output; standard error beside `--json` answers).

    `log_format`: "json", "console", or "auto", which is console on a terminal outside systemd.
    `strict`: an unlisted event raises `UnlistedEventError`.  May be called again, e.g. by tests.
    """
    stream = stream or sys.stdout
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _listed if strict else _marked,
            shrink_fault,
            redact,
            _stamp,
            _renderer(log_format, stream, os.environ if environ is None else environ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=_Sturdy(stream)),  # type: ignore[arg-type]  # write and flush suffice
        cache_logger_on_first_use=False,  # module-level loggers follow a later configure
    )
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)


def catch_strays() -> None:
    """Log what nobody caught: Python's own reports print exception messages, which may quote a document."""

    def log_uncaught(fault: BaseException | None) -> None:
        structlog.get_logger().error(events.FAULT_UNCAUGHT, exc_info=fault)

    def main_thread(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log_uncaught(fault.with_traceback(trace))

    sys.excepthook = main_thread
    threading.excepthook = lambda stray: log_uncaught(stray.exc_value)
    sys.unraisablehook = lambda stray: log_uncaught(stray.exc_value)


def _listed(_logger: object, _method: str, line: Line) -> Line:
    if line.get("event") not in events.EVENTS:
        raise UnlistedEventError("a log line's event must be a constant of records.events")
    return line


def _marked(_logger: object, _method: str, line: Line) -> Line:
    if line.get("event") not in events.EVENTS:
        line["event"] = events.LOG_UNLISTED
    return line


def _stamp(_logger: object, method: str, line: Line) -> Line:
    """Time and level come first and from here, whatever was bound under their names; no event sinks below its own level."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = line.pop("event")
    called, own = {"warn": "warning", "exception": "error"}.get(method, method), events.LEVELS.get(event, "info")
    level = max(called, own, key=lambda name: logging.getLevelNamesMapping().get(name.upper(), logging.INFO))
    return {"timestamp": now, "level": level, "event": event, **line}


def _renderer(log_format: str, stream: TextIO, environ: Mapping[str, str]) -> Callable[[object, str, Line], Any]:
    if log_format == "auto":
        log_format = "console" if stream.isatty() and "JOURNAL_STREAM" not in environ else "json"
    if log_format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=stream.isatty() and "NO_COLOR" not in environ)


class _Sturdy:
    """A stream whose loss (journal gone, pipe closed) never stops the work: the ledger, not the log, is the record."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


class _Libraries(logging.Handler):
    """The standard library's logging: from WARNING on, who warned and where; never what was said."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            min(max(record.levelno // 10 * 10, logging.WARNING), logging.CRITICAL),
            events.LIBRARY_WARNED,
            logger=record.name,
            where=f"{record.module}:{record.lineno}",
            exc_info=record.exc_info,
        )

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging.Handler calls
        """Stay silent: the standard report quotes the message."""
