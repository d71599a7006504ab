"""The next step in plain words, with the command that takes it: for lists, a case's page and the digest."""

from __future__ import annotations

from datetime import datetime, timedelta

#: what waits → (what to say of it, the command that takes the step); {n} is how many, REF the case's reference
STEPS: dict[str, tuple[str, str]] = {
    "quarantine": ("{n} in quarantine: look, then release or discard", "somrr quarantine"),
    "doubt": (
        "{n} doubtful: look at the papers and say what holds",
        "somrr case match REF --by NAME (or take out what is another's: case split)",
    ),
    "on_hold": ("on hold by staff: nothing goes on by itself", "somrr case unhold REF --by NAME"),
    "approve": ("complete: look through it and approve", "somrr case approve REF --by NAME"),
    "begin": ("approved: begin the review", "somrr case begin REF --by NAME"),
    "pay": ("approved: arrange payment, then begin the review", "somrr case pay REF --by NAME"),
    "charge": ("more came after the review began: does it bring a further charge?", "somrr case charge REF due --by NAME"),
    "give_back": ("asked back: return it, then record that", "somrr case returned REF --by NAME"),
    "close": ("the consult is complete: close or transfer", "somrr case close REF --by NAME"),
    "untold": ("{n} to tell or do yourself: the outbox says what", "somrr outbox"),
    "reviewing": ("in review", "somrr case complete REF --by NAME"),
    "missing": ("{n} missing: the sender has the list", ""),
    "settling": ("just arrived: more may come", ""),
    "ended": ("nothing", ""),
}
#: whose turn it is
TURNS = {"staff": "you", "review": "reviewers", "sender": "the sender", "time": "a moment", "nobody": ""}


def step(what: str, count: int = 1) -> str:
    said = STEPS[what][0]
    return said.format(n=count)


def command(what: str, ref: str = "REF") -> str:
    return STEPS[what][1].replace("REF", ref)


def age(since: datetime, now: datetime) -> str:
    """How long, roughly: `4 min`, `7 h`, `12 d`."""
    seconds = max(now - since, timedelta()).total_seconds()
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    return f"{int(seconds // 3600)} h" if seconds < 48 * 3600 else f"{int(seconds // 86400)} d"
