"""Cases merged and split by staff, and that taken back: what is allowed, and what of it is written.  Pure.

A merged case keeps all that it holds and points to the case in which that counts; to take it back is to remove the
pointer.  A split moves whole arrivals from one case to another, and moving or merging them back undoes it.  Nothing is
told because of either: queued lists of gaps are withdrawn, so is what would go to people who left with their arrivals,
and then the checklist is gone through anew, which owes what it owes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from config.telling import LISTING
from records.errors import RefusedError
from records.model import Case, CaseRecord, CaseStatus, Decision, Move, UpdateStatus
from routing import identity
from routing.decide import World
from routing.lifecycle import CHECKED
from routing.matching import FINISHED


@dataclass(frozen=True, slots=True)
class Word:
    """Who says so, why, and whether they say it although the papers name two people."""

    by: str
    why: str = ""
    sure: bool = False


def merge(record: CaseRecord, into: CaseRecord, word: Word, world: World) -> Decision:
    """`record` counts in `into` from now on; RefusedError with one clear sentence when that is not allowed."""
    _said(word)
    ref, other = record.case.ref, into.case.ref
    if ref == other:
        raise RefusedError("same", "a case can not be merged into itself")
    for one in (record, into):
        _whole(one.case)
    if record.case.status not in CHECKED:
        raise RefusedError(
            "status", f"{ref} is {record.case.status} and has a history of its own: merge {other} into it, or reopen it first"
        )
    _takes_more(into.case)
    for fact in ("hold", "return_requested"):
        if fact in record.case.facts and fact not in into.case.facts:
            raise RefusedError(fact, f"{ref} is {'on hold' if fact == 'hold' else 'asked back'}: say the same of {other} first")
    _one_patient(record, into, word)
    gone = replace(record.case, merged_into=other, look_again_at=None)
    return replace(
        _changed(record, gone, f"merged into {other}", word, world),
        also=(_changed(into, into.case, f"{ref} merged into it", word, world),),
    )


def unmerge(record: CaseRecord, into: CaseRecord, word: Word, world: World) -> Decision:
    """`record` is a case of its own again; what arrived since the merging stays in `into`."""
    _said(word)
    ref, other = record.case.ref, into.case.ref
    if record.case.merged_into is None:
        raise RefusedError("merged", f"{ref} is not merged into another case")
    _whole(into.case)
    if not record.submissions:
        raise RefusedError("empty", f"nothing is left of {ref}: all its arrivals were split off")
    back = _changed(record, replace(record.case, merged_into=None), f"taken back out of {other}", word, world)
    left = _changed(into, into.case, f"{ref} taken back out of it", word, world, leaving={s.id for s in record.submissions})
    again = tuple(s.id for s in into.submissions)
    return replace(back, again=again, also=(left,))


def since_merging(record: CaseRecord, into: CaseRecord) -> tuple[str, ...]:
    """Arrivals that came into the other case while this one counted there."""
    merged = [m.at for m in record.moves if m.why.startswith("merged into") and m.at is not None]
    mine = {s.id for s in record.submissions}
    return tuple(s.id for s in into.submissions if merged and s.accepted_at > max(merged) and s.id not in mine)


def split(record: CaseRecord, arrivals: Sequence[str], to: CaseRecord | None, word: Word, world: World) -> Decision:
    """Whole arrivals leave `record` for `to`, or for a new case."""
    _said(word)
    _whole(record.case)
    here = {s.id: s for s in record.submissions}
    moving = [here[one] for one in dict.fromkeys(arrivals) if one in here]
    if not moving or len(moving) < len(set(arrivals)):
        raise RefusedError("arrival", f"name arrivals of {record.case.ref}; `somrr case show` lists their ids")
    if len(moving) == len(here):
        raise RefusedError("all", "that is all the case holds: merge it instead, or leave it")
    if to is not None:
        _whole(to.case)
        _takes_more(to.case)
        if to.case.ref == record.case.ref or {s.id for s in to.submissions} & {s.id for s in moving}:
            raise RefusedError("same", "an arrival lies in that case already")
        ids = {s.id for s in moving}
        _one_patient(replace(record, documents=tuple(f for f in record.documents if f.submission in ids)), to, word)
    target = to or _fresh(max(s.accepted_at for s in moving), world)
    new, old = target.case.ref, record.case.ref
    homes = set(record.refs)
    takes = tuple((s.id, home) for s in moving for home in s.case_refs if home in homes)
    left = _changed(record, record.case, f"{len(moving)} arrival(s) split off to {new}", word, world, {s.id for s in moving})
    left = replace(left, again=tuple(s.id for s in record.submissions if s not in moving))
    taken = _changed(target, target.case, f"{len(moving)} arrival(s) split off from {old}", word, world)
    return replace(taken, new_case=to is None, keys=(("ref", new),), takes=takes, also=(left,))


def _changed(record: CaseRecord, case: Case, what: str, word: Word, world: World, leaving: Collection[str] = ()) -> Decision:
    """An act of staff on the case, which is looked at again at once."""
    look = None if case.merged_into else world.now
    case = replace(case, look_again_at=look, last_activity=max(case.last_activity, world.now))
    told = Move(case.status, case.status, f"{what}: {word.why}" if word.why else what, word.by)
    return Decision(why=what, case=case, moves=(told,), superseded=_stale(record, leaving), revision=record.revision)


def _stale(record: CaseRecord, leaving: Collection[str]) -> tuple[str, ...]:
    """Queued updates that list the gaps of a packet which is another now, or are for somebody who left."""
    contacts = record.case.contacts
    stay = {c.address for c in contacts if c.submission not in leaving}
    stay |= {str(record.case.facts[name].value) for name in ("physician_email", "physician_fax") if name in record.case.facts}
    gone = {c.address for c in contacts if c.submission in leaving} - stay
    queued = (u for u in record.updates if u.status is UpdateStatus.QUEUED)
    return tuple(u.id for u in queued if u.event in LISTING or u.address in gone)


def _fresh(last_arrival: datetime, world: World) -> CaseRecord:
    return CaseRecord(
        Case(world.ref, CaseStatus.RECEIVED, world.now, last_activity=world.now, last_arrival=last_arrival, token=world.token)
    )


def _said(word: Word) -> None:
    if not word.by.strip():
        raise RefusedError("who", "say who decides this: --by NAME")


def _whole(case: Case) -> None:
    if case.status is CaseStatus.DISPOSED:
        raise RefusedError("disposed", f"{case.ref} has been disposed of; nothing of it is left")
    if case.merged_into is not None:
        raise RefusedError("merged", f"{case.ref} was merged into {case.merged_into}: name that one, or take it back first")


def _takes_more(case: Case) -> None:
    if case.status in FINISHED:
        raise RefusedError("status", f"{case.ref} is {case.status}: reopen it first (somrr case reopen)")


def _one_patient(coming: CaseRecord, there: CaseRecord, word: Word) -> None:
    """R8: never two patients in one case, unless staff have looked and say that they are one."""
    both = {f.document.id: f.document for f in (*coming.documents, *there.documents)}
    clashes = identity.conflicts(both.values())
    mine = {f.document.id for f in coming.documents}
    across = [clash for clash in clashes if (clash[0].id in mine) != (clash[1].id in mine)]
    if across and not word.sure:
        kinds = ", ".join(sorted({why for _, _, why in across}))
        raise RefusedError("identity_conflict", f"the papers name two people ({kinds}); if you know that it is one: --sure")
