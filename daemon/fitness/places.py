"""Where things lie: state directory, drop folders, database, registered forms, passwords."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from config.settings import FolderSettings, Settings
from daemon.fitness import Answers, Check, judged

FORM_KINDS = ("letter_of_agreement", "informed_consent")


def state_directory(settings: Settings) -> Answers:
    home = settings.home.absolute()
    if home.is_dir():
        yield _writable(home)
        mode = stat.S_IMODE(home.stat().st_mode)
        yield judged("state_directory_mode", mode & 0o077 == 0, f"{mode:04o}", f"chmod 0700 {home}", otherwise="warn")
        yield _free(home, settings.min_free)
        return
    parent = next(folder for folder in home.parents if folder.exists())
    good = os.access(parent, os.W_OK | os.X_OK)
    detail = f"{home} is not there yet; " + ("the first start makes it" if good else f"{parent} may not be written to")
    yield judged("state_directory", good, detail, f"make it as the user of the daemon: install -d -m 0700 {home}")
    yield _free(parent, settings.min_free)


def _writable(home: Path) -> Check:
    """A file without a name, to the platter: `os.access` knows nothing of read-only mounts and quotas."""
    try:
        with tempfile.TemporaryFile(dir=home) as probe:
            probe.write(b"probe")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as fault:
        detail = f"{home} can not be written to ({fault.strerror})"
        return Check("state_directory", "fail", detail, f"give {home} to the user of the daemon")
    return Check("state_directory", "ok", str(home))


def _free(folder: Path, least: int) -> Check:
    """Below `least` nothing is taken in, so a start would be of no use."""
    free, gib = shutil.disk_usage(folder).free, 1 << 30
    return judged("disk", free >= least, f"{free / gib:.1f} GiB free", f"make room: at least {least / gib:.1f} GiB (min_free)")


def drop_folders(settings: Settings) -> Answers:
    for name, folder in (("fax", settings.fax), ("courier", settings.courier)):
        if folder.path is not None:
            yield _drop_folder(f"{name}_folder", folder.path, folder)


def _drop_folder(name: str, path: Path, folder: FolderSettings) -> Check:
    if not path.is_dir():
        return Check(name, "fail", f"{path} is no directory", "create it, or correct its path in the configuration")
    moves = folder.after != "leave"
    good = os.access(path, os.R_OK | os.X_OK | (os.W_OK if moves else 0))
    remedy = f"let the user of the daemon read{' and write' if moves else ''} {path}; in the unit: ReadWritePaths={path}"
    return judged(name, good, str(path) if good else f"{path} is closed to this user", remedy)


def database(settings: Settings) -> Answers:
    from sqlalchemy import create_engine, text  # a second of import that only this question needs
    from sqlalchemy.exc import SQLAlchemyError

    file = settings.home.absolute() / "records.db"
    if settings.database is None and not file.exists():
        yield Check("database", "ok", "not there yet; the first start makes it")
        return
    try:
        engine = create_engine(settings.database or f"sqlite:///{file}")
        probe = "PRAGMA schema_version" if engine.dialect.name == "sqlite" else "SELECT 1"
        with engine.connect() as connection:
            connection.execute(text(probe)).scalar()
        engine.dispose()
    except (SQLAlchemyError, ImportError, ValueError) as fault:
        detail = f"can not be opened ({type(fault).__name__})"
        yield Check("database", "fail", detail, "look at `database` in the configuration, its driver and its rights")
    else:
        yield Check("database", "ok", engine.dialect.name)
        if settings.database is not None:
            told = "the records are in a database of their own: `somrr backup` does not copy them"
            yield Check("backup", "warn", told, "pg_dump, then vault/, then the keyring: somrr backup --help")


def keyring(settings: Settings) -> Answers:
    """The key that opens everything: there, nobody else's, and not beside what it opens."""
    home, keys = settings.home.absolute(), settings.keys
    folder = keys.folder or home / "keys"
    if keys.master.get_secret_value():
        yield Check("master_key", "ok", "configured (keys.master)")
        return
    file = (keys.master_file or folder / "master.key").absolute()
    if not file.exists():
        lost = any(folder.glob("*.keys"))
        detail = f"{file} is not there" + (", but keys that it wraps are" if lost else " yet; the first start makes it")
        yield judged("master_key", not lost, detail, f"put {file} back; without it nothing can be read")
    elif stat.S_IMODE(file.stat().st_mode) & 0o077:
        yield Check("master_key", "fail", f"{file} may be read by others", f"chmod 0600 {file}")
    else:
        beside = file.is_relative_to(home)
        detail = f"{file} lies beside what it opens: a copy of the state directory has both" if beside else str(file)
        remedy = "move it to a credential or another disk: somrr keys rotate --help"
        yield judged("master_key", not beside, detail, remedy, otherwise="warn")


def forms(settings: Settings) -> Answers:
    folder = settings.forms or settings.home / "forms"
    kinds: set[str] = set()
    for description in sorted(folder.glob("*/form.toml")):
        try:
            kinds.add(str(tomllib.loads(description.read_text("utf-8")).get("kind")))
        except (OSError, ValueError):
            yield Check("forms", "fail", f"{description} can not be read", "register the form again")
            continue
        if not description.with_name("blank.pdf").is_file():
            yield Check("forms", "fail", f"{description.parent} has no blank.pdf", "register the form again")
    lacking = [kind for kind in FORM_KINDS if kind not in kinds]
    detail = f"no blank of {' and '.join(lacking)}: judged by text alone" if lacking else "blanks registered"
    yield judged("forms", not lacking, detail, "somrr form add BLANK.pdf --kind KIND", otherwise="warn")


def secrets(origins: Mapping[str, str]) -> Answers:
    """A password in a file that everybody may read, or in the environment, is no secret."""
    for key in ("mailbox.password", "smtp.password", "keys.master", "database"):
        origin = origins.get(key, "default")
        if origin.startswith("environment") and key != "database":
            yield Check("secrets", "warn", f"{key} is in the environment", "give it as a systemd credential")
        elif Path(origin).is_file():
            mode = stat.S_IMODE(Path(origin).stat().st_mode)
            yield judged("secrets", mode & 0o007 == 0, f"{key} is in {origin}, mode {mode:04o}", f"chmod 0640 {origin}")
