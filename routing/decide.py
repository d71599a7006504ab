"""The policy on one page: what follows from a submission and a case's whole record.

Pure: the same record, rules and moment give the same decision, in whatever order things arrived.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from config.rules import Rules
from records.model import (
    Case,
    CaseRecord,
    CaseStatus,
    Contact,
    Decision,
    Document,
    Event,
    Fate,
    FiledDocument,
    Held,
    HeldState,
    Move,
    SubmissionState,
    Update,
    UpdateStatus,
)
from routing import cadence, filing, identity, loops, matching, patients
from routing.announce import announce, gap_names, gaps_told, physician_of
from routing.completeness import Checked, check
from routing.incoming import Incoming, whole
from routing.lifecycle import CHECKED, move
from routing.refs import new_ref

AGAIN = timedelta(minutes=5)  # when a case is looked at anew of which something waits to be decided


UNREAD = ("crashed", "malware", "not_scanned")  # reasons to hold a submission before anything in it was read


@dataclass(frozen=True, slots=True)
class World:
    """What a decision needs besides the record."""

    rules: Rules
    now: datetime
    ref: str  # a fresh case reference, used when a case begins
    token: str  # a fresh secret, likewise
    opening: Callable[[datetime], datetime]  # the next office hour at or after a moment
    settled: bool = False  # take the settle time as over

    def another(self, number: int) -> World:
        """The same for the n-th case that one submission begins: its reference and secret follow from the one secret."""
        if number == 0:
            return self
        drawn = hashlib.sha256(f"{self.token}\n{number}".encode()).hexdigest()
        return replace(self, ref=new_ref(int(drawn[:16], 16) % 2**50), token=drawn[32:])


def decide(incoming: Incoming, candidates: Sequence[CaseRecord], world: World) -> Decision:
    """A submission's decision: hold it, leave it, or file it in its case and look at the case again."""
    if incoming.unanswerable == "bounce" and not _released(incoming):
        return _leave(incoming, "bounce")  # what it quotes came from us, or is theirs to send again
    documents = filing.ruled(incoming, world.now.date())
    found = matching.match(incoming, candidates)
    mail_only = not filing.is_packet(incoming, documents)
    automatic = incoming.unanswerable in ("auto_submitted", "null_sender") and not _released(incoming)
    if mail_only and automatic and not filing.worth_asking(incoming, documents):
        return _leave(incoming, incoming.unanswerable or "auto_submitted")  # R38: an absence note is no activity
    if mail_only and found.outcome is not matching.Outcome.KNOWN and not incoming.ruled_case:
        if _released(incoming):
            return _leave(incoming, "left_by_staff")
        if filing.worth_asking(incoming, documents):
            return _hold(incoming, _first_doubt(incoming, documents), None)
        return _leave(incoming, incoming.unanswerable or "not_a_packet")
    clash = identity.conflicts(documents)
    if clash and not _released(incoming):
        return _apart(incoming, documents, candidates, world) or _hold(incoming, "identity_conflict", None, identity.told(clash))
    by_itself = mail_only and not _released(incoming) and not incoming.ruled_case
    if by_itself and found.record and loops.flooded(found.record, world.rules.sending.words_day, world.now):
        return _leave(incoming, loops.LOOP) if loops.told(found.record) else _hold(incoming, loops.LOOP, found.record)
    if found.outcome is matching.Outcome.ASK:
        return _hold(incoming, found.reason, found.record)
    record = found.record or _new_case(incoming, world)
    return _file(incoming, documents, record, found.record is None, world)


def _apart(incoming: Incoming, documents: Sequence[Document], candidates: Sequence[CaseRecord], world: World) -> Decision | None:
    """The papers of several patients, each filed in a case of its own; None where anything of it is not certain."""
    several = () if incoming.ruled_case else patients.shares(incoming, documents)
    found = [matching.match(replace(incoming, documents=share.documents), candidates) for share in several]
    known = [match.record.case.ref for match in found if match.record]
    unsure = any(match.outcome is matching.Outcome.ASK for match in found) or len(set(known)) < len(known)
    fresh = [share for share, match in zip(several, found, strict=True) if match.record is None]
    if not several or unsure or not all(share.requests for share in fresh):
        return None
    decisions = []
    for number, (share, match) in enumerate(zip(several, found, strict=True)):
        own = world.another(number)
        record = match.record or _new_case(incoming, own)
        decisions.append(_file(share.incoming, share.documents, record, match.record is None, own, incoming.contact()))
    first, *others = decisions
    return replace(first, fates=(*first.fates, *patients.left_out(incoming, several)), also=tuple(others))


