"""Which case does a submission belong to?  Strong keys decide, one weak key never suffices (R8, R23).

Order of trust: staff's word; our own message id (only who got our mail knows it); a case reference or
the sender's thread together with a known sender or the same patient; the patient's name and birth date.
Whatever is left open goes to a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from records.model import CaseRecord, CaseStatus, Document
from routing.identity import Patient, Verdict, compare, compare_names, name_key, patient_of
from routing.incoming import Incoming

Key = tuple[str, str]
FINISHED = (CaseStatus.CLOSED, CaseStatus.TRANSFERRED, CaseStatus.DISPOSED)


class Outcome(StrEnum):
    KNOWN = "known"  # belongs to `record`
    NEW = "new"
    ASK = "ask"  # staff: `reason` says why, `record` is the likely case if there is one


@dataclass(frozen=True, slots=True)
class Match:
    outcome: Outcome
    reason: str
    record: CaseRecord | None = None


def keys_of(incoming: Incoming) -> tuple[Key, ...]:
    """The keys by which the ledger finds candidate cases."""
    keys = [("ref", ref) for ref in (incoming.ruled_case, *incoming.submission.case_refs, *incoming.refs) if ref]
    keys += [("thread", _digest(mid)) for mid in incoming.thread]
    keys += [("sender", _digest(incoming.sender))] if incoming.sender else []
    keys += _patient_keys(incoming.documents)
    return tuple(dict.fromkeys(keys))


def keys_for_case(ref: str, incoming: Incoming) -> tuple[Key, ...]:
    """The keys under which a case is found again once it holds this submission."""
    keys = [("ref", ref), *_patient_keys(incoming.documents)]
    keys += [("sender", _digest(incoming.sender))] if incoming.sender else []
    keys += [("thread", _digest(incoming.mail.message_id))] if incoming.mail and incoming.mail.message_id else []
    return tuple(dict.fromkeys(keys))


def update_key(message_id: str) -> Key:
    """Our own mail's id: who answers it has received it."""
    return ("thread", _digest(message_id))


def match(incoming: Incoming, candidates: Sequence[CaseRecord]) -> Match:
    """Find the one case, a new one, or the question for staff; what was filed stays where it is."""
    if (home := _home(incoming, candidates)) is not None:
        return Match(Outcome.KNOWN, "filed_before", home)
    if incoming.ruled_case == "new":
        return Match(Outcome.NEW, "staff_named")
    if incoming.ruled_case:
        named = next((r for r in candidates if incoming.ruled_case in r.refs), None)
        if named is None:
            return Match(Outcome.ASK, "unknown_reference")
        if named.case.status is CaseStatus.DISPOSED:  # a tombstone takes nothing in
            return Match(Outcome.ASK, "case_finished")
        return Match(Outcome.KNOWN, "staff_named", named)
    claims = [(r, _claim(incoming, r)) for r in sorted(candidates, key=lambda r: r.case.ref)]
    sure = [r for r, claim in claims if claim == "sure"]
    if len(sure) == 1:
        record = sure[0]
        if record.case.status in FINISHED:
            return Match(Outcome.ASK, "case_finished", record)
        return Match(Outcome.KNOWN, "matched", record)
    if len(sure) > 1:
        return Match(Outcome.ASK, "ambiguous_case", None)
    for reason in ("identity_conflict", "unknown_sender", "ambiguous_case"):
        asked = [r for r, claim in claims if claim == reason]
        if asked:
            return Match(Outcome.ASK, reason, asked[0] if len(asked) == 1 else None)
    if incoming.refs:  # silence as for a real one: who guesses references learns from neither
        return Match(Outcome.ASK, "unknown_reference")
    return Match(Outcome.NEW, "first_contact")


