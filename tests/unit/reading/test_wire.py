"""Frames between daemon and worker: whole, bounded, and never later than their deadline."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reading.wire import HEAD, MAX_BLOB, Channel, GarbledError, GoneError, LateError, Pipe


class Ends:
    """A daemon's channel and a worker's pipe, joined."""

    def __init__(self) -> None:
        down, up = os.pipe(), os.pipe()
        self.descriptors = [*down, *up]
        self.channel, self.pipe = Channel(up[0], down[1]), Pipe(down[0], up[1])
        self.to_channel, self.from_channel = up[1], down[0]


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    for descriptor in made.descriptors:
        try:
            os.close(descriptor)
        except OSError:
            continue


def soon() -> float:
    return time.monotonic() + 5


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=10,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(header=st.dictionaries(st.text(max_size=10), json_values, max_size=5), blob=st.binary(max_size=2000))
def test_frames_arrive_as_they_were_sent(ends: Ends, header: dict[str, object], blob: bytes) -> None:
    """Header and blob, both ways, any text in them."""
    ends.channel.send(header, blob, deadline=soon())
    assert ends.pipe.receive() == (header, blob)
    ends.pipe.send(header, blob)
    assert ends.channel.receive(deadline=soon()) == (header, blob)


def test_a_large_blob_passes_a_small_pipe(ends: Ends) -> None:
    """Megabytes go through in pieces while the other end reads."""
    blob = os.urandom(3 << 20)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(ends.pipe.receive()[1]))
    reader.start()
    ends.channel.send({}, blob, deadline=soon())
    reader.join()
    assert got == [blob]


def test_deadlines_hold_for_both_directions(ends: Ends) -> None:
    """A silent worker and one that does not read are both late."""
    with pytest.raises(LateError):
        ends.channel.receive(deadline=time.monotonic() + 0.05)
    with pytest.raises(LateError):
        ends.channel.send({}, bytes(1 << 20), deadline=time.monotonic() + 0.05)


def test_a_dripping_worker_is_late(ends: Ends) -> None:
    """A byte now and then does not extend the deadline."""
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.02):
            os.write(ends.to_channel, b"\0")

    thread = threading.Thread(target=drip)
    thread.start()
    os.write(ends.to_channel, HEAD.pack(1000, 0))
    began = time.monotonic()
    with pytest.raises(LateError):
        ends.channel.receive(deadline=began + 0.2)
    stop.set()
    thread.join()
    assert time.monotonic() - began < 1


def test_a_dead_worker_is_gone(ends: Ends) -> None:
    """End of file and a broken pipe are told from lateness."""
    os.close(ends.to_channel)
    os.close(ends.from_channel)
    with pytest.raises(GoneError):
        ends.channel.receive(deadline=soon())
    with pytest.raises(GoneError):
        ends.channel.send({}, bytes(1 << 20), deadline=soon())


@pytest.mark.parametrize(
    "raw",
    [
        HEAD.pack(0xFFFFFFFF, 0),
        HEAD.pack(2, MAX_BLOB + 1) + b"{}",
        HEAD.pack(3, 0) + b"nil",
        HEAD.pack(2, 0) + b"[]",
        HEAD.pack(200_000, 0) + b"[" * 200_000,
        HEAD.pack(3, 0) + b'"\xff"',
    ],
)
def test_nonsense_is_refused_before_memory_is_given(ends: Ends, raw: bytes) -> None:
    """Sizes beyond the bounds, and headers that are no JSON object."""
    writer = threading.Thread(target=os.write, args=(ends.to_channel, raw))
    writer.start()
    with pytest.raises(GarbledError):
        ends.channel.receive(deadline=soon())
    os.close(ends.descriptors[2])
    writer.join()


def test_headers_are_json() -> None:
    """Anybody can read a recorded frame."""
    from reading.wire import pack

    assert json.loads(pack({"verb": "open"})[HEAD.size :]) == {"verb": "open"}
