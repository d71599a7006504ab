"""Nouns for tests, made short: plainly synthetic documents, submissions and worlds."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from config.rules import Rules
from records.model import (
    Channel,
    Document,
    Envelope,
    Finding,
    Kind,
    Mail,
    Page,
    Part,
    Problem,
    Role,
    Severity,
    Submission,
    SubmissionState,
    TextSource,
)
from routing.decide import World
from routing.incoming import Incoming

NOW = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)  # a Wednesday, in office hours
PATIENT: dict[str, Any] = {"patient_name": "SYNTHETIC PATIENT ALPHA", "birth_date": "1961-04-03"}
STUDY: dict[str, Any] = {"modality": "CT", "body_part": "CHEST", "study_date": "2026-02-20"}
PHYSICIAN = "physician@clinic.example"


def document(kind: Kind, *codes: str, doubtful: tuple[str, ...] = (), name: str = "", **fields: Any) -> Document:
    """A document about PATIENT unless `fields` say otherwise; `codes` are missing findings."""
    findings = [Finding(c, Severity.MISSING) for c in codes] + [Finding(c, Severity.DOUBTFUL) for c in doubtful]
    said = {**PATIENT, **fields}
    identity = hashlib.sha256(repr((kind, codes, doubtful, name, sorted(said.items()))).encode()).hexdigest()
    path = f"{name or kind}.pdf"
    return Document(identity[:24], kind, 0.95, path, (path,), (identity,), (1,), "en", "layer", ("seen",), said, tuple(findings))


def packet() -> list[Document]:
    """Everything that a case needs."""
    return [
        document(Kind.LETTER_OF_AGREEMENT, physician_name="Dr. Example Physician", physician_email=PHYSICIAN),
        document(Kind.INFORMED_CONSENT),
        document(Kind.RADIOLOGY_REPORT, **STUDY),
        document(Kind.RADIOLOGY_IMAGE, **STUDY),
        document(Kind.MEDICAL_RECORD),
    ]


def submission(name: str = "one", channel: Channel = Channel.EMAIL, at: datetime = NOW, sender: str | None = None) -> Submission:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Submission(digest[:16], digest, 1000, Envelope(channel, at, sender), SubmissionState.WAITING, 1, at)


def mail(sender: str = PHYSICIAN, name: str = "one", answers: tuple[str, ...] = (), subject: str = "") -> Mail:
    return Mail(sender, "Dr. Example Physician", f"<{name}@clinic.example>", answers, (), subject, NOW)


def incoming(
    documents: list[Document],
    name: str = "one",
    *,
    letter: Mail | None = None,
    channel: Channel = Channel.EMAIL,
    at: datetime = NOW,
    problems: tuple[Problem, ...] = (),
    sender: str | None = None,
    unanswerable: str | None = None,
) -> Incoming:
    """A submission with these documents, one part each."""
    parts = tuple(
        Part(d.part, d.sha256s[0], 100, "application/pdf", Role.ATTACHMENT, (Page(1, "text", TextSource.LAYER),))
        for d in documents
    )
    if channel is Channel.EMAIL and letter is None:
        letter = mail(name=name)
    return Incoming(submission(name, channel, at, sender), parts, problems, tuple(documents), letter, unanswerable)


def world(now: datetime = NOW, settled: bool = False, rules: Rules | None = None, ref: str = "SOMRR-00000-00000-1") -> World:
    return World(rules or Rules(), now, ref, "token", lambda moment: moment, settled)


def later(made: World, now: datetime, settled: bool = False) -> World:
    return replace(made, now=now, settled=settled)