def _home(incoming: Incoming, candidates: Sequence[CaseRecord]) -> CaseRecord | None:
    """The case in which it lies already; of several, each a patient's, that which holds these very papers."""
    mine, papers = incoming.submission.id, {d.id for d in incoming.documents}
    lies = [r for r in candidates if any(s.id == mine for s in r.submissions)]
    if len(lies) > 1:
        lies = [r for r in lies if any(f.submission == mine and f.document.id in papers for f in r.documents)]
    return lies[0] if len(lies) == 1 else None


def _claim(incoming: Incoming, record: CaseRecord) -> str:
    """How strongly this case claims the submission: sure, a reason to ask, or no."""
    patient = _same_patient(incoming.documents, record)
    answers_us = _answers_us(incoming, record)
    named = bool(set(record.refs) & set(incoming.refs))
    threaded = bool(_digests(incoming.thread) & _digests(c.message_id for c in record.case.contacts))
    sender = bool(incoming.sender) and incoming.sender in {c.address for c in record.case.contacts}
    pointed = answers_us or named or threaded
    if patient is Verdict.CONFLICT:
        return "identity_conflict" if pointed else "no"
    if answers_us or (pointed and (sender or patient is Verdict.AGREE)):
        return "sure"
    if pointed:
        return "unknown_sender"
    if sender and patient is Verdict.AGREE:
        return "sure"
    if _name_and_birth_date(incoming.documents, record):
        return "ambiguous_case" if _other_physician(incoming.documents, record) else "sure"
    if patient in (Verdict.AGREE, Verdict.LIKELY):
        return "ambiguous_case"  # a name or a birth date alone is one weak key
    nobody = not any(patient_of(d).known for d in incoming.documents)
    return "ambiguous_case" if sender and nobody and record.case.status not in FINISHED else "no"


def _answers_us(incoming: Incoming, record: CaseRecord) -> bool:
    return bool(record.message_ids & set(incoming.thread))


def _same_patient(documents: Sequence[Document], record: CaseRecord) -> Verdict:
    verdicts = {compare(a, b) for a in _patients(documents) for b in _patients(f.document for f in record.documents)}
    for verdict in (Verdict.CONFLICT, Verdict.AGREE, Verdict.LIKELY):
        if verdict in verdicts:
            return verdict
    return Verdict.UNKNOWN


def _name_and_birth_date(documents: Sequence[Document], record: CaseRecord) -> bool:
    theirs = {p.birth_date for p in _patients(f.document for f in record.documents) if p.birth_date}
    ours = {p.birth_date for p in _patients(documents) if p.birth_date}
    names = any(
        compare(Patient(a.name, "", "", ""), Patient(b.name, "", "", "")) is Verdict.AGREE
        for a in _patients(documents)
        for b in _patients(f.document for f in record.documents)
    )
    return bool(ours & theirs) and names


def _other_physician(documents: Sequence[Document], record: CaseRecord) -> bool:
    """The same patient through two physicians is never merged by machine."""
    mine = {str(d.fields["physician_name"]) for d in documents if d.fields.get("physician_name")}
    theirs = {str(f.document.fields["physician_name"]) for f in record.documents if f.document.fields.get("physician_name")}
    return bool(mine and theirs) and all(compare_names(a, b) is Verdict.CONFLICT for a in mine for b in theirs)


def _patients(documents: Iterable[Document]) -> set[Patient]:
    return {p for d in documents if (p := patient_of(d)).known}


def _patient_keys(documents: Iterable[Document]) -> list[Key]:
    keys: list[Key] = []
    for patient in sorted(_patients(documents), key=repr):
        keys += [("birth_date", _digest(patient.birth_date))] if patient.birth_date else []
        keys += [("name", _digest(name_key(patient.name)))] if patient.name else []
        keys += [("patient_id", _digest(patient.patient_id))] if patient.patient_id else []
    return keys


def _digests(values: Iterable[str | None]) -> set[str]:
    return {_digest(v) for v in values if v}


def _digest(value: str) -> str:
    """Keys lie in the ledger as digests: an index is no place for names."""
    return hashlib.sha256(value.strip().casefold().encode()).hexdigest()[:32]
