"""Nouns laid out as rows of the ledger, and rows read back: what says who or what is sealed for its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Connection, select

from records import tables as t
from records.keys import Keyring
from records.model import (
    Case,
    CaseRecord,
    CaseStatus,
    Channel,
    Envelope,
    Fate,
    FiledDocument,
    Held,
    HeldState,
    Move,
    PartFate,
    Reading,
    Submission,
    SubmissionState,
    Update,
    UpdateStatus,
)

Row = dict[str, Any]
Noun = TypeVar("Noun")
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


class Rows:
    """The two ways between nouns and rows, over one keyring."""

    def __init__(self, keys: Keyring) -> None:
        self.keys = keys

    # --- submissions and what they brought: under the submission's data key

    def submission_row(self, s: Submission, data_key: str, now: datetime) -> Row:
        said = [s.digest, s.envelope.sender, s.envelope.message_id]
        return {
            "id": s.id,
            "digest": self.digest(s.digest),
            "data_key": data_key,
            "size": s.size,
            "channel": s.envelope.channel,
            "received_at": s.envelope.received_at,
            "body": self.keys.seal(data_key, json.dumps(said), f"submissions.body/{s.id}"),
            "envelope_ref": s.envelope.case_ref,
            "state": s.state,
            "attempts": s.attempts,
            "not_before": now,
            "accepted_at": s.accepted_at,
        }

    def submission_of(self, row: Any, case_refs: tuple[str, ...] = ()) -> Submission:
        digest, sender, message_id = json.loads(self.keys.unseal(row["body"], f"submissions.body/{row['id']}"))
        envelope = Envelope(Channel(row["channel"]), row["received_at"], sender, message_id, row["envelope_ref"])
        state = SubmissionState(row["state"])
        return Submission(row["id"], digest, row["size"], envelope, state, row["attempts"], row["accepted_at"], case_refs)

    def digest(self, digest: str) -> str:
        """Under what a digest stands in the ledger: the name of its object in the vault."""
        return self.keys.blind("object", digest)

    def arrival_key(self, source: str, key: str) -> str:
        return self.keys.blind("arrival", f"{source}\0{key}")

    def reading_row(self, reading: Reading, data_key: str) -> Row:
        digest = self.digest(reading.sha256)
        place = f"readings.body/{digest}/{reading.version}"
        body = self.keys.seal(data_key, to_json(reading), place)
        return {"digest": digest, "version": reading.version, "body": body}

    def reading_of(self, row: Any) -> Reading:
        place = f"readings.body/{row['digest']}/{row['version']}"
        return of_json(Reading, self.keys.unseal(row["body"], place))

    def document_row(self, ref: str | None, submission: str, data_key: str, filed: FiledDocument) -> Row:
        document = self.keys.blind("document", filed.document.id)
        return {
            "case_ref": ref,
            "submission": submission,
            "document": document,
            "kind": filed.document.kind,
            "body": self.keys.seal(data_key, to_json(filed), f"documents.body/{submission}/{document}"),
        }

    def document_of(self, row: Any) -> FiledDocument:
        place = f"documents.body/{row['submission']}/{row['document']}"
        return of_json(FiledDocument, self.keys.unseal(row["body"], place))

    def fate_row(self, submission: str, data_key: str, number: int, fate: PartFate) -> Row:
        said = json.dumps([fate.part, fate.sha256, fate.reason, fate.case_ref])
        body = self.keys.seal(data_key, said, f"fates.body/{submission}/{number}")
        return {"submission": submission, "number": number, "fate": fate.fate, "body": body}

    def fate_of(self, row: Any) -> PartFate:
        said = json.loads(self.keys.unseal(row["body"], f"fates.body/{row['submission']}/{row['number']}"))
        part, sha256, why, case_ref = (*said, None)[:4]
        return PartFate(part, sha256, Fate(row["fate"]), why, case_ref)

    def held_id(self, name: str) -> str:
        """Under what routing's name of a held thing stands in the ledger: it is made of file names, which can be guessed."""
        return self.keys.blind("held", name)[:16]

    def held_row(self, data_key: str, held: Held, name: str) -> Row:
        return {
            "submission": held.submission,
            "case_ref": held.case_ref,
            "state": held.state,
            "body": self.keys.seal(data_key, to_json(held), f"held.body/{name}"),
        }

    def held_of(self, row: Any) -> Held:
        held = of_json(Held, self.keys.unseal(row["body"], f"held.body/{row['id']}"))
        return replace(held, id=row["id"], state=HeldState(row["state"]), case_ref=row["case_ref"], held_at=row["held_at"])

    # --- cases and what was said and done about them: under the case's data key

    def case_row(self, case: Case, data_key: str) -> Row:
        return {
            "status": case.status,
            "created_at": case.created_at,
            "last_activity": case.last_activity,
            "last_arrival": case.last_arrival,
            "look_again_at": case.look_again_at,
            "merged_into": case.merged_into,
            "data_key": data_key,
            "body": self.keys.seal(data_key, to_json(case), f"cases.body/{case.ref}"),
        }

    def case_of(self, row: Any) -> Case:
        return of_json(Case, self.keys.unseal(row["body"], f"cases.body/{row['ref']}"))

    def case_key(self, kind: str, value: str) -> str:
        """What a case is found by: blind, since names and birth dates can be guessed one by one."""
        return self.keys.blind(f"case_{kind}", value)

    def update_row(self, data_key: str, owed: Update) -> Row:
        return {
            "id": owed.id,
            "case_ref": owed.case_ref,
            "status": owed.status,
            "due_at": owed.due_at,
            "next_try": owed.due_at,
            "attempts": 0,
            "message_id": owed.message_id,
            "reason": owed.reason,
            "body": self.keys.seal(data_key, to_json(owed), f"updates.body/{owed.id}"),
        }

    def update_of(self, row: Any) -> Update:
        update = of_json(Update, self.keys.unseal(row["body"], f"updates.body/{row['id']}"))
        return replace(
            update,
            status=UpdateStatus(row["status"]),
            attempts=row["attempts"],
            sent_at=row["sent_at"],
            message_id=row["message_id"],
            reason=row["reason"],
        )

    def move_row(self, ref: str, data_key: str, move: Move, now: datetime) -> Row:
        at = move.at or now
        return {
            "case_ref": ref,
            "at": at,
            "from_status": move.from_status,
            "to_status": move.to_status,
            "body": self.keys.seal(data_key, json.dumps([move.why, move.by]), _place_of_move(ref, at)),
        }

    def move_of(self, row: Any) -> Move:
        start = CaseStatus(row["from_status"]) if row["from_status"] else None
        why, by = json.loads(self.keys.unseal(row["body"], _place_of_move(row["case_ref"], row["at"])))
        return Move(start, CaseStatus(row["to_status"]), why, by, row["at"])

    def line(self, ref: str, data_key: str, shown: str) -> bytes:
        return self.keys.seal(data_key, shown, f"cases.line/{ref}")

    def lines_of(self, lines: Iterable[tuple[str, bytes]]) -> Iterator[str]:
        return self.keys.unseal_all((sealed, f"cases.line/{ref}") for ref, sealed in lines)

    def record_of(self, c: Connection, ref: str) -> CaseRecord:
        """All that is known of a case that is there."""
        k, d, h, u, m = t.cases, t.documents, t.held, t.updates, t.history
        row = c.execute(select(k).where(k.c.ref == ref)).mappings().one()
        documents = c.execute(select(d).where(d.c.case_ref == ref).order_by(d.c.seq)).mappings()
        held = c.execute(select(h).where(h.c.case_ref == ref).order_by(h.c.id)).mappings()
        updates = c.execute(select(u).where(u.c.case_ref == ref).order_by(u.c.due_at, u.c.id)).mappings()
        moves = c.execute(select(m).where(m.c.case_ref == ref).order_by(m.c.seq)).mappings()
        merged = c.scalars(select(k.c.ref).where(k.c.merged_into == ref).order_by(k.c.ref)).all()
        own = CaseRecord(
            case=self.case_of(row),
            documents=tuple(self.document_of(one) for one in documents),
            held=tuple(self.held_of(one) for one in held),
            updates=tuple(self.update_of(one) for one in updates),
            submissions=self.submissions_of(c, ref),
            moves=tuple(self.move_of(one) for one in moves),
            revision=row["revision"],
        )
        return together(own, tuple(self.record_of(c, one) for one in merged))

    def cases_of(self, c: Connection, submission: str) -> tuple[str, ...]:
        """The cases in which a submission lies."""
        f = t.filings
        return tuple(c.scalars(select(f.c.case_ref).where(f.c.submission == submission).order_by(f.c.case_ref)))

    def submissions_of(self, c: Connection, ref: str | None) -> tuple[Submission, ...]:
        """Those that lie in a case, or with None all in custody, oldest first."""
        s, f = t.submissions, t.filings
        rows, links = select(s).order_by(s.c.accepted_at, s.c.id), select(f).order_by(f.c.case_ref)
        if ref is not None:
            here = select(f.c.submission).where(f.c.case_ref == ref)
            rows, links = rows.where(s.c.id.in_(here)), links.where(f.c.submission.in_(here))
        cases: dict[str, tuple[str, ...]] = {}
        for submission, case_ref in c.execute(links):
            cases[submission] = (*cases.get(submission, ()), case_ref)
        return tuple(self.submission_of(row, cases.get(row["id"], ())) for row in c.execute(rows).mappings())


