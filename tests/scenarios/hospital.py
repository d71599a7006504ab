"""A hospital for a story: real mailbox, real mail server, fax and courier folders, and the real daemon as a process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon.cli import main
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import SmtpSink

PATIENCE = 90.0
Row = dict[str, Any]

OPEN_ALL_HOURS = """
[rules.hours]
opens = 00:00:00
closes = 23:59:59.999999
weekdays = [0, 1, 2, 3, 4, 5, 6]
country = ""
state = ""
"""


class Hospital:
    """One state directory with its configuration; servers only where a story needs them."""

    def __init__(
        self, root: Path, forms: Path, mailbox: Dovecot | None = None, smtp: SmtpSink | None = None, settle: int = 0
    ) -> None:
        self.home = root / "var"
        self.home.mkdir(parents=True, exist_ok=True)
        self.mailbox, self.smtp = mailbox, smtp
        self.config = root / "somrr.toml"
        lines = [f'forms = "{forms}"', "[rules.rhythm]", f"settle_minutes = {settle}", OPEN_ALL_HOURS]
        lines += ["[fax]", "poll_seconds = 0.5", "quiet_seconds = 0.5", "[courier]", "poll_seconds = 0.5", "quiet_seconds = 0.5"]
        if mailbox:
            lines += ["[mailbox]", 'host = "localhost"', f"port = {mailbox.port}", f'user = "{mailbox.user}"']
            lines += [f'password = "{mailbox.password}"', f'ca_file = "{mailbox.ca_file}"', "poll_seconds = 2", "max_backoff = 1"]
        if smtp:
            lines += [
                "[smtp]",
                'host = "127.0.0.1"',
                f"port = {smtp.port}",
                f'ca_file = "{smtp.ca_file}"',
                "timeout = 10",
                "retry_seconds = 1",
            ]
        self.config.write_text("\n".join(lines) + "\n")

    # --- what arrives

    def post(self, eml: Path) -> None:
        """A mail is delivered: into Dovecot, or into the Maildir of the embedded default."""
        self.post_bytes(eml.read_bytes())

    def post_bytes(self, raw: bytes) -> None:
        if self.mailbox:
            self.mailbox.append(raw)
            return
        new = self.home / "mail" / "new"
        for name in ("new", "cur", "tmp"):
            (self.home / "mail" / name).mkdir(parents=True, exist_ok=True)
        (new / f"{time.time_ns()}.M{len(list(new.iterdir()))}.test").write_bytes(raw)

    def fax(self, file: Path) -> None:
        (self.home / "fax").mkdir(exist_ok=True)
        shutil.copy(file, self.home / "fax" / file.name)

    def courier(self, thing: Path) -> None:
        (self.home / "courier").mkdir(exist_ok=True)
        target = self.home / "courier" / thing.name
        if thing.is_dir():
            shutil.copytree(thing, target)
        else:
            shutil.copy(thing, target)

    # --- the daemon

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "daemon", "--config", str(self.config), "--home", str(self.home), *arguments]

    def somrr(self, *arguments: str, fails: int = 0) -> str:
        """Run a command; its standard output, when it exits as foreseen."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=300, env=self._environment(), check=False
        )
        assert done.returncode == fails, f"exit {done.returncode}: {done.stderr[-3000:]}"
        return done.stdout

    def rows(self, *arguments: str) -> list[Row]:
        """A command's JSON answer, asked in this process: a start of the program costs a second."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            main(["--config", str(self.config), "--home", str(self.home), *arguments, "--json"])
        return [json.loads(line) for line in said.getvalue().splitlines()]

    def once(self, settled: bool = True) -> str:
        """All waiting work; what it logged."""
        command = self.command("once", *(["--settled"] if settled else []))
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=self._environment(), check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stderr

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """The daemon as a process; ends by SIGTERM unless the story ended it."""
        log = (self.home.parent / "log.jsonl").open("ab")
        process = subprocess.Popen(self.command("run"), stdout=log, stderr=log, env=self._environment())
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(60)
            log.close()

    @property
    def log(self) -> list[Row]:
        lines = (self.home.parent / "log.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def until(self, true: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
        deadline = time.monotonic() + patience
        while not true():
            assert time.monotonic() < deadline, f"not within {patience} s: {what}"
            time.sleep(0.2)

    # --- what became of it

    def cases(self) -> list[Row]:
        return self.rows("cases")

    def only_case(self) -> Row:
        (case,) = self.cases()
        return case

    def quarantine(self) -> list[Row]:
        return self.rows("quarantine")

    def outbox(self) -> list[Row]:
        return self.rows("outbox")

    def sent_files(self) -> list[Path]:
        return sorted((self.home / "outgoing").glob("*.eml"))

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONWARNINGS": "error::DeprecationWarning:daemon"}
