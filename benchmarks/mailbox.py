"""Mails from a real IMAP server into custody (vault and ledger, both on disk), against imap-tools' fetch and parse."""

from __future__ import annotations

import base64
import io
import os
import random
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imap_tools.mailbox import MailBox
from pydantic import SecretStr

from benchmarks.clock import in_turns, times_faster
from benchmarks.figures import RATIO, Figure
from config.settings import MailboxSettings, Settings
from daemon.house import House
from daemon.logs import configure
from daemon.pipeline import Pipeline
from tests.servers.dovecot import Dovecot

MAILS, ROUNDS = 300, 3
QUICK_MAILS, QUICK_ROUNDS = 60, 1
MAIL_BYTES = 200_000


def measure(folder: Path, quick: bool, forms: Path) -> Iterator[Figure]:  # noqa: ARG001 - every target has the same shape
    """Both log in, list the mailbox and take every mail; ours into a new state directory each time."""
    mails = QUICK_MAILS if quick else MAILS
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with log_unseen(), Dovecot() as server:
        server.append_all(mail(number) for number in range(mails))
        houses = [empty_house(folder / f"mailbox-{number}", server) for number in range(rounds)]
        rivals = {
            "ours": lambda number: expect(mails, into_custody(houses[number])),
            "imap-tools": lambda _: expect(mails, fetched_and_parsed(server)),
            "bare": lambda _: expect(mails, fetched_and_synced(server, folder / "bare.eml")),
        }
        spent = in_turns(rivals, rounds)
    area = f"{mails} mails of {MAIL_BYTES // 1000} KB"
    note = "ours durable: two fsyncs and a commit each"
    yield Figure(
        area, "ours by imap-tools fetch and parse", times_faster(spent["ours"], spent["imap-tools"]), RATIO, least=4, note=note
    )
    slowest = "a bare fetch, write and fsync of each mail: what this disk allows without a ledger"
    yield Figure(area, "ours by the bare way", times_faster(spent["ours"], spent["bare"]), RATIO, note=slowest)
    for name, seconds in spent.items():
        yield Figure(
            area,
            f"{name}, mails a second",
            mails / seconds.seconds,
            "/s",
            note=f"CPU {1000 * seconds.cpu_seconds / mails:.1f} ms a mail",
        )


@contextmanager
def log_unseen() -> Iterator[None]:
    """Log lines are made as the daemon makes them, and shown to nobody."""
    configure("json", io.StringIO())
    try:
        yield
    finally:
        configure("console", sys.stderr)


def empty_house(home: Path, server: Dovecot) -> House:
    """A state directory whose ledger is made, as that of a running daemon is."""
    mailbox = MailboxSettings(
        host=server.host, port=server.port, user=server.user, password=SecretStr(server.password), ca_file=server.ca_file
    )
    house = House(Settings(home=home, mailbox=mailbox))
    house.store.counts()
    return house


def into_custody(house: House) -> int:
    """The daemon's own step `receive`."""
    try:
        return Pipeline(house).receive(house.sources[0])
    finally:
        house.close()


def fetched_and_parsed(server: Dovecot) -> int:
    """What a program does with imap-tools: every mail's headers, texts and attachments."""
    context = ssl.create_default_context(cafile=str(server.ca_file))
    taken = 0
    with MailBox(server.host, server.port, ssl_context=context).login(server.user, server.password) as mailbox:
        for message in mailbox.fetch(mark_seen=False):
            taken += bool(message.subject and message.from_ and message.text and message.attachments[0].payload)
    return taken


def fetched_and_synced(server: Dovecot, target: Path) -> int:
    """Raw bytes to disk, one file over and over: neither parsed nor remembered."""
    context = ssl.create_default_context(cafile=str(server.ca_file))
    taken = 0
    with MailBox(server.host, server.port, ssl_context=context).login(server.user, server.password) as mailbox:
        for uid in mailbox.uids():
            _, answer = mailbox.client.uid("FETCH", uid, "(BODY.PEEK[])")
            with target.open("wb", buffering=0) as file:
                file.write(answer[0][1])
                os.fsync(file)
            taken += 1
    return taken


def expect(mails: int, taken: int) -> None:
    """A rival that left mails behind has no time to show."""
    if taken != mails:
        raise RuntimeError(f"{taken} of {mails} mails")


def mail(number: int) -> bytes:
    """A referral with one attachment."""
    noise = random.Random(number).randbytes(MAIL_BYTES * 3 // 4)  # noqa: S311 - the same in every run, no secret
    head = (
        f"From: Dr. Example Physician <physician{number}@clinic.example>\nTo: intake@hospital.example\n"
        f"Subject: referral {number}\nMessage-ID: <{number}@clinic.example>\nDate: Wed, 04 Mar 2026 10:00:00 -0800\n"
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="cut"\n\n'
        "--cut\nContent-Type: text/plain\n\nThe records are enclosed.\n"
        '--cut\nContent-Type: application/pdf; name="records.pdf"\nContent-Disposition: attachment; filename="records.pdf"\n'
        "Content-Transfer-Encoding: base64\n\n"
    )
    return head.encode() + base64.encodebytes(noise) + b"--cut--\n"
