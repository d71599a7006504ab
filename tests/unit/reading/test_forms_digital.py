"""Digital signatures of returned forms: holding, changed, trusted and misplaced ones told apart, nothing fetched."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from classifiers.forms import FormVerdict, judge
from reading.blanks import Blank, load_blanks, register
from reading.forms import observe
from reading.signatures import Seal, load_anchors, seals
from records.model import Kind, Page, TextSource
from tests.servers import sealing, signing
from tests.servers.signing import LOOKS, TEXTS, form_pdf

SPOT = LOOKS[0].signature
PLACE = (SPOT.x + 4, SPOT.y + 1, SPOT.x + 150, SPOT.y + 26)
ELSEWHERE = (72.0, 60.0, 220.0, 90.0)


def filled(**more: object) -> bytes:
    return form_pdf(LOOKS[0], "en", TEXTS["en"]["replaced"], date="14 March 2026", **more)  # type: ignore[arg-type]  # the form's own


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One registered blank, and the authority that the operator trusts."""
    home = tmp_path_factory.mktemp("forms")
    register(home, "loa", form_pdf(LOOKS[0], "en"), "letter_of_agreement")
    (home / "trust").mkdir()
    (home / "trust" / "authority.pem").write_bytes(sealing.authority())
    return home


@pytest.fixture(scope="module")
def blanks(forms: Path) -> tuple[Blank, ...]:
    return load_blanks(forms)


def verdict(pdf: bytes, blanks: tuple[Blank, ...], forms: Path | None, *, trust_anyone: bool = False) -> FormVerdict:
    from reading.pdf import flattened, layer_words, opened, render

    with opened(pdf) as document, flattened(document, 1) as page:
        seen = observe(render(page, 200), layer_words(page), blanks, None, seals(pdf, load_anchors(forms)), 1)
    pages = [Page(1, "", TextSource.LAYER, form=seen)]
    return judge(Kind.LETTER_OF_AGREEMENT, pages, "en", trust_anyone=trust_anyone)


def said(verdict: FormVerdict) -> tuple[object, set[str]]:
    return verdict.fields["signed"], {f.code for f in verdict.findings}


def test_a_trusted_signature_in_its_place_signs(forms: Path, blanks: tuple[Blank, ...]) -> None:
    """It holds, covers the file, and the operator's authority vouches for its signer: signed, and the evidence says by what."""
    judged = verdict(sealing.sealed(filled(), PLACE, vouched=True), blanks, forms)
    assert said(judged) == ("yes", set())
    assert any("trusted authority" in line for line in judged.evidence)


def test_a_signature_that_nobody_vouches_for_is_doubtful_unless_the_rules_accept_it(
    forms: Path, blanks: tuple[Blank, ...]
) -> None:
    """Anybody can make a certificate: doubtful by default, signed when the programme has said that it suffices."""
    pdf = sealing.sealed(filled(), PLACE)
    assert said(verdict(pdf, blanks, forms)) == ("unclear", {"loa_signature_unclear"})
    assert said(verdict(pdf, blanks, forms, trust_anyone=True)) == ("yes", set())


def test_without_anchors_nobody_is_trusted(blanks: tuple[Blank, ...]) -> None:
    """The default: no folder, no trust, not even in what the machine's own store holds."""
    assert said(verdict(sealing.sealed(filled(), PLACE, vouched=True), blanks, None)) == ("unclear", {"loa_signature_unclear"})


@pytest.mark.parametrize("change", [sealing.changed_later, sealing.forged])
def test_what_was_changed_after_signing_is_doubtful_even_over_pen_ink(
    change: object, forms: Path, blanks: tuple[Blank, ...]
) -> None:
    """A file edited after it was signed, whatever is drawn on the line and whatever the rules accept."""
    pdf = sealing.sealed(filled(ink=signing.signature(4, SPOT)), PLACE, vouched=True)
    judged = verdict(change(pdf), blanks, forms, trust_anyone=True)  # type: ignore[operator]  # one of two functions
    assert said(judged) == ("unclear", {"loa_signature_unclear"})


@pytest.mark.parametrize("box", [ELSEWHERE, None, (0.0, 0.0, 0.0, 0.0)])
def test_a_signature_that_lies_elsewhere_signs_nothing(
    box: tuple[float, float, float, float] | None, forms: Path, blanks: tuple[Blank, ...]
) -> None:
    """A seal beside the form or nowhere on it is no signature in its place; the empty place is then doubtful, not unsigned."""
    judged = verdict(sealing.sealed(filled(), box, vouched=True), blanks, forms)
    assert said(judged) == ("unclear", {"loa_signature_unclear"})


def test_a_witness_signs_digitally_for_nobody(forms: Path, blanks: tuple[Blank, ...]) -> None:
    """A trusted signature in the witness's place leaves the patient's empty."""
    spot = LOOKS[0].witness
    pdf = sealing.sealed(filled(), (spot.x, spot.y, spot.x + 120, spot.y + 24), vouched=True)
    assert said(verdict(pdf, blanks, forms)) == ("no", {"loa_unsigned"})


def test_a_second_signature_does_not_spoil_the_first(forms: Path, blanks: tuple[Blank, ...]) -> None:
    """Witness after patient: what the second added is a signature and nothing else."""
    spot = LOOKS[0].witness
    first = sealing.sealed(filled(), PLACE, vouched=True)
    both = sealing.sealed(first, (spot.x, spot.y, spot.x + 120, spot.y + 24), vouched=True, field="Signature2")
    assert said(verdict(both, blanks, forms)) == ("yes", set())


def test_undated_stays_undated(forms: Path, blanks: tuple[Blank, ...]) -> None:
    """The signature's own clock is the signer's word, not the form's date."""
    pdf = sealing.sealed(form_pdf(LOOKS[0], "en", TEXTS["en"]["replaced"]), PLACE, vouched=True)
    assert said(verdict(pdf, blanks, forms)) == ("yes", {"loa_undated"})


def test_broken_signatures_are_unread_and_never_a_fault(forms: Path) -> None:
    """Signature bytes overwritten, a byte range that lies, no structure at all: answered, not raised."""
    pdf = sealing.sealed(filled(), PLACE)
    start = pdf.index(b"/Contents <") + 11
    anchors = load_anchors(forms)
    assert {s.state for s in seals(pdf[:start] + b"00" * 200 + pdf[start + 400 :], anchors)} <= {"unread", "changed"}
    moved = pdf.replace(b"/ByteRange", b"/ByteRangX", 1) + b"/ByteRange"
    assert all(s.state in ("unread", "changed") for s in seals(moved, anchors))
    assert seals(b"%PDF-1.7 /ByteRange [0 1 2 3]") == (Seal("unread", 0, (0.0, 0.0, 0.0, 0.0)),)
    assert seals(filled()) == ()


def test_nothing_is_fetched_and_no_name_is_written(
    forms: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """No socket is opened, and the library's log does not tell who signed."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was sought")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert [s.state for s in seals(sealing.sealed(filled(), PLACE), load_anchors(forms))] == ["intact"]
    told = capfd.readouterr()
    assert told.out + told.err == ""


def test_a_file_that_is_no_certificate_is_said(tmp_path: Path) -> None:
    """The operator's folder is the operator's: what is no certificate there stops the start."""
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / "note.pem").write_bytes(b"not one")
    with pytest.raises(ValueError):
        load_anchors(tmp_path)


def test_the_library_is_loaded_only_for_signed_files() -> None:
    """A worker that sees no signed PDF does not pay for it."""
    code = "import sys; from reading.signatures import seals; seals(b'%PDF-1.4'); print(any('pyhanko' in m for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
