"""States with more than one sheet, or another than the registered letter: versions, lost and mixed pages, other houses."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import pikepdf
from reportlab.pdfgen.canvas import Canvas

from fixtures.forms import draw
from fixtures.people import Calendar
from fixtures.returned import STATES as RETURNED
from fixtures.returned import filled
from tests.campaign import sheets
from tests.campaign.states import DAYS, EITHER, NEVER, PAPER, PASS, TODAY, Entry, state
from tests.servers import sealing, signing
from tests.servers.signing import TEXTS, Draw, Look, Spot

SHEETS = ("text", *PAPER)  # ways that many pages may come by
OTHERS = {
    "en": "SYNTHETIC PATIENT OMEGA, born 1938-10-27",
    "es": "PACIENTE SINTETICO OMEGA, nacido 1938-10-27",
    "ar": "شخص افتراضي أوميغا، تاريخ الميلاد 1938-10-27",
}


@dataclass(frozen=True, slots=True)
class Pack:
    """Several pages as one file."""

    pages: tuple[bytes, ...]

    def form(self, _look: Look, _language: str, *, ink: bool = True) -> bytes:
        assert ink  # no way that takes the pen's strokes apart is taken by packs
        return sheets.bound(self.pages)


def _long(
    language: str, seed: int, version: str = "2026", field: str | None = "", *, date: bool = True, signed: bool = True
) -> tuple[bytes, bytes]:
    """A two-page letter, complete but for what is left out."""
    ink = (signing.signature(seed, sheets.LOOK.of(language).signature),) if signed else ()
    field = TEXTS[language]["replaced"] if field == "" else field
    return sheets.long_form(language, version, field, DAYS[language] if date else "", ink=ink)


@cache
def consent(language: str) -> tuple[bytes, ...]:
    """The pages of a complete consent, one PDF each."""
    whole = draw("consent", language, filled(RETURNED[0], "consent", language, Calendar.of(TODAY), seed=3))[0]
    return split(whole)


def split(whole: bytes) -> tuple[bytes, ...]:
    """A PDF's pages, one PDF each."""
    made = []
    with pikepdf.open(io.BytesIO(whole)) as document:
        if len(document.pages) == 1:
            return (whole,)
        for page in document.pages:
            single, out = pikepdf.new(), io.BytesIO()
            single.pages.append(page)
            single.save(out, deterministic_id=True)
            made.append(out.getvalue())
    return tuple(made)


# --- versions --------------------------------------------------------------------------------------------------------


@state(PASS, ways=SHEETS, version="2026")
def two_pages(_look: Look, language: str, seed: int) -> Pack:
    """The current version of a letter of two pages, complete; an older and a withdrawn one are registered as well."""
    return Pack(_long(language, seed))


@state(PASS, ways=SHEETS, version="2025")
def older_version(_look: Look, language: str, seed: int) -> Pack:
    """An older version that is still accepted."""
    return Pack(_long(language, seed, "2025"))


@state(NEVER, ways=SHEETS, version="2024")
def withdrawn_version(_look: Look, language: str, seed: int) -> Pack:
    return Pack(_long(language, seed, "2024"))


@state(NEVER, ways=SHEETS)
def versions_mixed(_look: Look, language: str, seed: int) -> Pack:
    """The first page of one version and the second of another."""
    return Pack((_long(language, seed, "2025")[0], _long(language, seed, "2026")[1]))


# --- pages -----------------------------------------------------------------------------------------------------------


@state(NEVER, ways=SHEETS)
def first_page_only(_look: Look, language: str, seed: int) -> Pack:
    return Pack(_long(language, seed)[:1])


@state(NEVER, ways=SHEETS)
def last_page_only(_look: Look, language: str, seed: int) -> Pack:
    return Pack(_long(language, seed)[1:])


@state(PASS, ways=SHEETS)
def pages_reversed(_look: Look, language: str, seed: int) -> Pack:
    return Pack(_long(language, seed)[::-1])


@state(PASS, ways=SHEETS, kinds=("letter_of_agreement", "informed_consent"))
def two_forms_shuffled(_look: Look, language: str, seed: int) -> Pack:
    """Letter and consent, their pages in turn, the second ones first."""
    first, second = _long(language, seed)
    one, two = consent(language if language in ("en", "es") else "en")
    return Pack((second, two, first, one))


@state(EITHER, ways=SHEETS)
def page_twice(_look: Look, language: str, seed: int) -> Pack:
    """The first page lies twice in the file."""
    first, second = _long(language, seed)
    return Pack((first, first, second))


