"""What is said when nothing changed, and what is left out when something did."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.rules import Rhythm, Rules
from config.telling import LISTING, NEWS, OUTWARD, TELLINGS
from records.model import CaseStatus, Channel, Event, Kind, Recipient, UpdateStatus
from routing.acts import Act
from routing.announce import announce
from routing.proposals import proposals
from tests.ledger import Ledger
from tests.makers import NOW, document, incoming, mail, packet, world

WEEK, DAY = timedelta(days=7), timedelta(days=1)


def told(ledger: Ledger, *, superseded: bool = False) -> list[Event]:
    return [u.event for u in ledger.only.updates if superseded or u.reason != "superseded"]


def begin(documents: list[Any], settled: bool = True) -> tuple[Ledger, str]:
    ledger = Ledger()
    ledger.arrive(incoming(documents), world(settled=settled))
    return ledger, ledger.only.case.ref


def live(ledger: Ledger, ref: str, until: datetime, step: timedelta = DAY / 4) -> None:
    """Time goes on, and the case is looked at whenever it asks to be."""
    now = NOW
    while now < until:
        now += step
        turn = ledger.only.case.look_again_at
        if turn is not None and turn <= now:
            sent = [replace(u, status=UpdateStatus.SENT) if u.status is UpdateStatus.QUEUED else u for u in ledger.only.updates]
            ledger.records[ref] = replace(ledger.only, updates=tuple(sent))
            ledger.look(ref, world(now))
            after = ledger.only.case.look_again_at
            assert after is None or after > now, "a look never asks for the same moment again"


def test_every_event_is_in_the_table() -> None:
    """One row each; what lists gaps goes to whoever can mend them, what is passing is news."""
    assert set(TELLINGS) == set(Event)
    assert set(Event) - set(OUTWARD) == {Event.DISPOSAL_NEAR}
    assert set(LISTING) <= set(NEWS)
    assert all(TELLINGS[event].to == (Recipient.SUBMITTER, Recipient.PHYSICIAN) for event in LISTING)


def test_an_incomplete_case_is_reminded_weekly_and_not_for_ever() -> None:
    """The whole list again, `reminders` times; then it is quiet."""
    ledger, ref = begin([document(Kind.LETTER_OF_AGREEMENT, "loa_unsigned")])
    live(ledger, ref, NOW + 12 * WEEK)
    assert told(ledger, superseded=True) == [Event.ACKNOWLEDGED, Event.REJECTED, *[Event.STILL_INCOMPLETE] * 4]
    repeated = ledger.only.updates[-1]
    assert {f.code for f in repeated.findings} >= {"loa_unsigned", "informed_consent_missing"}
    assert ledger.only.case.look_again_at is None
    assert ledger.only.case.last_activity == NOW, "our own updates are no activity (R38)"


def test_a_change_starts_the_count_again() -> None:
    """A closed gap is news of its own, and a week later the shorter list is repeated."""
    ledger, ref = begin([document(Kind.LETTER_OF_AGREEMENT, "loa_unsigned")])
    live(ledger, ref, NOW + 5 * WEEK)
    later = NOW + 5 * WEEK
    ledger.arrive(incoming([document(Kind.INFORMED_CONSENT)], "b", at=later), world(later, settled=True))
    news = ledger.only.updates[-1].event
    ledger.look(ref, world(later + WEEK))
    assert [news, ledger.only.updates[-1].event] == [Event.GAP_CLOSED, Event.STILL_INCOMPLETE]
    assert "informed_consent_missing" not in {f.code for f in ledger.only.updates[-1].findings}


def test_an_open_case_and_one_in_review_are_told_weekly() -> None:
    """R30: at each change of state, and at the cadence when nothing changed."""
    ledger, ref = begin(packet())
    ledger.look(ref, world(NOW + WEEK))
    assert told(ledger)[-1] is Event.STILL_OPEN
    at = NOW + WEEK + DAY
    for act in ("pay", "approve", "begin"):
        facts: dict[str, Any] = {"paid": True} if act == "pay" else {}
        ledger.act(ref, Act(act, "Staff", facts=facts), world(at))
    assert ledger.only.case.look_again_at == at + WEEK
    live(ledger, ref, at + 3 * WEEK + DAY)
    assert told(ledger, superseded=True).count(Event.STILL_IN_REVIEW) == 3
    ledger.act(ref, Act("complete", "Staff"), world(at + 4 * WEEK))
    assert ledger.only.case.look_again_at is None
    ledger.look(ref, world(at + 9 * WEEK))
    assert ledger.only.updates[-1].event is Event.COMPLETED


def test_a_case_on_hold_or_without_a_physician_is_not_told_about_by_the_clock() -> None:
    """No physician is a staff task once, not one a week; on hold nothing happens by itself."""
    ledger = Ledger()
    ledger.arrive(incoming(packet(), letter=mail("family@home.example", "x"), sender=None), world())
    ref = ledger.only.case.ref
    if ledger.only.case.flags:
        assert ledger.only.case.look_again_at is None
    held, ref = begin(packet())
    held.act(ref, Act("hold", "Staff", facts={"hold": True}), world(NOW + DAY))
    assert held.only.case.look_again_at is None
    held.act(ref, Act("unhold", "Staff", forgets=("hold",)), world(NOW + 2 * DAY))
    assert held.only.case.look_again_at == NOW + WEEK


def test_the_cadence_is_configured() -> None:
    """Days, and how many reminders."""
    rules = Rules(rhythm=Rhythm(cadence_days=3, reminders=0))
    ledger = Ledger()
    ledger.arrive(incoming(packet()[:1]), world(settled=True, rules=rules))
    assert ledger.only.case.look_again_at is None
    ledger = Ledger()
    ledger.arrive(incoming(packet()), world(rules=rules))
    assert ledger.only.case.look_again_at == NOW + timedelta(days=3)


def test_queued_news_that_is_no_longer_true_is_left_out() -> None:
    """A list that still waits for Monday does not go out beside the word that the case is closed."""
    ledger, ref = begin([document(Kind.LETTER_OF_AGREEMENT, "loa_unsigned")])
    ledger.act(ref, Act("close", "Staff"), world(NOW + DAY))
    assert told(ledger) == [Event.ACKNOWLEDGED, Event.CLOSED]


def test_a_wish_of_the_patient_is_told_once_and_is_a_task_for_staff() -> None:
    """R36, R37: who asked is told, staff have something to do; the same act again says nothing new."""
    ledger, ref = begin(packet())
    for _ in range(2):
        ledger.act(ref, Act("in-person", "Staff", facts={"in_person": True}), world(NOW + DAY))
        ledger.act(ref, Act("return", "Staff", facts={"return_requested": True}), world(NOW + DAY))
    owed = [(u.event, u.recipient, u.status, u.reason) for u in ledger.only.updates[2:]]
    assert owed == [
        (Event.IN_PERSON, Recipient.PHYSICIAN, UpdateStatus.QUEUED, None),
        (Event.IN_PERSON, Recipient.STAFF, UpdateStatus.WITHHELD, "staff_task"),
        (Event.RETURNING, Recipient.SUBMITTER, UpdateStatus.QUEUED, None),  # who is the physician here, and told once
        (Event.RETURNING, Recipient.STAFF, UpdateStatus.WITHHELD, "staff_task"),
    ]


def test_a_warning_of_disposal_is_staff_s_and_owed_once_for_each_time_of_quiet() -> None:
    """R41: nobody outside is written to; activity makes the next quiet a new one."""
    ledger, _ = begin(packet())
    record = ledger.only
    made = [announce(record, [Event.DISPOSAL_NEAR], (), Rules(), NOW + n * DAY, lambda t: t).updates[0] for n in range(2)]
    assert made[0].id == made[1].id
    assert (made[0].recipient, made[0].channel, made[0].reason) == (Recipient.STAFF, "staff", "staff_task")
    active = replace(record, case=replace(record.case, last_activity=NOW + WEEK))
    (again,) = announce(active, [Event.DISPOSAL_NEAR], (), Rules(), NOW + 9 * WEEK, lambda t: t).updates
    assert again.id != made[0].id


@pytest.mark.parametrize(
    ("facts", "channel", "address", "reason"),
    [
        ({"physician_email": "p@x.example"}, "email", "p@x.example", None),
        (
            {"physician_fax": "+52 55 0000"},
            "email",
            None,
            "no_confirmed_address",
        ),  # R32: unknown is email where known, else staff
        ({"physician_fax": "+52 55 0000", "prefers": "fax"}, "fax", "+52 55 0000", None),
        ({"physician_email": "p@x.example", "prefers": "fax"}, "fax", None, "no_confirmed_address"),
        ({"physician_email": "p@x.example", "prefers": "teleconference"}, "teleconference", "p@x.example", None),
        ({"physician_name": "Dr. X", "prefers": "other"}, "other", None, None),
    ],
)
def test_the_channel_is_the_one_preferred_and_never_another(
    facts: dict[str, Any], channel: str, address: str | None, reason: str | None
) -> None:
    """R32: what the preferred way lacks is staff's to find, not ours to work around."""
    ledger, ref = begin(packet())
    ledger.act(ref, Act("physician", "Staff", facts=facts), world(NOW + DAY))
    ledger.act(ref, Act("close", "Staff"), world(NOW + 2 * DAY))
    last = ledger.only.updates[-1]
    assert (last.event, last.channel, last.address, last.reason) == (Event.CLOSED, channel, address, reason)


