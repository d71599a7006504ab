"""A card number that arrived is nowhere but in the sealed original (R12)."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from tests.unit.daemon.test_cli import run

NUMBER = "4111 1111 1111 1111"  # an issuer's public test number


def paper() -> bytes:
    """A credit-card form of an older programme page."""
    written = io.BytesIO()
    canvas = Canvas(written, invariant=True)
    for place, line in enumerate(
        ("CREDIT CARD AUTHORIZATION FORM", f"Card number: {NUMBER}", "Expiration date: 12/29", "CVV: 123")
    ):
        canvas.drawString(72, 740 - 20 * place, line)
    canvas.save()
    return written.getvalue()


def test_a_card_number_is_masked_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command, the ledger, the logs, and the quarantine's words; there is no picture of the page."""
    home, name = str(tmp_path / "var"), f"visa {NUMBER}.pdf"
    said = [*run(capsys, "--home", home, "once")[1:]]
    (tmp_path / name).write_bytes(paper())
    (tmp_path / "var" / "fax" / name).write_bytes(paper())
    settings = tmp_path / "somrr.toml"
    settings.write_text("[fax]\nquiet_seconds = 0\n")
    said += run(capsys, "--config", str(settings), "--home", home, "once", "--settled")[1:]
    held = run(capsys, "--home", home, "quarantine", "--json")[1]
    assert '"payment_card"' in held
    for command in (["quarantine"], ["arrivals"], ["arrivals", "--json"], ["cases", "--json"], ["read", str(tmp_path / name)]):
        said += run(capsys, "--home", home, *command)[1:]
    said += [held, *run(capsys, "--home", home, "read", "--json", str(tmp_path / name))[1:]]
    identity = held.partition('"id": "')[2].partition('"')[0]
    said += run(capsys, "--home", home, "quarantine", "show", identity)[1:]
    said += run(capsys, "--home", home, "quarantine", "discard", identity, "--by", "Staff Example", "--why", f"card {NUMBER}")[1:]
    assert not [words for words in said if NUMBER in words or NUMBER.replace(" ", "") in words]
    folder = [path for path in (tmp_path / "var" / "quarantine").glob("*/*") if path.is_file()]
    assert {path.stem for path in folder} == {"original", "WHY"}
    assert NUMBER not in next(path for path in folder if path.name == "WHY.txt").read_text()
    ledger = [path for path in (tmp_path / "var").iterdir() if path.is_file()]
    assert ledger
    for path in ledger:
        assert NUMBER.encode() not in path.read_bytes().replace(name.encode(), b"")
