"""Registering the programme's blanks: places found by themselves, kept as TOML, read again, refused when unfit."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from reportlab.pdfgen.canvas import Canvas

from reading.blanks import find_zones, load_blanks, register
from reading.ink import FRAME
from records.errors import ConfigurationError, RefusedError
from records.model import Zone
from tests.servers.signing import LETTER, LOOKS, TEXTS, Look, Spot, form_pdf

KIND = "letter_of_agreement"


def holds(zone: Zone, spot: Spot) -> bool:
    """Does the zone hold the place where one writes on the line of `spot`?"""
    x, y = (spot.x + spot.width / 2) / LETTER[0], 1 - (spot.y + 6) / LETTER[1]
    return zone.box[0] < x < zone.box[2] and zone.box[1] < y < zone.box[3]


def drawn(*pages: tuple[tuple[float, float, str], ...], boxes: tuple[tuple[float, float, float, float], ...] = ()) -> bytes:
    """Pages with words at points (origin bottom left)."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=LETTER, invariant=1)
    for page in pages:
        for box in boxes:
            canvas.rect(*box)
        for x, y, words in page:
            canvas.drawString(x, y, words)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


@pytest.mark.parametrize("language", list(TEXTS))
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_places_are_found_by_themselves(look: Look, language: str) -> None:
    """Highlight, signature, date, relationship and witness: found beside, over and under their labels, and in cells."""
    zones = {zone.name: zone for zone in find_zones(form_pdf(look, language))}
    assert {name: zone.kind for name, zone in zones.items()} == {
        "patient": "field", "signature": "signature", "date": "date", "role": "role", "witness": "signature",
    }  # fmt: skip
    assert zones["patient"].placeholder == TEXTS[language]["placeholder"]
    for name in ("signature", "date", "role", "witness"):
        assert holds(zones[name], getattr(look.of(language), name)), name
        others = [getattr(look.of(language), other) for other in ("signature", "date", "role", "witness") if other != name]
        assert not any(holds(zones[name], spot) for spot in others), name


def test_a_bracketed_field_needs_no_highlight() -> None:
    """Words in brackets that speak of the patient are a field by themselves."""
    zones = find_zones(drawn(((72, 700, "I, [PATIENT FULL NAME], agree to the review of my records."), (72, 600, "Signature: "))))
    assert [(z.name, z.kind, z.placeholder) for z in zones] == [
        ("patient", "field", "[PATIENT FULL NAME],"), ("signature", "signature", ""),
    ]  # fmt: skip


def test_underscores_and_open_space_are_places_too() -> None:
    """A line typed as underscores, and a label with nothing behind it."""
    zones = find_zones(drawn(((72, 600, "Firma del paciente: ______________________"), (72, 500, "Fecha:"))))
    assert {z.name: z.kind for z in zones} == {"signature": "signature", "date": "date"}
    assert next(z for z in zones if z.kind == "signature").box[0] > 170 / LETTER[0]


def test_running_text_and_dates_of_birth_are_no_places() -> None:
    """Sentences about signing, a date of birth, the printed name of the signer ask for no signature and no date."""
    page = (
        (72, 700, "Please sign and date this letter of agreement before you return it to our office."),
        (72, 600, "Date of birth: ______________"),
        (72, 560, "Printed name of signer: ______________"),
    )
    assert find_zones(drawn(page)) == ()


def test_a_heading_says_whose_signature_is_asked_for() -> None:
    """Two columns under "Patient" and "Witness", each with a bare "Signature": the witness does not sign for the patient."""
    page = [(x, y, words) for x, who in ((72, "Patient"), (330, "Witness")) for y, words in (
        (400, who), (370, "Signature: ____________"), (330, "Date: ____________"))]  # fmt: skip
    assert [z.name for z in find_zones(drawn(tuple(page)))] == ["signature", "witness", "date", "witness_date"]


