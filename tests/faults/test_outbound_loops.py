"""Two machines that answer each other: however many mails come, few go out, and the case does not grow with them."""

from __future__ import annotations

import email
import email.policy
import os
import time
from datetime import time as clock
from pathlib import Path

from config.rules import Hours, Rules
from config.settings import Settings
from daemon.house import House
from daemon.main import prepare
from daemon.pipeline import Pipeline
from records.model import UpdateStatus

MAILS = 10_000 if os.environ.get("LOOPED") == "all" else 120
ALWAYS = Hours(opens=clock(0), closes=clock(23, 59, 59, 999999), weekdays=tuple(range(7)), country="", state="")
ECHO = """From: {sender}
To: patientsintl@ucsd.edu
Subject: Re: your message
Date: Tue, 24 Nov 2026 18:00:00 +0000
Message-ID: <echo.{number}@clinic.example>
In-Reply-To: {answers}

We have received your message {number}.
"""


def work(pipeline: Pipeline) -> None:
    for source in pipeline.house.sources:
        pipeline.receive(source)
    while pipeline.decide_next(settled=True):
        pass
    pipeline.look_again(settled=True)
    while pipeline.deliver_next():
        pass


def test_looped_mails_without_any_mark_stay_within_the_caps(tmp_path: Path, made: Path) -> None:
    """Each answers our own mail, from a known sender: none goes out, one waits for staff, the case grows no further."""
    house = House(Settings(home=tmp_path, rules=Rules(hours=ALWAYS)))
    pipeline = prepare(house)
    new = tmp_path / "mail" / "new"
    for name in ("new", "cur", "tmp"):
        (tmp_path / "mail" / name).mkdir(parents=True, exist_ok=True)
    first = (made / "packets" / "loa-unsigned.eml").read_bytes()
    (new / "0.M0.test").write_bytes(first)
    work(pipeline)
    before = house.store.outbox()
    assert {owed.status for owed in before} == {UpdateStatus.SENT}
    sender, answers = email.message_from_bytes(first, policy=email.policy.default)["From"], before[-1].message_id
    costs = []
    for number in range(MAILS):
        (new / f"{number + 1}.M{number + 1}.test").write_text(ECHO.format(sender=sender, answers=answers, number=number))
        if (number + 1) % (MAILS // 4) == 0:
            begun = time.process_time()
            work(pipeline)
            costs.append((time.process_time() - begun) / (MAILS // 4))
    cap = house.settings.rules.sending.words_day
    (record,) = house.store.cases()
    assert house.store.outbox() == before, "not one mail more"
    assert len(record.submissions) == cap + 1
    assert [held.reason for held in record.held] == ["mail_loop"]
    assert house.store.counts()["submissions.decided"] == MAILS, "all but the held one, in custody and decided"
    print(f"{MAILS} looped mails: {len(before)} mails out; CPU ms a mail by quarter {[round(1000 * c, 1) for c in costs]}")
    house.close()
