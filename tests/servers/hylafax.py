"""A fax server for one test: a stand-in that speaks HylaFAX's words, and HylaFAX itself (without a modem) where it can run.

Both take jobs through `sendfax` and tell of them through `faxstat`, as `outbound.faxing` uses them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from config.settings import FaxingSettings

SPOOL = Path("/var/spool/hylafax")
Mood = Literal["well", "away", "refuses", "loses_the_answer", "hangs_before", "hangs_after"]

_SCRIPT = """#!{python} -S
import json, os, sys, time
from pathlib import Path
spool = Path({spool!r})
mood = (spool / "mood").read_text()
options = sys.argv[1:]
if mood == "away":
    print('Can not reach service 4559 at host "localhost".', file=sys.stderr)
    sys.exit({away})
{rest}
"""
_SENDFAX = """
told = dict(zip(options, options[1:]))
if mood == "refuses":
    print("450 Unable to set up job", file=sys.stderr)
    sys.exit(1)
if mood == "hangs_before":
    time.sleep(600)
number = Path(told["-z"]).read_text().strip()
job = len(list(spool.glob("*.job"))) + 1
pages = Path(options[-1]).read_bytes()
(spool / f"{job}.tif").write_bytes(pages)
row = {"job": str(job), "state": "W", "tag": told["-i"], "number": number, "status": "", "options": options}
(spool / f"{job}.job").write_text(json.dumps(row))
if mood == "hangs_after":
    time.sleep(600)
if mood == "loses_the_answer":
    print("Lost connection to server", file=sys.stderr)
    sys.exit(1)
print(f"request id is {job} (group id {job}) for host localhost (1 file)")
"""
_FAXSTAT = """
form = next(line for line in (Path(os.environ["HOME"]) / ".hylarc").read_text().splitlines() if line.startswith("JobFmt"))
form = form.partition('"')[2].rpartition('"')[0]
print("HylaFAX scheduler on localhost: Running\\n")
print(form.replace("%j", "JID").replace("%a", "State").replace("%J", "JobTag").replace("%s", "Status"))
for path in sorted(spool.glob("*.job")):
    row = json.loads(path.read_text())
    print(form.replace("%j", row["job"]).replace("%a", row["state"]).replace("%J", row["tag"]).replace("%s", row["status"]))
