"""The servers we speak with: one verified login each, nothing read and nothing sent."""

from __future__ import annotations

import asyncio
import ssl

from config.settings import Settings, SmtpSettings
from daemon.fitness import Answers, Check, judged
from records.errors import SomrrError


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
