"""How a fax travels: into a folder, through a HylaFAX server, or as a mail to a gateway.

All three are couriers as `mailer.Courier` describes them.  A fax server works on: what it took is `sent` with the
server's job number, and `outcomes` says later what became of it.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Protocol

from config.settings import FaxingSettings, SmtpSettings
from outbound.addresses import digits, is_address
from outbound.fax import Paper, to_pdf, to_tiff
from outbound.mailer import Courier, SmtpCourier
from outbound.outgoing import Clock, Mark, deliver_file, no_mark, utc_now
from records.errors import ConfigurationError, PermanentError
from records.model import Delivery, Message, Outcome

_REQUEST = re.compile(r"request id is (\d+) \(group id \d+\)")
_JOB = re.compile(r"^somrr-job=(?P<job>\d+) state=(?P<state>.) tag=(?P<tag>[A-Za-z0-9_-]*) status=(?P<status>.*)$", re.MULTILINE)
_FORMAT = 'JobFmt: "somrr-job=%j state=%a tag=%J status=%s"\n'
#: hylafax: ? undefined, T suspended, P pending, S sleeping, B blocked, W waiting, R running, D done, F failed
_DONE, _FAILED = "D", "F"
_AWAY = re.compile(
    r"Can not reach|refused|timed out|Unknown host|not available|Lost connection|Service not available", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FaxJob:
    """One job as the server sees it; `ended` is None while it works on."""

    job: str
    ended: str | None  # "delivered" | "fax_failed"


class FaxCourier(Courier, Protocol):
    """A courier that can say later what became of what it took."""

    def outcomes(self) -> Mapping[str, FaxJob]:
        """The server's jobs by update; empty when it has none or can not be asked."""
        ...


def fax_courier(settings: FaxingSettings, smtp: SmtpSettings, outgoing: Path) -> FaxCourier:
    """The courier that the settings name."""
    if settings.driver == "hylafax":
        return HylaFax(settings)
    if settings.driver == "email":
        return GatewayFax(settings, SmtpCourier(smtp))
    return FileFax(outgoing, settings.paper)


class FileFax:
    """Writes `<update>.pdf` into a folder: the embedded default, where no fax server is configured."""

    repeatable = True

    def __init__(self, outgoing: Path, paper: Paper = "a4", clock: Clock = utc_now) -> None:
        self._outgoing = outgoing
        self._paper = paper
        self._clock = clock

    def send(self, message: Message, mark: Mark = no_mark) -> Delivery:
        pdf = to_pdf(message, self._paper)
        mark()
        return deliver_file(self._outgoing, f"{message.update}.pdf", pdf, self._clock)

    def outcomes(self) -> Mapping[str, FaxJob]:
        return {}


