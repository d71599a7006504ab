"""Stories of what comes back and of other ways out: bounces, absences, faxes, calls; the real daemon and real servers."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.hospital import Hospital, Row
from tests.servers.hylafax import StandIn
from tests.servers.smtp import SmtpSink

pytestmark = pytest.mark.scenario
STEP = 1 if os.environ.get("KILL_SWEEP") == "all" else 3

BOUNCE = """Return-Path: <>
From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: Tue, 24 Nov 2026 18:00:00 +0000
Message-ID: <dsn.{number}@mx.example.org>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

The address is not known here.
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1
--B
Content-Type: text/rfc822-headers

Message-ID: {quoted}
--B--
"""
ABSENCE = """Return-Path: <>
From: {address}
To: {to}
Subject: Out of office
Date: Tue, 24 Nov 2026 18:00:00 +0000
Message-ID: <away@clinic.example>
In-Reply-To: {quoted}
Auto-Submitted: auto-replied

I am away until next month.
"""


def with_fax(hospital: Hospital, server: StandIn) -> None:
    """The hospital sends its faxes through this server."""
    programs = "".join(f'{name} = "{server.folder / name}"\n' for name in ("sendfax", "faxstat"))
    hospital.config.write_text(f'{hospital.config.read_text()}\n[faxing]\ndriver = "hylafax"\ncheck_seconds = 0.1\n{programs}')


def rows(hospital: Hospital, event: str) -> list[Row]:
    return [row for row in hospital.outbox() if row["event"] == event]


def test_30_a_bounce_stops_further_mail_and_is_staff_s(hospital: Hospital, made: Path, smtp: SmtpSink) -> None:
    """The update fails with its code, the next to that address is held back, and the case is as it was."""
    hospital.post(made / "packets" / "loa-unsigned.eml")
    hospital.once()
    (told,) = rows(hospital, "rejected")
    (mail,) = [mail for mail in smtp.mails if mail.message()["Message-ID"] == told["message_id"]]
    before, mails = hospital.only_case(), len(smtp.mails)
    words = {"to": mail.sender, "address": mail.recipients[0], "quoted": told["message_id"], "number": "1"}
    assert mail.sender.startswith("patientsintl+"), "the address for bounces names the update"
    hospital.post_bytes(BOUNCE.format(**words).encode())
    hospital.once()
    (failed,) = rows(hospital, "rejected")
    assert (failed["status"], failed["reason"], failed["returned"]) == ("failed", "bounced", "bounced 5.1.1")
    after = hospital.only_case()
    assert (after.pop("waits")["for"], after.pop("untold")) == ("staff", [failed["id"]]), "a task for staff"
    assert after == {name: value for name, value in before.items() if name != "waits"}
    ref = hospital.only_case()["ref"]
    hospital.somrr("case", "close", ref, "--by", "Staff Example")
    hospital.once()
    (closed,) = rows(hospital, "closed")
    assert len(smtp.mails) == mails
    assert closed["status"] == "withheld"
    hospital.somrr("outbox", "retry", failed["id"])
    hospital.once()
    assert [one.message()["Message-ID"] for one in smtp.mails[mails:]] == [told["message_id"]]


def test_31_an_absence_note_is_noted_and_answered_by_nobody(hospital: Hospital, made: Path, smtp: SmtpSink) -> None:
    """It names its update; it is no activity, no document, no reason to write (RFC 3834, R38)."""
    hospital.post(made / "packets" / "loa-unsigned.eml")
    hospital.once()
    (told,) = rows(hospital, "rejected")
    (mail,) = [mail for mail in smtp.mails if mail.message()["Message-ID"] == told["message_id"]]
    before, mails = hospital.only_case(), len(smtp.mails)
    words = {"to": mail.sender, "address": mail.recipients[0], "quoted": told["message_id"]}
    hospital.post_bytes(ABSENCE.format(**words).encode())
    hospital.once()
    (noted,) = rows(hospital, "rejected")
    assert (noted["status"], noted["returned"]) == ("sent", "out_of_office")
    assert hospital.only_case() == before
    assert len(smtp.mails) == mails


def test_32_a_physician_who_prefers_fax_gets_faxes(embedded: Hospital, made: Path) -> None:
    """Through `sendfax`; a fax that does not get through is staff's, and no other channel is taken in its place."""
    with StandIn() as server:
        prefers_fax(embedded, made, server)
        embedded.once()
        (closed,) = rows(embedded, "closed")
        assert (closed["channel"], closed["status"], closed["job"]) == ("fax", "sent", "1")
        server.end(closed["id"], "F", "No answer")
        embedded.once()
        (closed,) = rows(embedded, "closed")
        assert (closed["status"], closed["reason"]) == ("failed", "fax_failed")
        assert not [row for row in rows(embedded, "closed") if row["channel"] == "email"]


