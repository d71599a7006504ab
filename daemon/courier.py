"""`somrr courier`: what a parcel brought, as a thing that may be asked back, and as files taken into custody (R21, R37)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import click

from daemon.commands import Context, configured
from daemon.staff import by_option, case_record, perform, takes_more, why_option
from records.errors import RefusedError
from records.model import Arrival, Channel, Envelope
from routing.giveback import THINGS

_PIECE = 1 << 20


@click.command()
@click.argument("ref")
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--item", "thing", required=True, type=click.Choice(THINGS))
@click.option("--count", "number", type=click.IntRange(1, 999), default=1, show_default=True, help="How many of them.")
@by_option
@why_option
@configured
def courier(context: Context, ref: str, files: tuple[Path, ...], thing: str, number: int, by: str, why: str) -> None:
    """Record what a courier brought for case REF, with FILES copied from a disc or scanned.

    \b
    FILES are files, a disc's image (.iso), or the folder that a disc was copied into.
      somrr courier REF --by NAME --item slides --count 4
      somrr courier REF --by NAME --item disc /media/cdrom
    Things recorded here are listed for return when the patient asks for the records back.
    """
    from daemon.house import now
    from routing.acts import Act

    record = case_record(context, ref)
    ref = record.case.ref
    if record.case.merged_into is not None:
        raise RefusedError("merged", f"{ref} was merged into {record.case.merged_into}: name that one")
    takes_more(record.case)
    house, known = context.house, 0
    for path in files:
        kept = house.vault.keep(_bytes(path))
        key = hashlib.sha256(f"{ref}\n{kept.digest}".encode()).hexdigest()
        envelope = Envelope(Channel.COURIER, now(), sender=by, case_ref=ref)
        known += not house.store.accept(Arrival("desk", key, envelope, kept.size), kept, now()).new
    had = record.case.facts.get(f"courier_{thing}")
    perform(context, ref, Act(f"courier {number} {thing}", by, why, {f"courier_{thing}": number + int(had.value if had else 0)}))
    if files:
        click.echo(f"{len(files)} thing(s) taken into custody; the daemon reads them next (or: somrr once)")
    if known:
        click.echo(f"{known} of them had come before, byte for byte: `somrr arrivals` says where they are filed", err=True)


def _bytes(path: Path) -> Iterator[bytes]:
    """A file as it is, a folder as one run of bytes that depends on nothing but names and contents."""
    if path.is_dir():
        from ingest.discs import survey, tar

        tree = survey(path)
        if tree.too_large or not tree.files:
            raise RefusedError("file", f"{path} holds {'too many files' if tree.too_large else 'no file'}")
        yield from tar(tree)
        return
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
