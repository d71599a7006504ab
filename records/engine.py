"""The database behind the ledger: SQLite set to survive a power cut, or any SQLAlchemy URL; its schema brought up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text

from records.errors import ConfigurationError
from records.migrations import HEAD

BUSY_SECONDS = 30


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path.absolute()}"


def open_engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _pragmas(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # BEGIN is ours
            cursor = connection.cursor()
            pragmas = (
                "journal_mode=WAL",
                "synchronous=FULL",
                f"busy_timeout={BUSY_SECONDS * 1000}",
                "foreign_keys=ON",
                "secure_delete=ON",
                "temp_store=MEMORY",
            )
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _begin(c: Connection) -> None:
            # a writer takes its lock at once: a read that turns into a write could not wait for another writer
            c.exec_driver_sql("BEGIN" if c.get_execution_options().get("somrr_read") else "BEGIN IMMEDIATE")

    return engine


def migrate(engine: Engine) -> None:
    """Take the numbered steps that this database lacks."""
    with engine.connect() as c, c.begin():
        known = inspect(c)
        if known.has_table("cases") and not known.has_table("house"):
            told = "was made by an earlier, unreleased version that kept it in clear: start with an empty state directory"
            raise ConfigurationError("database", told)
        if known.has_table("alembic_version") and c.scalar(text("SELECT version_num FROM alembic_version")) == HEAD:
            return
    # Alembic is imported only when there is something to do: it costs a second
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    steps = Config()
    steps.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as c, c.begin():
        steps.attributes["connection"] = c
        try:
            command.upgrade(steps, "head")
        except CommandError:
            raise ConfigurationError("database", "was made by a newer version of somrr: install that one") from None
