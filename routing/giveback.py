"""What came by courier and can be given back (R21, R37): what staff recorded, and what was dropped as files.

Pure.
"""

from __future__ import annotations

from records.model import CaseRecord, Channel

THINGS = ("disc", "slides", "blocks", "paper")


def courier_things(record: CaseRecord) -> dict[str, int]:
    """How many of each; `files` are drops that nobody recorded as a thing."""
    facts = record.case.facts
    found = {thing: int(facts[name].value) for thing in THINGS if (name := f"courier_{thing}") in facts}
    dropped = sum(s.envelope.channel is Channel.COURIER and s.envelope.sender is None for s in record.submissions)
    return found | ({"files": dropped} if dropped else {})


def told(things: dict[str, int]) -> str:
    """`2 x disc, 1 x slides`."""
    return ", ".join(f"{number} x {thing}" for thing, number in things.items())
