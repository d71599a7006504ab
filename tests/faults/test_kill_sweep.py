"""SIGKILL before every durable step of a packet's path: afterwards nothing is lost and nothing is doubled.

`strace` kills the real process before its N-th fsync, fdatasync, rename or send takes effect; then a second run
must end in the same state as one that was never killed.  The tests take every few points;
`make kill-sweep` takes them all (KILL_SWEEP=all) and prints what it swept.
"""

from __future__ import annotations

import collections
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.scenarios.hospital import Hospital
from tests.servers.smtp import SmtpSink

DURABLE = ("fsync", "fdatasync", "rename")
SENDING = ("fdatasync", "sendto")
STEP = 1 if os.environ.get("KILL_SWEEP") == "all" else 7


class End(NamedTuple):
    """What must be the same however often the daemon was killed."""

    status: str
    missing: tuple[str, ...]
    documents: tuple[tuple[str, int], ...]
    events: tuple[tuple[str, str], ...]
    mails: int
    in_mailbox: int


def end_of(hospital: Hospital) -> End:
    case = hospital.only_case()
    events = tuple(sorted((row["event"], row["status"]) for row in hospital.outbox()))
    mails = len(hospital.smtp.mails) if hospital.smtp else len(hospital.sent_files())
    in_mailbox = len(list((hospital.home / "mail" / "new").iterdir()))
    return End(case["status"], tuple(case["missing"]), tuple(case["documents"].items()), events, mails, in_mailbox)


def traced(hospital: Hospital, *options: str, log: Path) -> int:
    """`somrr once` under strace; its exit code (negative: killed)."""
    command = ["strace", "-o", str(log), *options, *hospital.command("once", "--settled")]
    return subprocess.run(command, capture_output=True, timeout=300, check=False).returncode


def count(log: Path) -> collections.Counter[str]:
    return collections.Counter(re.findall(r"^(\w+)\(", log.read_text(errors="replace"), re.MULTILINE))


def sweep(
    calls: tuple[str, ...], begin: Callable[[str], Hospital], tmp_path: Path, judge: Callable[[End, End, str], None]
) -> None:
    whole = begin("whole")
    log = tmp_path / "strace.log"
    assert traced(whole, "-e", f"trace={','.join(calls)}", log=log) == 0
    expected, steps, swept = end_of(whole), count(log), 0
    assert all(steps[call] for call in calls), f"the path has such steps: {steps}"
    for call in calls:
        for n in range(1, steps[call] + 1, STEP):
            hospital = begin(f"{call}{n}")
            killed = traced(hospital, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}", log=log)
            assert killed != 0, f"{call} {n} was not reached"
            hospital.once()
            judge(end_of(hospital), expected, f"{call} {n}")
            swept += 1
    print(f"killed before {swept} of {sum(steps[c] for c in calls)} durable steps {dict(steps)}: 0 lost, 0 doubled")


@pytest.mark.scenario
@pytest.mark.timeout(3600)
def test_10_killed_at_each_durable_point_the_end_is_the_same(tmp_path: Path, made: Path) -> None:
    """Embedded default: the same case, the same documents, every mail once, the mailbox as it was."""

    def begin(name: str) -> Hospital:
        hospital = Hospital(tmp_path / name, made / "forms")
        hospital.post(made / "packets" / "loa-unsigned.eml")
        return hospital

    def judge(found: End, expected: End, point: str) -> None:
        assert found == expected, f"killed before {point}"

    sweep(DURABLE, begin, tmp_path, judge)


@pytest.mark.scenario
@pytest.mark.timeout(3600)
def test_10b_killed_while_sending_no_mail_goes_out_twice(tmp_path: Path, made: Path) -> None:
    """Real SMTP: killed anywhere, each mail arrived at most once, and one that may be missing says `uncertain`."""
    with SmtpSink() as smtp:

        def begin(name: str) -> Hospital:
            smtp.mails.clear()
            hospital = Hospital(tmp_path / name, made / "forms", smtp=smtp)
            hospital.post(made / "packets" / "loa-unsigned.eml")
            return hospital

        def judge(found: End, expected: End, point: str) -> None:
            assert found._replace(events=(), mails=0) == expected._replace(events=(), mails=0), f"killed before {point}"
            uncertain = sum(status == "uncertain" for _, status in found.events)
            assert expected.mails - uncertain <= found.mails <= expected.mails, f"killed before {point}"
            assert {e for e, _ in found.events} == {e for e, _ in expected.events}

        sweep(SENDING, begin, tmp_path, judge)
