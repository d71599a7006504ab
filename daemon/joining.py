"""What staff type to merge cases, to split one, and to take that back."""

from __future__ import annotations

import click

from classifiers.cards import mask
from daemon.commands import Context, configured
from daemon.staff import by_option, case, case_record, commit, json_option, why_option
from records.errors import RefusedError
from records.model import CaseRecord, Decision

__all__ = ["case"]  # the whole group: with the commands of this file

sure_option = click.option("--sure", is_flag=True, help="You have looked: the papers are one patient's, whatever they say.")
AGAIN = "the daemon goes through the checklist anew (or: somrr once)"


@case.command("merge")
@click.argument("ref")
@click.option("--into", "other", required=True, metavar="REF2", help="The case that goes on.")
@sure_option
@by_option
@why_option
@configured
def merge(context: Context, ref: str, other: str, sure: bool, by: str, why: str) -> None:
    """REF and REF2 are one patient's one request: all of REF counts in REF2 from now on.

    \b
    Both references keep working: who quotes REF, or answers a mail about it, reaches REF2.
    Nothing is told because of it; if the gaps change, the one list of gaps is sent anew.
    Facts that you stated stay with the case of which you stated them.
    Take it back, at any time and exactly:  somrr case unmerge REF --by NAME
    """
    from routing import joining

    def decided() -> Decision:
        record, into = case_record(context, ref), case_record(context, other)
        return joining.merge(record, into, joining.Word(by, mask(why), sure), context.house.world())

    commit(context, decided, "merge")
    record, into = case_record(context, ref), case_record(context, other)
    click.echo(f"{record.case.ref} counts in {into.case.ref} now; {AGAIN}")
    if only := sorted(record.case.facts.keys() - into.case.facts.keys() - {"disposal_listed"}):
        click.echo(f"stated of {record.case.ref} and not of {into.case.ref}: {', '.join(only)}; say it again where it holds")


@case.command("unmerge")
@click.argument("ref")
@by_option
@why_option
@configured
def unmerge(context: Context, ref: str, by: str, why: str) -> None:
    """REF is a case of its own again, as it was; what arrived since stays in the other case."""
    from routing import joining

    into: list[CaseRecord] = []

    def decided() -> Decision:
        record = case_record(context, ref)
        if record.case.merged_into is None:
            raise RefusedError("merged", f"{record.case.ref} is not merged into another case")
        into[:] = [case_record(context, record.case.merged_into)]
        return joining.unmerge(record, into[0], joining.Word(by, mask(why)), context.house.world())

    commit(context, decided, "unmerge")
    record, other = case_record(context, ref), into[0]
    click.echo(f"{record.case.ref} is a case of its own again; {AGAIN}")
    if since := joining.since_merging(record, other):
        click.echo(f"arrived since the merging, and left in {other.case.ref}: {', '.join(since)}")
        click.echo(f"  somrr case split {other.case.ref} --arrival ID --to {record.case.ref} --by {by}")


@case.command("split")
@click.argument("ref")
@click.option("--arrival", "arrivals", multiple=True, metavar="ID", help="What leaves the case; may be given several times.")
@click.option("--to", "other", metavar="REF2", help="The case that takes it; else a new one begins.")
@sure_option
@click.option("--by", default="", help="Your name: every act is on record.")
@why_option
@json_option
@configured
def split(
    context: Context, ref: str, arrivals: tuple[str, ...], other: str | None, sure: bool, by: str, why: str, as_json: bool
) -> None:
    """Whole arrivals leave REF: for a case of their own, or for REF2.

    \b
    Without --arrival the arrivals of the case are listed with their ids.
    No acknowledgement goes out, and what was queued for people who leave with their
    arrivals is withdrawn.  Take it back:
      somrr case merge NEW --into REF --by NAME           after a split into a new case
      somrr case split REF2 --arrival ID --to REF --by NAME    after one into REF2
    """
    from routing import joining

    if not arrivals:
        _list(case_record(context, ref), as_json)
        return

    def decided() -> Decision:
        record, to = case_record(context, ref), case_record(context, other) if other else None
        return joining.split(record, arrivals, to, joining.Word(by, mask(why), sure), context.house.world())

    decision = commit(context, decided, "split")
    new = decision.case.ref if decision.case else ""
    click.echo(f"{len(decision.takes)} arrival(s) are in {new} now; {AGAIN}")


def _list(record: CaseRecord, as_json: bool) -> None:
    from daemon import show

    rows = []
    for submission in record.submissions:
        kinds = sorted({f.document.kind.value for f in record.documents if f.submission == submission.id})
        shared = [ref for ref in submission.case_refs if ref not in record.refs]
        received = show.when(submission.envelope.received_at)
        channel = submission.envelope.channel.value
        rows.append({"id": submission.id, "received_at": received, "channel": channel, "kinds": kinds, "also_in": shared})
    if as_json:
        show.emit(rows)
        return
    cells = [(r["id"], r["received_at"], r["channel"], ", ".join(r["kinds"] or ()), " ".join(r["also_in"] or ())) for r in rows]
    show.table("Arrivals", ("id", "received", "channel", "papers", "also in"), cells, "Nothing has arrived.")
