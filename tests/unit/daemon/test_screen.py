"""What staff see: tables in wide and narrow windows, colour or none, lists in the order of the work, one case on one page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from config.settings import Settings
from daemon import cases, screen
from daemon.cli import main
from daemon.house import House
from daemon.screen import Styled, table
from records.model import Arrival, Channel, Envelope, Event, Kind, Recipient, Update, UpdateStatus
from routing.acts import Act, act
from routing.decide import decide
from tests.makers import NOW, document, incoming, packet, world

OPEN, HELD, SHORT, DONE = (f"SOMRR-00000-00000-{n}" for n in range(1, 5))


def run(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> tuple[int, str]:
    code = 0
    try:
        main(["--config", "/dev/null", "--home", str(home), *arguments])
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out + said.err


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A complete case, one with a doubtful letter, one that lacks all else, and one that was closed."""
    made = House(Settings(home=tmp_path / "home"))
    papers = {
        OPEN: packet(),
        HELD: [document(Kind.LETTER_OF_AGREEMENT, doubtful=("loa_signature_unclear",), name="letter")],
        SHORT: packet()[:1],
        DONE: packet(),
    }
    for number, (ref, documents) in enumerate(papers.items()):
        kept = made.vault.keep([f"{number}".encode()])
        made.store.accept(Arrival("maildir", f"{number}", Envelope(Channel.EMAIL, NOW)), kept, NOW)
        claimed = made.store.claim(NOW)
        assert claimed is not None
        came = replace(incoming(documents), submission=claimed)
        made.store.commit(decide(came, (), world(settled=True, ref=ref)), NOW)
    record = made.store.record(DONE)
    assert record is not None
    made.store.commit(act(record, Act("close", "Example Staff"), world()), NOW)
    yield made
    made.close()


def window(monkeypatch: pytest.MonkeyPatch, width: int, *, colour: bool = False) -> None:
    made = Console(highlight=False, width=width, force_terminal=colour, color_system="standard" if colour else None)
    monkeypatch.setattr(screen, "console", lambda: made)


