"""Every library of the lock has a licence that this project can be used under; what is otherwise is named, with its reason."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import cast

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"

#: what a licence may be made of (SPDX); weak copyleft by file (MPL) leaves our own files alone
ALLOWED = {"0BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU", "Zlib"}
ALLOWED |= {"Apache-2.0", "MPL-2.0", "PSF-2.0"}

#: how older packages say it
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}

#: packages that say it in no way a program can read, and what their licence file says
TOLD = {
    "libarchive-c": "CC0-1.0",
    "pypdfium2": "Apache-2.0 AND BSD-3-Clause",  # either for its own code; PDFium itself is Apache-2.0 and BSD
}

#: shared libraries under copyleft inside wheels: used as they come, loaded beside our code, never passed on by us
BUNDLED = {
    "pillow-heif": {"libheif": "LGPL-3.0", "libde265": "LGPL-3.0", "libx265": "GPL-2.0, an encoder that is never called"},
    "opencv-python-headless": {
        "libavcodec": "LGPL-2.1",
        "libavformat": "LGPL-2.1",
        "libavutil": "LGPL-2.1",
        "libswresample": "LGPL-2.1",
        "libswscale": "LGPL-2.1",
        "libgfortran": "GPL-3.0 with the runtime exception",
        "libquadmath": "LGPL-2.1",
    },
    "numpy": {"libgfortran": "GPL-3.0 with the runtime exception", "libquadmath": "LGPL-2.1"},
}
COPYLEFT = re.compile(
    r"lib(heif|de265|x26[45]|kvazaar|avcodec|avformat|avutil|avfilter|swresample|swscale|postproc|gfortran|quadmath"
    r"|mp3lame|gs|poppler|readline|gmp|mpfr|iconv|intl|glib|gobject|gio|cairo|rsvg|fribidi|pango|idn2|unistring|xvid)\b"
)


def locked() -> Iterator[str]:
    """Names in the lock that are for this machine."""
    for line in LOCK.read_text().splitlines():
        if re.match(r"[a-z0-9]", line, re.IGNORECASE):
            wanted = Requirement(line.rstrip("\\ "))
            if wanted.marker is None or wanted.marker.evaluate():
                yield wanted.name


def licence_of(package: Distribution) -> str:
    """An SPDX expression, "" when none is told."""
    meta = cast("Message", package.metadata)
    name = str(meta["Name"]).lower().replace("_", "-")
    if name in TOLD:
        return TOLD[name]
    if expression := meta.get("License-Expression"):
        return expression
    osi = [c.rpartition(" :: ")[2] for c in meta.get_all("Classifier") or [] if c.startswith("License :: OSI Approved :: ")]
    return " AND ".join(CLASSIFIERS.get(told, told) for told in osi) or str(meta.get("License") or "")


def allowed(expression: str) -> bool:
    """Every part of it is allowed; of alternatives ("OR") one is enough."""
    parts = re.split(r"\s+AND\s+", expression.replace("(", "").replace(")", ""))
    return all(any(choice in ALLOWED for choice in re.split(r"\s+OR\s+", part)) for part in parts)


@pytest.mark.parametrize(
    ("expression", "good"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_the_gate_itself(expression: str, good: bool) -> None:
    """Copyleft, unknown words and silence do not pass."""
    assert allowed(expression) is good


def test_the_lock_is_what_is_installed() -> None:
    """Otherwise the licences below would be those of other versions."""
    names = list(locked())
    assert len(names) > 50
    for name in names:
        try:
            distribution(name)
        except PackageNotFoundError:
            pytest.fail(f"{name} is in the lock and not installed")


@pytest.mark.parametrize("name", sorted(set(locked())))
def test_every_licence_is_allowed(name: str) -> None:
    """By the installed package's own word."""
    told = licence_of(distribution(name))
    assert allowed(told), f"{name}: {told or 'no licence is told'}"


def test_copyleft_inside_wheels_is_named() -> None:
    """What a wheel carries beside its own code is not in its licence line: looked for by the libraries' names."""
    site = Path(str(distribution("pytest").locate_file(""))).resolve()
    assert site.is_relative_to(Path(sys.prefix).resolve())
    found: dict[str, set[str]] = {}
    for folder in site.glob("*.libs"):
        names = {match[0] for path in folder.iterdir() if (match := COPYLEFT.match(path.name))}
        if names:
            found[folder.name.removesuffix(".libs").replace("_", "-").lower()] = names
    assert found == {package: set(libraries) for package, libraries in BUNDLED.items()}
