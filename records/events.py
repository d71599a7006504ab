"""The event catalogue: every name that a log line may carry, with what it means (docs/EVENTS.md says the same).

Names are `area.object.verb_past`.  Log fields are ids, hashes, counts, codes and durations only.
"""

from __future__ import annotations

EVENTS: dict[str, str] = {}
LEVELS: dict[str, str] = {}


def event(name: str, meaning: str, level: str = "info") -> str:
    """Register `name` with its one-sentence meaning and return it; each `warning` and `error` is in docs/OPERATING.md."""
    EVENTS[name], LEVELS[name] = meaning, level
    return name


# ingest: an arrival on its way into custody
MAILBOX_RECONCILED = event("ingest.mailbox.reconciled", "One poll of the mailbox counted: present, known, new, missing.")
MAILBOX_FAILED = event(
    "ingest.mailbox.failed", "The mailbox could not be read; it is tried again after `retry_seconds`.", "warning"
)
MAILBOX_CONNECTED = event("ingest.mailbox.connected", "Logged in to the mailbox over verified TLS.")
MAILBOX_MOVE_REFUSED = event("ingest.mailbox.move_refused", "The server has no MOVE; the mail was left in place.", "warning")
MAILBOX_MARK_REFUSED = event("ingest.mailbox.mark_refused", "The server takes no keyword; the mail was left unmarked.", "warning")
MAIL_REFUSED = event(
    "ingest.mail.refused", "A mail is larger than `limit` and was left in the mailbox; staff must look.", "warning"
)
FOLDER_RECONCILED = event("ingest.folder.reconciled", "One scan of a drop folder counted: present, known, new, unfinished.")
FOLDER_FAILED = event("ingest.folder.failed", "A drop folder could not be scanned.", "warning")
FOLDER_UNWATCHED = event(
    "ingest.folder.unwatched", "The machine gives no notice of changes; the timed rescan finds what comes.", "warning"
)
FILE_REFUSED = event("ingest.file.refused", "A drop folder holds a thing that is no regular file (`code` says which).", "warning")
FILE_STALLED = event(
    "ingest.file.stalled", "A dropped file stayed unfinished too long; it is left in place for staff.", "warning"
)
FOLDER_EMPTIED = event("ingest.folder.emptied", "Copies that lay in `taken/` for `taken_days` were removed (`files`).")
FILE_LEFT = event("ingest.file.left", "A file in our custody could not be moved to `taken/` and stays in the folder.", "warning")
ARRIVAL_FAILED = event(
    "ingest.arrival.failed", "One arrival could not be had now (`code`); it is tried again at the next poll.", "warning"
)
SUBMISSION_ACCEPTED = event("ingest.submission.accepted", "The bytes are in the vault and the row is committed: custody taken.")
SUBMISSION_REPEATED = event("ingest.submission.repeated", "The same bytes came again; noted on the submission we hold.")
SOURCE_SILENT = event("ingest.source.fell_silent", "Nothing new has come from `source` for `seconds`.", "warning")
# reading
SCANNER_AWAY = event(
    "reading.scanner.lost", "The virus scanner does not answer (`code`): nothing is read until it does.", "error"
)
MALWARE_FOUND = event(
    "reading.scanner.matched", "The scanner did not pass a submission (`reason`); it is held unopened.", "warning"
)
WORKER_KILLED = event(
    "reading.worker.killed", "A reader process passed a limit (`code`) and was killed; the rest goes on.", "warning"
)
SUBMISSION_READ = event("reading.submission.read", "A submission was read: parts, pages, problems, seconds.")
# deciding
SUBMISSION_DECIDED = event("routing.submission.decided", "A submission was decided (in `seconds`, reading aside) and committed.")
SUBMISSION_HELD = event("routing.submission.held", "A whole submission went to quarantine for `reason`.")
SUBMISSION_DEFERRED = event("routing.submission.deferred", "A temporary fault; the submission waits for its next try.", "warning")
CASE_MOVED = event("routing.case.moved", "A case changed its status.")
ITEM_HELD = event("routing.item.held", "A part or document went to quarantine for `reason`.")
# delivering
UPDATE_SENT = event("outbound.update.sent", "An update was accepted by the next server, or written in the embedded default.")
UPDATE_DEFERRED = event("outbound.update.deferred", "A temporary fault; the update waits for its next try.")
UPDATE_FAILED = event("outbound.update.failed", "A permanent fault; staff must act.", "warning")
UPDATE_UNCERTAIN = event(
    "outbound.update.uncertain", "The answer to DATA was lost; never resent blindly, staff must look.", "warning"
)
UPDATE_WITHHELD = event("outbound.update.withheld", "An update may not go out (`reason`); staff must act.", "warning")
UPDATE_CAPPED = event("outbound.update.capped", "A cap on what goes out is reached (`reason`); the update waits.", "warning")
UPDATE_RETURNED = event("outbound.update.returned", "A bounce, an automatic answer or the fax server told of an update (`code`).")
# records
KEYS_UNFIT = event("records.keys.missed", "The master key's file is gone or open to others (`code`).", "error")
AUDIT_BROKEN = event("records.audit.broken", "The newest entry of the trail is not bound to the one before it.", "error")
# daemon
WORK_LATE = event(
    "daemon.work.fell_behind", "The oldest submission that waits to be decided has waited for `seconds`.", "warning"
)
DISK_LOW = event(
    "daemon.disk.ran_low", "`free_bytes` are free, less than `limit`: nothing is taken in until there is room.", "error"
)
ALARM_ENDED = event("daemon.alarm.ended", "What was told of before (`code`, `source`) is well again.")
DAEMON_STARTED = event("daemon.process.started", "All loops run.")
DAEMON_STOPPED = event("daemon.process.stopped", "Stopped after draining the current step.")
LOOP_FAILED = event(
    "daemon.loop.failed", "A loop met an unforeseen fault (`fault` names its type); it goes on after a pause.", "warning"
)
WORK_SWEPT = event("daemon.work.swept", "Left-overs of a killed run were removed at start.")
AUDIT_ANCHORED = event(
    "records.audit.anchored",
    "The newest entry of the trail (`seq`, `head`): keep it where the records are not; a cut tail shows.",
)
DISPOSAL_LISTED = event("daemon.disposal.listed", "A case is near its end: staff were warned, or its grace has begun.")
DISPOSAL_BLOCKED = event(
    "daemon.disposal.blocked", "A case's time has come and something (`code`) forbids disposal; staff must look.", "warning"
)
DISPOSAL_HALTED = event(
    "daemon.disposal.halted", "Disposal stopped to ask: a suspect clock, or too many at once (`code`).", "warning"
)
CASE_DISPOSED = event("daemon.case.disposed", "A case, or a submission without one, became its tombstone.")
DISPOSAL_FINISHED = event("daemon.disposal.finished", "Keys were destroyed and originals and copies removed (`count`).")
QUARANTINE_AGEING = event(
    "daemon.quarantine.ageing",
    "Things wait in quarantine for longer than `staff.quarantine_days` (`count`, `oldest_hours`); said once a day.",
    "warning",
)
DIGEST_SENT = event("daemon.digest.sent", "The daily digest for staff was handed over (`count`: what waits for them).")
DIGEST_FAILED = event(
    "daemon.digest.failed", "The daily digest could not be sent, or may have been (`status`, `code`).", "warning"
)
COPY_REMOVED = event("daemon.copy.removed", "An original of a disposed case was removed from where it came (`source`).")
COPY_LEFT = event(
    "daemon.copy.left", "An original of a disposed case is still where it came (`source`, `code`); staff must look.", "warning"
)
STAFF_ACTED = event("daemon.staff.acted", "A staff act was recorded.")
FAULT_UNCAUGHT = event(
    "daemon.fault.uncaught", "A fault that nobody caught ended a thread or the process (`fault`, `where`).", "error"
)
LIBRARY_WARNED = event(
    "daemon.library.warned", "A library warned (`logger`); its words are not kept, they may quote a document.", "warning"
)
LOG_UNLISTED = event(
    "daemon.log.unlisted", "A line whose event is not in this catalogue; its words were dropped. A bug.", "warning"
)
