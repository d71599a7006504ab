"""The last thing a log line passes: an allow-list of fields, and faults without their words.

A field stays when its name is known and its value has that name's shape; anything else is dropped and
counted in `redacted`.  Exceptions shrink to type names and code locations, because their messages may
quote a patient's papers (R33).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, MutableMapping
from typing import Any

from records.errors import SomrrError

ID = re.compile(r"[0-9a-f]{16,64}")
CASE = re.compile(r"SOMRR(-[0-9A-Z]{1,5}){1,3}")
SOURCE = re.compile(r"[a-z]{2,12}(:[\w./&+-]{1,60})?", re.ASCII)
# words of fixed lists, errno, answers of SMTP servers
CODE = re.compile(r"[a-z][a-z0-9]*([_.-][a-z0-9]+){0,7}|[1-9]\d{0,2}( [245]\.\d{1,3}\.\d{1,3})?", re.ASCII)
NAME = re.compile(r"[A-Za-z_][\w.<>]{0,119}", re.ASCII)  # a Python type or logger
PLACE = re.compile(r"[A-Za-z_][\w.<>-]{0,99}:\d{1,6}", re.ASCII)  # module:line
MAX_TEXT = 120
MAX_LIST = 20
MAX_NUMBER = 10**12

TEXTS: dict[str, re.Pattern[str]] = {
    **dict.fromkeys(("submission", "update", "digest", "sha256", "held", "document", "key", "head"), ID),
    "case": CASE,
    "source": SOURCE,
    **dict.fromkeys(("code", "reason", "status", "from_status", "to_status", "state", "outcome"), CODE),
    **dict.fromkeys(("channel", "kind", "severity", "role", "act", "command", "engine", "signal"), CODE),
    "loop": SOURCE,
    **dict.fromkeys(("fault", "causes", "logger"), NAME),
    "where": PLACE,
    "version": re.compile(r"[\w.+-]{1,40}", re.ASCII),
}
_COUNTS = """
    present known new missing unfinished accepted repeated refused parts pages problems documents findings held filed
    ignored duplicates quarantined cases updates submissions workers worker files removed orphans count seconds
    oldest_hours since_accepted
    retry_seconds attempt attempts size bytes limit free_bytes memory_bytes exit_code idle move settled sources uncertain seq
"""
NUMBERS = frozenset(_COUNTS.split())

Line = MutableMapping[str, Any]


def redact(_logger: object, _method: str, line: Line) -> Line:
    """A structlog processor: keep what is known to be harmless, count the rest in `redacted`."""
    kept = {name: value for name, value in line.items() if name == "event" or _harmless(name, value)}
    if dropped := len(line) - len(kept):
        kept["redacted"] = dropped
    return kept


def _harmless(name: str, value: object) -> bool:
    if value is None or isinstance(value, bool):
        return name in TEXTS or name in NUMBERS
    if isinstance(value, int | float):
        return name in NUMBERS and abs(value) < MAX_NUMBER
    shape = TEXTS.get(name)
    if shape is None:
        return False
    if isinstance(value, list | tuple):
        return len(value) <= MAX_LIST and all(_fits(one, shape) for one in value)
    return _fits(value, shape)


def _fits(value: object, shape: re.Pattern[str]) -> bool:
    if not isinstance(value, str) or len(value) > MAX_TEXT or not shape.fullmatch(value):
        return False
    return not (shape is ID and _card_number(value))


def _card_number(text: str) -> bool:
    """13 to 19 digits that pass Luhn's check would otherwise look like an id (ISO/IEC 7812-1)."""
    if not (text.isdecimal() and 13 <= len(text) <= 19):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(text))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def shrink_fault(_logger: object, _method: str, line: Line) -> Line:
    """A structlog processor: `exc_info` becomes `fault`, `where`, `causes` and, of our own faults, `code`."""
    fault = line.pop("exc_info", None)
    if isinstance(fault, tuple):
        fault = fault[1]
    elif fault and not isinstance(fault, BaseException):
        fault = sys.exc_info()[1]
    if isinstance(fault, BaseException):
        line["fault"] = _type_name(fault)
        line["where"] = _places(fault)
        line["causes"] = [_type_name(cause) for cause in _causes(fault)]
        if isinstance(fault, SomrrError):
            line.setdefault("code", fault.code)
    return line


def _type_name(fault: BaseException) -> str:
    kind = type(fault)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _places(fault: BaseException) -> list[str]:
    """The innermost six code locations, outermost first: module and line, no source text."""
    places = []
    trace = fault.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_globals.get('__name__', 'unknown')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-6:]


def _causes(fault: BaseException, at_most: int = 4) -> list[BaseException]:
    """What led to it, nearest first; the members of a group count as causes."""
    causes: list[BaseException] = []
    waiting = [fault]
    while waiting and len(causes) < at_most:
        for cause in _direct_causes(waiting.pop(0)):
            if cause is not fault and all(cause is not known for known in causes):
                causes.append(cause)
                waiting.append(cause)
    return causes[:at_most]


def _direct_causes(fault: BaseException) -> Iterator[BaseException]:
    if isinstance(fault, BaseExceptionGroup):
        yield from fault.exceptions
    if fault.__cause__ is not None:
        yield fault.__cause__
    elif fault.__context__ is not None and not fault.__suppress_context__:
        yield fault.__context__