class HylaFax:
    """Hands the pages to a HylaFAX server with its own `sendfax`, and asks `faxstat` what became of them.

    Every job carries the update's id as its tag.  Before sending, and whenever an answer is lost, the server is asked
    for that tag, so that the same fax is not sent twice; where it can not say, the outcome is `uncertain`.  Only a job
    that has failed may be followed by another, and only staff cause that (`outbox retry`).
    """

    repeatable = False

    def __init__(self, settings: FaxingSettings, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clock = clock

    def send(self, message: Message, mark: Mark = no_mark) -> Delivery:
        tiff = to_tiff(message, self._settings.paper)
        there = self._jobs()
        if there is None:
            return self._said(Outcome.DEFERRED, "connect")
        before = there.get(message.update)
        if before is not None and before.ended != "fax_failed":
            return self._said(Outcome.SENT, "job", before.job)
        mark()
        said = self._submit(message, tiff)
        if said is not None and (request := _REQUEST.search(said)):
            return self._said(Outcome.SENT, "job", request[1])
        return self._look(message.update, before, said)

    def outcomes(self) -> Mapping[str, FaxJob]:
        return self._jobs() or {}

    def answers(self) -> bool:
        """Whether the server can be asked."""
        return self._jobs() is not None

    def _submit(self, message: Message, tiff: bytes) -> str | None:
        """What `sendfax` said; None when it did not come back.  The number goes in a file: processes are seen by all."""
        with tempfile.TemporaryDirectory(prefix="somrr-fax-") as folder:
            pages, numbers = Path(folder) / "fax.tif", Path(folder) / "numbers"
            pages.write_bytes(tiff)
            numbers.write_text(dialled(message.to) + "\n", "ascii")
            options = ["-n", "-m", "-N", "-o", self._settings.owner, "-f", self._settings.owner, "-i", message.update]
            return self._ask(self._settings.sendfax, *options, "-s", self._settings.paper, "-z", str(numbers), str(pages))

    def _look(self, tag: str, before: FaxJob | None, said: str | None) -> Delivery:
        """No number came back: is there a job all the same?"""
        there = self._jobs()
        if there is None:
            away = said is not None and _AWAY.search(said)
            return self._said(Outcome.DEFERRED if away else Outcome.UNCERTAIN, "connect" if away else "timeout")
        known = there.get(tag)
        if known is not None and known != before:
            return self._said(Outcome.SENT, "job", known.job)
        return self._said(Outcome.DEFERRED, "timeout" if said is None else "fax_refused")

    def _jobs(self) -> dict[str, FaxJob] | None:
        """Sent, waiting and finished jobs by their tag; None when the server can not be asked.

        A tag twice is a job that failed and was sent again by staff: the newest counts.
        """
        said = self._ask(self._settings.faxstat, "-s", "-d")
        if said is None or "HylaFAX scheduler" not in said:
            return None
        found = sorted(_JOB.finditer(said), key=lambda line: int(line["job"]))
        return {line["tag"]: FaxJob(line["job"], _ended(line["state"])) for line in found if line["tag"]}

    def _ask(self, program: str, *options: str) -> str | None:
        with tempfile.TemporaryDirectory(prefix="somrr-fax-") as home:
            (Path(home) / ".hylarc").write_text(_FORMAT, "ascii")  # answers in a shape of our own
            server = ("-h", self._settings.host) if self._settings.host else ()
            environment = {"HOME": home, "PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
            try:
                done = subprocess.run(  # noqa: S603 - a program that the operator names, no shell, our own options
                    [program, *server, *options],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    timeout=self._settings.timeout,
                    env=environment,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return None
            except OSError as fault:
                raise ConfigurationError("fax_program", f"{Path(program).name} can not be started ({fault.strerror})") from None
            return done.stdout.decode("utf-8", "replace")

    def _said(self, outcome: Outcome, code: str, job: str | None = None) -> Delivery:
        return Delivery(outcome, code, self._clock(), job)


class GatewayFax:
    """Mails the pages to a gateway that faxes them; what it can not deliver comes back as a bounce."""

    repeatable = False

    def __init__(self, settings: FaxingSettings, mailer: SmtpCourier) -> None:
        """Raises ConfigurationError `fax_gateway`."""
        if not is_address(settings.gateway.replace("{number}", "15550100")):
            raise ConfigurationError("fax_gateway", "faxing.gateway is no mail address with {number} in it")
        self._settings = settings
        self._mailer = mailer

    def send(self, message: Message, mark: Mark = no_mark) -> Delivery:
        to = self._settings.gateway.replace("{number}", digits(message.to))
        return self._mailer.deliver(message.update, message.return_path, to, to_gateway(message, to, self._settings.paper), mark)

    def outcomes(self) -> Mapping[str, FaxJob]:
        return {}


def to_gateway(message: Message, to: str, paper: Paper = "a4") -> bytes:
    """A mail with no words but the reference, and the pages as a PDF."""
    reference = message.subject.partition(" ")[0]
    mail = EmailMessage(policy=SMTP)
    fields = {"To": to, "Subject": reference, "Message-ID": message.message_id}
    kept = {name: value for name, value in message.headers if name in ("From", "Date", "Auto-Submitted")}
    for name, value in (fields | kept).items():
        if any(ord(mark) < 32 for mark in value):
            raise PermanentError("bad_header", name)
        mail[name] = value
    mail.set_content(f"{reference}\n", cte="7bit")
    mail.add_attachment(to_pdf(message, paper), maintype="application", subtype="pdf", filename="fax.pdf")
    mail.set_boundary(f"=_{message.update}")
    return mail.as_bytes()


def dialled(number: str) -> str:
    """Digits, with the + that means a country code; nothing that a dialling string could take for a command."""
    return ("+" if number.lstrip().startswith("+") else "") + digits(number)


def _ended(state: str) -> str | None:
    return {_DONE: "delivered", _FAILED: "fax_failed"}.get(state)