def test_an_address_that_nobody_confirmed_is_a_proposal_and_gets_nothing() -> None:
    """Read by a machine, or written into a Reply-To: staff see it, updates go to nobody in its name."""
    papers = [
        document(Kind.LETTER_OF_AGREEMENT, physician_email="other@evil.example", physician_fax="+52 55 0001"),
        *packet()[1:],
    ]
    letter = replace(mail("family@home.example"), reply_to="else@evil.example", from_name="Family")
    ledger = Ledger()
    ledger.arrive(incoming(papers, letter=letter), world())
    seen = {(one.what, one.value) for one in proposals(ledger.only)}
    assert {
        ("physician_email", "other@evil.example"),
        ("physician_fax", "+52 55 0001"),
        ("reply_to", "else@evil.example"),
    } <= seen
    assert {u.address for u in ledger.only.updates} <= {"family@home.example", None}
    ref = ledger.only.case.ref
    ledger.act(ref, Act("physician", "Staff", facts={"physician_email": "other@evil.example"}), world(NOW + DAY))
    assert "other@evil.example" not in {one.value for one in proposals(ledger.only)}


@pytest.mark.parametrize("reason", ["bounced", "address_bounced", "no_confirmed_address"])
def test_news_that_did_not_arrive_is_told_again_at_the_corrected_address(reason: str) -> None:
    """Staff set another address: the latest news goes there, once, and the old address is not used."""
    ledger, ref = begin(packet())
    stuck = tuple(
        replace(u, status=UpdateStatus.FAILED, reason=reason) if u.event is Event.OPENED else u for u in ledger.only.updates
    )
    ledger.records[ref] = replace(ledger.only, updates=stuck)
    ledger.act(ref, Act("physician", "Staff", facts={"physician_email": "new@clinic.example"}), world(NOW + DAY))
    again = ledger.only.updates[-1]
    assert (again.event, again.address, again.status) == (Event.OPENED, "new@clinic.example", UpdateStatus.QUEUED)
    count = len(ledger.only.updates)
    ledger.act(ref, Act("physician", "Staff", facts={"physician_email": "new@clinic.example"}), world(NOW + DAY))
    assert len(ledger.only.updates) == count


