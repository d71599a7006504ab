"""Updates and messages for these tests; everybody in them is invented."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from config.rules import Programme
from outbound.compose import compose
from records.model import Event, Finding, Message, Recipient, Severity, Update

NOW = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
PROGRAMME = Programme()


def update(event: Event = Event.ACKNOWLEDGED, **changes: Any) -> Update:
    """An update to a physician, owed now."""
    facts: dict[str, Any] = {
        "id": "u4f9a1c07",
        "case_ref": "SOMRR-7F3K2-9",
        "event": event,
        "recipient": Recipient.PHYSICIAN,
        "channel": "email",
        "address": "physician@example.org",
        "language": "en",
        "due_at": NOW,
    }
    return Update(**(facts | changes))


def missing(code: str, **study: str) -> Finding:
    return Finding(code, Severity.MISSING, study=study)


def message(owed: Update | None = None, **changes: Any) -> Message:
    return compose(owed or update(**changes), PROGRAMME, NOW)
