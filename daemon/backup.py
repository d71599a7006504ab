"""`somrr backup`, `somrr restore`, `somrr verify`: what brings the house back when its disk is lost."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.audit import user
from daemon.commands import Context, configured
from records.errors import ConfigurationError, RefusedError

if TYPE_CHECKING:
    from daemon.house import House
    from records.backup import Home

EX_DATAERR = 65
folder_type = click.Path(file_okay=False, path_type=Path)
there_type = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", metavar="DIR", type=folder_type)
@click.option("--keys", type=folder_type, help="Bring a copy of the keyring in this other folder up to date, too.")
@configured
def backup(context: Context, folder: Path, keys: Path | None) -> None:
    """Bring the backup in DIR up to date; the daemon may run on.

    \b
    DIR gets the records and the vault, all of it sealed; only what is new is copied.  It
    needs no key and holds none.  Without the keyring and the master key nobody can read it:
    keep both elsewhere, on another machine or in a safe.
      somrr backup /mnt/backup/somrr --keys /mnt/safe/somrr-keys     every night
      somrr verify --backup /mnt/backup/somrr                        is the copy whole?
    Both folders are mirrors: what was disposed of goes from DIR with the next run, destroyed
    keys from the other one.  If an older state is kept as well, let it be of DIR only.

    \b
    Records in PostgreSQL (`database`) are not copied by this command.  Copy them with its own
    tools, in this order, at an hour when no `somrr dispose` runs; the daemon may run on:
      pg_dump --format=custom --file=DIR/records.dump NAME        first: what it tells of
      rsync -a --delete STATE/vault/ DIR/vault/                   then the originals, all there
      rsync -a --delete KEYRING/ ELSEWHERE/                       last the keys, all there
    Originals and keys are durable before a row tells of them, so that none is missing from
    the later copies.  Back: pg_restore into an empty database, both folders in their places;
    before the daemon starts, so that nothing that went out since is sent again:
      UPDATE updates SET status = 'uncertain', reason = 'restored', claimed_at = NULL
             WHERE status = 'queued';
    Then `somrr verify`, and look at `somrr outbox`.
    """
    from daemon.house import now
    from records.backup import make, mirror_keys

    house = context.house
    if house.settings.database:
        told = "the records are in a database of their own: pg_dump first, then vault/, then the keyring; somrr backup --help"
        raise RefusedError("backup", told)
    _apart(house, folder, keys)
    house.store.note(user(), "backup", "records", now())
    made = make(_home(house), folder, now())
    click.echo(f"{made.objects} objects and the records, {made.size >> 20} MiB in all; {made.copied} copied now")
    if keys is None:
        click.echo("the keys are not in it: somrr backup DIR --keys ELSEWHERE keeps a copy of them", err=True)
        return
    changed = mirror_keys(house.keyring, keys)
    click.echo(f"keys: {changed} file(s) changed in {keys}")
    if any(keys.glob("master.key*")):
        click.echo(f"the master key is among them: whoever has {keys} and {folder} can read everything", err=True)


@click.command()
@click.argument("folder", metavar="DIR", type=there_type)
@click.option("--keys", type=there_type, help="The copy of the keyring.")
@configured
def restore(context: Context, folder: Path, keys: Path | None) -> None:
    """Bring the backup in DIR into a state directory that has no records.

    \b
      systemctl stop somrr
      somrr --home /var/lib/somrr restore /mnt/backup/somrr --keys /mnt/safe/somrr-keys
      somrr verify
      somrr outbox        what was waiting is "uncertain": it may have gone out since
    Where the master key is configured (credential or file), have it in its place first.
    What arrived after the backup comes again from a mailbox that keeps its mails.
    """
    from records.backup import restore as bring_back
    from records.backup import restore_keys

    house = context.house
    if house.settings.database:
        told = "the records are in a database of their own: pg_restore them, put vault/ and the keyring back; somrr backup --help"
        raise RefusedError("restore", told)
    with house.only_one():
        if keys is not None:
            click.echo(f"keys: {restore_keys(keys, house.keyring)} file(s)")
        elif not any(house.keyring.glob("*.keys")):
            raise RefusedError("keys", f"there is no keyring in {house.keyring}: name its copy with --keys")
        files = bring_back(folder, _home(house))
        click.echo(f"{files} file(s) came back")
    try:
        waiting = sum(n for name, n in house.store.counts().items() if name == "updates.uncertain")
    except ConfigurationError as fault:
        raise RefusedError("keys", f"all came back, but not the keys that open it: {fault.detail}") from None
    click.echo(f"{waiting} update(s) are uncertain: look at `somrr outbox`; then: somrr verify")


@click.command()
@click.option("--backup", "folder", type=there_type, help="Look at this backup instead; needs no key.")
@click.option("--json", "as_json", is_flag=True, help="JSON Lines: one object a fault, then the counts.")
@configured
def verify(context: Context, folder: Path | None, as_json: bool) -> None:
    """Is everything there and whole?  Exits 65 when not; changes nothing.

    Each original is read to its end and its hash compared, each row is opened with its key,
    each object of the vault has its row.
    """
    from daemon.show import emit, table
    from records.backup import damaged, manifest_of

    if folder is not None:
        counts = {"files": len(manifest_of(folder)["files"])}
        faults = [{"check": "backup", "what": name, "code": "damaged"} for name in damaged(folder)]
    else:
        from records.verify import verify as look

        found = look(context.house.store, context.house.vault)
        counts, faults = found.counts, [fault._asdict() for fault in found.faults]
    if as_json:
        emit([*faults, {"check": "all", "faults": len(faults), **counts}])
    else:
        table("What is wrong", ("check", "what", "code"), [tuple(f.values()) for f in faults], "All is there and whole.")
        click.echo("; ".join(f"{name}: {n}" for name, n in counts.items()))
        if faults:
            click.echo(REMEDY, err=True)
    if faults:
        sys.exit(EX_DATAERR)


REMEDY = """\
objects  the original is missing or damaged: take vault/ (that one file) from the backup, or have it sent again
strays   bytes whose custody never completed (a crash): they come again from their source; ask before removing one
records  a row does not open: key_gone says that its key is missing from the keyring, take that from its copy
backup   run `somrr backup` again; it copies what is damaged once the bad file is removed"""


def _home(house: House) -> Home:
    from records.backup import Home

    return Home(house.database, house.home / "vault", house.settings.forms or house.home / "forms")


def _apart(house: House, folder: Path, keys: Path | None) -> None:
    """A backup with its keys beside it is a plain copy for whoever finds it."""
    near = [house.home.resolve(), *([keys.resolve()] if keys else [])]
    for place in near:
        if folder.resolve().is_relative_to(place) or place.is_relative_to(folder.resolve()):
            raise RefusedError(
                "backup", f"{folder} and {place} lie in one another; a backup, its keys and the original are apart"
            )
    if keys is not None and keys.resolve().is_relative_to(house.home.resolve()):
        raise RefusedError("keys", f"{keys} is in the state directory: a copy there is lost with it")
