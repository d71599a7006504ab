"""`somrr customs` prints the wording, and a page that prints it."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest

from classifiers.customs import judge_customs
from tests.unit.daemon.test_cli import run


def test_the_wording_is_what_the_check_asks_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All six clauses, the organ named, and no state directory made for it."""
    home = tmp_path / "var"
    code, said, _ = run(capsys, "--home", str(home), "customs", "--organ", "left  breast")
    assert code == 0
    verdict = judge_customs(said)
    assert (verdict.fields, verdict.findings) == ({"organ": "left breast", "value_usd": 1.0}, ())
    assert not home.exists()


@pytest.mark.parametrize("organ", ["left breast", "útero (cérvix)", "Schilddrüse"])
def test_the_page_says_the_same(organ: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its text is text, inside the margins of A4 and Letter; the same words give the same bytes."""
    pages = [tmp_path / name for name in ("one.pdf", "two.pdf")]
    for path in pages:
        assert run(capsys, "customs", "--organ", organ, "--pdf", str(path))[0] == 0
    assert pages[0].read_bytes() == pages[1].read_bytes()
    page = pypdfium2.PdfDocument(pages[0])[0]
    text = page.get_textpage()
    words = " ".join(text.get_text_bounded().split())
    assert f"taken from the {organ} which are" in words
    assert judge_customs(words.replace("(cérvix)", "")).findings == ()
    boxes = [text.get_charbox(n) for n in range(text.count_chars())]
    assert min(box[0] for box in boxes if box[2] > box[0]) >= 72
    assert max(box[2] for box in boxes) <= 595 - 71


@pytest.mark.parametrize("organ", ["", "  ", "____", "12", "a" * 61, "liver\x07"])
def test_what_names_no_organ_is_refused(organ: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A blank is what the wording must not have."""
    code, said, why = run(capsys, "customs", "--organ", organ)
    assert (code, said) == (65, "")
    assert "organ" in why


@pytest.mark.parametrize("organ", ["печень", "肝臓", "كبد", "łokieć"])
def test_letters_that_the_page_does_not_have_are_refused(organ: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Never boxes: the page is not written, and the command says what to do."""
    path = tmp_path / "page.pdf"
    code, _, why = run(capsys, "customs", "--organ", organ, "--pdf", str(path))
    assert (code, path.exists()) == (65, False)
    assert "Latin letters" in why


def test_a_page_that_can_not_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback for a folder that is not there."""
    code, _, why = run(capsys, "customs", "--organ", "liver", "--pdf", str(tmp_path / "no" / "page.pdf"))
    assert code == 65
    assert "could not be written" in why
