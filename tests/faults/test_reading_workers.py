"""Faults of reader processes: each fake breaks one thing inside the jail, the daemon's answer names it, the rest goes on."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from config.settings import ReadingSettings
from reading import jail
from reading.reader import in_file
from reading.sandbox import WorkerPool
from records.model import Reading, TextSource
from tests.servers import paper

START = "from reading import worker\nworker.main()\n"

# each replaces one reader inside the worker; the word POISON in a text part, or a certain page width, sets it off
HANGING_PARSER = """
import time
from reading import text
real = text.read
def read(found, sheet):
    if b"POISON" in found.raw: time.sleep(60)
    real(found, sheet)
text.read = read
"""
CRASHING_PARSER = HANGING_PARSER.replace("time.sleep(60)", "os.kill(os.getpid(), 11)").replace("import time", "import os")
GREEDY_PARSER = HANGING_PARSER.replace("time.sleep(60)", "bytearray(2 << 30)")
BUGGY_PARSER = HANGING_PARSER.replace("time.sleep(60)", "[][0]")
ENDLESS_PARSER = HANGING_PARSER.replace("time.sleep(60)", "sum(0 for _ in iter(int, 1))")
LYING_PARSER = HANGING_PARSER.replace("time.sleep(60)", 'sheet.walk.courier.say({"leave": "7.7", "part": "nonsense"})')
FLOODING_PARSER = HANGING_PARSER.replace("time.sleep(60)", 'os.write(sheet.walk.courier.pipe._sink, b"\\xff" * 64)').replace(
    "import time", "import os"
)
HANGING_ENGINE = """
import time, os
from reading import recognise
real = recognise.recognise
def one(bitmap, *rest):
    if bitmap.pixels.shape[1] == 1600: time.sleep(60)
    return real(bitmap, *rest)
recognise.recognise = one
"""
CRASHING_ENGINE = HANGING_ENGINE.replace("time.sleep(60)", "os.kill(os.getpid(), 11)")


@pytest.fixture
def pool_with(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., WorkerPool]]:
    """A pool whose workers have one thing replaced."""
    pools = []

    def make(fake: str = "", **settings: object) -> WorkerPool:
        monkeypatch.setattr(jail, "inner_command", lambda: [sys.executable, "-P", "-c", fake + START])
        pools.append(WorkerPool(ReadingSettings(**{"workers": 2, "open_seconds": 3, "page_seconds": 6, **settings}), None))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def packet(tmp_path: Path, *texts: str) -> Path:
    message = EmailMessage()
    message["From"], message["Subject"] = "doc@clinic.example", "packet"
    message.set_content("body words\n")
    for number, words in enumerate(texts):
        message.add_attachment(words.encode(), maintype="text", subtype="plain", filename=f"part{number}.txt")
    path = tmp_path / "raw"
    path.write_bytes(message.as_bytes())
    return path


def read(pool: WorkerPool, path: Path) -> Reading:
    return pool.read(in_file(path), hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize(
    ("fake", "code"),
    [
        (HANGING_PARSER, "parser_timeout"),
        (ENDLESS_PARSER, "parser_timeout"),
        (CRASHING_PARSER, "parser_crashed"),
        (GREEDY_PARSER, "parser_memory"),
        (BUGGY_PARSER, "parser_crashed"),
        (LYING_PARSER, "parser_crashed"),
        (FLOODING_PARSER, "parser_crashed"),
    ],
)
def test_one_poison_part_loses_only_itself(pool_with: Callable[..., WorkerPool], tmp_path: Path, fake: str, code: str) -> None:
    """Whatever one part does to its reader, it is named with path and hash, and the parts before and after are read."""
    reading = read(pool_with(fake), packet(tmp_path, "good words one", "POISON", "good words two"))
    assert [(problem.code, problem.part) for problem in reading.problems] == [(code, "part1.txt")]
    assert reading.problems[0].sha256 == hashlib.sha256(b"POISON").hexdigest()
    assert [part.path for part in reading.parts] == ["body.txt", "part0.txt", "part1.txt", "part2.txt"]
    assert [bool(part.pages) for part in reading.parts] == [True, True, False, True]
    assert reading.mail is not None


def test_computing_has_a_limit_of_its_own(pool_with: Callable[..., WorkerPool], tmp_path: Path) -> None:
    """Time that a parser spends computing counts apart from time that it waits, and the detail says which it was."""
    reading = read(pool_with(ENDLESS_PARSER, cpu_seconds=0.5, open_seconds=30), packet(tmp_path, "good words", "POISON"))
    assert [(problem.code, problem.part) for problem in reading.problems] == [("parser_timeout", "part1.txt")]
    assert reading.problems[0].detail == "stopped after 0.5 seconds of computing"
    waiting = HANGING_PARSER.replace("sleep(60)", "sleep(1.5)")
    assert not read(pool_with(waiting, cpu_seconds=0.5, open_seconds=30), packet(tmp_path, "good words", "POISON")).problems


def test_many_poison_parts_are_given_up_and_said(pool_with: Callable[..., WorkerPool], tmp_path: Path) -> None:
    """After eight kills the rest of a submission is left, with its reason; nothing is silent."""
    reading = read(pool_with(CRASHING_PARSER), packet(tmp_path, *["POISON"] * 12))
    assert {problem.code for problem in reading.problems} == {"parser_crashed", "parser_timeout"}
    assert len(reading.problems) == 9


@pytest.mark.parametrize(("fake", "code"), [(HANGING_ENGINE, "parser_timeout"), (CRASHING_ENGINE, "parser_crashed")])
@pytest.mark.parametrize("workers", [1, 2])
def test_one_poison_page_loses_only_itself(
    pool_with: Callable[..., WorkerPool], tmp_path: Path, fake: str, code: str, workers: int
) -> None:
    """A page that kills its recogniser is named; the fax's other pages are read, by the opener or another worker."""
    sheets = [paper.fax(paper.page(width=width, repeat=1, height=500)) for width in (1728, 1600, 1720)]
    path = tmp_path / "raw"
    path.write_bytes(paper.tiff(*sheets))
    reading = read(pool_with(fake, workers=workers), path)
    assert [page.source for page in reading.parts[0].pages] == [TextSource.OCR, TextSource.NONE, TextSource.OCR]
    assert [problem.code for problem in reading.problems] == [code]
    assert reading.problems[0].detail.startswith("page 2:")


