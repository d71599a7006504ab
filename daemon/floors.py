"""Oldest versions that are safe with hostile files; below them reading does not start."""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import PackageNotFoundError, version

from records.errors import ConfigurationError

# Each floor is the release that closed the hole named beside it.
LIBRARIES = {
    "pillow": "13.0.0",  # CVE-2026-112403, -112398, -96639, -112393: heap overflows in the JPEG and TIFF code
    "pdfminer.six": "20251230",  # CVE-2025-64512: code execution by a pickled CMap
    "pydicom": "3.0.2",  # CVE-2026-32711: DICOMDIR reaches outside its folder
}
# CVE-2026-1299 (header injection), CVE-2025-8291 (zip), gh-119511 (an IMAP server makes us allocate what it likes)
PYTHON = {(3, 11): 15, (3, 12): 13, (3, 13): 12, (3, 14): 3}


def numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version without the zeros at their end: "13.0.0rc1" → (13,), equal to "13"."""
    match = re.match(r"\d+(\.\d+)*", text)
    found = [int(part) for part in match[0].split(".")] if match else []
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


def libraries_below() -> list[str]:
    """Each library that is absent or older than its floor, as a sentence; empty when all is well."""
    found = []
    for name, floor in LIBRARIES.items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            found.append(f"{name} is not installed (at least {floor})")
            continue
        if numbers(installed) < numbers(floor):
            found.append(f"{name} {installed} is older than {floor}")
    return found


def refuse() -> None:
    """ConfigurationError where hostile files would meet a known hole: nothing is read here."""
    holes = libraries_below() + (["CMAP_PATH lets a PDF choose files to load"] if "CMAP_PATH" in os.environ else [])
    if holes:
        raise ConfigurationError("libraries", f"known holes: {'; '.join(holes)}; run somrr doctor")


def python_floor(running: tuple[int, int, int] = sys.version_info[:3]) -> str | None:
    """The release that this line of Python should have, None when it has it."""
    floor = PYTHON.get(running[:2])
    return f"{running[0]}.{running[1]}.{floor}" if floor is not None and running[2] < floor else None