@pytest.mark.timeout(1800)
def test_34_killed_before_any_durable_step_no_fax_goes_out_twice(embedded: Hospital, made: Path, tmp_path: Path) -> None:
    """SIGKILL before each fdatasync and fsync of the delivery: one job and `sent`, or none and `uncertain`, in the end."""
    with StandIn() as server:
        prefers_fax(embedded, made, server)
        whole, swept = embedded.home, 0
        for call in ("fdatasync", "fsync"):
            for n in itertools.count(1, STEP):
                embedded.home = tmp_path / f"{call}{n}"
                shutil.copytree(whole, embedded.home)
                server.forget()
                inject = ("-f", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}")
                command = ["/usr/bin/strace", "-o", "/dev/null", *inject, *embedded.command("once")]
                killed = subprocess.run(command, capture_output=True, check=False, timeout=120)
                embedded.once()
                (closed,) = rows(embedded, "closed")
                assert (closed["status"], len(server.jobs())) in {("sent", 1), ("uncertain", 0)}, f"{call} {n}"
                shutil.rmtree(embedded.home)
                swept += killed.returncode != 0
                if killed.returncode == 0:
                    break
        print(f"killed before {swept} durable steps: 0 faxes twice")
        assert swept >= 3


def prefers_fax(hospital: Hospital, made: Path, server: StandIn) -> None:
    """An open case, closed by staff while its physician prefers faxes: one fax is owed."""
    hospital.post(made / "packets" / "complete-en.eml")
    hospital.once()
    with_fax(hospital, server)
    ref = hospital.only_case()["ref"]
    staff = ("--by", "Staff Example")
    hospital.somrr("case", "physician", ref, *staff, "--name", "Dr. Example", "--fax", "+52 55 5555 0100")
    hospital.somrr("case", "prefer", ref, "fax", *staff)
    hospital.somrr("case", "close", ref, *staff)


def test_33_a_call_is_prepared_for_staff(embedded: Hospital, made: Path) -> None:
    """A summary and an .ics in tasks/, moved and done by the command line."""
    embedded.post(made / "packets" / "complete-en.eml")
    embedded.once()
    ref = embedded.only_case()["ref"]
    staff = ("--by", "Staff Example")
    embedded.somrr(
        "case", "physician", ref, *staff, "--name", "Dr. Example", "--email", "dr@clinic.example", "--zone", "Europe/Madrid"
    )
    embedded.somrr("case", "physician", ref, *staff, "--name", "Dr. Example", "--zone", "Nowhere/Else", fails=65)
    embedded.somrr("case", "prefer", ref, "teleconference", *staff)
    embedded.somrr("case", "close", ref, *staff)
    embedded.once()
    (closed,) = rows(embedded, "closed")
    assert (closed["status"], closed["reason"]) == ("withheld", "by_staff")
    files = {path.suffix: path for path in (embedded.home / "tasks").glob(f"{closed['id']}.*")}
    assert set(files) == {".txt", ".ics"}
    embedded.somrr("outbox", "call", closed["id"], "--at", "2027-01-12T09:00", *staff)
    assert "DTSTART;TZID=America/Los_Angeles:20270112T090000" in files[".ics"].read_text()
    embedded.somrr("outbox", "done", closed["id"], *staff)
    (closed,) = rows(embedded, "closed")
    assert (closed["status"], closed["reason"]) == ("sent", "by_staff")
    embedded.somrr("outbox", "done", closed["id"], *staff, fails=65)


def test_35_only_the_address_that_a_packet_came_from_is_written_to(hospital: Hospital, made: Path, smtp: SmtpSink) -> None:
    """Reply-To, encoded line ends, a look-alike that has our reference: none is mailed, none gets into a header."""
    evil = "=?utf-8?q?x=0D=0ABcc:_victim=40evil.example?="
    raw = (made / "packets" / "loa-unsigned.eml").read_bytes()
    kept = b"\n".join(line for line in raw.split(b"\n") if not line.lower().startswith((b"reply-to:", b"subject:")))
    head = f"Reply-To: {evil} <reply@evil.example>\nSubject: {evil}\nDisposition-Notification-To: <reply@evil.example>\n"
    hospital.post_bytes(head.encode() + kept)
    hospital.once()
    ref, (sender, *others) = hospital.only_case()["ref"], sorted({one for mail in smtp.mails for one in mail.recipients})
    assert others == []
    assert sender.encode() in raw
    for mail in smtp.mails:
        assert b"evil.example" not in mail.content
        assert mail.message().get_all("Bcc") is None
        assert {name.lower() for name in mail.message()} & {"reply-to", "cc", "sender", "disposition-notification-to"} == set()
    sent = len(smtp.mails)
    local, _, domain = sender.partition("@")
    twins = (f"{local}@{domain.replace('l', '1')}", f"{local}@xn--{domain}", f"{local}@{domain}.example")
    for number, twin in enumerate(twins):
        fields = f"From: {twin}\nTo: patientsintl@ucsd.edu\nSubject: [{ref}]\nMessage-ID: <twin{number}@x.example>\n"
        hospital.post_bytes(f"{fields}\nPlease tell me all.\n".encode())
    hospital.once()
    assert len(smtp.mails) == sent, "a reference proves nothing: strangers with it are staff's to judge"
    assert hospital.only_case()["arrivals"] == 1
