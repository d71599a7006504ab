"""From flags, environment, credentials and file to one `Settings`, each value with where it came from.

Precedence, highest first: command-line flag, environment `SOMRR_<SECTION>__<KEY>`, systemd credential
(systemd.exec(5), `LoadCredential=`), the TOML file, the embedded default.  Every fault found is reported
at once, and none of them shows a value, because the value may be a password.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from config.layers import ANNOTATIONS, KEYS, Layers, is_text, nearest, validated, value_at
from config.settings import Settings
from records.errors import ConfigurationError

SYSTEM_FILE = Path("/etc/somrr/somrr.toml")
CREDENTIALS = {  # credential → key
    "imap_password": "mailbox.password",
    "smtp_password": "smtp.password",
    "master_key": "keys.master",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and for each dotted key (`mailbox.port`) where its value came from."""

    settings: Settings
    origins: dict[str, str]


def load(
    config: Path | None = None,
    home: Path | None = None,
    environ: Mapping[str, str] | None = None,
    credentials: Path | None = None,
) -> Loaded:
    """Settings of this machine; raises ConfigurationError that lists every fault, a line each.

    `config` and `home` are the command-line flags.  `credentials` is systemd's directory, by default
    `$CREDENTIALS_DIRECTORY`; absent and empty files in it count as not given.
    """
    environ = environ or {}
    layers = Layers()
    _lay_file(layers, _chosen(config, environ))
    directory = credentials or _path(environ.get("CREDENTIALS_DIRECTORY"))
    if directory is not None:
        _lay_credentials(layers, directory)
    _lay_environment(layers, environ)
    if home is not None:
        layers.put("home", str(home), "--home")
    settings = validated(layers)
    if layers.faults or settings is None:
        raise ConfigurationError("configuration", "\n".join(layers.faults))
    return Loaded(settings, layers.origins)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _chosen(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Which file is read; one that was named must exist, the system's own need not."""
    named = config or _path(environ.get("SOMRR_CONFIG"))
    if named is not None:
        return named
    try:
        SYSTEM_FILE.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        pass  # there, but not for us: reading it says so, rather than running on the defaults
    return SYSTEM_FILE


def _lay_file(layers: Layers, file: Path | None) -> None:
    if file is None:
        return
    try:
        table = tomllib.loads(file.read_bytes().decode())
    except OSError as error:
        layers.faults.append(f"{file}: can not be read: {error.strerror}")
    except UnicodeDecodeError as error:
        layers.faults.append(f"{file}: expected UTF-8, byte {error.start} is not")
    except tomllib.TOMLDecodeError as error:
        layers.faults.append(f"{file}: expected TOML: {error}")
    else:
        layers.put_table(table, str(file))


def _lay_credentials(layers: Layers, directory: Path) -> None:
    for name, key in CREDENTIALS.items():
        try:
            secret = (directory / name).read_bytes().decode().rstrip("\r\n")
        except FileNotFoundError:
            continue
        except OSError as error:
            layers.faults.append(f"credential {name}: can not be read: {error.strerror}")
        except UnicodeDecodeError:
            layers.faults.append(f"credential {name}: expected UTF-8 text")
        else:
            if secret:
                layers.put(key, secret, f"credential {name}")


def _lay_environment(layers: Layers, environ: Mapping[str, str]) -> None:
    for variable, text in sorted(environ.items()):
        if not variable.startswith("SOMRR_") or variable == "SOMRR_CONFIG":
            continue
        key = variable.removeprefix("SOMRR_").lower().replace("__", ".")
        origin = f"environment {variable}"
        if key not in KEYS:
            layers.faults.append(f"{origin}: unknown key{nearest(key)}")
        elif key != "home" or text:
            layers.put(key, _literal(text, ANNOTATIONS[key]), origin)


def _literal(text: str, annotation: object) -> object:
    """`text` as a TOML value where the key is no text; text keys take it as it stands unless quoted, passwords always."""
    if annotation is SecretStr or (is_text(annotation) and not re.fullmatch(r"(['\"]).*\1", text, re.S)):
        return text
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return table["value"] if len(table) == 1 else text


def show(loaded: Loaded) -> list[tuple[str, str, str]]:
    """(key, value, origin) of every key in the order of the settings; secrets are masked."""
    return [(key, _shown(value_at(loaded.settings, key)), loaded.origins[key]) for key in KEYS]


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return "********" if value.get_secret_value() else ""
        case bool():
            return str(value).lower()
        case tuple():
            return json.dumps([_shown(one) for one in value] if any(isinstance(one, date) for one in value) else list(value))
        case _:
            return re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:********@", str(value))  # a database URL's password


def check(loaded: Loaded) -> list[str]:
    """What is allowed but hardly meant, a sentence each; an empty list when all makes sense."""
    return [*_check_servers(loaded), *_check_rules(loaded.settings), *_check_paths(loaded)]


def _check_servers(loaded: Loaded) -> Iterator[str]:
    mailbox, smtp = loaded.settings.mailbox, loaded.settings.smtp
    if mailbox.host and not (mailbox.user and mailbox.password.get_secret_value()):
        yield "mailbox.host is set without mailbox.user and mailbox.password: the login will be refused"
    if mailbox.host and mailbox.port == 143:
        yield "mailbox.port is 143, but only implicit TLS (993) is spoken"
    if mailbox.after == "move" and mailbox.move_to == mailbox.folder:
        yield "mailbox.move_to is mailbox.folder itself: nothing would move"
    if smtp.host and bool(smtp.user) != bool(smtp.password.get_secret_value()):
        yield "smtp.user and smtp.password only work together"
    if smtp.host and (smtp.port, smtp.tls) in {(465, "starttls"), (587, "implicit"), (25, "implicit")}:
        yield f"smtp.port {smtp.port} does not go with smtp.tls {smtp.tls}"
    faxing = loaded.settings.faxing
    if faxing.driver == "email" and not (smtp.host and "{number}" in faxing.gateway):
        yield "faxing.driver email needs smtp.host, and {number} in faxing.gateway: no fax would go out"
    for key in CREDENTIALS.values():
        if loaded.origins[key].startswith("environment"):
            yield f"{key} comes from the environment, which child processes and crash reports show: use a credential"


def _check_rules(settings: Settings) -> Iterator[str]:
    hours, programme = settings.rules.hours, settings.rules.programme
    try:
        ZoneInfo(hours.zone)
    except (LookupError, OSError, ValueError):  # unknown, a directory, no key at all
        yield f"rules.hours.zone: {hours.zone!r} is not a time zone of this machine (an IANA name like America/Los_Angeles)"
    if hours.opens >= hours.closes:
        yield "rules.hours.opens is not before rules.hours.closes: no update would ever go out"
    if not hours.weekdays or not set(hours.weekdays) <= set(range(7)):
        yield "rules.hours.weekdays takes 0 (Monday) to 6 (Sunday), at least one"
    if settings.staff.digest_to and "@" not in settings.staff.digest_to:
        yield "staff.digest_to is no mail address: the daily digest would not go out"
    if "@" not in programme.mailbox:
        yield "rules.programme.mailbox is no mail address"
    if not programme.languages:
        yield "rules.programme.languages is empty: nothing could be written"
    if settings.reading.sandbox == "rlimits":
        yield "reading.sandbox is rlimits: hostile files are held by limits and a filter alone, with this user's files in reach"
    if settings.reading.page_seconds > settings.reading.open_seconds:
        yield "reading.page_seconds is more than reading.open_seconds: the page limit is never reached"


def _check_paths(loaded: Loaded) -> Iterator[str]:
    for key in KEYS:
        value = value_at(loaded.settings, key)
        if isinstance(value, Path) and not value.is_absolute() and loaded.origins[key].startswith("/"):
            yield f"{key} is a relative path in {loaded.origins[key]}: it depends on where the program was started"
