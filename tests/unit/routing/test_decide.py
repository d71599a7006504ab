"""The policy: opens, rejects with every gap, holds what is doubtful, and is the same in any order."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records.errors import RefusedError
from records.model import CaseStatus, Channel, Document, Event, Fate, Kind, Problem, SubmissionState, UpdateStatus
from routing.acts import Act
from tests.ledger import Ledger
from tests.makers import NOW, PATIENT, PHYSICIAN, STUDY, document, incoming, mail, packet, world

OTHER: dict[str, Any] = {"patient_name": "ANOTHER SYNTHETIC BETA", "birth_date": "1975-12-30"}
MINUTES = timedelta(minutes=1)


def test_a_complete_packet_opens_and_the_physician_is_told() -> None:
    """Nothing missing and nothing doubtful: open at once, one acknowledgement, one notice."""
    ledger = Ledger()
    ledger.arrive(incoming(packet()), world())
    record = ledger.only
    assert record.case.status is CaseStatus.OPEN
    assert [(u.event, u.address) for u in record.updates] == [
        (Event.ACKNOWLEDGED, "physician@clinic.example"),
        (Event.OPENED, "physician@clinic.example"),
    ]


REQUIRED = (Kind.LETTER_OF_AGREEMENT, Kind.INFORMED_CONSENT, Kind.RADIOLOGY_REPORT, Kind.RADIOLOGY_IMAGE)


@pytest.mark.parametrize("present", [s for n in range(5) for s in itertools.combinations(REQUIRED, n)])
def test_complete_exactly_when_every_required_thing_is_there(present: tuple[Kind, ...]) -> None:
    """R27 for every subset: the missing list names exactly what is not there."""
    ledger = Ledger()
    documents = [d for d in packet() if d.kind in present or d.kind is Kind.MEDICAL_RECORD]
    ledger.arrive(incoming(documents), world(settled=True))
    record = ledger.only
    missing = {f.requirement for f in record.case.findings if f.severity == "missing"}
    assert missing == set(REQUIRED) - set(present)
    assert record.case.status is (CaseStatus.OPEN if len(present) == 4 else CaseStatus.REJECTED)


def test_no_rejection_before_the_packet_has_settled() -> None:
    """R28: a packet in parts is given its settle time, restarted by each arrival."""
    ledger = Ledger()
    ledger.arrive(incoming(packet()[:1], "a"), world(NOW))
    ledger.arrive(incoming(packet()[1:2], "b", at=NOW + 20 * MINUTES), world(NOW + 20 * MINUTES))
    ref = ledger.only.case.ref
    assert ledger.only.case.look_again_at == NOW + 50 * MINUTES
    ledger.look(ref, world(NOW + 49 * MINUTES))
    assert ledger.status() is CaseStatus.RECEIVED
    ledger.look(ref, world(NOW + 50 * MINUTES))
    assert ledger.status() is CaseStatus.REJECTED
    assert [u.event for u in ledger.only.updates].count(Event.REJECTED) == 1


def test_a_rejection_lists_every_gap_once_and_again_only_when_they_change() -> None:
    """R28: looking again without news sends nothing; a gap that closed is told."""
    ledger = Ledger()
    ledger.arrive(incoming([document(Kind.LETTER_OF_AGREEMENT, "loa_unsigned", "loa_undated")], "a"), world(settled=True))
    ref = ledger.only.case.ref
    notice = next(u for u in ledger.only.updates if u.event is Event.REJECTED)
    assert {f.code for f in notice.findings if f.severity == "missing"} == {
        "loa_unsigned", "loa_undated", "informed_consent_missing", "radiology_report_missing", "radiology_image_missing",
    }  # fmt: skip
    for _ in range(3):
        ledger.look(ref, world(NOW + 60 * MINUTES, settled=True))
    assert [u.event for u in ledger.only.updates] == [Event.ACKNOWLEDGED, Event.REJECTED]
    ledger.arrive(incoming([document(Kind.INFORMED_CONSENT)], "b"), world(NOW + 61 * MINUTES, settled=True))
    told = ledger.only.updates[-1]
    assert told.event is Event.GAP_CLOSED
    assert "informed_consent_missing" not in {f.code for f in told.findings}
    assert ledger.only.updates[-2].reason == "superseded", "a queued notice that is no longer true does not go out"


def test_findings_that_leave_the_house_carry_no_detail() -> None:
    """R33: staff's words about a finding stay here; a study is named by modality, body part and date (R13)."""
    ledger = Ledger()
    ledger.arrive(incoming([d for d in packet() if d.kind is not Kind.RADIOLOGY_IMAGE]), world(settled=True))
    notice = next(u for u in ledger.only.updates if u.event is Event.REJECTED)
    (gap,) = notice.findings
    assert (gap.code, gap.detail, gap.document) == ("report_without_images", "", None)
    assert gap.study == {"modality": "CT", "body_part": "CHEST", "date": "2026-02-20"}


