"""When is talk about one case a loop?  And who may send how many mails all the same."""

from __future__ import annotations

from datetime import timedelta

from config.rules import Rules, Sending
from records.model import Fate, SubmissionState
from routing.acts import Act
from tests.ledger import Ledger
from tests.makers import NOW, incoming, mail, packet, world

RULES = Rules(sending=Sending(words_day=3))


def answer(ledger: Ledger, number: int, at: timedelta = timedelta()) -> SubmissionState | None:
    """A mail without documents that answers our own."""
    ours = ledger.only.updates[0].message_id or ""
    letter = mail(name=f"answer{number}", answers=(ours,))
    arrived = incoming([], f"answer{number}", letter=letter, at=NOW + at)
    return ledger.arrive(arrived, world(NOW + at, rules=RULES)).submission_state


def test_the_mail_beyond_the_cap_is_held_once_and_others_are_left() -> None:
    """One thing for staff to see; nothing of the case changes; a day later people are heard again."""
    ledger = Ledger()
    ledger.arrive(incoming(packet()), world(rules=RULES))
    assert [answer(ledger, n) for n in range(3)] == [SubmissionState.DECIDED] * 3
    before = ledger.only.case
    assert answer(ledger, 3) is SubmissionState.QUARANTINED
    assert [held.reason for held in ledger.held] == ["mail_loop"]
    assert ledger.only.case == before
    assert answer(ledger, 5, timedelta(days=1, seconds=1)) is SubmissionState.DECIDED
    assert {fate.fate for fate in ledger.decisions[-1].fates} <= {Fate.FILED, Fate.IGNORED}


def test_mails_with_documents_are_no_loop() -> None:
    """A packet spread over many mails of one day is what people send (R23)."""
    ledger = Ledger()
    for number in range(8):
        papers = [packet()[number % len(packet())]]
        arrived = incoming(papers if number else packet(), f"part{number}")
        assert ledger.arrive(arrived, world(rules=RULES)).submission_state is SubmissionState.DECIDED
    ledger.act(ledger.only.case.ref, Act("hold", "Staff", facts={"hold": True}), world(rules=RULES))
