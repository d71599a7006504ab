"""One entry point under atheris, in a process of its own: the engine never gives it back.

Nothing of ours may be imported before it is instrumented, so this is a module apart.
"""

from __future__ import annotations

import sys

import atheris

ROOMS = ["reading", "classifiers", "routing", "outbound", "ingest", "records"]

if __name__ == "__main__":
    with atheris.instrument_imports(include=ROOMS):
        from tests.fuzz.entries import NAMED
    atheris.Setup(sys.argv[1:], NAMED[sys.argv[1]].run)
    atheris.Fuzz()
