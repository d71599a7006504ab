"""`somrr keys`: what opens the records, how it is changed, and what is needed to keep it."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.audit import user
from daemon.commands import Context, configured


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts.")
@click.pass_context
def keys(ctx: click.Context, as_json: bool) -> None:
    """The keyring: a key for each case and each arrival, wrapped by one master key."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(_keys_show, as_json=as_json)


@click.command()
@click.option("--json", "as_json", is_flag=True)
@configured
def _keys_show(context: Context, as_json: bool) -> None:
    from daemon.show import emit

    house = context.house
    count = sum(1 for _ in house.keys.ids())
    file = house.keys.file
    where = "configured (keys.master)" if file is None else str(file)
    if as_json:
        emit([{"folder": str(house.keyring), "keys": count, "master": house.keys.master_id, "master_in": where}])
        return
    click.echo(f"{count} data keys in {house.keyring}")
    click.echo(f"master key {house.keys.master_id}: {where}")
    if file is not None and file.resolve().is_relative_to(house.home.resolve()):
        click.echo("it lies beside what it protects: whoever copies the state directory has both (somrr keys rotate --help)")


@keys.command("rotate")
@click.option("--old", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with the master key it was.")
@configured
def keys_rotate(context: Context, old: Path | None) -> None:
    """Wrap every data key under a new master key.  What is sealed stays as it is; killed midway, run it again.

    \b
    Where the master key is a file that the daemon may write, a new one is made:
      somrr keys rotate
    Where it is configured (a credential, or a file of root's), you make the new one:
      openssl rand -hex 32 > new.key; chmod 600 new.key
      systemctl stop somrr
      put new.key in its place, keep the one before as old.key (mode 0600)
      somrr keys rotate --old old.key
      systemctl start somrr; destroy old.key
    To move it out of the state directory: copy keys/master.key to its new place, set
    keys.master_file, delete keys/master.key, then rotate.
    Afterwards run `somrr backup … --keys …`, so that the copy of the keyring follows.
    """
    from daemon.house import now
    from records.master import master_in

    context.house.store.note(user(), "rotate", "keys", now())
    count = context.house.keys.rotate(master_in(old) if old else None)
    click.echo(f"{count} keys wrapped anew; the master key in force is {context.house.keys.master_id}")
