"""What a fax server writes beside a fax: who called and when.  Believed as little as the fax itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import PurePath

SIDECAR_BYTES = 64 << 10
SUFFIXES = (".json", ".txt", ".info")

_CALLER = ("caller_id", "callerid", "caller", "cid", "from", "sender")
_RECEIVED = ("received_at", "received", "date", "time")
_LINE = re.compile(r"^\s*([\w .-]{1,40}?)\s*[:=]\s*(.{1,200}?)\s*$")
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def is_sidecar(name: str) -> bool:
    """A fax is a picture or a PDF: a text file beside it speaks about it and is never an arrival."""
    return PurePath(name).suffix.lower() in SUFFIXES


def names_for(name: str) -> list[str]:
    """The sidecar names of `scan.pdf`: `scan.pdf.json`, `scan.json`, and the same with the other suffixes."""
    stem = PurePath(name).stem
    return [f"{base}{suffix}" for suffix in SUFFIXES for base in (name, stem)]


def read(raw: bytes, now: datetime) -> tuple[str | None, datetime | None]:
    """Caller id and time of receipt (UTC); None for what is absent, malformed or implausible.

    `raw` is a JSON object or lines of `key: value`.  A time without zone is taken as the machine's local time,
    as fax servers write it; one in the future or before 2000 is not believed.
    """
    fields = _fields(raw)
    caller = next((text for key in _CALLER if (text := _caller(fields.get(key)))), None)
    times = (_time(fields.get(key), now) for key in _RECEIVED)
    return caller, next((time for time in times if time), None)


def _fields(raw: bytes) -> Mapping[str, object]:
    text = raw[:SIDECAR_BYTES].decode("utf-8-sig", "replace")
    if text.lstrip().startswith("{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return {}
        return {str(key).lower(): value for key, value in found.items()} if isinstance(found, dict) else {}
    pairs = (line for line in map(_LINE.match, text.splitlines()[:200]) if line)
    return {re.sub(r"[\s.-]+", "_", line[1].lower()): line[2] for line in pairs}


def _caller(value: object) -> str | None:
    """At most 64 printable characters."""
    text = "".join(letter for letter in str(value or "") if letter.isprintable()).strip()
    return text[:64] or None if isinstance(value, str | int) else None


def _time(value: object, now: datetime) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time if _EARLIEST <= time <= now + timedelta(days=1) else None
