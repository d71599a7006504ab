"""The command line is a contract: names, JSON and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.staff import case


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    code = 0
    try:
        main(list(arguments))
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("command", ["cases", "quarantine", "outbox", "arrivals"])
def test_an_empty_house_answers_empty(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing yet is exit 0, no JSON line, and for people a sentence that says so."""
    assert run(capsys, "--home", str(tmp_path / "var"), command, "--json")[:2] == (0, "")
    code, said, _ = run(capsys, "--home", str(tmp_path / "var"), command)
    assert code == 0
    assert said.strip()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["no-such-command"], 64),
        (["cases", "--status", "nonsense"], 64),
        (["case", "approve", "SOMRR-00000-00000-0"], 64),
        (["case", "show", "SOMRR-00000-00000-0"], 65),
        (["quarantine", "show", "nothing"], 65),
        (["outbox", "retry", "nothing"], 65),
    ],
)
def test_exit_codes_are_sysexits(arguments: list[str], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each fault has its code and one line on standard error that says what to do."""
    found, out, err = run(capsys, "--home", str(tmp_path / "var"), *arguments)
    assert (found, out) == (code, "")
    assert err.strip()


def test_a_configuration_fault_is_exit_78_and_names_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt key stops the command and names its place."""
    settings = tmp_path / "somrr.toml"
    settings.write_text("[mailbox]\nhots = 'imap.example.org'\n")
    code, _, err = run(capsys, "--config", str(settings), "cases")
    assert code == 78
    assert "hots" in err
    assert "host" in err


def test_every_act_of_the_contract_is_there() -> None:
    """The acts that staff's scripts may call."""
    named = set(case.commands)
    contract = "show approve begin complete close transfer reopen pay physician prefer pathology video return hold unhold note"
    assert set(contract.split()) <= named


def test_read_answers_for_whatever_it_is_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object a file, a problem instead of a traceback, exit 0."""
    (tmp_path / "empty.pdf").write_bytes(b"")
    (tmp_path / "note.txt").write_text("Discharge summary\nDiagnosis: example\nHospital course: uneventful\n")
    paths = [str(tmp_path / name) for name in ("empty.pdf", "note.txt", "absent.pdf")]
    code, out, _ = run(capsys, "--home", str(tmp_path / "var"), "read", "--json", *paths)
    answers = [json.loads(line) for line in out.splitlines()]
    assert (code, [a["path"] for a in answers]) == (0, paths)
    assert [p["code"] for p in answers[0]["problems"]] == ["empty_file"]
    assert answers[1]["documents"][0]["pages"] == [1]
    assert [p["code"] for p in answers[2]["problems"]] == ["unreadable_file"]
    assert not (tmp_path / "var").exists(), "reading keeps nothing"


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """The first screen says what to type."""
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "somrr once --settled" in out