def test_the_second_mail_completes_the_case() -> None:
    """R23: the same sender and patient, days later, is the same case."""
    ledger = Ledger()
    ledger.arrive(incoming(packet()[:2], "a"), world(settled=True))
    ledger.arrive(incoming(packet()[2:], "b", at=NOW + timedelta(days=3)), world(NOW + timedelta(days=3)))
    assert ledger.status() is CaseStatus.OPEN


@settings(max_examples=40, deadline=None)
@given(st.permutations(packet()), st.lists(st.integers(1, 4), max_size=3))
def test_any_order_and_any_split_ends_in_the_same_state(documents: list[Document], cuts: list[int]) -> None:
    """A packet spread over mails and faxes in any order opens one case with the same findings."""
    ledger = Ledger()
    places = sorted({0, len(documents), *cuts})
    for n, (start, end) in enumerate(itertools.pairwise(places)):
        channel = Channel.FAX if n % 2 and documents[start].kind is not Kind.RADIOLOGY_IMAGE else Channel.EMAIL
        ledger.arrive(incoming(documents[start:end], f"m{n}", channel=channel, at=NOW + n * MINUTES), world(NOW + n * MINUTES))
    record = ledger.only
    assert record.case.status is CaseStatus.OPEN
    assert {f.code for f in record.case.findings} == set()


def test_a_doubtful_form_is_neither_present_nor_missing() -> None:
    """R29: it goes to staff, and nothing is sent until they have spoken."""
    ledger = Ledger()
    documents = [document(Kind.LETTER_OF_AGREEMENT, doubtful=("loa_signature_unclear",)), *packet()[1:]]
    ledger.arrive(incoming(documents), world(settled=True))
    assert ledger.status() is CaseStatus.RECEIVED
    assert [h.reason for h in ledger.held] == ["loa_signature_unclear"]
    assert [u.event for u in ledger.only.updates] == [Event.ACKNOWLEDGED]


def test_an_unreadable_part_stops_a_rejection_but_not_the_rest() -> None:
    """R29: what nobody could read might be what is missing."""
    ledger = Ledger()
    locked = Problem("encrypted", "locked.pdf", "password needed", "f" * 64)
    decision = ledger.arrive(incoming(packet()[:3], problems=(locked,)), world(settled=True))
    assert ledger.status() is CaseStatus.RECEIVED
    assert {f.part: f.fate for f in decision.fates}["locked.pdf"] is Fate.QUARANTINED


def test_two_patients_in_one_mail_go_to_staff_whole() -> None:
    """R8: never mixed, never opened, nobody answered."""
    ledger = Ledger()
    decision = ledger.arrive(incoming([*packet(), document(Kind.MEDICAL_RECORD, **OTHER)]), world(settled=True))
    assert decision.submission_state is SubmissionState.QUARANTINED
    assert [h.reason for h in decision.held] == ["identity_conflict"]
    assert not ledger.records
    assert not decision.updates


def test_the_same_documents_again_are_duplicates_and_bring_no_mail() -> None:
    """The same packet in a new mail: every part is a duplicate, one case, no second message."""
    ledger = Ledger()
    ledger.arrive(incoming(packet(), "a"), world())
    before = len(ledger.only.updates)
    decision = ledger.arrive(incoming(packet(), "b"), world(NOW + MINUTES))
    assert {f.fate for f in decision.fates} == {Fate.DUPLICATE}
    assert len(ledger.only.updates) == before


def test_the_same_paper_twice_in_one_mail_counts_once() -> None:
    """Attached twice under two names: filed where it stands first, a duplicate where it stands again."""
    ledger = Ledger()
    first, *others = packet()
    again = replace(first, part="again.pdf", parts=("again.pdf",))
    decision = ledger.arrive(incoming([first, *others, again]), world())
    assert [d.document for d in decision.documents] == [first, *others]
    fates = {f.part: (f.fate, f.reason) for f in decision.fates}
    assert fates["again.pdf"] == (Fate.DUPLICATE, first.id)
    assert fates[first.part][0] is Fate.FILED


def test_unrelated_mail_is_left_alone() -> None:
    """R22: no packet, no case, no answer."""
    ledger = Ledger()
    letter = document(Kind.CORRESPONDENCE, patient_name="", birth_date="")
    decision = ledger.arrive(incoming([letter]), world())
    assert (decision.case, decision.updates, decision.held) == (None, (), ())
    assert {f.fate for f in decision.fates} == {Fate.IGNORED}