@state(NEVER, ways=SHEETS)
def two_people_tangled(_look: Look, language: str, seed: int) -> Pack:
    """Two patients' letters, first pages first: whose second page is whose?"""
    mine, theirs = _long(language, seed), _long(language, seed + 31, field=OTHERS[language])
    return Pack((mine[0], theirs[0], mine[1], theirs[1]))


@state(NEVER, ways=SHEETS)
def second_page_unsigned(_look: Look, language: str, seed: int) -> Pack:
    return Pack(_long(language, seed, signed=False))


@state(NEVER, ways=SHEETS)
def second_page_undated(_look: Look, language: str, seed: int) -> Pack:
    return Pack(_long(language, seed, date=False))


@state(NEVER, ways=SHEETS)
def first_page_unreplaced(_look: Look, language: str, seed: int) -> Pack:
    return Pack(_long(language, seed, field=None))


# --- other sheets ----------------------------------------------------------------------------------------------------


def _signed(lines: Sequence[str], labels: Sequence[str], language: str, seed: int) -> Pack:
    ink = (signing.signature(seed, sheets.LOOK.of(language).signature),)
    return Pack((sheets.letter(lines, labels, language, DAYS[language], ink),))


@state(NEVER, ways=SHEETS)
def home_made_letter(_look: Look, language: str, seed: int) -> Pack:
    """A letter in the sender's own words, signed and dated, that names the programme."""
    return _signed(sheets.HOME_MADE[language], sheets.LABELS["plain"][language], language, seed)


@state(NEVER, ways=SHEETS)
def other_programme(_look: Look, language: str, seed: int) -> Pack:
    """Another house's form, complete."""
    text = TEXTS[language]
    labels = [text[name] for name in ("signature", "date", "witness", "role")]
    return _signed(sheets.OTHER_HOUSE[language], labels, language, seed)


@state(NEVER, ways=SHEETS)
def unregistered_language(_look: Look, language: str, seed: int) -> Pack:
    """The programme's letter in French, Italian or Persian, complete; no blank of that language is registered."""
    return _signed(sheets.UNREGISTERED[language], sheets.LABELS["unregistered"][language], language, seed)


@state(NEVER)
def another_patient(_look: Look, language: str, _seed: int) -> dict[str, object]:
    """The field names somebody else than the papers that came with the form."""
    return {"field": OTHERS[language]}


@state(NEVER)
def another_birth_date(_look: Look, language: str, _seed: int) -> dict[str, object]:
    return {"field": TEXTS[language]["replaced"].replace("1961-04-03", "1987-12-25")}


# --- digital signatures ----------------------------------------------------------------------------------------------


def _shown(spot: Spot) -> Draw:
    """What a signing program prints in a signature's place."""

    def draw_it(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 7)
        for row, line in enumerate(("Digitally signed by Synthetic Patient", "Date: 2026.03.14 10:22:33 +01'00'")):
            canvas.drawString(spot.x + 4, spot.y + 14 - 8 * row, line)

    return draw_it


@state(NEVER)
def seal_shown(look: Look, _language: str, _seed: int) -> dict[str, object]:
    """A picture of a digital signature, without one: name and time in print."""
    return {"ink": (), "dirt": (_shown(look.signature),)}


@state(NEVER)
def seal_shown_inked(look: Look, _language: str, seed: int) -> dict[str, object]:
    """The same with a picture of handwriting, as signing programs put beside it."""
    half = Spot(look.signature.x + 80, look.signature.y, look.signature.width - 80)
    return {"ink": (signing.signature(seed, half),), "dirt": (_shown(look.signature),)}


def _sealed(look: Look, language: str, vouched: bool) -> Pack:
    spot = look.signature  # already the mirrored one where the language asks for it
    left_to_right = next(each for each in signing.LOOKS if each.name == look.name)
    pdf = Entry(TEXTS[language]["replaced"], DAYS[language]).form(left_to_right, language)
    box = (spot.x + 4, spot.y + 1, spot.x + spot.width - 4, spot.y + 34)
    return Pack((sealing.sealed(pdf, box, vouched),))


@state(PASS, ways=SHEETS, on_paper=NEVER)
def sealed_trusted(look: Look, language: str, _seed: int) -> Pack:
    """A digital signature in its place that a trusted authority vouches for; printed or photographed it proves nothing."""
    return _sealed(look, language, vouched=True)


@state(NEVER, ways=SHEETS)
def sealed_unvouched(look: Look, language: str, _seed: int) -> Pack:
    return _sealed(look, language, vouched=False)
