"""What a reader would get, to look at before anything goes out: made of invented facts, kept and sent nowhere."""

from __future__ import annotations

from datetime import UTC, datetime

from config.reasons import reasons
from config.rules import Rules
from config.telling import TELLINGS
from outbound.compose import STAFF_ONLY, compose
from records.model import Event, Finding, Message, Severity, Update

_STUDY = {"modality": "CT", "body_part": "CHEST", "date": "2026-04-03"}
_ABOUT_STUDIES = frozenset({"images_without_report", "report_without_images"})


def preview(event: Event, language: str, rules: Rules, everything: bool = False) -> Message:
    """The message for an invented case: with a few findings, or with every one that has words."""
    few = {"loa_unsigned", "images_without_report", "specimen_missing", "report_too_old"}
    shown = [
        reason for reason in reasons().values() if reason.severity in ("missing", "advisory") and reason.code not in STAFF_ONLY
    ]
    findings = tuple(
        Finding(reason.code, Severity(reason.severity), study=_STUDY if reason.code in _ABOUT_STUDIES else {})
        for reason in shown
        if reason.severity and (everything or reason.code in few)
    )
    owed = Update(
        id="preview",
        case_ref="SOMRR-EXAMP-LE000-0",
        event=event,
        recipient=TELLINGS[event].to[0],
        channel="email",
        address="reader@example.org",
        language=language,
        due_at=datetime(2026, 1, 5, 17, tzinfo=UTC),
        findings=findings,
    )
    return compose(owed, rules.programme, owed.due_at, rules.sending.bounce_tag)
