"""The path of a packet, and the only file that names every stage: receive, decide, deliver.

Each step reads its work from the ledger and may be killed anywhere and run again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial

import structlog

from classifiers.cards import masked
from classifiers.identify import identify
from daemon.deliver import check_faxes, check_mails, deliver, note_return
from daemon.house import House, now
from daemon.quarantine import QuarantineFolder
from daemon.room import Room
from ingest.source import ArrivalError, Source
from outbound.withhold import answerable
from reading.clamd import NotPassedError
from records import events
from records.errors import PermanentError, TemporaryError
from records.model import Decision, HeldState, Page, Part, Reading, Role, Submission, TextSource
from routing.decide import decide, hold_whole, reconsider
from routing.incoming import Incoming
from routing.matching import keys_of

log = structlog.get_logger()
PAUSE = timedelta(seconds=30)  # after a temporary fault in reading or deciding
FIRST_TRY = 10.0  # seconds that one file may take at first, so that ten bombs do not keep the good ones waiting
SLOW = "reader_slow"  # who needs more has all that the limits allow, after those who have not been tried yet
UNLOCKED = "password_from_mail"  # the reader's note
BLAMED = ("scanner_lost", "scanner_failed")  # temporary faults that the bytes may be the reason of: their attempts count


class Pipeline:
    """The three steps over one house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.folder = QuarantineFolder(house.quarantine, house.store, house.vault, house.memory)
        self.room = Room(house.home, house.settings.min_free)
        self.polled: dict[str, float] = {}  # when (monotonic) each source was last gone through to its end
        self.signs: dict[str, float] = {}  # the last sign of life (monotonic) from within a loop's long turn
        self._under_way: str | None = None
        self._anchored = (0, "")
        self._ask_again = 0.0
        self._began = 0.0  # when (monotonic) the decision under way was begun, its reading aside

    def warm(self) -> None:
        """Load models and word lists before the first packet has to wait for them."""
        page = Part("warm.txt", "", 0, "text/plain", Role.ATTACHMENT, (Page(1, "report", TextSource.LAYER),))
        identify(Reading("", "", "", (page,)), self.house.settings.rules.identifying)
        self.house.world().opening(now())
        self.house.readers.warm()

    # --- receive

    def receive(self, source: Source) -> int:
        """Take custody of what is new: bytes durable, row committed, only then the source changes."""
        taken, short = 0, not self.room.holds()
        if short:
            self.room.note(source.name, short)
            return 0
        for arrival in source.poll(lambda keys: self.house.store.known(source.name, keys)):
            if not self.room.holds(arrival.size or 0):  # later; what is smaller may still fit
                short = True
                continue
            try:
                kept = self.house.vault.keep(self._heard(source.name, source.fetch(arrival)))
                accepted = self.house.store.accept(arrival, kept, now())
            except TemporaryError as fault:
                if fault.code == "disk_full":
                    short = True
                    break
                if not isinstance(fault, ArrivalError) and fault.code != "erasing":
                    raise
                log.warning(events.ARRIVAL_FAILED, source=source.name, code=fault.code)
                continue  # this one later; it keeps no other out
            source.acknowledge(arrival)
            name = events.SUBMISSION_ACCEPTED if accepted.new else events.SUBMISSION_REPEATED
            log.info(name, submission=accepted.submission.id, source=source.name, digest=kept.digest, size=kept.size)
            taken += accepted.new
        self.room.note(source.name, short)
        self.polled[source.name] = time.monotonic()
        return taken

    def _heard(self, loop: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Each piece is a sign of life: a long transfer is no hung loop."""
        for piece in pieces:
            self.signs[loop] = time.monotonic()
            yield piece

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
                self._put_off(submission, fault.code)
        self._under_way = None
        return True

    def _put_off(self, submission: Submission, code: str) -> None:
        blamed = code in BLAMED
        if blamed and submission.attempts >= self.house.settings.reading.attempts:
            self._commit(hold_whole(_unread(submission), "not_scanned", code), submission)
            return
        # staff were quicker: decide anew at once; or a slow one: its turn comes when the others had theirs
        at_once = code in ("case_moved", SLOW)
        self.house.store.defer(submission.id, now() if at_once else now() + PAUSE, give_back=not blamed and code != SLOW)
        log.warning(events.SUBMISSION_DEFERRED, code=code)

    def give_back(self) -> None:
        """At a stop that can not wait: the attempt under way says nothing about the bytes."""
        if self._under_way is not None:
            self.house.store.defer(self._under_way, now(), give_back=True)

    def look_again(self, settled: bool = False) -> int:
        """Reconsider the cases whose time has come; with `settled`, those that are settling too."""
        self.house.keys.forget()
        settling = timedelta(minutes=self.house.settings.rules.rhythm.settle_minutes if settled else 0)
        due = self.house.store.looks_due(now() + settling)
        for ref in due:
            self.signs["decide"] = time.monotonic()
            record = self.house.store.record(ref)
            if record is not None:
                self._commit(reconsider(record, self.house.world(settled)))
        return len(due)

    def _decide(self, submission: Submission, settled: bool) -> None:
        self._began = time.monotonic()
        if submission.attempts > self.house.settings.reading.attempts:
            self._commit(hold_whole(_unread(submission), "crashed"), submission)
            return
        try:
            reading = self._passed(submission)
        except NotPassedError as fault:
            log.warning(events.MALWARE_FOUND, reason=fault.code)
            self._commit(hold_whole(_unread(submission), fault.code, fault.detail), submission)
            return
        except PermanentError as fault:
            self._commit(hold_whole(_unread(submission), fault.code), submission)
            return
        self._began = time.monotonic()
        note_return(self.house, reading)
        incoming = self._incoming(submission, reading)
        candidates = self.house.store.candidates(keys_of(incoming))
        decision = decide(incoming, candidates, self.house.world(settled))
        self._commit(decision, submission)

    def _passed(self, submission: Submission) -> Reading:
        """Nothing is parsed, and nothing remembered is used, that the scanner did not pass now.

        Staff's word stands for what it could not look into, never for what it knows.
        """
        rulings = self.house.store.rulings(submission.id)
        vouched = any(held.reason == "not_scanned" and held.state is HeldState.RELEASED for held in rulings)
        try:
            self.house.scanner.scan(self._heard("decide", self.house.vault.open(submission.digest)))
        except NotPassedError as fault:
            if not vouched or fault.code != "not_scanned":
                raise
        reading = self._read(submission)
        if UNLOCKED in reading.notes and not vouched:
            self.house.scanner.locked()
        return reading

    def _read(self, submission: Submission) -> Reading:
        """From memory when this version of the reader has seen these bytes, else in the sandbox."""
        readers, store = self.house.readers, self.house.store
        remembered = store.reading(submission.digest, readers.version)
        if remembered is not None:
            return remembered
        started = time.monotonic()
        first = submission.attempts == 1 < self.house.settings.reading.attempts
        raw = partial(self.house.vault.open, submission.digest)
        reading = masked(readers.read(raw, submission.digest, patience=FIRST_TRY if first else None))
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

    def _commit(self, decision: Decision, submission: Submission | None = None) -> None:
        self.house.store.commit(decision, now(), submission)
        for one in (decision, *decision.also):
            self._tell(one, submission)

    def _tell(self, decision: Decision, submission: Submission | None) -> None:
        ref = decision.case.ref if decision.case else None
        if submission is not None:
            took = round(time.monotonic() - self._began, 3)
            since = round((now() - submission.accepted_at).total_seconds(), 3)
            told = {"case": ref, "status": decision.submission_state, "documents": len(decision.documents)}
            log.info(events.SUBMISSION_DECIDED, **told, seconds=took, since_accepted=since)
        for held in decision.held:
            name = self.house.store.rows.held_id(held.id)
            log.info(events.ITEM_HELD if held.part else events.SUBMISSION_HELD, case=ref, held=name, reason=held.reason)
        for move in decision.moves:
            log.info(events.CASE_MOVED, case=ref, from_status=move.from_status, to_status=move.to_status)

    def anchor(self) -> None:
        """Tell the journal the newest entry of the trail, when it is another than was told last."""
        seq, head = self.house.store.head()
        if seq and (seq, head) != self._anchored:
            self._anchored = (seq, head)
            log.info(events.AUDIT_ANCHORED, seq=seq, head=head)

    def show_quarantine(self) -> None:
        """Bring the folder that staff see in line with the ledger."""
        self.folder.refresh(self.house.readers)

    # --- deliver

    def deliver_next(self) -> bool:
        """Send one update that is due; False when none is."""
        owed = self.house.store.due(now())
        if owed is None:
            self._ask_what_became()
            return False
        with structlog.contextvars.bound_contextvars(update=owed.id, case=owed.case_ref, attempt=owed.attempts):
            deliver(self.house, owed)
        return True

    def _ask_what_became(self) -> None:
        """From time to time, when nothing else is to do."""
        if time.monotonic() >= self._ask_again:
            self._ask_again = time.monotonic() + self.house.settings.faxing.check_seconds
            check_faxes(self.house)
            check_mails(self.house)


def _unread(submission: Submission) -> Incoming:
    """All that is known of it: that it came."""
    return Incoming(submission, (), (), ())
