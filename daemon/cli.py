"""The command line: `somrr --help` teaches it; names, JSON and exit codes are a contract for scripts."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from daemon.commands import Context, configured, fail
from records.errors import ConfigurationError, PermanentError, RefusedError, TemporaryError

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, EX_SOFTWARE, EX_TEMPFAIL, EX_CONFIG = 64, 65, 69, 70, 75, 78


#: a command → the module that has it: loaded when it is asked for, so that a short command starts soon
ELSEWHERE = {
    "arrivals": "daemon.staff",
    "audit": "daemon.audit",
    "backup": "daemon.backup",
    "case": "daemon.facts",
    "cases": "daemon.cases",
    "courier": "daemon.courier",
    "digest": "daemon.digest",
    "dispose": "daemon.disposal",
    "form": "daemon.forms",
    "keys": "daemon.keys",
    "outbox": "daemon.outbox",
    "preview": "daemon.preview",
    "quarantine": "daemon.staff",
    "restore": "daemon.backup",
    "verify": "daemon.backup",
}


class Commands(click.Group):
    """Those of this file, and those of `ELSEWHERE`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in ELSEWHERE:
            found: click.Command = getattr(import_module(ELSEWHERE[cmd_name]), cmd_name)
            return found
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file (else SOMRR_CONFIG, /etc/somrr/somrr.toml, defaults)."
)
@click.option("--home", type=click.Path(path_type=Path), help="State directory (else SOMRR_HOME, else ./var).")
@click.version_option(package_name="somrr", prog_name="somrr")
@click.pass_context
def somrr(ctx: click.Context, config: Path | None, home: Path | None) -> None:
    """Takes custody of second-opinion packets (mail, fax, courier), identifies their documents, opens or rejects
    the case and says exactly what is missing.

    \b
    Try it:   put a mail into var/mail/new or a PDF into var/fax, then
              somrr once --settled      do all waiting work now
              somrr cases               what became of it
              somrr quarantine          what waits for a person
    Service:  somrr run                 until SIGTERM (systemd starts this)
    """
    ctx.obj = Context(config, home)


@somrr.command()
@configured
def run(context: Context) -> None:
    """The daemon: watches mailbox and folders, decides, sends; until SIGTERM."""
    from daemon.floors import refuse
    from daemon.main import run as run_daemon

    refuse()
    context.log_to(sys.stdout)
    run_daemon(context.house)


@somrr.command()
@click.option("--settled", is_flag=True, help="Take the settle time as over: reject now what is incomplete.")
@configured
def once(context: Context, settled: bool) -> None:
    """Do all work that is waiting, retries aside, and exit 0 when idle."""
    from daemon.main import once as work_once

    work_once(context.house, settled)


@somrr.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
@configured
def read(context: Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Read and classify FILES; keeps nothing, sends nothing."""
    from daemon.look import look, show

    for answer in look(context.house, files):
        show(answer, as_json)


@somrr.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True)
@configured
def evaluate(context: Context, folder: Path, as_json: bool) -> None:
    """How right is it?  FOLDER has a sub-folder for each kind (and `other`) with documents of that kind."""
    from daemon.evaluation import judge, show

    with click.progressbar(length=1000, label="reading", file=sys.stderr) as bar:
        judged = judge(context.house, folder, lambda done, of: bar.update(1000 * done // of - bar.pos))
    show(judged, context.settings.rules.identifying.threshold, as_json)


@somrr.command()
@click.option("--all", "everything", is_flag=True, help="What is fine, too.")
@click.option("--json", "as_json", is_flag=True)
@configured
def doctor(context: Context, everything: bool, as_json: bool) -> None:
    """Is this machine fit?  Checks engines, languages, folders, servers; exits 69 when something fails."""
    from daemon.doctor import checks
    from daemon.show import emit, table

    found = list(checks(context.settings, context.loaded.origins))
    rows = [{"name": c.name, "status": c.status, "detail": c.detail, "remedy": c.remedy} for c in found]
    if as_json:
        emit(rows)
    else:
        shown = [tuple(r.values()) for r in rows if everything or r["status"] != "ok"]
        table("somrr doctor", ("check", "", "found", "what to do"), shown, "This machine is fit.")
        if not everything:
            click.echo(f"fine: {', '.join(c.name for c in found if c.status == 'ok')}")
    if any(c.status == "fail" for c in found):
        sys.exit(EX_UNAVAILABLE)


@somrr.group()
def config() -> None:
    """What is configured, and why."""


@config.command("show")
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@click.option("--json", "as_json", is_flag=True)
@configured
def config_show(context: Context, origin: bool, as_json: bool) -> None:
    """Every setting in force; secrets are masked."""
    from config.load import show
    from daemon.show import emit

    for key, value, source in show(context.loaded):
        if as_json:
            emit([{"key": key, "value": value, "origin": source}])
        else:
            click.echo(f"{key} = {value}" + (f"    # {source}" if origin else ""))


@config.command("check")
@configured
def config_check(context: Context) -> None:
    """Exit 0 when the configuration can be used, else 78 with every fault named."""
    from config.load import check

    for warning in check(context.loaded):
        click.echo(f"warning: {warning}", err=True)
    click.echo("the configuration can be used")


@somrr.command()
@click.option("--organ", required=True, help='The organ or tissue, in English, e.g. "left breast".')
@click.option("--pdf", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to print instead.")
def customs(organ: str, pdf: Path | None) -> None:
    """Print the customs wording for a specimen's commercial invoice (R17-R20); needs no state."""
    from daemon.customs import sentence, to_pdf

    words = sentence(organ)
    if pdf is None:
        click.echo(words)
        return
    page = to_pdf(words)
    try:
        pdf.write_bytes(page)
    except OSError as fault:
        fail(EX_DATAERR, f"the page could not be written: {fault.strerror}")
    click.echo(f"written to {pdf}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; every fault becomes one line on standard error and a sysexits code."""
    try:
        somrr.main(args=arguments, prog_name="somrr", standalone_mode=False)
    except click.UsageError as fault:
        fault.show()
        sys.exit(EX_USAGE)
    except click.ClickException as fault:
        fault.show()
        sys.exit(EX_DATAERR)
    except click.Abort:
        sys.exit(130)
    except ConfigurationError as fault:
        fail(EX_CONFIG, fault.detail or fault.code)
    except RefusedError as fault:
        fail(EX_DATAERR, fault.detail)
    except TemporaryError as fault:
        fail(EX_TEMPFAIL, f"{fault.detail or fault.code}; try again")
    except PermanentError as fault:
        fail(EX_DATAERR, str(fault))
    except BrokenPipeError:
        sys.exit(0)
    except Exception as fault:
        where = traceback.extract_tb(fault.__traceback__)[-1]
        place = f"{type(fault).__name__} at {Path(where.filename).name}:{where.lineno}"
        fail(EX_SOFTWARE, f"a bug: {place}; nothing was lost, please report this line and the command")
