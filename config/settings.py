"""The machine's settings: where things lie and which servers there are.

Every key has a comment in `defaults.toml`; unknown keys are errors.  Times are seconds, sizes bytes.
"""

from __future__ import annotations

from datetime import time
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from config.rules import Rules


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MailboxSettings(Section):
    """The shared mailbox (IMAP over implicit TLS); without `host` the Maildir `mail/` is read instead."""

    host: str | None = None
    port: int = 993
    user: str = ""
    password: SecretStr = SecretStr("")
    folder: str = "INBOX"
    ca_file: Path | None = None
    after: Literal["leave", "keyword", "move"] = "leave"
    keyword: str = "SOMRR"
    move_to: str = "SOMRR"
    dispose: Literal["keep", "delete"] = "keep"
    sent_folder: str = ""  # where the server keeps copies of what we send
    poll_seconds: float = Field(60, gt=0)
    idle: bool = True
    login_timeout: float = Field(30, gt=0)
    fetch_timeout: float = Field(120, gt=0)
    max_backoff: float = Field(300, gt=0)
    part_bytes: int = Field(1 << 20, ge=1 << 12)
    silent_hours: float = Field(96, ge=0)  # 0: silence is no alarm


class FolderSettings(Section):
    """A drop folder (fax or courier)."""

    path: Path | None = None  # None: under the state directory
    poll_seconds: float = Field(10, gt=0)
    quiet_seconds: float = Field(5, ge=0)
    stalled_seconds: float = Field(1800, gt=0)
    watch: Literal["events", "polling"] = "events"
    after: Literal["move", "remove", "leave"] = "move"
    taken_days: float = Field(14, ge=0)  # 0: what lies in `taken/` stays until its case is disposed of
    silent_hours: float = Field(0, ge=0)  # 0: silence is no alarm


class SmtpSettings(Section):
    """The outgoing server; without `host` mails are written to `outgoing/` instead."""

    host: str | None = None
    port: int = 587
    tls: Literal["starttls", "implicit"] = "starttls"
    user: str = ""
    password: SecretStr = SecretStr("")
    ca_file: Path | None = None
    timeout: float = Field(30, gt=0)
    retry_seconds: float = Field(300, gt=0)


class KeySettings(Section):
    """The keyring: what opens the records and the vault."""

    folder: Path | None = None  # None: `keys/` under the state directory
    master: SecretStr = SecretStr("")  # 64 hexadecimal digits; "": in `master_file`
    master_file: Path | None = None  # None: `master.key` in the folder, made at first start


class FaxingSettings(Section):
    """How outgoing faxes travel."""

    driver: Literal["files", "hylafax", "email"] = "files"
    paper: Literal["a4", "letter"] = "a4"
    host: str = ""  # of the HylaFAX server, with :port when it is not 4559
    owner: str = "somrr"
    sendfax: str = "sendfax"
    faxstat: str = "faxstat"
    gateway: str = ""  # "{number}@fax.example.org"
    timeout: float = Field(60, gt=0)
    check_seconds: float = Field(60, gt=0)


class TrustSettings(Section):
    """Whose word about a sender is believed (RFC 8601)."""

    authserv_id: str | None = None  # our own MTA's name; None: no Authentication-Results is expected
    own_addresses: tuple[str, ...] = ()


class ReadingSettings(Section):
    """Limits and engines of the reading room (hostile input: every limit hit is a quarantine reason)."""

    workers: int = Field(0, ge=0)  # 0: one a core
    sandbox: Literal["auto", "unit", "bwrap", "rlimits"] = "auto"
    socket: Path = Path("/run/somrr-read.socket")
    engine: Literal["tesserocr", "pytesseract"] = "tesserocr"
    tessdata: Path | None = None
    languages: tuple[str, ...] = ("eng", "spa")
    open_seconds: float = Field(120, gt=0)
    page_seconds: float = Field(60, gt=0)
    cpu_seconds: float = Field(60, gt=0)
    memory_bytes: int = Field(1 << 30, ge=1 << 28)
    max_mail_bytes: int = 75 << 20
    max_parts: int = 1000
    max_nesting: int = 20
    max_header_bytes: int = 256 << 10
    max_archive_depth: int = 3
    max_archive_entries: int = 10_000
    max_archive_bytes: int = 1 << 30
    max_archive_ratio: int = 100
    max_pages: int = 300
    max_pixels: int = 60_000_000
    attempts: int = Field(3, ge=1)


class Endpoint(NamedTuple):
    """A numeric address with its port."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        return ip_address(self.host).is_loopback


def endpoint(text: str) -> Endpoint:
    """`127.0.0.1:9464` or `[::1]:9464`; ValueError for a name, since a name may come to mean another machine."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ValueError("ADDRESS:PORT")
    try:
        return Endpoint(str(ip_address(host.removeprefix("[").removesuffix("]"))), int(port))
    except ValueError:
        raise ValueError("a numeric address before the port") from None


class ScanningSettings(Section):
    """A virus scanner that sees every original before it is read; without `clamd` none does."""

    clamd: str | None = None  # the path of clamd's socket, or 127.0.0.1:3310
    timeout: float = Field(180, gt=0)

    @field_validator("clamd")
    @classmethod
    def _near(cls, clamd: str | None) -> str | None:
        """Originals go there in clear, so it is on this machine."""
        if clamd and not clamd.startswith("/") and not endpoint(clamd).loopback:
            raise ValueError("the path of a socket, or a loopback address with its port, like 127.0.0.1:3310")
        return clamd


class MetricsSettings(Section):
    """Where /metrics, /live and /ready are answered; without `listen` nowhere."""

    remote: bool = False
    listen: str | None = None

    @field_validator("listen")
    @classmethod
    def _near(cls, listen: str | None, others: ValidationInfo) -> str | None:
        if listen and not endpoint(listen).loopback and not others.data.get("remote"):
            raise ValueError("a loopback address with its port, like 127.0.0.1:9464; any other only with metrics.remote = true")
        return listen


class AlarmSettings(Section):
    """When the daemon says that something is not as it should be."""

    waiting_minutes: float = Field(60, gt=0)
    look_seconds: float = Field(30, gt=0)


class StaffSettings(Section):
    """How the office is reminded of what waits for it."""

    digest_to: str = ""  # "": no daily mail
    digest_at: time = time(7, 30)
    digest_empty: bool = False
    quarantine_days: float = Field(2, gt=0)


class Settings(Section):
    """Everything the machine is told."""

    home: Path = Path("var")
    database: str | None = None  # SQLAlchemy URL; None: SQLite under the state directory
    quarantine: Path | None = None  # the view that staff open; None: in memory, `quarantine/` points there
    forms: Path | None = None  # registered blanks; None: `forms/` under the state directory
    log_format: Literal["auto", "json", "console"] = "auto"
    min_free: int = Field(1 << 30, ge=1 << 20)  # bytes that stay free on the disk: nothing is taken in below
    mailbox: MailboxSettings = MailboxSettings()
    fax: FolderSettings = FolderSettings()
    courier: FolderSettings = FolderSettings(quiet_seconds=10)
    smtp: SmtpSettings = SmtpSettings()
    faxing: FaxingSettings = FaxingSettings()
    trust: TrustSettings = TrustSettings()
    keys: KeySettings = KeySettings()
    scanning: ScanningSettings = ScanningSettings()
    reading: ReadingSettings = ReadingSettings()
    metrics: MetricsSettings = MetricsSettings()
    alarms: AlarmSettings = AlarmSettings()
    staff: StaffSettings = StaffSettings()
    rules: Rules = Rules()