def reconsider(record: CaseRecord, world: World) -> Decision:
    """The same look at a case when only time, or staff's word, has changed."""
    return _conclude(record, [], world, why="looked at again")


def hold_whole(incoming: Incoming, reason: str, detail: str = "") -> Decision:
    """A submission that could not be read at all waits for staff."""
    return _hold(incoming, reason, None, detail)


def _file(
    incoming: Incoming,
    documents: Sequence[Document],
    record: CaseRecord,
    new: bool,
    world: World,
    contact: Contact | None = None,
) -> Decision:
    filed = filing.file(incoming, documents, record)
    submission = incoming.submission
    brought = tuple(FiledDocument(d, submission.id, incoming.channel, submission.envelope.received_at) for d in filed.documents)
    contacts = (*(c for c in record.case.contacts if c.submission != submission.id), contact or incoming.contact())
    case = replace(
        record.case,
        contacts=contacts,
        last_arrival=max(record.case.last_arrival, submission.accepted_at),
        last_activity=max(record.case.last_activity, submission.accepted_at),
        flags=_flags(record.case, bool(brought)),
    )
    after = replace(
        record,
        case=case,
        documents=(*(f for f in record.documents if f.submission != submission.id), *brought),
        held=(*(h for h in record.held if h.submission != submission.id), *filed.held),
    )
    events = [Event.ACKNOWLEDGED] if new else []
    if "late_material" in case.flags and brought and record.case.status is CaseStatus.IN_REVIEW and not _told_soon(record):
        events.append(Event.LATE_MATERIAL)
    decision = _conclude(after, events, world, why="a submission arrived", deciding=submission.id)
    return replace(
        decision,
        submission=submission.id,
        submission_state=SubmissionState.DECIDED,
        new_case=new,
        documents=brought,
        fates=filed.fates,
        held=filed.held,
        keys=(*matching.keys_for_case(case.ref, incoming), *decision.keys),
    )


def _told_soon(record: CaseRecord) -> bool:
    """A word about further material waits already: several arrivals of one night are one word in the morning."""
    return any(u.event is Event.LATE_MATERIAL and u.status is UpdateStatus.QUEUED for u in record.updates)


def _conclude(record: CaseRecord, events: list[Event], world: World, why: str, deciding: str = "") -> Decision:
    """Check, move, announce; while others of its submissions wait to be decided anew, the last of them does it."""
    case, now = record.case, world.now
    if any(s.state is SubmissionState.WAITING and s.id != deciding for s in record.submissions):
        owed = announce(record, events, case.findings, world.rules, now, world.opening)
        case = replace(case, look_again_at=now + AGAIN)
        return Decision(why=why, case=case, updates=owed.updates, keys=_keys(owed.updates), revision=record.revision)
    checked = check([f.document for f in record.documents], case.facts, world.rules.checklist, now.date())
    moves: tuple[Move, ...] = ()
    look_again = None
    if case.status in CHECKED and "hold" not in case.facts:
        target, look_again = _target(record, checked, world)
        if target is not case.status:
            moves = (move(case.status, target, _because(checked)),)
        events += _news(record, target, checked)
        case = replace(case, status=target, opened_at=case.opened_at or (now if target is CaseStatus.OPEN else None))
    case = replace(case, findings=checked.findings)
    case = replace(case, flags=_with_physician(case, replace(record, case=case)))
    record = replace(record, case=case)
    if not set(events) - {Event.ACKNOWLEDGED}:
        events += cadence.due(record, world.rules, now)
    owed = announce(record, events, checked.findings, world.rules, now, world.opening)
    turn = cadence.next_turn(replace(record, updates=(*record.updates, *owed.updates)), world.rules)
    case = replace(case, look_again_at=min((t for t in (look_again, turn) if t is not None), default=None))
    return Decision(
        why=why,
        case=case,
        moves=moves,
        updates=owed.updates,
        superseded=owed.superseded,
        keys=_keys(owed.updates),
        revision=record.revision,
    )


