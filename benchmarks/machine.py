"""The machine and the versions that a table of figures was measured with."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("tesserocr", "pypdfium2", "imap-tools", "SQLAlchemy")


def machine() -> dict[str, str]:
    """Name → value, in the order to show."""
    import tesserocr

    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return {
        "machine": _processor(),
        "cores": str(cores()),
        "load": " ".join(f"{figure:.1f}" for figure in os.getloadavg()),
        "system": system,
        "python": platform.python_version(),
        "tesseract": str(tesserocr.tesseract_version()).split()[1],
        **{name: version(name) for name in LIBRARIES},
        **_programs(),
    }


def cores() -> int:
    """Cores that we may use."""
    return len(os.sched_getaffinity(0))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _programs() -> dict[str, str]:
    from benchmarks.ocrmypdf import PROGRAM

    found = {}
    for name, program in (("dovecot", shutil.which("dovecot", path="/usr/sbin:/usr/bin")), ("ocrmypdf", str(PROGRAM))):
        if program and Path(program).exists():
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - fixed programs
            found[name] = said.stdout.split()[0]
    return found