def test_a_worker_killed_from_outside_is_replaced(pool_with: Callable[..., WorkerPool], tmp_path: Path) -> None:
    """The next submission is read by a fresh worker."""
    pool = pool_with()
    path = packet(tmp_path, "words")
    first = read(pool, path)
    for child in pool._idle:
        assert isinstance(child, jail.JailedChild)
        os.killpg(child.pid, signal.SIGKILL)
    assert read(pool, path) == first


def test_workers_outlive_the_thread_that_asked_for_them(pool_with: Callable[..., WorkerPool], tmp_path: Path) -> None:
    """The parent-death signal is bound to a thread: a worker asked for by a short-lived one stays."""
    pool, path = pool_with(), packet(tmp_path, "words")
    for _ in range(2):
        thread = threading.Thread(target=read, args=(pool, path))
        thread.start()
        thread.join()
        time.sleep(0.1)
        assert [child.alive() for child in pool._idle] == [True]


def descendants(pid: int) -> set[int]:
    """Process ids below `pid`, from /proc."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found, more = {pid}, True
    while more:
        grown = {child for child, parent in parents.items() if parent in found} - found
        found |= grown
        more = bool(grown)
    return found - {pid}


@pytest.mark.parametrize("sandbox", ["bwrap", "rlimits"])
def test_no_worker_outlives_a_killed_daemon(tmp_path: Path, sandbox: str) -> None:
    """Case 61: SIGKILL during recognition leaves no process and no plaintext file."""
    fax = tmp_path / "raw"
    fax.write_bytes(paper.tiff(*[paper.fax(paper.page(), seed=seed) for seed in range(4)]))
    script = textwrap.dedent(f"""
        from pathlib import Path
        from config.settings import ReadingSettings
        from reading.reader import in_file
        from reading.sandbox import WorkerPool
        pool = WorkerPool(ReadingSettings(sandbox={sandbox!r}), None)
        pool.warm()
        print("warm", flush=True)
        pool.read(in_file(Path({str(fax)!r})), "0" * 64)
    """)
    before = set(Path("/tmp").iterdir())  # noqa: S108 - looking for what a worker may leave there
    daemon = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=jail.ROOT)
    assert daemon.stdout is not None
    assert daemon.stdout.readline() == b"warm\n"
    time.sleep(1)
    workers = descendants(daemon.pid)
    assert workers
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    left = {path.name for path in set(Path("/tmp").iterdir()) - before}  # noqa: S108 - the same
    assert not {name for name in left if name.startswith(("tess", "raw", "somrr"))}