def _keys(updates: Sequence[Update]) -> tuple[tuple[str, str], ...]:
    return tuple(matching.update_key(u.message_id) for u in updates if u.message_id)


def _target(record: CaseRecord, checked: Checked, world: World) -> tuple[CaseStatus, datetime | None]:
    """The state that the checklist asks for, and when time alone could change that (R27-R29)."""
    status = record.case.status
    if checked.complete:
        return CaseStatus.OPEN, None
    waiting = any(h.state is HeldState.HELD for h in record.held)
    if not checked.missing or waiting:
        return status, None  # a doubtful thing could fill the gap: staff first, no rejection
    settles = record.case.last_arrival + timedelta(minutes=world.rules.rhythm.settle_minutes)
    if world.now < settles and not world.settled:
        return status, settles
    return CaseStatus.REJECTED, None


def _news(record: CaseRecord, target: CaseStatus, checked: Checked) -> list[Event]:
    """What the new state has to tell, against what was told last (R28)."""
    if target is CaseStatus.OPEN:
        return [Event.OPENED] if record.case.status is not CaseStatus.OPEN else []
    if target is not CaseStatus.REJECTED:
        return []
    told = gaps_told(record)
    gaps = gap_names(checked.missing)
    if told is not None and gap_names(told) == gaps:
        return []
    return [Event.GAP_CLOSED if told is not None and gaps < gap_names(told) else Event.REJECTED]


def _hold(incoming: Incoming, reason: str, record: CaseRecord | None, detail: str = "") -> Decision:
    lay = incoming.submission.case_refs  # decided before: its case waits for it, and is not told that all is missing (R29)
    ref = record.case.ref if record else lay[0] if len(lay) == 1 else None
    held = filing.hold(incoming, reason, ref, detail=detail)
    return Decision(
        why=reason,
        submission=incoming.submission.id,
        submission_state=SubmissionState.QUARANTINED,
        fates=filing.everything(incoming, Fate.QUARANTINED, reason),
        held=(held,),
    )


def _leave(incoming: Incoming, reason: str) -> Decision:
    """R22: mail that is no packet is left as it is and answered by nobody."""
    return Decision(
        why=reason,
        submission=incoming.submission.id,
        submission_state=SubmissionState.DECIDED,
        fates=filing.everything(incoming, Fate.IGNORED, reason),
    )


def _new_case(incoming: Incoming, world: World) -> CaseRecord:
    at = incoming.submission.accepted_at
    return CaseRecord(Case(world.ref, CaseStatus.RECEIVED, world.now, last_activity=at, last_arrival=at, token=world.token))


def _released(incoming: Incoming) -> bool:
    """Staff have said of the whole of it, seen, that it goes on; of what nobody had read yet they could not."""
    ruled = (r for r in incoming.rulings if whole(r) and r.reason not in UNREAD)
    return any(r.state is HeldState.RELEASED for r in ruled)


def _first_doubt(incoming: Incoming, documents: Sequence[Document]) -> str:
    doubts = [r for d in documents if (r := filing.doubt(d))]
    doubts += [p.code for p in incoming.problems]
    return doubts[0] if doubts else "unidentified"


def _flags(case: Case, brought: bool) -> tuple[str, ...]:
    """R34: what comes after review has begun is late; byte duplicates are not."""
    late = brought and case.status in (CaseStatus.IN_REVIEW, CaseStatus.COMPLETED)
    return tuple(sorted({*case.flags, "late_material"})) if late else case.flags


def _with_physician(case: Case, record: CaseRecord) -> tuple[str, ...]:
    flags = set(case.flags) - {"no_physician"}
    return tuple(sorted(flags if physician_of(record).known else flags | {"no_physician"}))


def _because(checked: Checked) -> str:
    if checked.complete:
        return "every required item is present and valid"
    return "missing: " + ", ".join(sorted({f.code for f in checked.missing}))


def open_items(record: CaseRecord) -> tuple[Held, ...]:
    """Things of this case that wait for staff."""
    return tuple(h for h in record.held if h.state is HeldState.HELD)
