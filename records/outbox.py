"""The outbox in the ledger: an update is owed once, claimed before it is sent, and never sent twice blindly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from records import commit
from records import tables as t
from records.model import Delivery, Outcome, Update, UpdateStatus
from records.trail import Trail


class Act(NamedTuple):
    """What a named person did to an update."""

    by: str
    name: str
    at: datetime


class Outbox(Trail):
    """Every update, and what became of it."""

    def outbox(self) -> list[Update]:
        with self._read() as c:
            rows = c.execute(select(t.updates).order_by(t.updates.c.due_at, t.updates.c.id)).mappings()
            return [self.rows.update_of(row) for row in rows]

    def due(self, now: datetime) -> Update | None:
        """The next update to send, its attempt counted and committed before anything is sent."""
        u = t.updates
        with self._write() as c:
            query = (
                select(u)
                .where(u.c.status == UpdateStatus.QUEUED, u.c.claimed_at.is_(None), u.c.next_try <= now)
                .order_by(u.c.next_try, u.c.id)
                .limit(1)
            )
            row = c.execute(query).mappings().first()
            if row is None:
                return None
            c.execute(update(u).where(u.c.id == row["id"]).values(claimed_at=now, attempts=u.c.attempts + 1))
        claimed = self.rows.update_of(row)
        return replace(claimed, attempts=claimed.attempts + 1)

    def sending(self, update_id: str, message_id: str, now: datetime) -> None:
        """Written just before the point of no return (DATA): a run that dies after this leaves `uncertain`."""
        u = t.updates
        with self._write() as c:
            c.execute(update(u).where(u.c.id == update_id).values(message_id=message_id, sent_at=now))

    def record_delivery(self, owed: Update, delivery: Delivery, next_try: datetime | None) -> UpdateStatus:
        """Write an attempt's outcome; a deferred update with no next try left has failed."""
        status = {
            Outcome.SENT: UpdateStatus.SENT,
            Outcome.FAILED: UpdateStatus.FAILED,
            Outcome.UNCERTAIN: UpdateStatus.UNCERTAIN,
            Outcome.DEFERRED: UpdateStatus.FAILED if next_try is None else UpdateStatus.QUEUED,
        }[delivery.outcome]
        values: dict[str, Any] = {
            "status": status,
            "claimed_at": None,
            "reason": None if status is UpdateStatus.SENT else delivery.code,
        }
        if status is UpdateStatus.QUEUED:
            values["next_try"] = next_try
        values["sent_at"] = delivery.at if status is UpdateStatus.SENT else None
        with self._write() as c:
            if delivery.job is not None:
                values["body"] = self._sealed(c, replace(owed, job=delivery.job))
            c.execute(update(t.updates).where(t.updates.c.id == owed.id).values(values))
            if status in (UpdateStatus.SENT, UpdateStatus.UNCERTAIN):
                self._note(c, "machine", f"{owed.event} {status} by {owed.channel}", owed.id, delivery.at)
        return status

    def update(self, update_id: str) -> Update | None:
        with self._read() as c:
            row = c.execute(select(t.updates).where(t.updates.c.id == update_id)).mappings().first()
        return None if row is None else self.rows.update_of(row)

    def amend(self, changed: Update, act: Act | None = None) -> None:
        """Write what became known of an update: its status, reason, time of sending and body; and who did it."""
        values = {"status": changed.status, "reason": changed.reason, "sent_at": changed.sent_at, "claimed_at": None}
        with self._write() as c:
            body = self._sealed(c, changed)
            c.execute(update(t.updates).where(t.updates.c.id == changed.id).values(body=body, **values))
            if act is not None:
                self._note(c, act.by, act.name, changed.id, act.at)

    def postpone(self, owed: Update, until: datetime, reason: str) -> None:
        """Let it wait its turn; the claim under way was no attempt."""
        u = t.updates
        values = {"next_try": until, "reason": reason, "claimed_at": None, "attempts": u.c.attempts - 1}
        with self._write() as c:
            c.execute(update(u).where(u.c.id == owed.id).values(values))

    def hurry(self, update_id: str, by: str, now: datetime) -> bool:
        """Staff's `outbox send-now`: a queued update does not wait any longer."""
        u = t.updates
        with self._write() as c:
            free = (u.c.id == update_id, u.c.status == UpdateStatus.QUEUED, u.c.claimed_at.is_(None))
            row = c.execute(select(u).where(*free)).mappings().first()
            if row is None:
                return False
            body = self._sealed(c, replace(self.rows.update_of(row), urgent_by=by))
            c.execute(update(u).where(*free).values(next_try=now, body=body))
            self._note(c, by, "send-now", update_id, now)
            return True

    def traffic(self, owed: Update, now: datetime) -> tuple[int, int, int]:
        """What went out lately: to this address and for this case in a day, to all in an hour."""
        u, day = t.updates, now - timedelta(days=1)
        with self._read() as c:
            query = select(u).where(u.c.status == UpdateStatus.SENT, u.c.sent_at > day)
            lately = [self.rows.update_of(row) for row in c.execute(query).mappings()]
        to_address = sum(_inbox(one.address) == _inbox(owed.address) for one in lately)
        for_case = sum(one.case_ref == owed.case_ref for one in lately)
        return to_address, for_case, sum(one.sent_at is not None and one.sent_at > now - timedelta(hours=1) for one in lately)

    def withhold(self, update_id: str, reason: str) -> None:
        with self._write() as c:
            values = {"status": UpdateStatus.WITHHELD, "reason": reason, "claimed_at": None}
            c.execute(update(t.updates).where(t.updates.c.id == update_id).values(values))

    def retry(self, update_id: str, now: datetime, resumable: Sequence[str] = (), by: str = "machine") -> bool:
        """Staff's `outbox retry`: queue a failed or uncertain update again, or one withheld for a `resumable` reason."""
        u = t.updates
        ended = u.c.status.in_([UpdateStatus.FAILED, UpdateStatus.UNCERTAIN])
        held_back = (u.c.status == UpdateStatus.WITHHELD) & u.c.reason.in_(resumable)
        with self._write() as c:
            changed = c.execute(
                update(u)
                .where(u.c.id == update_id, ended | held_back)
                .values(status=UpdateStatus.QUEUED, reason=None, next_try=now, claimed_at=None, attempts=0, sent_at=None)
            )
            if changed.rowcount == 1:
                self._note(c, by, "retry", update_id, now)
            return changed.rowcount == 1

    def recover(self, repeatable: bool) -> int:
        """At start: claims of a run that died.  Past the point of no return they are `uncertain`, else free again."""
        u = t.updates
        claimed = (u.c.status == UpdateStatus.QUEUED) & u.c.claimed_at.is_not(None)
        with self._write() as c:
            lost = 0
            if not repeatable:
                values = {"status": UpdateStatus.UNCERTAIN, "reason": "interrupted", "claimed_at": None, "sent_at": None}
                lost = c.execute(update(u).where(claimed, u.c.sent_at.is_not(None)).values(values)).rowcount
            c.execute(update(u).where(claimed).values(claimed_at=None, sent_at=None))
        return lost

    def _sealed(self, c: Connection, owed: Update) -> bytes:
        sealed: bytes = self.rows.update_row(commit.case_key(c, owed.case_ref), owed)["body"]
        return sealed


def _inbox(address: str | None) -> str:
    """Where a mail ends: `office+one@x.example` and `Office+two@x.example` are one person's."""
    local, at, domain = (address or "").lower().rpartition("@")
    return f"{local.partition('+')[0] if at else local}{at}{domain}"
