"""Stories on a real mailbox (Dovecot over TLS) and a real SMTP server, the daemon running as a process."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from tests.scenarios.hospital import Hospital

pytestmark = pytest.mark.scenario
PHYSICIAN = "physician@clinic.example"


def sent_to(hospital: Hospital, address: str) -> list[str]:
    """Subjects of the mails that arrived at the SMTP server for this address."""
    assert hospital.smtp is not None
    return [str(m.message()["Subject"]) for m in hospital.smtp.mails if address in m.recipients]


def test_01_a_complete_packet_by_mail_opens_a_case_and_tells_the_physician(hospital: Hospital, made: Path) -> None:
    """A complete packet through IMAP over TLS opens a case, and the physician's mails arrive over STARTTLS."""
    with hospital.running():
        hospital.until(lambda: any(row["event"] == "ingest.mailbox.connected" for row in hospital.log), "connected")
        posted = time.monotonic()
        hospital.post(made / "packets" / "complete-en.eml")
        hospital.until(lambda: any(r.get("event") == "routing.submission.decided" for r in hospital.log), "decided")
        print(f"append to decision: {time.monotonic() - posted:.2f} s")
        hospital.until(lambda: len(sent_to(hospital, PHYSICIAN)) == 2, "acknowledged and opened")
    case = hospital.only_case()
    assert (case["status"], case["missing"]) == ("open", [])
    assert case["physician"] == {"known": True, "prefers": "email"}
    assert all(case["ref"] in subject for subject in sent_to(hospital, PHYSICIAN))
    assert all(mail.encrypted for mail in hospital.smtp.mails) if hospital.smtp else False
    assert hospital.mailbox is not None
    assert all("\\Seen" not in flags for flags in hospital.mailbox.flags().values()), "the shared mailbox is left as it was"


def test_07_unrelated_mail_is_left_untouched_and_unanswered(hospital: Hospital, made: Path) -> None:
    """R22: a newsletter, a bill, a question about parking, an auto-reply and a bounce bring no case, no mail, no flag."""
    names = ("newsletter", "privacy", "bill", "parking", "auto-reply", "bounce")
    with hospital.running():
        for name in names:
            hospital.post(made / "packets" / f"{name}.eml")
        hospital.until(
            lambda: sum(r.get("event") == "routing.submission.decided" for r in hospital.log) == len(names), "all looked at"
        )
    assert hospital.cases() == []
    assert hospital.outbox() == []
    assert hospital.quarantine() == []
    assert hospital.mailbox is not None
    assert hospital.mailbox.count() == len(names)
    assert all(not flags - {"\\Recent"} for flags in map(set, hospital.mailbox.flags().values()))


def test_08_the_same_mail_delivered_twice_is_one_case_and_one_mail(hospital: Hospital, made: Path) -> None:
    """Twice the same bytes, and once more with another Received line: one case, nothing said twice."""
    raw = (made / "packets" / "complete-en.eml").read_bytes()
    with hospital.running():
        hospital.post_bytes(raw)
        hospital.until(lambda: len(sent_to(hospital, PHYSICIAN)) == 2, "acknowledged and opened")
        hospital.post_bytes(raw)
        hospital.post_bytes(b"Received: from relay.example by mx.example; Mon, 2 Mar 2026 10:00:00 +0000\r\n" + raw)
        hospital.until(lambda: sum(r.get("event") == "routing.submission.decided" for r in hospital.log) == 2, "decided")
        hospital.until(lambda: any(r.get("event") == "ingest.submission.repeated" for r in hospital.log), "noted")
        time.sleep(1)
    assert hospital.only_case()["documents"] == {k: v for k, v in hospital.only_case()["documents"].items() if v}
    assert len(sent_to(hospital, PHYSICIAN)) == 2


def test_09_dovecot_restarted_and_renumbered_loses_and_doubles_nothing(hospital: Hospital, made: Path) -> None:
    """A restart in between and a new UIDVALIDITY: every mail is in custody once."""
    assert hospital.mailbox is not None
    first = (made / "packets" / "loa-unsigned.eml").read_bytes()
    with hospital.running():
        hospital.post_bytes(first)
        hospital.until(lambda: any(r.get("event") == "routing.submission.decided" for r in hospital.log), "decided")
        hospital.mailbox.restart()
        hospital.post(made / "packets" / "complete-es.eml")
        hospital.until(lambda: sum(r.get("event") == "routing.submission.decided" for r in hospital.log) == 2, "second decided")
        hospital.mailbox.recreate("INBOX")
        hospital.post_bytes(first)
        hospital.until(lambda: any(r.get("event") == "ingest.submission.repeated" for r in hospital.log), "recognised")
    assert len(hospital.cases()) == 2
    counts = [r for r in hospital.log if r.get("event") == "ingest.mailbox.reconciled"]
    assert counts
    assert counts[-1]["missing"] == 0


def test_11_an_smtp_outage_delays_a_mail_and_sends_it_once(hospital: Hospital, made: Path) -> None:
    """The server is away for a while: the update waits in the ledger and goes out once."""
    assert hospital.smtp is not None
    hospital.smtp.stop()
    with hospital.running():
        hospital.post(made / "packets" / "complete-en.eml")
        hospital.until(lambda: sum(r.get("event") == "outbound.update.deferred" for r in hospital.log) >= 3, "deferred")
        hospital.smtp.start()
        hospital.until(lambda: len(sent_to(hospital, PHYSICIAN)) == 2, "sent after the outage")
        time.sleep(1)
    assert len(hospital.smtp.mails) == 2
    assert {row["status"] for row in hospital.outbox()} == {"sent"}


def test_13_sigterm_drains_and_a_restart_goes_on(hospital: Hospital, made: Path) -> None:
    """SIGTERM ends the daemon in time with exit 0; what came meanwhile is taken at the next start."""
    with hospital.running() as process:
        hospital.until(lambda: any(r.get("event") == "daemon.process.started" for r in hospital.log), "started")
        process.send_signal(signal.SIGTERM)
        assert process.wait(45) == 0
    hospital.post(made / "packets" / "complete-en.eml")
    with hospital.running():
        hospital.until(lambda: len(sent_to(hospital, PHYSICIAN)) == 2, "acknowledged and opened")
    lines = (hospital.home.parent / "log.jsonl").read_text().splitlines()
    assert all(json.loads(line)["event"] for line in lines), "every line of the log is one JSON event"