def test_unreadable_attachments_in_an_unrelated_mail_go_to_staff() -> None:
    """Abstain rather than guess: an attachment that nobody can identify may be a packet."""
    decision = Ledger().arrive(incoming([document(Kind.UNKNOWN, patient_name="", birth_date="")]), world())
    assert [h.reason for h in decision.held] == ["unidentified"]
    assert not decision.updates


def test_a_known_reference_from_a_stranger_is_not_attached() -> None:
    """One weak key never suffices, and the stranger learns nothing."""
    ledger = Ledger()
    ledger.arrive(incoming(packet(), "a"), world())
    ref = ledger.only.case.ref
    # the sender's own thread, quoted by somebody else
    stranger = mail("stranger@else.example", "b", answers=("<a@clinic.example>",))
    decision = ledger.arrive(
        incoming([document(Kind.MEDICAL_RECORD, patient_name="", birth_date="")], "b", letter=stranger), world()
    )
    assert [h.reason for h in decision.held] == ["unknown_sender"]
    assert not decision.updates
    assert ledger.records[ref].case.status is CaseStatus.OPEN


def test_who_answers_our_own_mail_is_known() -> None:
    """Our message ids are unguessable: an answer to one belongs to its case."""
    ledger = Ledger()
    ledger.arrive(incoming(packet()[:2], "a"), world(settled=True))
    ours = ledger.only.updates[0].message_id
    assert ours is not None
    answer = mail("assistant@clinic.example", "b", answers=(ours,))
    ledger.arrive(incoming(packet()[2:], "b", letter=answer), world(settled=True))
    assert ledger.status() is CaseStatus.OPEN


def test_the_same_patient_through_two_physicians_is_never_merged_by_machine() -> None:
    """Name and birth date agree, sender and physician do not: a person decides."""
    ledger = Ledger()
    ledger.arrive(incoming(packet(), "a"), world())
    other = document(Kind.LETTER_OF_AGREEMENT, physician_name="Dr. Unrelated Somebody", name="second")
    decision = ledger.arrive(incoming([other], "b", letter=mail("other@hospital.example", "b")), world())
    assert [h.reason for h in decision.held] == ["ambiguous_case"]


def test_material_that_contradicts_its_thread_goes_to_staff() -> None:
    """R8: an answer in a case's thread with another patient's papers is never filed there."""
    ledger = Ledger()
    ledger.arrive(incoming(packet(), "a"), world())
    answer = mail(name="b", answers=("<a@clinic.example>",))
    decision = ledger.arrive(incoming([document(Kind.MEDICAL_RECORD, **OTHER)], "b", letter=answer), world())
    assert [h.reason for h in decision.held] == ["identity_conflict"]


def test_an_auto_reply_is_never_answered() -> None:
    """RFC 3834: what a machine sent is owed nothing, whatever it carries."""
    ledger = Ledger()
    ledger.arrive(incoming(packet()[:2], unanswerable="auto_submitted"), world(settled=True))
    assert {(u.status, u.reason) for u in ledger.only.updates} == {(UpdateStatus.WITHHELD, "auto_submitted")}


def test_a_fax_alone_owes_no_mail_to_an_unconfirmed_number() -> None:
    """Caller ids prove nothing: the notice waits for staff instead of going to a number that claims to be the sender."""
    ledger = Ledger()
    ledger.arrive(incoming(packet()[:2], channel=Channel.FAX, sender="+520000000000"), world(settled=True))
    assert {(u.status, u.address) for u in ledger.only.updates} == {(UpdateStatus.WITHHELD, None)}
    assert "no_physician" in ledger.only.case.flags


def test_review_needs_a_named_person_approval_and_payment() -> None:
    """R25, R12: no machine, no shortcut."""
    ledger = Ledger()
    ledger.arrive(incoming(packet()), world())
    ref = ledger.only.case.ref
    with pytest.raises(RefusedError, match="approval"):
        ledger.act(ref, Act("begin", "Staff Example"), world())
    ledger.act(ref, Act("approve", "Staff Example"), world())
    assert ledger.status() is CaseStatus.OPEN
    with pytest.raises(RefusedError, match="payment"):
        ledger.act(ref, Act("begin", "Staff Example"), world())
    ledger.act(ref, Act("pay", "Staff Example", facts={"paid": True}), world())
    ledger.act(ref, Act("begin", "Staff Example"), world())
    assert ledger.status() is CaseStatus.IN_REVIEW
    with pytest.raises(RefusedError, match="say who"):
        ledger.act(ref, Act("complete", " "), world())


