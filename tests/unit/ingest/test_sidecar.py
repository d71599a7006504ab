"""What a fax server writes beside a fax."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import sidecar

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"caller_id": "+52 55 5555 0100", "received_at": "2026-11-24T00:30:00-08:00"}',
        b"\xef\xbb\xbf" + b'{"CallerID": "+52 55 5555 0100", "Received": "2026-11-24T08:30:00Z"}',
        b"caller_id: +52 55 5555 0100\r\nreceived_at: 2026-11-24T08:30:00+00:00\r\n",
        b"pages = 3\nCaller ID = +52 55 5555 0100\nreceived-at = 2026-11-24 08:30:00+00:00\n",
    ],
)
def test_caller_and_time_are_read_in_the_usual_spellings(raw: bytes) -> None:
    """JSON or lines of key and value; the time comes out in UTC."""
    assert sidecar.read(raw, NOW) == ("+52 55 5555 0100", datetime(2026, 11, 24, 8, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"{" * 5000,
        b"[1, 2]",
        b'{"caller_id": null, "received_at": 5}',
        b'{"received_at": "yesterday"}',
        b"\xff\xfe\x00",
    ],
)
def test_a_malformed_sidecar_says_nothing(raw: bytes) -> None:
    """Neither caller nor time, and no exception."""
    assert sidecar.read(raw, NOW) == (None, None)


@pytest.mark.parametrize(
    "time", ["2031-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_an_implausible_time_is_not_believed(time: str) -> None:
    """The file's own time stands then."""
    assert sidecar.read(json.dumps({"caller_id": "x", "received_at": time}).encode(), NOW) == ("x", None)


def test_the_caller_is_short_and_printable() -> None:
    """Nothing from a sidecar can break a line elsewhere."""
    caller, _ = sidecar.read(json.dumps({"caller_id": "+1\r\nBcc: x" + "9" * 200}).encode(), NOW)
    assert caller is not None
    assert caller.startswith("+1Bcc: x9")
    assert len(caller) == 64


def test_sidecar_names_follow_the_fax() -> None:
    """`scan.pdf` has `scan.pdf.json` or `scan.json`, and so on; the fax itself is none."""
    assert {"scan.pdf.json", "scan.json", "scan.pdf.txt", "scan.info"} <= set(sidecar.names_for("scan.pdf"))
    assert sidecar.is_sidecar("scan.JSON")
    assert not sidecar.is_sidecar("scan.pdf")
    assert not sidecar.is_sidecar("scan.tif")


@given(st.binary(max_size=500))
def test_any_bytes_give_an_answer(raw: bytes) -> None:
    """Whatever stands there, a caller is printable and a time is plausible."""
    for text in (raw, b'{"caller_id": "' + raw, b"date: " + raw):
        caller, time = sidecar.read(text, NOW)
        assert caller is None or caller.isprintable()
        assert time is None or time <= NOW + timedelta(days=1)
