"""The folder that staff open: one folder a held thing, a view of the ledger that may be deleted without loss.

Each holds the original byte for byte, pages as pictures made by us, and WHY.txt in plain words.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import BinaryIO

import structlog

from config.reasons import reason
from reading.reader import Readers
from records import events
from records.errors import SomrrError
from records.model import Held
from records.store import Store
from records.vault import Vault

log = structlog.get_logger()


def folder_name(held: Held) -> str:
    """`2026-11-24-encrypted-4f2a…`: day, reason and id; nothing of the sender's."""
    day = held.held_at or held.received_at
    return f"{day:%Y-%m-%d}-{held.reason}-{held.id[:8]}" if day else f"{held.reason}-{held.id[:8]}"


class QuarantineFolder:
    """`refresh` makes the folder agree with the ledger: new things appear, settled ones go."""

    def __init__(self, root: Path, store: Store, vault: Vault) -> None:
        self.root, self.store, self.vault = root, store, vault

    def refresh(self, readers: Readers) -> None:
        """Idempotent; a folder that staff deleted or emptied comes back while the thing is held."""
        waiting = {folder_name(held): held for held in self.store.held()}
        self.root.mkdir(exist_ok=True, mode=0o700)
        for stale in self.root.iterdir():
            if stale.name not in waiting:
                shutil.rmtree(stale, ignore_errors=True)
        for name, held in waiting.items():
            if not (self.root / name / "WHY.txt").exists():
                self._show(self.root / name, held, readers)

    def _show(self, folder: Path, held: Held, readers: Readers) -> None:
        submission = self.store.submission(held.submission)
        if submission is None:
            return
        folder.mkdir(exist_ok=True, mode=0o700)
        head = next(self.vault.open(submission.digest, 512), b"")
        with _fresh(folder / f"original{_ending(head, submission.envelope.channel)}") as copy:
            for chunk in self.vault.open(submission.digest):
                copy.write(chunk)
        try:
            pictures = readers.picture(self.vault.path(submission.digest), submission.digest, held.part or None)
        except SomrrError as fault:
            log.warning(events.LOOP_FAILED, loop="quarantine", fault=type(fault).__name__, code=fault.code)
            pictures = []
        for number, (name, content) in enumerate(pictures, 1):
            with _fresh(folder / f"page-{number:03}{Path(name).suffix}") as page:
                page.write(content)
        with _fresh(folder / "WHY.txt") as why:  # last: its presence says that the folder is whole
            why.write(explain(held, len(pictures)).encode())


def explain(held: Held, pictures: int | None) -> str:
    """WHY.txt: what was seen, what can be done, and the command that does it."""
    told = reason(held.reason)
    about = f"Part of the submission: {held.part}" if held.part else "The whole submission waits."
    lines = [
        f"Why this waits: {held.reason}",
        "",
        told.seen,
        f"What was seen: {held.detail}" if held.detail else "",
        about,
        f"Case: {held.case_ref or 'none yet'}",
        f"Came by {held.channel} on {held.received_at:%Y-%m-%d %H:%M} UTC." if held.channel and held.received_at else "",
        "",
        "What you can do",
        told.do,
        "",
        f"  somrr quarantine show {held.id}",
        f"  somrr quarantine release {held.id} --by YOUR-NAME [--as KIND] [--case REF]",
        f'  somrr quarantine discard {held.id} --by YOUR-NAME --why "…"',
        "",
    ]
    if pictures is not None:
        lines += [
            f"In this folder: the original as it came, byte for byte, and {pictures} page picture(s) that are safe to open.",
            "Deleting or changing anything here loses nothing: the original is kept in the vault.",
        ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def _ending(head: bytes, channel: str) -> str:
    """So that a double click opens the right program."""
    known = {b"%PDF": ".pdf", b"II*\0": ".tif", b"MM\0*": ".tif", b"PK\3\4": ".zip", b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png"}
    found = next((ending for magic, ending in known.items() if head.startswith(magic)), "")
    if not found and head[257:262] == b"ustar":
        return ".tar"
    return found or (".eml" if channel == "email" else ".bin")


def _fresh(path: Path) -> BinaryIO:
    """Never follow what somebody put there under our name."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")
