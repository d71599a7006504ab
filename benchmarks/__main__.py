"""`python -m benchmarks [--quick] [--json] [TARGET …]`: every figure with its goal; a goal missed is said, not an error."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import click

from benchmarks import fax, ledger, mailbox, ocrmypdf, service, text, warm
from benchmarks.figures import Figure, as_json, as_table
from benchmarks.machine import machine
from daemon.logs import configure
from fixtures.collection import blanks
from fixtures.people import Calendar

Target = Callable[[Path, bool, Path], Iterator[Figure]]
TARGETS: dict[str, Target] = {
    "fax": fax.measure,
    "text": text.measure,
    "memory": warm.measure,
    "service": service.measure,
    "mailbox": mailbox.measure,
    "ledger": ledger.measure,
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("targets", nargs=-1, type=click.Choice(list(TARGETS)))
@click.option("--quick", is_flag=True, help="Under a minute: fewer pages, mails and rounds; an indication only.")
@click.option("--json", "shown_as_json", is_flag=True, help="One JSON object on standard output.")
def main(targets: tuple[str, ...], quick: bool, shown_as_json: bool) -> None:
    """Measure TARGETS (all when none is named) on pages and mails made here."""
    configure("console", sys.stderr)  # standard output is for the figures
    before = " ".join(f"{figure:.1f}" for figure in os.getloadavg())
    figures: list[Figure] = []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="somrr-bench-") as folder:
        forms = Path(folder, "forms")
        blanks(forms, Calendar.of(date.today()))  # noqa: DTZ011 - the fixtures' own day
        for name in targets or TARGETS:
            click.echo(f"measuring {name} ({time.perf_counter() - began:.0f} s) …", err=True)
            figures += TARGETS[name](Path(folder), quick, forms)
    left_out = [reason for reason in (ocrmypdf.missing(),) if reason and (not targets or "fax" in targets)]
    conditions = {**machine(), "load before": before, "seconds": f"{time.perf_counter() - began:.0f}"}
    (as_json if shown_as_json else as_table)(conditions, figures, left_out, sys.stdout)


if __name__ == "__main__":
    main()
