"""The folder that staff open: one folder a held thing, a view of the ledger that may be deleted without loss.

Each holds the original byte for byte, pages as pictures made by us, and WHY.txt in plain words.  This is the one
place where what is sealed lies open, because people must look at it with programs of their own; so it lies in memory
(`/run`, `/dev/shm`) and the state directory only points there: a stolen disk, or a copy of it, has none of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import structlog

from classifiers.cards import mask
from config.reasons import reason
from records import events
from records.errors import RefusedError, SomrrError
from records.model import Held, Submission
from records.store import Store
from records.vault import Vault
from routing.incoming import whole as is_whole

if TYPE_CHECKING:
    from reading.reader import Readers

log = structlog.get_logger()
PREFIX = "somrr-quarantine-"
SHUT = ("malware", "not_scanned", "crashed")  # neither laid open nor drawn: not looked into, or a danger to who does
MOST_BYTES = 1 << 30  # of originals that lie open at a time; what is larger, staff take out one by one


def folder_name(held: Held) -> str:
    """`2026-11-24-encrypted-4f2a…`: day, reason and id; nothing of the sender's."""
    day = held.held_at or held.received_at
    return f"{day:%Y-%m-%d}-{held.reason}-{held.id[:8]}" if day else f"{held.reason}-{held.id[:8]}"


class QuarantineFolder:
    """`refresh` makes the folder agree with the ledger: new things appear, settled ones go."""

    def __init__(self, root: Path, store: Store, vault: Vault, memory: Path | None) -> None:
        self.root, self.store, self.vault, self.memory = root, store, vault, memory

    def refresh(self, readers: Readers) -> None:
        """Idempotent; a folder that staff deleted or emptied comes back while the thing is held."""
        waiting = {folder_name(held): held for held in self.store.held()}
        place(self.root, self.memory)
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
        if held.reason in SHUT:
            with _fresh(folder / "WHY.txt") as why:
                why.write(explain(held, None).encode())
            return
        pictures: list[tuple[str, bytes]] = []
        shared = len(submission.case_refs) > 1
        whole = not shared and submission.size <= self._room()
        try:
            if whole:
                self._original(folder, submission)
            if held.reason != "payment_card":  # a picture would show the number again
                pictures = readers.picture(partial(self.vault.open, submission.digest), submission.digest, held.part or None)
        except SomrrError as fault:
            log.warning(events.LOOP_FAILED, loop="quarantine", fault=type(fault).__name__, code=fault.code)
        for number, (name, content) in enumerate(pictures, 1):
            with _fresh(folder / f"page-{number:03}{Path(name).suffix}") as page:
                page.write(content)
        with _fresh(folder / "WHY.txt") as why:  # last: its presence says that the folder is whole
            why.write(explain(held, len(pictures), whole=whole, shared=shared).encode())

    def _original(self, folder: Path, submission: Submission) -> None:
        chunks = self.vault.open(submission.digest)
        head = next(chunks, b"")
        with _fresh(folder / f"original{_ending(head, submission.envelope.channel)}") as copy:
            copy.write(head)
            for chunk in chunks:
                copy.write(chunk)

    def _room(self) -> int:
        used = sum(path.stat().st_size for path in self.root.glob("*/original*"))
        return min(MOST_BYTES - used, shutil.disk_usage(self.root).free // 4)


def place(root: Path, memory: Path | None) -> None:
    """Make `root` a folder of ours: in memory and pointed to, or just there."""
    if memory is None:
        root.mkdir(exist_ok=True, mode=0o700)
        return
    if root.is_symlink():
        there = root.readlink()
        if not there.name.startswith(PREFIX):
            return  # the operator's own way to a safe place
        if there.parent == memory and _ours(there):
            return
        if _ours(there):
            shutil.rmtree(there, ignore_errors=True)
    elif root.exists():
        shutil.rmtree(root, ignore_errors=True)
    fresh = root.with_name(f".{root.name}-{secrets.token_hex(4)}")
    fresh.symlink_to(_made(root, memory))
    fresh.replace(root)


def _made(root: Path, memory: Path) -> Path:
    """The same folder for the same state directory, so that none is left behind; another one where it is not ours."""
    mine = memory / f"{PREFIX}{hashlib.sha256(str(root.absolute()).encode()).hexdigest()[:12]}"
    if _ours(mine):
        shutil.rmtree(mine)
    try:
        mine.mkdir(mode=0o700)
    except FileExistsError:
        return Path(tempfile.mkdtemp(prefix=PREFIX, dir=memory))
    return mine


def _ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and found.st_mode & 0o077 == 0


def take_out(store: Store, vault: Vault, held: Held, to: Path) -> None:
    """The original, as it came, into a new file; not there at all when it does not open to its end."""
    if held.reason == "malware":
        raise RefusedError("malware", "the virus scanner knows something in it: it is given to nobody")
    submission = store.submission(held.submission)
    if submission is None:
        raise RefusedError("id", "its original is gone")
    try:
        with to.open("xb") as file:
            to.chmod(0o600)
            file.writelines(vault.open(submission.digest))
    except FileExistsError:
        raise RefusedError("file", f"{to} is there already; name a new file") from None
    except SomrrError:
        to.unlink()
        raise


def explain(held: Held, pictures: int | None, *, whole: bool = True, shared: bool = False) -> str:
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
        *_release_line(held),
        f'  somrr quarantine discard {held.id} --by YOUR-NAME --why "…"',
        "",
    ]
    if pictures is not None:
        original = "the original as it came, byte for byte, and " if whole else ""
        lines += [
            f"In this folder: {original}{pictures} page picture(s) that are safe to open.",
            "" if whole else f"The original {_kept_away(shared)}: somrr quarantine show {held.id} --original FILE",
            "Deleting or changing anything here loses nothing: the original is kept in the vault.",
        ]
    return mask(re.sub(r"\n{3,}", "\n\n", "\n".join(lines))) + "\n"


def _kept_away(shared: bool) -> str:
    return "holds another patient's papers, too, and does not lie here" if shared else "is too large to lie here"


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


def _release_line(held: Held) -> list[str]:
    """Only what `routing.rulings` allows: card data is never taken in, and one part stays with its submission's case."""
    if held.reason == "payment_card":
        return []
    how = "[--case REF]" if is_whole(held) else "[--as KIND]"
    return [f"  somrr quarantine release {held.id} --by YOUR-NAME {how}"]
