"""The places where bytes from outside are first understood, each as a function of bytes that must not raise.

A parser's own fault inside a walk is no escape: it becomes a Problem.  An escape is what a walk or a pure function
lets out, an answer that breaks its promise, or a run that takes longer than `SECONDS`.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from classifiers.dates import find_dates
from classifiers.fields import case_ref_in, fields_of
from classifiers.identify import identify
from classifiers.sight import sights
from classifiers.words import prepare
from config.reasons import reasons
from config.rules import Identifying
from ingest import sidecar, structure
from ingest.answers import fetched
from ingest.headers import message_id
from outbound import returned
from outbound.authentication import dmarc_passed
from reading.signatures import seals
from reading.widgets import widgets
from reading.wire import HEAD, Channel, WireError
from records.model import Mail, Page, Part, Reading, Role, TextSource
from routing.refs import find_refs
from tests.fuzz import seeds
from tests.servers.walking import walk

SECONDS = 20.0  # of computing for one input of at most LONGEST bytes, instrumented, on a busy machine
LONGEST = 64 << 10
SMALL = {"max_archive_bytes": 4 << 20, "max_pixels": 1_000_000, "max_part_bytes": 4 << 20, "max_pages": 5, "max_parts": 100}
LANGUAGES = (None, "en", "de", "ja", "zh", "fa", "es")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
MAILBOX = "patientsintl@hospital.example"
UNFORESEEN = " in the parser"  # how a walk tells of a fault that no reader foresaw


@dataclass(frozen=True)
class Entry:
    """One place: what is done with the bytes, and what to begin from."""

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    slow: bool = False  # a format: hundreds of runs a second, not ten thousand


def _walked(raw: bytes, name: str) -> None:
    seen = walk(raw, name, **SMALL)
    assert {problem.code for problem in seen.problems} <= reasons().keys()
    assert seen.parts or seen.problems, "no trace"


def unpack(raw: bytes) -> None:
    """Any container or old format, by its own first bytes."""
    _walked(raw, "parcel.bin")


def envelope(raw: bytes) -> None:
    """A mail: its shape, headers, bodies, attachments."""
    _walked(b"From: doc@clinic.example\r\n" + raw, "mail.eml")


def pdf(raw: bytes) -> None:
    _walked(b"%PDF-1.7\n" + raw, "paper.pdf")


def dicom(raw: bytes) -> None:
    _walked(bytes(128) + b"DICM" + raw, "image.dcm")


def form(raw: bytes) -> None:
    """A returned form: its fields and digital signatures, and the same file as an operator's blank."""
    whole = b"%PDF-1.7\n" + raw
    _walked(whole, "form.pdf")
    seals(whole)
    widgets(whole)


def reference(raw: bytes) -> None:
    """What is taken for a case reference is one, in both places that look for it."""
    text = _text(raw)
    for ref in find_refs(text):
        assert list(find_refs(ref)) == [ref]
    if (shaped := case_ref_in(text)) is not None:
        assert len(shaped) == 19


def dates(raw: bytes) -> None:
    """Whatever is called a date is a day of the calendar, where it is said to stand."""
    text = _text(raw)
    for language in LANGUAGES:
        for seen in find_dates(text, language):
            date.fromisoformat(seen.iso)
            assert 0 <= seen.start < seen.end <= len(text) + 8  # digits of other scripts may be written out


def fields(raw: bytes) -> None:
    page = prepare(_text(raw))
    for language in (None, "en"):
        fields_of(page, sights(page), language)


def identified(raw: bytes) -> None:
    """A page of a fax whose recognised words these are."""
    text = _text(raw)
    pages = tuple(Page(n, words, TextSource.OCR) for n, words in enumerate(text.split("\f"), 1))
    part = Part("fax.pdf", hashlib.sha256(raw).hexdigest(), len(raw), "application/pdf", Role.ATTACHMENT, pages)
    identify(Reading(part.sha256, "1", part.media_type, (part,)), Identifying())


def authentication(raw: bytes) -> None:
    """A field is believed only when our own server's name stands in it, in one piece."""
    lines = _text(raw).split("\n")
    if dmarc_passed(lines, "mx.hospital.example", "doc@clinic.example"):
        assert any("mx.hospital.example" in line.lower() and "pass" in line.lower() for line in lines)


def bounce(raw: bytes) -> None:
    """A message that says that it is a bounce."""
    text = _text(raw)
    head = text[:2000].split("\n")
    mail = Mail("mailer-daemon@mx.example", "", "<1@mx.example>", tuple(head[:3]), tuple(head[3:6]), "", None, tuple(head))
    for kind in ("bounce", "null_sender", "auto_submitted"):
        told = returned.read(_as(mail, kind), [text], MAILBOX)
        assert told is None or all(len(one) == 32 for one in told.updates)


def dropped(raw: bytes) -> None:
    """What the daemon itself looks at in a drop folder: the end of a file, and the sidecar of a fax."""
    opened = os.memfd_create("drop")
    try:
        os.write(opened, raw)
        for name in ("a.pdf", "a.tif", "a.bin"):
            structure.whole(opened, len(raw), name)
    finally:
        os.close(opened)
    caller, at = sidecar.read(raw, NOW)
    assert caller is None or caller.isprintable()
    assert at is None or at <= NOW + timedelta(days=1)  # clocks differ


def answers(raw: bytes) -> None:
    """What a mailbox server says, as imaplib hands it on; alternate lines are literals."""
    lines = raw.split(b"\n")
    pieces = [lines[0], *zip(lines[1::2], lines[2::2], strict=False), *lines[3:]]
    for one in fetched(pieces):
        one.description()
        one.body(1, 0)
    found = message_id(raw)
    assert found is None or found.isprintable()


def frames(raw: bytes) -> None:
    """What a worker that was taken over may say to the daemon: a fault of the wire, and no other."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(raw[:32_000])
        theirs.shutdown(socket.SHUT_WR)
        channel = Channel(ours.fileno(), ours.fileno())
        deadline = time.monotonic() + 5
        try:
            while True:
                channel.receive(deadline=deadline)
        except WireError:
            return


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _as(mail: Mail, kind: str) -> Mail:
    from dataclasses import replace

    return replace(mail, unanswerable=kind)


def _frame(header: object, blob: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return HEAD.pack(len(text), len(blob)) + text + blob


ENTRIES = (
    Entry("unpack", unpack, seeds.containers, slow=True),
    Entry("envelope", envelope, seeds.mails, slow=True),
    Entry("pdf", pdf, seeds.pdfs, slow=True),
    Entry("dicom", dicom, seeds.images, slow=True),
    Entry("form", form, seeds.forms, slow=True),
    Entry("identified", identified, seeds.pages, slow=True),
    Entry("fields", fields, seeds.pages, slow=True),
    Entry("reference", reference, seeds.references),
    Entry("dates", dates, seeds.days),
    Entry("authentication", authentication, seeds.verdicts),
    Entry("bounce", bounce, seeds.bounces),
    Entry("dropped", dropped, seeds.drops),
    Entry("answers", answers, seeds.answers),
    Entry("frames", frames, lambda: [_frame({"done": True}), _frame({"spent": "memory"}), _frame({"page": 1}, b"abc")]),
)
NAMED = {entry.name: entry for entry in ENTRIES}
CORPUS = Path(__file__).parent / "corpus"
