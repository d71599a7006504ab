"""One case on one screen: whose turn it is and the command for it, checklist, documents, what waits, what happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from config.reasons import reason
from config.rules import Rules
from daemon import screen
from daemon.screen import Cell, Styled
from daemon.steps import TURNS, age, command, step
from records.model import CaseRecord, FiledDocument, Finding, HeldState, Kind, Severity, Update, UpdateStatus
from routing.announce import physician_of
from routing.completeness import slides
from routing.giveback import courier_things, told
from routing.proposals import proposals
from routing.waiting import What, Who, to_tell, waiting

MARKS = {
    Severity.MISSING: ("missing", "bold red"),
    Severity.DOUBTFUL: ("doubtful", "bold yellow"),
    Severity.ADVISORY: ("note", "cyan"),
}
REQUIRED = (Kind.LETTER_OF_AGREEMENT, Kind.INFORMED_CONSENT, Kind.RADIOLOGY_REPORT, Kind.RADIOLOGY_IMAGE)
IF_ASKED = (Kind.PATHOLOGY_REPORT, "specimen")
RECENT = 8  # moves that fit on the screen
#: a proposal → the command that makes it a fact
GRANTED_BY = {
    **dict.fromkeys(("physician_name", "physician_email", "physician_fax", "reply_to"), "physician"),
    "return_requested": "return",
    "video_requested": "video",
    "in_person_requested": "in-person",
    "written_requested": "delivery",
    "prefers": "prefer",
}


class Page:
    """A case as staff read it; times are the office's own."""

    def __init__(self, record: CaseRecord, rules: Rules, now: datetime) -> None:
        self.record, self.rules, self.now = record, rules, now
        self.zone = ZoneInfo(rules.hours.zone)

    def show(self, *, everything: bool = False) -> None:
        self._head()
        self._checklist()
        self._documents()
        self._waiting_things()
        self._facts()
        self._said(everything=everything)
        self._history(everything=everything)

    def _head(self) -> None:
        record, case = self.record, self.record.case
        screen.say(f"{case.ref}   {case.status}   {' '.join(case.flags)}".rstrip(), "bold")
        rows: list[tuple[Cell, Cell]] = []
        turns = [] if record.case.status == "disposed" else self._turns()
        rows += turns or [("turn", Styled("nobody's: nothing is asked of anybody", "dim"))]
        channels = ", ".join(sorted({contact.channel for contact in case.contacts}))
        rows.append(("came", f"{len(record.submissions)} by {channels or '-'}; last {self._time(case.last_arrival)}"))
        if things := courier_things(record):
            rows.append(("by courier", told(things)))
        physician = physician_of(record)
        who = "not known; set one: somrr case physician REF --name … --email … --by NAME".replace("REF", case.ref)
        rows.append(("physician", f"known, told by {physician.prefers}" if physician.known else Styled(who, "yellow")))
        _grid(rows)

    def _turns(self) -> list[tuple[Cell, Cell]]:
        """Each thing that waits, staff's own first, with the command that takes the step."""
        case, said = self.record.case, list[tuple[str, str, str]]()
        for one in waiting(self.record):
            what = self._unpaid(one.what)
            if one.what is not What.ENDED:
                said.append((one.who, f"{step(what, one.count)}, since {age(one.since, self.now)}", command(what, case.ref)))
        if untold := to_tell(self.record.updates, {case.ref: case.status}):
            said.append((Who.STAFF, step("untold", len(untold)), command("untold")))
        rows: list[tuple[Cell, Cell]] = []
        for who, told_of, do in sorted(said, key=lambda turn: turn[0] != Who.STAFF):
            rows.append((TURNS[who], Styled(told_of, "bold yellow" if who == Who.STAFF else "")))
            rows += [("", Styled(do, "green"))] if do else []
        return rows

    def _unpaid(self, what: What) -> str:
        asked = self.rules.checklist.payment_before_review and "paid" not in self.record.case.facts
        return "pay" if what is What.BEGIN and asked else what.value

    def _checklist(self) -> None:
        findings = self.record.case.findings
        kinds: set[str] = {filed.document.kind for filed in self.record.documents}
        kinds |= {"specimen"} if self.record.case.facts.keys() & {"courier_slides", "courier_blocks"} else set()
        rows: list[list[Cell]] = []
        asked = [name for name in IF_ASKED if name in kinds or any(f.requirement == name for f in findings)]
        for name in (*REQUIRED, *asked):
            about = [f for f in findings if f.requirement == name and f.severity is not Severity.ADVISORY]
            rows += [self._finding(f) for f in about] or [[Styled("ok" if name in kinds else "-", "green"), _plain(name), "", ""]]
        rows += [
            self._finding(f) for f in findings if f.requirement not in (*REQUIRED, *asked) or f.severity is Severity.ADVISORY
        ]
        screen.table("\nChecklist", ("!", "!what", "for staff", "code"), rows, "", spare=("code",), lines=False)

    def _finding(self, found: Finding) -> list[Cell]:
        mark, style = MARKS[found.severity]
        about = " ".join(filter(None, (found.study.get("modality"), found.study.get("body_part"), found.study.get("date"))))
        said = ". ".join(part.rstrip(".") for part in (about, found.detail or reason(found.code).seen) if part)
        return [Styled(mark, style), _plain(found.requirement or found.code), said, found.code]

    def _documents(self) -> None:
        rows = [self._document(filed) for filed in self.record.documents]
        columns = ("!kind", "sure", "!pages", "came", "seen (evidence)")
        screen.table(f"\nDocuments ({len(rows)})", columns, rows, "\nNo documents yet.", spare=("came",), lines=False)
        if any(filed.document.kind is Kind.PATHOLOGY_REPORT for filed in self.record.documents) or self._asks_pathology():
            papers = [filed.document for filed in self.record.documents]
            screen.say(f"slides: {slides(papers, self.record.case.facts)} (the pathology fee depends on them)", "dim")

    def _asks_pathology(self) -> bool:
        return any(f.code == "pathology_fee" for f in self.record.case.findings)

    def _document(self, filed: FiledDocument) -> list[Cell]:
        document = filed.document
        pages = f"{document.pages[0]}-{document.pages[-1]}" if len(document.pages) > 1 else "".join(map(str, document.pages))
        sure = Styled(f"{document.confidence:.2f}", "" if document.confidence >= 0.8 else "yellow")
        came = f"{filed.channel} {self._day(filed.received_at)}"
        return [_plain(document.kind), sure, pages, came, "; ".join(document.evidence[:3])]

    def _waiting_things(self) -> None:
        held = [h for h in self.record.held if h.state is HeldState.HELD]
        rows = [[h.id, age(h.held_at or self.now, self.now), h.reason, h.detail] for h in held]
        if rows:
            screen.table("\nIn quarantine: somrr quarantine show ID", ("!id", "!age", "reason", "seen"), rows, "", lines=False)
        seen = [[_plain(p.what), p.value, p.seen, f"somrr case {GRANTED_BY.get(p.what, 'note')}"] for p in proposals(self.record)]
        if seen:
            columns = ("!what", "value", "seen in", "make it so")
            screen.table("\nSeen, not confirmed: yours to decide", columns, seen, "", spare=("seen in",), lines=False)

    def _facts(self) -> None:
        rows = [
            [_plain(f.name), f.value, f.by, self._day(f.at), f.why] for f in self.record.case.facts.values() if f.name != "match"
        ]
        if rows:
            screen.table("\nFacts", ("!fact", "value", "by", "!on", "why"), rows, "", lines=False)

    def _said(self, *, everything: bool) -> None:
        updates = [u for u in self.record.updates if everything or u.reason != "superseded"]
        columns = ("!what", "to", "by", "status", "!when", "why")
        styles = {UpdateStatus.SENT: "green", UpdateStatus.QUEUED: "", UpdateStatus.WITHHELD: "yellow"}
        rows = [
            [
                _plain(u.event),
                u.recipient,
                u.channel,
                Styled(u.status, styles.get(u.status, "red")),
                self._time(u.sent_at or u.due_at),
                _why(u),
            ]
            for u in updates
        ]
        screen.table("\nUpdates", columns, rows, "\nNothing was told yet.", spare=("why",), lines=False)

    def _history(self, *, everything: bool) -> None:
        moves = self.record.moves if everything else self.record.moves[-RECENT:]
        rows = [[self._time(m.at), m.to_status, m.why, m.by] for m in moves]
        left = len(self.record.moves) - len(moves)
        title = f"\nHistory ({self.rules.hours.zone})" + (f"; {left} earlier: --all" if left else "")
        screen.table(title, ("!at", "is", "why", "by"), rows, "\nNothing happened yet.", lines=False)

    def _time(self, moment: datetime | None) -> str:
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M}" if moment else ""

    def _day(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%Y-%m-%d}"


def _why(update: Update) -> str | None:
    """What came back of it, or why it did not go, in plain words."""
    if update.returned or update.status is UpdateStatus.SENT or not update.reason:
        return update.returned or update.reason
    return reason(update.reason).seen


def _grid(rows: Iterable[Sequence[Cell]]) -> None:
    screen.table("", ("", ""), rows, "", lines=False)


def _plain(name: str) -> str:
    """`letter_of_agreement` as people say it."""
    return name.replace("_", " ")
