"""Staff's word about a held thing: what it becomes, or one clear sentence why not."""

from __future__ import annotations

from dataclasses import replace

from records.errors import RefusedError
from records.model import Held, HeldState, Kind
from routing.incoming import whole

#: reasons for which a whole submission needs to be told its case
NEEDS_CASE = ("ambiguous_case", "unknown_sender", "unknown_reference", "case_finished")

#: reasons for which a document needs to be told what it is
NEEDS_KIND = ("unidentified", "not_an_image_set")


def release(held: Held, by: str, kind: str | None = None, case: str | None = None) -> Held:
    """Back into the same path: as `kind`, in `case` (or "new"), or simply as it was read."""
    _askable(held, by)
    if kind is not None and kind not in set(Kind) - {Kind.UNKNOWN}:
        raise RefusedError("kind", f"--as takes one of: {', '.join(sorted(set(Kind) - {Kind.UNKNOWN}))}")
    if whole(held) and kind is not None:
        raise RefusedError("whole", "the whole submission is held, so --as can not name one kind; say --case REF or --case new")
    if whole(held) and held.reason in NEEDS_CASE and not case:
        raise RefusedError("case", f"it waits because its case is not clear ({held.reason}): say --case REF, or --case new")
    if not whole(held) and case:
        raise RefusedError(
            "case", "only one thing of a submission is held; it stays with its submission's case, so leave --case out"
        )
    if held.reason in NEEDS_KIND and held.document is not None and kind is None:
        raise RefusedError("kind", "nobody knows yet what it is: say --as KIND, or discard it")
    if held.reason == "payment_card":
        raise RefusedError(
            "payment_card", "card data is never taken in (R12): discard it, and ask the sender to arrange payment by phone"
        )
    return replace(held, state=HeldState.RELEASED, ruled_kind=kind, ruled_by=by, case_ref=case or held.case_ref)


def discard(held: Held, by: str, why: str) -> Held:
    """It does not count; the original stays in the vault until disposal."""
    _askable(held, by)
    if not why.strip():
        raise RefusedError("why", "say why it does not count: --why TEXT")
    return replace(held, state=HeldState.DISCARDED, ruled_by=by, ruled_why=why)


def reads_again(held: Held) -> bool:
    """A thing that could not be read and is released without a kind is tried once more."""
    return held.state is HeldState.RELEASED and held.document is None and held.ruled_kind is None


def _askable(held: Held, by: str) -> None:
    if not by.strip():
        raise RefusedError("who", "say who decides this: --by NAME")
    if held.state is not HeldState.HELD:
        raise RefusedError("settled", f"this was {held.state} already by {held.ruled_by}")
