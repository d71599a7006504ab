"""The path of a packet, and the only file that names every stage: receive, decide, deliver.

Each step reads its work from the ledger and may be killed anywhere and run again.
"""

from __future__ import annotations

import random
import time
from datetime import timedelta

import structlog

from classifiers.identify import identify
from daemon.house import House, now
from daemon.quarantine import QuarantineFolder
from ingest.source import ArrivalError, Source
from outbound.compose import compose
from outbound.mailer import Courier
from outbound.retry import next_try
from outbound.withhold import Traffic, answerable, withhold
from records import events
from records.errors import PermanentError, TemporaryError
from records.model import Decision, Page, Part, Reading, Role, Submission, TextSource, Update, UpdateStatus
from routing.decide import decide, hold_whole, reconsider
from routing.incoming import Incoming
from routing.matching import keys_of

log = structlog.get_logger()
PAUSE = timedelta(seconds=30)  # after a temporary fault in reading or deciding


class Pipeline:
    """The three steps over one house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.folder = QuarantineFolder(house.quarantine, house.store, house.vault)
        self._under_way: str | None = None

    def warm(self) -> None:
        """Load models and word lists before the first packet has to wait for them."""
        page = Part("warm.txt", "", 0, "text/plain", Role.ATTACHMENT, (Page(1, "report", TextSource.LAYER),))
        identify(Reading("", "", "", (page,)), self.house.settings.rules.identifying)
        self.house.world().opening(now())
        self.house.readers.warm()

    # --- receive

    def receive(self, source: Source) -> int:
        """Take custody of what is new: bytes durable, row committed, only then the source changes."""
        taken = 0
        for arrival in source.poll(lambda keys: self.house.store.known(source.name, keys)):
            try:
                kept = self.house.vault.keep(source.fetch(arrival))
            except ArrivalError as fault:  # this one later; it keeps no other out
                log.warning(events.ARRIVAL_FAILED, source=source.name, code=fault.code)
                continue
            accepted = self.house.store.accept(arrival, kept, now())
            source.acknowledge(arrival)
            name = events.SUBMISSION_ACCEPTED if accepted.new else events.SUBMISSION_REPEATED
            log.info(name, submission=accepted.submission.id, source=source.name, digest=kept.digest, size=kept.size)
            taken += accepted.new
        return taken

    # --- decide

    def decide_next(self, settled: bool = False) -> bool:
        """Decide one waiting submission; False when none waits."""
        submission = self.house.store.claim(now())
        if submission is None:
            return False
        self._under_way = submission.id
        with structlog.contextvars.bound_contextvars(submission=submission.id, attempt=submission.attempts):
            try:
                self._decide(submission, settled)
            except TemporaryError as fault:
                moved = fault.code == "case_moved"  # a member of staff was quicker: decide anew at once
                self.house.store.defer(submission.id, now() if moved else now() + PAUSE, give_back=True)
                log.warning(events.SUBMISSION_DEFERRED, code=fault.code)
        self._under_way = None
        return True

    def give_back(self) -> None:
        """At a stop that can not wait: the attempt under way says nothing about the bytes."""
        if self._under_way is not None:
            self.house.store.defer(self._under_way, now(), give_back=True)

    def look_again(self, settled: bool = False) -> int:
        """Reconsider the cases whose time has come; with `settled`, all that only wait for time."""
        due = self.house.store.looks_due(None if settled else now())
        for ref in due:
            record = self.house.store.record(ref)
            if record is not None:
                self._commit(reconsider(record, self.house.world(settled)), record.revision)
        return len(due)

    def _decide(self, submission: Submission, settled: bool) -> None:
        if submission.attempts > self.house.settings.reading.attempts:
            self._commit(hold_whole(Incoming(submission, (), (), ()), "crashed"), 0)
            return
        try:
            reading = self._read(submission)
        except PermanentError as fault:
            self._commit(hold_whole(Incoming(submission, (), (), ()), fault.code), 0)
            return
        incoming = self._incoming(submission, reading)
        candidates = self.house.store.candidates(keys_of(incoming))
        decision = decide(incoming, candidates, self.house.world(settled))
        revisions = {record.case.ref: record.revision for record in candidates}
        self._commit(decision, revisions.get(decision.case.ref, 0) if decision.case else 0)

    def _read(self, submission: Submission) -> Reading:
        """From memory when this version of the reader has seen these bytes, else in the sandbox."""
        readers, store = self.house.readers, self.house.store
        remembered = store.reading(submission.digest, readers.version)
        if remembered is not None:
            return remembered
        started = time.monotonic()
        reading = readers.read(self.house.vault.path(submission.digest), submission.digest)
        store.remember(reading)
        pages = sum(len(part.pages) for part in reading.parts)
        seconds = round(time.monotonic() - started, 3)
        log.info(events.SUBMISSION_READ, parts=len(reading.parts), pages=pages, problems=len(reading.problems), seconds=seconds)
        return reading

    def _incoming(self, submission: Submission, reading: Reading) -> Incoming:
        settings = self.house.settings
        own = (settings.rules.programme.mailbox, *settings.trust.own_addresses)
        return Incoming(
            submission=submission,
            parts=reading.parts,
            problems=reading.problems,
            documents=identify(reading, settings.rules.identifying),
            mail=reading.mail,
            unanswerable=answerable(reading.mail, own, settings.trust.authserv_id) if reading.mail else None,
            rulings=self.house.store.rulings(submission.id),
        )

    def _commit(self, decision: Decision, revision: int) -> None:
        self.house.store.commit(decision, revision, now())
        ref = decision.case.ref if decision.case else None
        if decision.submission:
            log.info(events.SUBMISSION_DECIDED, case=ref, status=decision.submission_state, documents=len(decision.documents))
        for held in decision.held:
            log.info(events.ITEM_HELD if held.part else events.SUBMISSION_HELD, case=ref, held=held.id, reason=held.reason)
        for move in decision.moves:
            log.info(events.CASE_MOVED, case=ref, from_status=move.from_status, to_status=move.to_status)

    def show_quarantine(self) -> None:
        """Bring the folder that staff see in line with the ledger."""
        self.folder.refresh(self.house.readers)

    # --- deliver

    def deliver_next(self) -> bool:
        """Send one update that is due; False when none is."""
        owed = self.house.store.due(now())
        if owed is None:
            return False
        with structlog.contextvars.bound_contextvars(update=owed.id, case=owed.case_ref, attempt=owed.attempts):
            self._deliver(owed)
        return True

    def _deliver(self, owed: Update) -> None:
        house, rules = self.house, self.house.settings.rules
        own = (rules.programme.mailbox, rules.programme.fax, *house.settings.trust.own_addresses)
        reason = withhold(owed, own, traffic=Traffic(*house.store.traffic(owed, now())))
        if reason is not None:
            self._withhold(owed, reason)
            return
        try:
            message = compose(owed, rules.programme, owed.due_at)
        except PermanentError as fault:
            self._withhold(owed, fault.code)
            return
        courier: Courier = house.fax if owed.channel == "fax" else house.mailer
        delivery = courier.send(message, lambda: house.store.sending(owed.id, message.message_id, now()))
        pause = timedelta(seconds=house.settings.smtp.retry_seconds)
        again = next_try(owed.attempts, owed.due_at, now(), random.random(), pause)  # noqa: S311 - jitter, not a secret
        status = house.store.record_delivery(owed, delivery, again)
        name = {
            UpdateStatus.SENT: events.UPDATE_SENT,
            UpdateStatus.QUEUED: events.UPDATE_DEFERRED,
            UpdateStatus.FAILED: events.UPDATE_FAILED,
        }.get(status, events.UPDATE_UNCERTAIN)
        log.info(name, status=status, code=delivery.code)

    def _withhold(self, owed: Update, reason: str) -> None:
        self.house.store.withhold(owed.id, reason)
        log.warning(events.UPDATE_WITHHELD, reason=reason)
