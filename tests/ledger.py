"""A ledger in memory that applies decisions as the store does: for stories about `decide` alone."""

from __future__ import annotations

from dataclasses import replace

from records.model import Case, CaseRecord, CaseStatus, Decision, FiledDocument, Held, SubmissionState, Update
from routing.acts import Act, act
from routing.decide import World, decide, reconsider
from routing.incoming import Incoming


class Ledger:
    """Keeps case records by reference; every candidate is offered, so matching gets no help from an index."""

    def __init__(self) -> None:
        self.records: dict[str, CaseRecord] = {}
        self.held: list[Held] = []
        self.decisions: list[Decision] = []
        self._next = 0

    def arrive(self, incoming: Incoming, world: World) -> Decision:
        self._next += 1
        decision = decide(
            incoming, list(self.records.values()), replace(world, ref=f"SOMRR-{self._next:05}-00000-0", token=f"t{self._next}")
        )
        self._apply(decision, incoming)
        return decision

    def look(self, ref: str, world: World) -> Decision:
        decision = reconsider(self.records[ref], world)
        self._apply(decision, None)
        return decision

    def act(self, ref: str, asked: Act, world: World) -> Decision:
        decision = act(self.records[ref], asked, world)
        self._apply(decision, None)
        return decision

    @property
    def only(self) -> CaseRecord:
        (record,) = self.records.values()
        return record

    def status(self) -> CaseStatus:
        return self.only.case.status

    def _apply(self, decision: Decision, incoming: Incoming | None) -> None:
        for one in (decision, *decision.also):
            self._apply_one(one, incoming)

    def _apply_one(self, decision: Decision, incoming: Incoming | None) -> None:
        self.decisions.append(decision)
        self.held += decision.held
        if decision.case is None:
            return
        before = self.records.get(decision.case.ref) or CaseRecord(decision.case)
        mine = incoming.submission.id if incoming else None
        documents: list[FiledDocument] = [f for f in before.documents if f.submission != mine] + list(decision.documents)
        known = {u.id for u in before.updates}
        stale = [replace(u, reason="superseded") if u.id in decision.superseded else u for u in before.updates]
        owed: list[Update] = stale + [u for u in decision.updates if u.id not in known]
        held = [h for h in before.held if h.submission != mine] + [h for h in decision.held if h.case_ref == decision.case.ref]
        case: Case = decision.case
        submissions = tuple(s for s in before.submissions if s.id != mine)
        if incoming:
            submissions += (replace(incoming.submission, state=SubmissionState.DECIDED, case_refs=(case.ref,)),)
        self.records[case.ref] = CaseRecord(
            case, tuple(documents), tuple(held), tuple(owed), submissions, (*before.moves, *decision.moves), before.revision + 1
        )
