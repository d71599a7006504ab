"""`python -m tests.live`: boots systemd in namespaces of its own, runs the units as they are shipped, and prints what it saw.

Needs root.  Not part of `make test`: whether such a boot works depends on the machine's cgroups.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.live.checks import CHECKS

BOOT = Path(__file__).with_name("boot.sh")
SECONDS = 500


def main() -> int:
    if sys.argv[1:] == ["inside"]:
        return 1 if [name for name, check in CHECKS if not reported(name, check())] else 0
    if os.geteuid() != 0:
        print("live-units: needs root, to make the namespaces")
        return 77
    python = Path(sys.executable).resolve()
    base = Path(sys.base_prefix).resolve()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as out:
        namespaces = ["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--cgroup", "--uts", "--ipc", "--net"]
        words = [str(BOOT), str(BOOT.parents[2]), python.name, sysconfig.get_path("purelib"), str(base), out]
        with Cgroup() as enter:
            done = subprocess.run(
                ["/usr/bin/unshare", *namespaces, *words], preexec_fn=enter, timeout=SECONDS, check=False, capture_output=True
            )
        report = Path(out, "report")
        if not report.exists():
            print("live-units: systemd did not come up here:", done.stderr.decode()[-500:])
            return 77
        print(report.read_text(), end="")
        print(Path(out, "errors").read_text(), end="", file=sys.stderr)
        return 1 if "FAIL" in report.read_text() or "live" not in report.read_text() else 0


def reported(name: str, answer: tuple[bool, str]) -> bool:
    good, words = answer
    print(f"{'ok  ' if good else 'FAIL'} {name}: {words}", flush=True)
    return good


class Cgroup:
    """A cgroup of its own in the unified hierarchy, removed afterwards."""

    def __enter__(self) -> Callable[[], object]:
        root = next(
            Path(line.split()[1]) for line in Path("/proc/mounts").read_text().splitlines() if line.split()[2] == "cgroup2"
        )
        self._path = root / f"somrr-live-{os.getpid()}"
        self._path.mkdir()
        return lambda: (self._path / "cgroup.procs").write_text(str(os.getpid()))

    def __exit__(self, *_: object) -> None:
        for folder, *_rest in os.walk(self._path, topdown=False):
            Path(folder).rmdir()


if __name__ == "__main__":
    sys.exit(main())
