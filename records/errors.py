"""The faults that cross a room's border, each answering one question: temporary or permanent?

A *temporary* fault is tried again later and never uses up a permanent verdict; a *permanent* one
goes to staff.  No exception text carries patient data, file names or mail text: `code` is from a
fixed list and `detail` holds figures and machine words only.
"""

from __future__ import annotations


class SomrrError(Exception):
    """Base of all faults the project raises itself."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class TemporaryError(SomrrError):
    """Try again later: a server away, a disk full, a worker killed by load."""


class PermanentError(SomrrError):
    """Trying again gives the same answer: staff must look."""


class ConfigurationError(PermanentError):
    """The configuration can not be used; the daemon does not start (exit code 78)."""


class RefusedError(PermanentError):
    """A staff act that the record does not allow; `detail` is one clear sentence for people."""