def test_a_table_keeps_what_matters_in_a_narrow_window(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can be spared goes, the first named first; a reference is never broken, and no line is wider than the window."""
    rows = [[OPEN, "open", "look through it and approve", "informed_consent"]]
    for width, left in ((120, 4), (75, 3), (50, 2)):
        window(monkeypatch, width)
        table("Cases", ("!reference", "status", "next", "missing"), rows, "", spare=("missing", "status"))
        said = capsys.readouterr().out
        assert OPEN in said
        assert [name in said for name in ("informed_consent", "status")] == [left > 3, left > 2]
        assert max(map(len, said.splitlines())) <= width


@pytest.mark.parametrize("rows", [3, screen.MANY_ROWS + 1])
def test_colour_is_for_terminals_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rows: int) -> None:
    """In a pipe, or where it is not wished, the words stand bare, in short lists and in long ones; [marks] mean nothing."""
    cells = [[Styled("[red]open", "bold yellow"), "x"]] * rows
    for colour in (True, False):
        window(monkeypatch, 100, colour=colour)
        table("T", ("a", "b"), cells, "")
        said = capsys.readouterr().out
        assert said.count("[red]open") == rows
        assert ("\x1b[" in said) is colour


def test_no_color_is_minded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The convention of no-color.org."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert screen.console().no_color


@pytest.mark.parametrize("rows", [1, screen.MANY_ROWS + 1])
def test_no_word_of_a_stranger_steers_the_terminal(rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes that set a title, write the clipboard or overwrite a line are left out, in their seven and eight bit forms."""
    hostile = "a\x1b]52;c;QUJD\x07b\x9b2Jc\rd\x08e"
    table("Things", ("name", "seen"), [(hostile, Styled(hostile, "red"))] * rows, "none")
    screen.say(hostile)
    said = capsys.readouterr().out
    assert said.count("a]52;c;QUJDb2Jcde") == 2 * rows + 1
    assert not set(said) & set("\x1b\x07\x9b\r\x08")


def test_the_list_begins_with_what_waits_for_staff(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Then what waits for others; what is finished is counted, and shown when asked for."""
    said = run(capsys, house.home, "cases")[1]
    places = [said.index(ref) for ref in (OPEN, HELD, SHORT)]
    assert places[2] == max(places)
    assert DONE not in said
    assert "1 finished: somrr cases --all" in said
    assert "1 in quarantine" in said
    assert DONE in run(capsys, house.home, "cases", "--all")[1]
    assert DONE in run(capsys, house.home, "cases", "--status", "closed")[1]
    rows = [json.loads(line) for line in run(capsys, house.home, "cases", "--json")[1].splitlines()]
    assert [row["ref"] for row in rows][2:] == [SHORT, DONE]
    assert [row["waits"]["for"] for row in rows] == ["staff", "staff", "sender", "nobody"]


def test_what_could_not_be_told_is_staffs_turn() -> None:
    """A case that waits for its sender waits for staff when the sender does not know."""
    waits = {"for": "sender", "what": "missing", "since": "2026-03-04T18:00:00Z", "count": 1}
    lines: list[dict[str, Any]] = [{"ref": ref, "status": "rejected", "waits": waits} for ref in (OPEN, HELD)]
    owed = Update("u", HELD, Event.REJECTED, Recipient.SUBMITTER, "email", None, "en", NOW, status=UpdateStatus.WITHHELD)
    first, second = cases.queue(lines, [owed])
    assert (first["ref"], first["waits"]["for"], first["waits"]["what"], first["untold"]) == (HELD, "staff", "untold", ["u"])
    assert second["waits"] == waits


def test_one_case_on_one_page(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Whose turn it is with its command, the whole checklist, papers with what was seen, what waits, what happened."""
    said = run(capsys, house.home, "case", "show", HELD)[1]
    for part in (
        "1 in quarantine",
        "somrr quarantine",
        "letter of agreement",
        "missing",
        "Documents (1)",
        "seen",
        "In quarantine",
    ):
        assert part in said
    assert "informed consent" in said
    open_one = run(capsys, house.home, "case", "show", OPEN)[1]
    assert f"somrr case approve {OPEN} --by NAME" in open_one
    assert "every required item is present and valid" in open_one
    assert len(open_one.splitlines()) <= 50
    assert max(map(len, open_one.splitlines())) <= screen.PIPE_WIDTH


def test_a_fact_is_stated_and_taken_back_with_author_and_reason(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """R3, R15, R34: delivery, the pathology fee, a further charge; what was not stated can not be taken back."""
    by = ("--by", "Example Staff")
    for words in (("delivery", "written"), ("fee", "waived"), ("charge", "none")):
        assert run(capsys, house.home, "case", words[0], OPEN, words[1], *by, "--why", "a call")[0] == 0
    (row,) = [json.loads(line) for line in run(capsys, house.home, "case", "show", OPEN, "--json")[1].splitlines()]
    assert row["delivery"] == "written"
    assert {(f["value"], f["by"], f["why"]) for f in row["facts"].values()} == {
        (value, "Example Staff", "a call") for value in ("written", "waived", "none")
    }
    assert run(capsys, house.home, "case", "delivery", OPEN, "nonsense", *by)[0] == 64
    assert run(capsys, house.home, "case", "unset", OPEN, "delivery", *by)[0] == 0
    code, told = run(capsys, house.home, "case", "unset", OPEN, "delivery", *by)
    assert code == 65
    assert "nothing of this case was set by `delivery`" in told


def test_things_from_a_parcel_are_counted(house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """R21: the same file twice is said so; an empty folder and a disposed or unknown case take nothing."""
    by = ("--by", "Example Staff")
    (tmp_path / "disc").mkdir()
    assert run(capsys, house.home, "courier", OPEN, *by, "--item", "disc", str(tmp_path / "disc"))[0] == 65
    (tmp_path / "disc" / "IM1").write_bytes(b"image")
    said = [run(capsys, house.home, "courier", OPEN, *by, "--item", "disc", str(tmp_path / "disc")) for _ in range(2)]
    assert [code for code, _ in said] == [0, 0]
    assert ["had come before" in told for _, told in said] == [False, True]
    run(capsys, house.home, "courier", OPEN, *by, "--item", "slides", "--count", "4")
    (row,) = [json.loads(line) for line in run(capsys, house.home, "case", "show", OPEN, "--json")[1].splitlines()]
    assert row["courier"] == {"disc": 2, "slides": 4}
    assert run(capsys, house.home, "courier", "SOMRR-99999-99999-9", *by, "--item", "disc")[0] == 65
