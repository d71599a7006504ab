"""`somrr form add`, `list`, `show`: operators register blanks of three languages and are told what was found and what lacks."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import pytest
from reportlab.pdfgen.canvas import Canvas

from daemon.cli import main
from reading.blanks import load_blanks
from tests.servers.signing import LOOKS, TEXTS, form_pdf


def run(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    code = 0
    try:
        main(["--home", str(home), "form", *arguments])
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def kept(tmp_path: Path, pdf: bytes) -> str:
    (tmp_path / "blank.pdf").write_bytes(pdf)
    return str(tmp_path / "blank.pdf")


@pytest.mark.parametrize("language", list(TEXTS))
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_a_blank_is_registered_and_shown(look: object, language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every place is named on the terminal and drawn in its colour on a picture beside the PDF and the TOML."""
    pdf = kept(tmp_path, form_pdf(look, language))  # type: ignore[arg-type]  # a Look
    code, said, _ = run(capsys, tmp_path / "var", "add", pdf, "--kind", "letter_of_agreement", "--language", language)
    assert code == 0
    for place in ("field patient", "signature signature", "date date", "role role", "signature witness"):
        assert f"page 1: {place}" in said
    assert TEXTS[language]["placeholder"] in said
    assert "attention" not in said
    home = tmp_path / "var" / "forms" / f"letter_of_agreement-{language}-1"
    assert sorted(p.name for p in home.iterdir()) == ["blank.pdf", "form.toml", "places-1.png"]
    picture = cv2.imread(str(home / "places-1.png"))
    assert picture is not None
    (blank,) = load_blanks(tmp_path / "var" / "forms")
    for zone in blank.zones:
        left, top, _, _ = zone.box
        corner = picture[round(top * picture.shape[0]), round(left * picture.shape[1])]
        assert int(corner.max()) - int(corner.min()) > 60, zone.name  # coloured: the page is grey


def test_versions_and_languages_stand_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One folder a version and language; `list` tells them, `add` never overwrites."""
    pdf = kept(tmp_path, form_pdf(LOOKS[0]))
    for version in ("2025 spring", "2026"):
        assert run(capsys, tmp_path / "var", "add", pdf, "--kind", "letter_of_agreement", "--version", version)[0] == 0
    code, said, _ = run(capsys, tmp_path / "var", "list")
    assert code == 0
    assert said.splitlines() == [
        "letter_of_agreement-en-2025-spring: letter_of_agreement, version 2025 spring, en, 1 page, 5 places",
        "letter_of_agreement-en-2026: letter_of_agreement, version 2026, en, 1 page, 5 places",
    ]
    code, _, told = run(capsys, tmp_path / "var", "add", pdf, "--kind", "letter_of_agreement", "--version", "2026")
    assert (code, "--version" in told) == (65, True)


def test_what_lacks_is_told_with_what_follows_from_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page of text without lines: registered, and the operator hears that its places must be named in the TOML."""
    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    canvas.drawString(72, 700, "An agreement of several words and no line to sign upon")
    canvas.save()
    code, said, _ = run(capsys, tmp_path / "var", "add", kept(tmp_path, out.getvalue()), "--kind", "letter_of_agreement")
    assert code == 0
    assert said.count("attention:") == 3
    assert "form.toml" in said


def test_a_correction_is_checked_and_drawn_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A good correction is shown; a bad one is exit 78 with the line or key that is wrong and what would be right."""
    run(capsys, tmp_path / "var", "add", kept(tmp_path, form_pdf(LOOKS[0])), "--kind", "letter_of_agreement", "--name", "loa")
    toml = tmp_path / "var" / "forms" / "loa" / "form.toml"
    before = (toml.parent / "places-1.png").read_bytes()
    good = toml.read_text()
    toml.write_text(good.replace('name = "witness"', 'name = "notary"'))
    code, said, _ = run(capsys, tmp_path / "var", "show", "loa")
    assert (code, "signature notary" in said) == (0, True)
    assert (toml.parent / "places-1.png").read_bytes() != before
    for wrong, right in (
        (good.replace('kind = "date"', 'kind = "day"'), "'field', 'signature', 'date' or 'role'"),
        (good.replace("page = 1", "page = 3"), "on a page that blank.pdf does not have"),
        (good.replace("box = [", "box = [7", 1), "fractions of the page"),
        (good.replace('name = "witness"', 'name = "signature"'), "give each its own"),
        (good.replace('kind = "letter_of_agreement"', 'kind = "letter"'), "'letter_of_agreement' or 'informed_consent'"),
        (good + "\nbox = = 3", "at line"),
    ):
        toml.write_text(wrong)
        code, _, told = run(capsys, tmp_path / "var", "show", "loa")
        assert (code, right in told) == (78, True), told


@pytest.mark.parametrize(
    "arguments", [("show", "../loa"), ("show", "none"), ("add", "--kind", "letter_of_agreement", "--name", "trust")]
)
def test_what_can_not_be_is_refused(arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown names, and the name of the folder of trusted signers' certificates."""
    if arguments[0] == "add":
        arguments = ("add", kept(tmp_path, form_pdf(LOOKS[0])), *arguments[1:])
    code, _, told = run(capsys, tmp_path / "var", *arguments)
    assert code == 65
    assert told.strip()