"""


class FaxServer(Protocol):
    """What a test needs of either."""

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None: ...
    def settings(self, timeout: float = 20) -> FaxingSettings: ...
    def jobs(self) -> list[dict[str, Any]]: ...


class StandIn:
    """Two scripts and a folder of jobs; `mood` is how the server behaves, `end` finishes a job."""

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="fax-stand-in-"))
        self.mood = "well"
        for name, rest, away in (("sendfax", _SENDFAX, 1), ("faxstat", _FAXSTAT, 0)):
            script = self.folder / name
            script.write_text(_SCRIPT.format(python=sys.executable, spool=str(self.folder), rest=rest, away=away))
            script.chmod(stat.S_IRWXU)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self.folder)

    @property
    def mood(self) -> Mood:
        mood: Mood = (self.folder / "mood").read_text()  # type: ignore[assignment] # what the setter wrote
        return mood

    @mood.setter
    def mood(self, mood: Mood) -> None:
        (self.folder / "mood").write_text(mood)

    def settings(self, timeout: float = 20) -> FaxingSettings:
        programs = {name: str(self.folder / name) for name in ("sendfax", "faxstat")}
        return FaxingSettings.model_validate({"driver": "hylafax", "timeout": timeout, "check_seconds": 0.1, **programs})

    def jobs(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.job"))]

    def forget(self) -> None:
        """As if nothing had ever been sent."""
        for path in self.folder.glob("*.job"):
            path.unlink()

    def end(self, tag: str, state: str, status: str = "") -> None:
        for path in self.folder.glob("*.job"):
            row = json.loads(path.read_text())
            if row["tag"] == tag:
                path.write_text(json.dumps(row | {"state": state, "status": status}))


class HylaFaxServer:
    """faxq and hfaxd over a spool of their own, on a free loopback port; they want to be started by root.

    Without a modem jobs wait.  `plug_in` lends the scheduler one that is a script: it dials nothing, and every job ends
    as the test says (faxq's words: exit 2 is done, exit 1 failed).
    """

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="hylafax-", ignore_cleanup_errors=True)
        spool = Path(self._folder.name) / "spool"
        Path(self._folder.name).chmod(0o755)
        shutil.copytree(SPOOL, spool, symlinks=True, ignore=shutil.ignore_patterns("FIFO*", "q[0-9]*", "doc[0-9]*"))
        for name in ("dialrules", "hfaxd.conf", "pagesizes", "setup.cache", "typerules"):
            shutil.copy(Path("/etc/hylafax") / name, spool / "etc" / name)
        (spool / "etc" / "hosts.hfaxd").write_text("localhost:21::\n127.0.0.1:21::\n")
        (spool / "etc" / "hosts.hfaxd").chmod(0o600)
        (spool / "etc" / "config").write_text(f"InternationalPrefix: 00\nSendFaxCmd: {spool / 'bin' / 'dial'}\n")
        (spool / "etc" / "config.ttyTEST").write_text("ModemType: Class1\n")
        subprocess.run(["chown", "-R", "uucp:uucp", spool], check=True)  # noqa: S607 - of the test machine
        self.port = _free_port()
        self._processes = [
            self._start("/usr/sbin/faxq", "-D", "-q", str(spool)),
            self._start("/usr/sbin/hfaxd", "-d", "-q", str(spool), "-l", "127.0.0.1", "-i", str(self.port)),
        ]
        _until_answered(self.port)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.wait(20)
        self._folder.cleanup()

    def plug_in(self, ends: Literal["D", "F"]) -> None:
        """A modem is there from now on; each job that it takes ends like this."""
        spool = Path(self._folder.name) / "spool"
        dial = spool / "bin" / "dial"
        dial.write_text(f"#!/bin/sh\nexit {2 if ends == 'D' else 1}\n")
        dial.chmod(0o755)
        subprocess.run(["/usr/sbin/faxmodem", "-q", str(spool), "-u", "5", "ttyTEST"], check=True)

    def remove(self, job: str) -> None:
        """What an operator of the fax server does to a job that shall not go out."""
        owner = {"FAXUSER": FaxingSettings().owner, "HOME": self._folder.name, "PATH": os.environ.get("PATH", os.defpath)}
        told = ["/usr/bin/faxrm", "-h", f"127.0.0.1:{self.port}", job]
        subprocess.run(told, check=True, env=owner, stdout=subprocess.DEVNULL)

    def settings(self, timeout: float = 20) -> FaxingSettings:
        told = {"driver": "hylafax", "host": f"127.0.0.1:{self.port}", "timeout": timeout, "check_seconds": 0.1}
        return FaxingSettings.model_validate(told)

    def jobs(self) -> list[dict[str, Any]]:
        rows = []
        for queue in ("sendq", "doneq"):
            for path in sorted((Path(self._folder.name) / "spool" / queue).glob("q[0-9]*")):
                row = dict(line.partition(":")[::2] for line in path.read_text(errors="replace").splitlines())
                rows.append({"job": row["jobid"], "tag": row["jobtag"], "number": row["number"], "resolution": row["resolution"]})
        return rows

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


#: every server that can run on this machine: the stand-in always
SERVERS: tuple[type[StandIn] | type[HylaFaxServer], ...] = (
    (StandIn, HylaFaxServer) if os.geteuid() == 0 and Path("/usr/sbin/hfaxd").exists() else (StandIn,)
)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until_answered(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as greeting:
                if greeting.recv(10):
                    return
        except OSError:
            pass
        assert time.monotonic() < deadline, "hfaxd does not answer"
        time.sleep(0.1)
