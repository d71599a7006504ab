"""The trail as the command line writes, shows and verifies it: a real ledger, edited behind its back."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from config.settings import Settings
from daemon.audit import heads_in
from daemon.cli import main
from daemon.house import House
from daemon.pipeline import Pipeline
from records import events
from records.model import Arrival, Delivery, Outcome
from routing.decide import decide
from tests.makers import NOW, incoming, packet, world

REF = "SOMRR-00000-00000-1"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One complete packet, opened by the machine."""
    made = House(Settings(home=tmp_path))
    came = incoming(packet())
    kept = made.vault.keep([b"a mail"])
    made.store.accept(Arrival("maildir", "1", came.submission.envelope), kept, NOW)
    claimed = made.store.claim(NOW)
    assert claimed is not None
    came = incoming(packet())
    decision = decide(came.__class__(claimed, came.parts, (), came.documents, came.mail), (), world(ref=REF))
    made.store.commit(decision, NOW)
    yield made
    made.close()


def somrr(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> tuple[int, str]:
    code = 0
    try:
        main(["--config", "/dev/null", "--home", str(home), *arguments])
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, capsys.readouterr().out


def rows(capsys: pytest.CaptureFixture[str], home: Path) -> list[dict[str, Any]]:
    _, out = somrr(capsys, home, "audit", "--json")
    return [json.loads(line) for line in out.splitlines()]


def test_acts_views_and_sendings_are_on_record(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """The machine's move, a person's act, a view by who is logged in, a mail that went out."""
    assert somrr(capsys, house.home, "case", "approve", REF, "--by", "Example Staff")[0] == 0
    assert somrr(capsys, house.home, "case", "show", REF)[0] == 0
    owed = house.store.due(house.world().now)
    assert owed is not None
    house.store.record_delivery(owed, Delivery(Outcome.SENT, "250", NOW), None)
    told = [(r["actor"].partition(" ")[0], r["act"], r["subject"]) for r in rows(capsys, house.home)]
    assert told == [
        ("machine", "received to open", REF),
        ("Example", "approve", REF),
        ("user", "view", REF),
        ("machine", f"{owed.event} sent by email", owed.id),
    ]
    code, out = somrr(capsys, house.home, "audit", "verify")
    assert (code, "4 entries, whole" in out) == (0, True)


@pytest.mark.parametrize(
    "done",
    [
        "UPDATE trail SET body = x'00' WHERE seq = 2",
        "UPDATE trail SET at = '2026-01-01T00:00:00.000000Z' WHERE seq = 2",
        "DELETE FROM trail WHERE seq = 2",
        "UPDATE trail SET seq = CASE seq WHEN 2 THEN 30 WHEN 3 THEN 2 ELSE seq END WHERE seq IN (2, 3)",
        "INSERT INTO trail SELECT seq + 1, at, body, hash FROM trail WHERE seq = 4",
        "DELETE FROM trail WHERE seq > 2",
    ],
    ids=["an edit", "another time", "a deletion", "a reordering", "an insertion", "a cut tail"],
)
def test_what_was_done_behind_the_back_shows(
    house: House, done: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind of tampering ends with 65; the cut tail only against the journal."""
    for number in range(3):
        house.store.note("Example Staff", f"act {number}", REF, NOW)
    seq, head = house.store.head()
    journal = json.dumps({"event": events.AUDIT_ANCHORED, "seq": seq, "head": head}) + "\n"
    with house.store.engine.begin() as c:
        c.execute(text(done))
    monkeypatch.setattr("sys.stdin", io.StringIO(f"not JSON\n{journal}"))
    code, out = somrr(capsys, house.home, "audit", "verify", "--journal", "-")
    assert (code, "BROKEN" in out) == (65, True)
    if "seq > 2" in done:
        assert somrr(capsys, house.home, "audit", "verify")[0] == 0


def test_the_daemon_notes_each_head_once(house: House) -> None:
    """In words that `verify` reads back, past the redaction that every log line goes through."""
    from daemon.logs import configure

    stream = io.StringIO()
    configure("json", stream)
    pipeline = Pipeline(house)
    pipeline.anchor()
    pipeline.anchor()
    house.store.note("Example Staff", "view", REF, NOW)
    pipeline.anchor()
    heads = heads_in(stream.getvalue().splitlines())
    assert heads == {entry.seq: entry.hash for entry in house.store.trail()}
    assert len(stream.getvalue().splitlines()) == 2
