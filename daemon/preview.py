"""What a reader would get, to look at before anything goes out: made of invented facts, kept and sent nowhere."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from config.reasons import reasons
from config.rules import Rules
from config.telling import OUTWARD, TELLINGS
from daemon.commands import Context, configured
from outbound.compose import STAFF_ONLY, compose
from records.model import Event, Finding, Message, Severity, Update

_STUDY = {"modality": "CT", "body_part": "CHEST", "date": "2026-04-03"}
_ABOUT_STUDIES = frozenset({"images_without_report", "report_without_images"})


@click.command()
@click.argument("event", type=click.Choice([event.value for event in OUTWARD]))
@click.option("--lang", "language", default="en", show_default=True, help="The reader's language, e.g. ar.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the HTML form there instead of showing text."
)
@click.option("--text", is_flag=True, help="Show the text form (the default).")
@click.option("--all", "everything", is_flag=True, help="With every finding that has words, not only a few.")
@configured
def preview(context: Context, event: str, language: str, html: Path | None, text: bool, everything: bool) -> None:
    """What a reader would get for EVENT, with invented facts; nothing is kept or sent."""
    message = example(Event(event), language, context.settings.rules, everything)
    if html:
        html.write_text(message.html, "utf-8")
        click.echo(f"written to {html}", err=True)
    if text or not html:
        click.echo(f"Subject: {message.subject}\n\n{message.text}", nl=False)


def example(event: Event, language: str, rules: Rules, everything: bool = False) -> Message:
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
