"""The house, wired: which store, vault, readers, sources and couriers these settings mean."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from config.settings import Settings
from ingest.dropfolder import DropFolder
from ingest.mailbox import Mailbox
from ingest.maildir import Maildir
from ingest.source import Source
from outbound.fax import FileFax
from outbound.hours import next_opening
from outbound.mailer import Courier, FileCourier, SmtpCourier
from reading.reader import Readers
from reading.sandbox import WorkerPool
from records.engine import sqlite_url
from records.errors import TemporaryError
from records.model import Channel
from records.store import Store
from records.vault import Vault
from routing.decide import World
from routing.refs import new_ref


def now() -> datetime:
    """The one clock of the house."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class House:
    """Rooms opened when first entered, so that a short command pays only for what it uses."""

    settings: Settings

    @property
    def home(self) -> Path:
        return self.settings.home

    @cached_property
    def store(self) -> Store:
        self._folders()
        return Store(self.settings.database or sqlite_url(self.home / "records.db"))

    @cached_property
    def vault(self) -> Vault:
        self._folders()
        return Vault(self.home / "vault")

    @cached_property
    def readers(self) -> Readers:
        return WorkerPool(self.settings.reading, self.forms)

    @property
    def forms(self) -> Path | None:
        folder = self.settings.forms or self.home / "forms"
        return folder if folder.is_dir() else None

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        s = self.settings
        mail: Source = Mailbox(s.mailbox) if s.mailbox.host else Maildir(self.home / "mail")
        fax = DropFolder("fax", Channel.FAX, s.fax, s.fax.path or self.home / "fax")
        courier = DropFolder("courier", Channel.COURIER, s.courier, s.courier.path or self.home / "courier")
        return (mail, fax, courier)

    @cached_property
    def mailer(self) -> Courier:
        return SmtpCourier(self.settings.smtp) if self.settings.smtp.host else FileCourier(self.outgoing)

    @cached_property
    def fax(self) -> Courier:
        return FileFax(self.outgoing)

    @property
    def outgoing(self) -> Path:
        return self.home / "outgoing"

    @property
    def quarantine(self) -> Path:
        return self.home / "quarantine"

    def world(self, settled: bool = False) -> World:
        hours = self.settings.rules.hours
        return World(
            rules=self.settings.rules,
            now=now(),
            ref=new_ref(secrets.randbits(50)),
            token=secrets.token_hex(16),
            opening=lambda moment: next_opening(moment, hours),
            settled=settled,
        )

    @contextmanager
    def only_one(self) -> Iterator[None]:
        """Custody, decisions and deliveries are one process's work; TemporaryError when another is at it."""
        self._folders()
        descriptor = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise TemporaryError("busy", "another somrr run or once is at work in this state directory") from None
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Leave the rooms that were entered."""
        for name in ("readers", "store"):
            if name in self.__dict__:
                self.__dict__[name].close()
        for source in self.__dict__.get("sources", ()):
            source.close()

    def _folders(self) -> None:
        """The state directory is nobody else's."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("vault", "quarantine", "outgoing", "fax", "courier"):
            (self.home / name).mkdir(exist_ok=True, mode=0o700)