def test_an_absence_note_is_no_activity() -> None:
    """R38: an automatic answer in a known thread changes nothing; a scanner's mail with papers does."""
    ledger, _ = begin(packet())
    ours = ledger.only.updates[0].message_id or ""
    away = incoming([], "away", letter=mail(answers=(ours,), name="away"), at=NOW + WEEK, unanswerable="auto_submitted")
    decision = ledger.arrive(away, world(NOW + WEEK))
    assert decision.case is None
    assert ledger.only.case.last_activity == NOW
    scanner = incoming([document(Kind.MEDICAL_RECORD, name="new")], "scan", at=NOW + WEEK, unanswerable="auto_submitted")
    ledger.arrive(scanner, world(NOW + WEEK))
    assert ledger.only.case.last_activity == NOW + WEEK


@given(st.lists(st.integers(1, 20), max_size=6), st.permutations(range(4)))
def test_looking_more_often_says_nothing_more(gaps: list[int], order: list[int]) -> None:
    """Property: however often and when a case is looked at, what has been told by then is the same."""
    rules = Rules()
    ledger, ref = begin([packet()[n] for n in sorted(order)[:2]])
    end = NOW + 15 * DAY
    now = NOW
    for days in gaps:
        now = min(now + days * DAY, end)
        ledger.look(ref, world(now, rules=rules))
        ledger.look(ref, world(now, rules=rules))
    said = told(ledger, superseded=True)
    assert said.count(Event.REJECTED) == 1
    assert said.count(Event.STILL_INCOMPLETE) <= (now - NOW).days // 7
    assert ledger.status() is CaseStatus.REJECTED
    assert all(u.channel == "email" for u in ledger.only.updates)
    assert ledger.only.case.contacts[0].channel is Channel.EMAIL
