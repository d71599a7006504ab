"""With a scanner configured nothing is read, shown or handed out that it did not pass; without its answer all waits."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

import daemon.pipeline
from config.settings import Settings
from daemon import logs
from daemon.house import House, now
from daemon.pipeline import Pipeline
from daemon.quarantine import take_out
from reading.clamd import NotPassedError
from reading.reader import Raw
from records.errors import RefusedError, TemporaryError
from records.model import Held, HeldState, Kind, Mail, Page, Part, Reading, Role, SubmissionState, TextSource
from routing.decide import decide
from routing.rulings import reads_again, release
from tests.makers import document, incoming, packet, world
from tests.servers.clamd import EICAR, SIGNATURE, Clamd

LIMIT = 100_000


@dataclass
class Reader:
    """Reads nothing, and remembers that it was asked."""

    version: str = "1"
    notes: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)

    def read(self, _raw: Raw, digest: str, _name: str | None = None, patience: float | None = None) -> Reading:  # noqa: ARG002 - the protocol's
        self.asked.append(digest)
        body = Part("body.txt", digest, 5, "text/plain", Role.BODY, (Page(1, "hello", TextSource.LAYER),))
        sender = Mail("a@clinic.example", "", "<1@clinic.example>", (), (), "hello", now())
        return Reading(digest, self.version, "message/rfc822", (body,), mail=sender, notes=self.notes)

    def picture(self, raw: Raw, digest: str, part: str | None) -> list[tuple[str, bytes]]:  # noqa: ARG002 - the protocol's
        self.asked.append(digest)
        return [("page.png", b"picture")]

    def warm(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def clamd() -> Iterator[Clamd]:
    with Clamd(stream_max=LIMIT) as running:
        yield running


@dataclass
class Place:
    """A daemon without loops."""

    house: House
    reader: Reader
    said: io.StringIO

    @property
    def pipeline(self) -> Pipeline:
        return Pipeline(self.house)

    def come(self, attachment: bytes) -> Pipeline:
        """A mail with it, received and decided once."""
        letter = EmailMessage()
        letter["From"], letter["Subject"] = "a@clinic.example", "hello"
        letter.set_content("hello")
        letter.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="canary-name.bin")
        pipeline = self.pipeline
        source = self.house.sources[0]
        (self.house.home / "mail" / "new" / "one").write_bytes(letter.as_bytes())
        assert pipeline.receive(source) == 1
        pipeline.decide_next()
        pipeline.show_quarantine()
        return pipeline

    def only(self) -> Held:
        (held,) = self.house.store.held()
        return held

    def release(self) -> None:
        ruled = release(self.only(), "A Person")
        self.house.store.rule(ruled, now(), read_again=reads_again(ruled))

    def state(self) -> SubmissionState:
        (submission,) = self.house.store.submissions()
        return submission.state

    def later(self, monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, minutes: int) -> None:
        monkeypatch.setattr(daemon.pipeline, "now", lambda: now() + timedelta(minutes=minutes))
        pipeline.decide_next()


@pytest.fixture
def place(tmp_path: Path, clamd: Clamd) -> Iterator[Place]:
    house = House(Settings(home=tmp_path / "home", scanning=clamd.settings()))
    reader, said = Reader(), io.StringIO()
    house.__dict__["readers"] = reader
    logs.configure("json", said)
    yield Place(house, reader, said)
    house.close()


def test_what_the_scanner_knows_is_held_and_nobody_opens_it(place: Place, tmp_path: Path) -> None:
    """Not read, not drawn, not laid open, not handed out; staff see the signature's name and nothing of the mail."""
    place.come(EICAR)
    held = place.only()
    assert (held.reason, held.detail) == ("malware", f"{SIGNATURE}.UNOFFICIAL")
    assert place.state() is SubmissionState.QUARANTINED
    assert place.reader.asked == []
    (folder,) = place.house.quarantine.iterdir()
    assert [path.name for path in folder.iterdir()] == ["WHY.txt"]
    assert SIGNATURE in (folder / "WHY.txt").read_text()
    assert "canary-name" not in (folder / "WHY.txt").read_text() + place.said.getvalue()
    with pytest.raises(RefusedError, match="given to nobody"):
        take_out(place.house.store, place.house.vault, held, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (told,) = (json.loads(line) for line in place.said.getvalue().splitlines() if "scanner" in line)
    assert (told["level"], told["event"], told["reason"]) == ("warning", "reading.scanner.matched", "malware")


def test_released_it_is_scanned_again(place: Place) -> None:
    """Staff's word does not open what the scanner knows: it comes back, and is held as before."""
    pipeline = place.come(EICAR)
    place.release()
    assert place.state() is SubmissionState.WAITING
    pipeline.decide_next()
    assert (place.only().reason, place.state(), place.reader.asked) == ("malware", SubmissionState.QUARANTINED, [])


def test_what_it_passes_is_read(place: Place) -> None:
    """The clean way through."""
    place.come(b"harmless")
    assert place.state() is not SubmissionState.QUARANTINED
    assert len(place.reader.asked) == 1


def test_what_it_could_not_see_whole_is_held_until_staff_vouch_for_it(place: Place, tmp_path: Path) -> None:
    """Over StreamMaxLength: unread and unshown; staff may have a copy scanned elsewhere, and release it on their word."""
    pipeline = place.come(bytes(2 * LIMIT))
    assert (place.only().reason, place.only().detail, place.reader.asked) == ("not_scanned", "StreamMaxLength", [])
    (folder,) = place.house.quarantine.iterdir()
    assert [path.name for path in folder.iterdir()] == ["WHY.txt"]
    take_out(place.house.store, place.house.vault, place.only(), tmp_path / "out")
    place.release()
    pipeline.decide_next()
    assert (place.state() is SubmissionState.WAITING, len(place.reader.asked)) == (False, 1)
    assert [held.reason for held in place.house.store.held() if held.state is HeldState.HELD] == []


def test_staff_vouch_for_what_was_not_seen_and_not_for_what_is_known(place: Place) -> None:
    """Signatures learn: what was held for a limit and is malware by today is held again, unread, whatever staff said."""

    class Learning:
        answer = "not_scanned"

        def scan(self, chunks: object) -> None:  # noqa: ARG002 - the protocol's
            raise NotPassedError(self.answer)

    place.house.__dict__["scanner"] = Learning()
    pipeline = place.come(b"harmless")
    place.release()
    Learning.answer = "malware"
    pipeline.decide_next()
    assert (place.only().reason, place.state(), place.reader.asked) == ("malware", SubmissionState.QUARANTINED, [])


def test_what_broke_the_daemon_itself_is_not_drawn_either(place: Place) -> None:
    """Set aside after its attempts, it is neither read once more for its pictures nor laid open unscanned."""
    pipeline, source = place.pipeline, place.house.sources[0]
    (place.house.home / "mail" / "new" / "one").write_bytes(b"Subject: x\r\n\r\nhello")
    pipeline.receive(source)
    for _ in range(place.house.settings.reading.attempts):
        assert place.house.store.claim(now()) is not None  # a run that is killed here
    pipeline.decide_next()
    pipeline.show_quarantine()
    (folder,) = place.house.quarantine.iterdir()
    assert (place.only().reason, place.reader.asked) == ("crashed", [])
    assert [path.name for path in folder.iterdir()] == ["WHY.txt"]


@pytest.mark.parametrize(
    ("reason", "held"),
    [("not_scanned", ["identity_conflict"]), ("crashed", ["identity_conflict"]), ("identity_conflict", [])],
)
def test_who_vouches_for_the_scan_vouches_for_nothing_else(reason: str, held: list[str]) -> None:
    """Released unread and then found to be two patients' papers, it is asked about all the same."""
    papers = [*packet(), document(Kind.MEDICAL_RECORD, patient_name="UNRELATED SYNTHETIC BETA", birth_date="1999-12-31")]
    brought = incoming(papers)
    ruling = Held("ab" * 8, brought.submission.id, reason, "", state=HeldState.RELEASED)
    decision = decide(replace(brought, rulings=(ruling,)), (), world())
    assert [one.reason for one in decision.held] == held


def test_what_was_locked_was_not_scanned(place: Place) -> None:
    """The reader opened a file with the mail's own password, the scanner had none: held as well."""
    place.reader.notes = ("password_from_mail",)
    place.come(b"harmless")
    assert (place.only().reason, place.only().detail) == ("not_scanned", "files that a password locks")


@pytest.mark.parametrize("minutes", [1, 60])
def test_while_the_scanner_is_away_all_waits_and_no_attempt_counts(
    place: Place, clamd: Clamd, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """Nothing is read unscanned, however long it takes; when clamd is back the mail goes its way."""
    clamd.stop()
    try:
        pipeline = place.come(b"harmless")
        for turn in range(1, 5):
            place.later(monkeypatch, pipeline, turn * minutes)
        (waiting,) = place.house.store.submissions()
        assert (waiting.state, waiting.attempts, place.reader.asked) == (SubmissionState.WAITING, 0, [])
    finally:
        clamd.start()
    place.later(monkeypatch, pipeline, 5 * minutes)
    assert (place.state() is SubmissionState.WAITING, len(place.reader.asked)) == (False, 1)


def test_an_original_that_breaks_the_scanner_is_tried_three_times(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scanner that dies over it is not fed with it for ever: after the configured attempts it is held, unread."""

    class Dying:
        def scan(self, chunks: object) -> None:  # noqa: ARG002 - the protocol's
            raise TemporaryError("scanner_lost")

    place.house.__dict__["scanner"] = Dying()
    pipeline = place.come(b"harmless")
    for turn in range(1, 3):
        assert place.state() is SubmissionState.WAITING
        place.later(monkeypatch, pipeline, turn)
    pipeline.show_quarantine()
    assert (place.only().reason, place.only().detail, place.reader.asked) == ("not_scanned", "scanner_lost", [])
