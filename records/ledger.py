"""The ground of the ledger: one engine, one keyring, and the two kinds of transaction that every room of it uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import OperationalError

from records import tables as t
from records.engine import migrate, open_engine
from records.errors import ConfigurationError, PermanentError, TemporaryError
from records.keys import HOUSE, Keyring
from records.rows import Rows


class Ledger:
    """The database behind `url`, its schema brought up to date."""

    def __init__(self, url: str, keys: Keyring) -> None:
        self.engine, self.rows = open_engine(url), Rows(keys)
        try:
            migrate(self.engine)
            self._recognise(keys)
        except OperationalError as error:
            raise ConfigurationError("database", f"can not be opened ({type(error.orig).__name__})") from None

    def close(self) -> None:
        self.engine.dispose()

    def _recognise(self, keys: Keyring) -> None:
        """Refuse to work with a keyring that is not this ledger's: what it sealed could not be told from damage."""
        with self._read() as c:
            body = c.scalar(select(t.house.c.body).where(t.house.c.name == "keyring"))
        try:
            if body is not None:
                keys.unseal(body, "house.body/keyring")
                return
        except PermanentError as fault:
            if isinstance(fault, ConfigurationError):
                raise
            told = f"the keys in {keys.folder} are not those of these records: put the right keyring there (somrr restore --help)"
            raise ConfigurationError("keys", told) from None
        with self._write() as c:
            if c.scalar(select(t.house.c.name)) is None:  # no other process was quicker
                c.execute(insert(t.house).values(name="keyring", body=keys.seal(HOUSE, "somrr", "house.body/keyring")))

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self.engine.connect() as c:
            try:
                with c.begin():
                    yield c
            except OperationalError as error:
                raise TemporaryError("database", type(error.orig).__name__) from None

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self.engine.connect().execution_options(somrr_read=True) as c, c.begin():
            yield c
