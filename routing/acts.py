"""What staff do to a case: each act by a named person, allowed by the lifecycle table or refused with a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from records.errors import RefusedError
from records.model import Case, CaseRecord, CaseStatus, Decision, Event, Fact, FieldValue, Move, Recipient, Update
from routing import cadence
from routing.announce import announce
from routing.decide import World, open_items, reconsider
from routing.lifecycle import move
from routing.matching import update_key


@dataclass(frozen=True, slots=True)
class Act:
    """`name` as on the command line, by a named person, with the facts it states."""

    name: str
    by: str
    why: str = ""
    facts: Mapping[str, FieldValue] | None = None
    forgets: tuple[str, ...] = ()


#: acts that move a case: where to, and what is told
MOVES: dict[str, tuple[CaseStatus, Event | None]] = {
    "begin": (CaseStatus.IN_REVIEW, Event.IN_REVIEW),
    "complete": (CaseStatus.COMPLETED, Event.COMPLETED),
    "close": (CaseStatus.CLOSED, Event.CLOSED),
    "transfer": (CaseStatus.TRANSFERRED, Event.TRANSFERRED),
}

#: acts that state a fact which is told the first time: the fact, and what is told
TELLS: dict[str, tuple[str, Event]] = {
    "in-person": ("in_person", Event.IN_PERSON),
    "return": ("return_requested", Event.RETURNING),
}

#: why the physician has not heard the latest news: it is told again when staff set a physician or an address
UNTOLD = ("no_physician", "no_confirmed_address", "address_bounced", "bounced")


def act(record: CaseRecord, asked: Act, world: World) -> Decision:
    """The decision that a staff act makes; RefusedError with one clear sentence when it is not allowed."""
    if not asked.by.strip():
        raise RefusedError("who", "say who decides this: --by NAME")
    case = record.case
    if case.status is CaseStatus.DISPOSED:
        raise RefusedError("disposed", "this case has been disposed of; nothing of it is left to act on")
    if case.merged_into is not None:
        raise RefusedError("merged", f"this case was merged into {case.merged_into}: act there, or take it back: case unmerge")
    if asked.name == "approve":
        _approvable(record)
    if asked.name == "begin":
        _ready_for_review(case, world)
    record = replace(record, case=_with_facts(record, asked, world))
    told = TELLS.get(asked.name)
    also = told[1] if told and told[0] not in case.facts else None
    if asked.name == "reopen":
        return _reopened(record, asked, world)
    if asked.name in MOVES:
        return _moved(record, asked, world)
    said = Move(case.status, case.status, f"{asked.name}: {asked.why}" if asked.why else asked.name, asked.by)
    decision = reconsider(record, world)
    again = _untold(record) if asked.name == "physician" and not decision.moves else None
    if told_now := [event for event in (also, again) if event]:
        owed = announce(record, told_now, record.case.findings, world.rules, world.now, world.opening).updates
        owed = tuple(u for u in owed if u.event is not again or u.recipient is Recipient.PHYSICIAN)  # others have heard it
        decision = replace(decision, updates=(*decision.updates, *owed), keys=(*decision.keys, *_keys(owed)))
    return replace(decision, why=asked.name, moves=(said, *decision.moves))


def _untold(record: CaseRecord) -> Event | None:
    """The latest news that did not reach the physician for want of one, or of an address that takes it; now there is one."""
    told = [u for u in record.updates if u.recipient is Recipient.PHYSICIAN]
    last = max(told, key=lambda u: (u.due_at, u.id), default=None)
    return last.event if last is not None and last.reason in UNTOLD else None


def _keys(updates: Sequence[Update]) -> tuple[tuple[str, str], ...]:
    return tuple(update_key(u.message_id) for u in updates if u.message_id)


def _approvable(record: CaseRecord) -> None:
    if record.case.status is not CaseStatus.OPEN:
        raise RefusedError("not_open", f"only an open case can be approved; this one is {record.case.status}")
    if waiting := open_items(record):
        raise RefusedError(
            "quarantine", f"{len(waiting)} thing(s) of this case wait in quarantine; release or discard them first"
        )


def _ready_for_review(case: Case, world: World) -> None:
    move(case.status, CaseStatus.IN_REVIEW, "", "a person")
    if case.status is CaseStatus.OPEN and "approved" not in case.facts:
        raise RefusedError("not_approved", "review begins only after approval: somrr case approve REF --by NAME")
    if world.rules.checklist.payment_before_review and "paid" not in case.facts:
        raise RefusedError("not_paid", "payment is not recorded yet: somrr case pay REF --by NAME")


def _with_facts(record: CaseRecord, asked: Act, world: World) -> Case:
    case, stated = record.case, dict(asked.facts or {})
    if asked.name == "approve":
        stated["approved"] = True
    if asked.name == "match":  # for these documents, and no later one
        stated["match"] = " ".join(sorted(f.document.id for f in record.documents))
    facts = {name: fact for name, fact in case.facts.items() if name not in asked.forgets}
    facts |= {name: Fact(name, value, asked.by, world.now, asked.why) for name, value in stated.items()}
    return replace(case, facts=facts, last_activity=max(case.last_activity, world.now))


def _moved(record: CaseRecord, asked: Act, world: World) -> Decision:
    target, event = MOVES[asked.name]
    step = move(record.case.status, target, asked.why or asked.name, asked.by)
    case = replace(record.case, status=target)
    record = replace(record, case=case)
    owed = announce(record, [event] if event else [], (), world.rules, world.now, world.opening)
    turn = cadence.next_turn(replace(record, updates=(*record.updates, *owed.updates)), world.rules)
    case = replace(case, look_again_at=turn)
    return Decision(
        why=asked.name,
        case=case,
        moves=(step,),
        updates=owed.updates,
        superseded=owed.superseded,
        keys=_keys(owed.updates),
        revision=record.revision,
    )


def _reopened(record: CaseRecord, asked: Act, world: World) -> Decision:
    """Back to where the checklist decides; approval and payment must be said anew only if staff take them back."""
    target = CaseStatus.IN_REVIEW if record.case.status is CaseStatus.COMPLETED else CaseStatus.RECEIVED
    step = move(record.case.status, target, asked.why or "reopened", asked.by)
    record = replace(record, case=replace(record.case, status=target))
    decision = reconsider(record, world)
    return replace(decision, why=asked.name, moves=(step, *decision.moves))
