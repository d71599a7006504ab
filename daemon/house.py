"""The house, wired: which store, vault, readers, sources and couriers these settings mean."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.settings import Settings
from records.engine import sqlite_url
from records.errors import ConfigurationError, TemporaryError
from records.keys import Keyring
from records.model import CaseRecord, Channel
from records.store import Line, Store
from records.vault import Vault

if TYPE_CHECKING:
    from ingest.source import Source
    from outbound.faxing import FaxCourier
    from outbound.mailer import Courier
    from reading.clamd import Scanner
    from reading.reader import Readers
    from routing.decide import World

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a folder of random name and mode 0700 is made in it


def _line(record: CaseRecord) -> Mapping[str, Any]:
    from daemon.show import case_line  # lists read what is kept and need none of what makes it

    return case_line(record)


LINE = Line(2, _line)  # raised whenever `show.case` shows something else: the ledger keeps what it showed


def now() -> datetime:
    """The one clock of the house."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class House:
    """Rooms opened when first entered, so that a short command pays only for what it uses: their libraries, too."""

    settings: Settings

    @property
    def home(self) -> Path:
        return self.settings.home

    @cached_property
    def store(self) -> Store:
        self._folders()
        return Store(self.settings.database or sqlite_url(self.database), self.keys, LINE)

    @cached_property
    def vault(self) -> Vault:
        self._folders()
        return Vault(self.home / "vault", self.keys, self.settings.min_free)

    @cached_property
    def keys(self) -> Keyring:
        self._folders()
        s = self.settings.keys
        found = bool(self.settings.database) or not self.database.exists()
        return Keyring(self.keyring, s.master_file, s.master.get_secret_value(), found=found)

    @property
    def keyring(self) -> Path:
        return self.settings.keys.folder or self.home / "keys"

    @property
    def database(self) -> Path:
        """The records, unless the configuration names a database elsewhere."""
        return self.home / "records.db"

    @cached_property
    def scanner(self) -> Scanner:
        from reading.clamd import Clamd, NoScanner

        return Clamd(self.settings.scanning) if self.settings.scanning.clamd else NoScanner()

    @cached_property
    def readers(self) -> Readers:
        from daemon.floors import refuse
        from reading.sandbox import WorkerPool

        refuse()
        return WorkerPool(self.settings.reading, self.forms)

    @property
    def forms(self) -> Path | None:
        folder = self.settings.forms or self.home / "forms"
        return folder if folder.is_dir() else None

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        from ingest.dropfolder import DropFolder
        from ingest.mailbox import Mailbox
        from ingest.maildir import Maildir

        s = self.settings
        mail: Source = Mailbox(s.mailbox) if s.mailbox.host else Maildir(self.home / "mail", s.mailbox.dispose)
        fax = DropFolder("fax", Channel.FAX, s.fax, s.fax.path or self.home / "fax")
        courier = DropFolder("courier", Channel.COURIER, s.courier, s.courier.path or self.home / "courier")
        return (mail, fax, courier)

    @cached_property
    def mailer(self) -> Courier:
        from outbound.mailer import FileCourier, SmtpCourier

        return SmtpCourier(self.settings.smtp) if self.settings.smtp.host else FileCourier(self.outgoing)

    @cached_property
    def fax(self) -> FaxCourier:
        from outbound.faxing import fax_courier

        return fax_courier(self.settings.faxing, self.settings.smtp, self.outgoing)

    @property
    def outgoing(self) -> Path:
        return self.home / "outgoing"

    @property
    def tasks(self) -> Path:
        """Summaries and proposed times for what staff bring themselves."""
        return self.home / "tasks"

    @property
    def quarantine(self) -> Path:
        """Where staff look, whatever lies behind it."""
        return self.settings.quarantine or self.home / "quarantine"

    @property
    def memory(self) -> Path | None:
        """A folder that is on no disk, for what must lie unsealed; None where a place was configured, or there is none."""
        if self.settings.quarantine is not None:
            return None
        named = (os.environ.get(name, "").partition(":")[0] for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"))
        places = (Path(name) for name in (*named, SHARED_MEMORY) if name)
        return next((place for place in places if place.is_dir() and os.access(place, os.W_OK | os.X_OK)), None)

    def world(self, settled: bool = False) -> World:
        from outbound.hours import next_opening
        from routing.decide import World
        from routing.refs import new_ref

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
        owner = self.home.stat().st_uid
        if os.geteuid() == 0 != owner:
            told = f"{self.home} belongs to user {owner}; what root makes there the daemon can not read: run this as that user"
            raise ConfigurationError("user", told)
        for name in ("vault", "outgoing", "fax", "courier"):
            (self.home / name).mkdir(exist_ok=True, mode=0o700)
