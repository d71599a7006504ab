"""The servers we speak with: one verified login each, nothing read and nothing sent."""

from __future__ import annotations

import asyncio
import io
import ssl
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.settings import Settings, SmtpSettings
from daemon.fitness import Answers, Check, judged
from records.errors import SomrrError

if TYPE_CHECKING:
    from reading.clamd import Clamd

STALE_DAYS = 7
NESTED = 120


def imap(settings: Settings) -> Answers:
    if settings.mailbox.host is None:
        yield Check("imap", "ok", "not configured: the Maildir is read")
        return
    from ingest.imap import Session  # only where a server is configured

    try:
        session = Session(settings.mailbox)
        count, move = len(session.uids()), session.can("MOVE")
        session.close()
    except SomrrError as fault:
        yield Check("imap", "fail", f"no login ({fault})", "check mailbox.host, port, ca_file, user, password and folder")
        return
    yield Check("imap", "ok", f"logged in over verified TLS; {count} mails in the folder")
    if settings.mailbox.after == "move" and not move:
        yield Check("imap_move", "warn", "the server has no MOVE: mails will stay in place", 'set mailbox.after = "keyword"')


def smtp(settings: Settings) -> Answers:
    if settings.smtp.host is None:
        yield Check("smtp", "ok", "not configured: mails are written to outgoing/")
        return
    try:
        asyncio.run(_greet(settings.smtp))
    except Exception as fault:
        detail = f"no greeting over verified TLS ({type(fault).__name__})"
        yield Check("smtp", "fail", detail, "check smtp.host, port, tls, ca_file, user and password")
    else:
        yield Check("smtp", "ok", "greeted over verified TLS" + (" and logged in" if settings.smtp.user else ""))


def scanner(settings: Settings) -> Answers:
    """Does clamd answer, does it know what every scanner knows, and does it say so when it gives up?"""
    from reading.clamd import Clamd  # only what asks it needs it

    if not settings.scanning.clamd:
        remedy = "apt-get install clamav-daemon; set scanning.clamd"
        yield Check("scanner", "warn", "off: originals are read without a virus scanner's word", remedy)
        return
    clamd = Clamd(settings.scanning)
    try:
        version = clamd.version()
        knows, admits = (_not_passed(clamd, sample) is not None for sample in (sample_file(), nested()))
    except SomrrError as fault:
        yield Check("scanner", "fail", f"no answer ({fault.code}): nothing would be read", "systemctl start clamav-daemon")
        return
    yield judged("scanner", knows, version.partition("/")[0], "its signatures are not there: systemctl start clamav-freshclam")
    if not admits:
        remedy = "AlertExceedsMax yes in /etc/clamav/clamd.conf, then systemctl restart clamav-daemon"
        yield Check("scanner_limits", "fail", "it passes what it did not look into to the end", remedy)
    days = _signature_age(version)
    if days is not None and days > STALE_DAYS:
        yield Check("scanner_signatures", "warn", f"{days} days old", "look at clamav-freshclam: journalctl -u clamav-freshclam")


def sample_file() -> bytes:
    """The industry's harmless test file (EICAR), in pieces, so that no scanner takes this source for it."""
    return b"".join((rb"X5O!P%@AP[4\PZX54(P^)7CC)7}", b"$EICAR-STANDARD-", b"ANTIVIRUS-TEST-FILE!$H+H*"))


def nested() -> bytes:
    """More archives in archives than any clamd is set to open (MaxRecursion is 100 at most)."""
    content = b"harmless"
    for _ in range(NESTED):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a", content)
        content = packed.getvalue()
    return content


def _not_passed(clamd: Clamd, sample: bytes) -> str | None:
    from reading.clamd import NotPassedError

    try:
        clamd.scan([sample])
    except NotPassedError as fault:
        return fault.code
    return None


def _signature_age(version: str) -> int | None:
    """Days since the date at the end of clamd's answer; None when it tells none."""
    try:
        made = datetime.strptime(version.rpartition("/")[2], "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (datetime.now(UTC) - made).days


def fax(settings: Settings) -> Answers:
    """How faxes would go out, and whether this machine has the letters for them."""
    if settings.faxing.driver == "files":
        yield Check("fax", "ok", "not configured: faxes are written to outgoing/")
    elif settings.faxing.driver == "hylafax":
        yield _hylafax(settings)
    else:
        good = bool(settings.smtp.host) and "{number}" in settings.faxing.gateway
        yield judged("fax", good, "mailed to a gateway", "set smtp.host, and faxing.gateway with {number} in it")
    from outbound.fax import writable  # it loads fonts

    without = [code for code in settings.rules.programme.languages if not writable(code)]
    found = f"no font for {', '.join(without)}: such faxes go out in English" if without else "every language can be drawn"
    yield judged("fax_fonts", not without, found, "install fonts-dejavu-core and fonts-noto-cjk", "warn")


def _hylafax(settings: Settings) -> Check:
    from outbound.faxing import HylaFax

    try:
        answers = HylaFax(settings.faxing).answers()
    except SomrrError as fault:
        return Check("fax", "fail", str(fault), "install hylafax-client, or set faxing.sendfax and faxing.faxstat")
    return judged(
        "fax", answers, "the HylaFAX server answers" if answers else "no answer", "check faxing.host, and the fax server"
    )


async def _greet(smtp: SmtpSettings) -> None:
    """Connect, TLS, log in, EHLO, QUIT: all within the configured time, and nothing without TLS."""
    from aiosmtplib import SMTP  # only where a server is configured

    implicit = smtp.tls == "implicit"
    client = SMTP(
        hostname=smtp.host,
        port=smtp.port,
        use_tls=implicit,
        start_tls=not implicit,  # True is "required"; the library's default would go on in clear
        tls_context=ssl.create_default_context(cafile=smtp.ca_file),
        timeout=smtp.timeout,
    )
    async with asyncio.timeout(smtp.timeout):
        await client.connect()
        if smtp.user:
            await client.login(smtp.user, smtp.password.get_secret_value())
        await client.ehlo()
        await client.quit()