def together(own: CaseRecord, merged: tuple[CaseRecord, ...]) -> CaseRecord:
    """A case with those merged into it: a paper that several hold counts once, and only who sent something is a contact."""
    every = (own, *merged)
    submissions = sorted({s.id: s for one in every for s in one.submissions}.values(), key=lambda s: (s.accepted_at, s.id))
    place = {s.id: number for number, s in enumerate(submissions)}
    contacts = {c.submission: c for one in reversed(every) for c in one.case.contacts if c.submission in place}
    return replace(
        own,
        case=replace(own.case, contacts=tuple(sorted(contacts.values(), key=lambda c: place[c.submission]))),
        documents=tuple({f.document.id: f for one in reversed(every) for f in reversed(one.documents)}.values())[::-1],
        held=tuple(h for one in every for h in one.held),
        submissions=tuple(submissions),
        merged=merged,
    )


def _adapter(noun: type[Any]) -> TypeAdapter[Any]:
    """Built when first used: a list of cases needs none of them."""
    if noun not in _ADAPTERS:
        _ADAPTERS[noun] = TypeAdapter(noun)
    return _ADAPTERS[noun]


def to_json(noun: Any) -> str:
    return _adapter(type(noun)).dump_json(noun).decode()


def of_json(noun: type[Noun], body: str) -> Noun:
    found: Noun = _adapter(noun).validate_json(body)
    return found


def _place_of_move(ref: str, at: datetime) -> str:
    return f"history.body/{ref}/{at.astimezone(UTC).isoformat()}"