def test_a_highlight_that_shows_where_to_sign_is_no_field() -> None:
    """Yellow over the line for the signature and for the date: nothing to be replaced there."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=LETTER, invariant=1)
    canvas.drawString(72, 700, "An agreement of some words for the patient")
    canvas.setFillColorRGB(1, 0.95, 0.3)
    canvas.rect(140, 590, 200, 16, stroke=0, fill=1)
    canvas.setFillColorRGB(0, 0, 0)
    canvas.drawString(72, 594, "Signature:")
    canvas.line(140, 592, 340, 592)
    canvas.save()
    assert [(z.name, z.kind) for z in find_zones(out.getvalue())] == [("signature", "signature")]


def test_a_version_may_be_withdrawn(tmp_path: Path) -> None:
    """The TOML says what may be changed; `withdrawn = true` is what operators set."""
    toml = register(tmp_path, "loa", form_pdf(LOOKS[0]), KIND) / "form.toml"
    assert not load_blanks(tmp_path)[0].withdrawn
    toml.write_text(toml.read_text().replace("withdrawn = false", "withdrawn = true"))
    assert load_blanks(tmp_path)[0].withdrawn


def test_each_page_has_its_places_under_names_of_their_own() -> None:
    """A second signature on the second page does not hide the first."""
    page = ((72, 600, "Signature of patient: ____________________"),)
    assert [(z.name, z.page) for z in find_zones(drawn(page, page))] == [("signature", 1), ("signature_2", 2)]


def test_declared_form_fields_are_places() -> None:
    """A signature field, and text fields whose names say what for, are found without any printed label."""
    document = pikepdf.open(io.BytesIO(drawn(((72, 700, "An agreement of some words, and no label at all"),))))
    page, fields = document.pages[0], []
    asked = (
        ("PatientSignature", "/Sig", (72, 500, 300, 530)),
        ("date_signed", "/Tx", (350, 500, 450, 530)),
        ("Notes", "/Tx", (72, 100, 300, 200)),
    )
    for name, kind, rect in asked:
        widget = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name(kind), F=4)
        widget.T, widget.Rect = name, list(rect)
        fields.append(document.make_indirect(widget))
    page.Annots = pikepdf.Array(fields)
    document.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(fields))
    out = io.BytesIO()
    document.save(out)
    zones = {z.name: z for z in find_zones(out.getvalue())}
    assert {name: zone.kind for name, zone in zones.items()} == {"signature": "signature", "date": "date"}
    assert zones["signature"].box == pytest.approx((72 / 612, 1 - 530 / 792, 300 / 612, 1 - 500 / 792))


def test_registering_writes_what_loading_reads(tmp_path: Path) -> None:
    """The folder holds the PDF byte for byte and a TOML that operators can correct; loading gives a page's all."""
    pdf = form_pdf(LOOKS[0], "es")
    home = register(tmp_path / "forms", "loa-es", pdf, KIND, "2026-01", "es")
    assert home == tmp_path / "forms" / "loa-es"
    assert (home / "blank.pdf").read_bytes() == pdf
    entry = tomllib.loads((home / "form.toml").read_text(encoding="utf-8"))
    assert (entry["kind"], entry["version"], entry["language"]) == (KIND, "2026-01", "es")
    (blank,) = load_blanks(tmp_path / "forms")
    assert (blank.name, blank.kind, blank.version, blank.language, blank.page, blank.pages) == (
        "loa-es",
        KIND,
        "2026-01",
        "es",
        1,
        1,
    )
    assert blank.image.dtype == np.uint8
    assert blank.image.shape == (round(FRAME * LETTER[1] / LETTER[0]), FRAME)
    assert "médicos" in {word.text for word in blank.words}
    assert [z.name for z in blank.zones] == [z.name for z in find_zones(pdf)]
    assert [p.name for p in (tmp_path / "forms").iterdir()] == ["loa-es"]


def test_operators_may_correct_the_toml(tmp_path: Path) -> None:
    """A zone named and boxed by hand is what counts."""
    home = register(tmp_path, "loa", form_pdf(LOOKS[0]), KIND)
    toml = 'kind = "letter_of_agreement"\n[[zones]]\nname = "patient"\nkind = "field"\npage = 1\nbox = [0.1, 0.2, 0.3, 0.4]\n'
    (home / "form.toml").write_text(toml)
    assert load_blanks(tmp_path)[0].zones == (Zone("patient", "field", 1, (0.1, 0.2, 0.3, 0.4)),)


def test_no_folder_is_no_blanks(tmp_path: Path) -> None:
    """Nothing registered is not a fault; strangers' files in the folder are passed over."""
    assert load_blanks(None) == load_blanks(tmp_path / "none") == ()
    (tmp_path / "README").write_text("for people")
    (tmp_path / "empty").mkdir()
    assert load_blanks(tmp_path) == ()


@pytest.mark.parametrize(
    "toml", ["kind = ", 'kind = "x"\nunknown = 1', 'kind = "x"\n[[zones]]\nname = "a"\nkind = "spell"\nbox = [0,0,1,1]']
)
def test_a_blank_that_can_not_be_used_stops_the_start(toml: str, tmp_path: Path) -> None:
    """Broken TOML, unknown keys and kinds: a configuration fault that names the form and quotes nothing."""
    home = register(tmp_path, "loa", form_pdf(LOOKS[0]), KIND)
    (home / "form.toml").write_text(toml)
    with pytest.raises(ConfigurationError, match="form_unusable: loa"):
        load_blanks(tmp_path)


def test_a_broken_pdf_of_a_blank_stops_the_start(tmp_path: Path) -> None:
    """The same for the PDF beside it."""
    (register(tmp_path, "loa", form_pdf(LOOKS[0]), KIND) / "blank.pdf").write_bytes(b"%PDF-1.4 not any more")
    with pytest.raises(ConfigurationError, match="form_unusable"):
        load_blanks(tmp_path)


@pytest.mark.parametrize("name", ["", "..", "a/b", "Caps", "-x", "x" * 65, ".new"])
def test_names_that_are_none_are_refused(name: str, tmp_path: Path) -> None:
    """A form's name is a folder's name, and nothing else."""
    with pytest.raises(RefusedError, match="form_name"):
        register(tmp_path, name, form_pdf(LOOKS[0]), KIND)
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_given_once(tmp_path: Path) -> None:
    """Registering again does not overwrite what operators corrected."""
    home = register(tmp_path, "loa", form_pdf(LOOKS[0]), KIND)
    (home / "form.toml").write_text("corrected")
    with pytest.raises(RefusedError, match="form_exists"):
        register(tmp_path, "loa", form_pdf(LOOKS[1]), KIND)
    assert (home / "form.toml").read_text() == "corrected"


@pytest.mark.parametrize(("pdf", "code"), [(b"no PDF", "form_unreadable"), (drawn(()), "form_no_text")])
def test_what_is_no_blank_is_refused(pdf: bytes, code: str, tmp_path: Path) -> None:
    """No PDF, or a scan without text: said at once, and nothing is left behind."""
    with pytest.raises(RefusedError, match=code):
        register(tmp_path, "loa", pdf, KIND)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault between the files takes the half-made folder away."""

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        register(tmp_path, "loa", form_pdf(LOOKS[0]), KIND)
    assert list(tmp_path.iterdir()) == []
