"""What staff state about a case beyond its course: delivery, fees, further charges; and how a statement is taken back."""

from __future__ import annotations

import click

from daemon.commands import Context, configured
from daemon.joining import case  # with the commands that it adds
from daemon.staff import by_option, case_record, perform, why_option
from records.errors import RefusedError

__all__ = ["case"]

#: what can be taken back → the facts that go with it
STATED: dict[str, tuple[str, ...]] = {
    "approve": ("approved",),
    "charge": ("further_charge",),
    "delivery": ("delivery",),
    "fee": ("pathology_fee",),
    "in-person": ("in_person",),
    "match": ("match",),
    "pathology": ("pathology", "slides"),
    "pay": ("paid",),
    "physician": ("physician_name", "physician_email", "physician_fax", "physician_zone"),
    "prefer": ("prefers",),
    "return": ("return_requested",),
    "returned": ("returned",),
    "video": ("video", "attending_physician"),
}


def _choice(name: str, fact: str, values: tuple[str, ...], help_text: str) -> None:
    @case.command(name, help=help_text)
    @click.argument("ref")
    @click.argument("value", type=click.Choice(values))
    @by_option
    @why_option
    @configured
    def command(context: Context, ref: str, value: str, by: str, why: str) -> None:
        from routing.acts import Act

        perform(context, ref, Act(f"{name} {value}", by, why, {fact: value}))


_choice(
    "delivery",
    "delivery",
    ("physician", "written"),
    "How the opinion is given: with the local physician, or as a written summary (R3, R6).",
)
_choice("fee", "pathology_fee", ("arranged", "waived"), "The fee for the pathology review; it depends on the slides (R15).")
_choice("charge", "further_charge", ("due", "none"), "Whether what came after the review began brings a further charge (R34).")


@case.command("unset")
@click.argument("ref")
@click.argument("what", type=click.Choice(sorted(STATED)))
@by_option
@why_option
@configured
def case_unset(context: Context, ref: str, what: str, by: str, why: str) -> None:
    """Take a statement back: what was said, and that it was taken back, stay in the history."""
    from routing.acts import Act

    facts = case_record(context, ref).case.facts
    if not any(name in facts for name in STATED[what]):
        raise RefusedError("unset", f"nothing of this case was set by `{what}`; `somrr case show {ref}` lists what was")
    perform(context, ref, Act(f"unset {what}", by, why, forgets=STATED[what]))