def test_new_material_in_review_is_late_and_a_duplicate_is_not() -> None:
    """R34: what comes after review has begun is flagged and told; the same bytes again are not."""
    ledger = Ledger()
    ledger.arrive(incoming(packet()), world())
    ref = ledger.only.case.ref
    for name, facts in (("approve", None), ("pay", {"paid": True}), ("begin", None)):
        ledger.act(ref, Act(name, "Staff Example", facts=facts), world())
    ledger.arrive(incoming([packet()[4]], "again"), world(NOW + MINUTES))
    assert "late_material" not in ledger.only.case.flags
    ledger.arrive(incoming([document(Kind.MEDICAL_RECORD, name="new")], "new"), world(NOW + MINUTES))
    assert "late_material" in ledger.only.case.flags
    assert ledger.only.updates[-1].event is Event.LATE_MATERIAL


def test_a_pathology_wish_makes_report_and_specimen_required() -> None:
    """R14, R16: optional until asked for; then report and slides travel together."""
    ledger = Ledger()
    asked = document(Kind.CORRESPONDENCE, pathology_requested=True)
    ledger.arrive(incoming([*packet(), asked]), world(settled=True))
    missing = {f.code for f in ledger.only.case.findings if f.severity == "missing"}
    assert missing == {"pathology_report_missing", "specimen_missing"}


def test_an_old_report_is_noted_not_refused() -> None:
    """R24: the newest report's age is flagged past six months."""
    ledger = Ledger()
    old: dict[str, Any] = {**STUDY, "study_date": "2025-09-04"}
    documents = [d for d in packet() if d.kind not in (Kind.RADIOLOGY_REPORT, Kind.RADIOLOGY_IMAGE)]
    documents += [document(Kind.RADIOLOGY_REPORT, **old), document(Kind.RADIOLOGY_IMAGE, **old)]
    ledger.arrive(incoming(documents), world())
    assert ledger.status() is CaseStatus.OPEN
    assert [f.code for f in ledger.only.case.findings] == ["report_too_old"]


def test_two_patients_of_one_physician_are_two_cases() -> None:
    """The same sender alone never joins two patients."""
    ledger = Ledger()
    ledger.arrive(incoming(packet(), "a"), world())
    theirs = [document(d.kind, **{**dict[str, Any](d.fields), **OTHER}) for d in packet()]
    ledger.arrive(incoming(theirs, "b"), world())
    assert len(ledger.records) == 2
    assert {r.case.status for r in ledger.records.values()} == {CaseStatus.OPEN}
    assert PATIENT["patient_name"] != OTHER["patient_name"]


def test_a_physician_named_later_is_told_the_latest_news() -> None:
    """R30: no physician on file leaves the news with staff; once one is set, the newest of it goes out."""
    ledger = Ledger()
    documents = [document(Kind.LETTER_OF_AGREEMENT), *packet()[1:]]
    ledger.arrive(incoming(documents, letter=mail("family@mail.example")), world())
    ref = ledger.only.case.ref
    assert [(u.event, u.reason) for u in ledger.only.updates if u.recipient == "physician"] == [(Event.OPENED, "no_physician")]
    ledger.act(
        ref, Act("physician", "Staff Example", facts={"physician_name": "Dr. Example", "physician_email": PHYSICIAN}), world()
    )
    told = ledger.only.updates[-1]
    assert (told.event, told.address, told.status) == (Event.OPENED, PHYSICIAN, UpdateStatus.QUEUED)
    assert "no_physician" not in ledger.only.case.flags


@pytest.mark.parametrize(
    ("signed_on", "status"), [("2026-03-05", "open"), ("2026-03-06", "received"), ("2062-03-04", "received")]
)
def test_a_form_signed_in_the_future_is_doubtful(signed_on: str, status: str) -> None:
    """R10: an impossible date goes to staff; a day ahead may be the signer's time zone."""
    ledger = Ledger()
    ledger.arrive(incoming([document(Kind.LETTER_OF_AGREEMENT, date=signed_on), *packet()[1:]]), world(settled=True))
    assert ledger.only.case.status == status
    assert [h.reason for h in ledger.held] == ([] if status == "open" else ["loa_date_implausible"])


def test_an_unread_part_is_held_once() -> None:
    """What could not be read is one thing for staff: its problem speaks for it, not a second `unidentified`."""
    locked = document(Kind.UNKNOWN, name="locked")
    ledger = Ledger()
    ledger.arrive(incoming([*packet(), locked], problems=(Problem("encrypted", "locked.pdf", "", "f" * 64),)), world())
    assert [h.reason for h in ledger.held] == ["encrypted"]


def test_a_bounce_that_quotes_a_packet_is_no_packet() -> None:
    """RFC 3464: what a bounce brings back opens nothing."""
    decision = Ledger().arrive(incoming(packet(), unanswerable="bounce"), world())
    assert (decision.case, decision.held) == (None, ())
