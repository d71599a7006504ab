"""The states in which a form comes back, and what may be said of each: never `pass` of one that must not open a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, cast

from reportlab.pdfgen.canvas import Canvas

from tests.servers import signing
from tests.servers.signing import TEXTS, Draw, Look, Spot

DAYS = {"en": "14 March 2026", "es": "14 de marzo de 2026", "ar": "14/03/2026"}
TODAY = date(2026, 11, 24)
PAPER = ("scan", "fax", "fax noisy", "fax coarse", "photo", "photo dim")
DAY, BORN = "2026-03-14", "1961-04-03"
RELATIVES = {"en": "Mother", "es": "Madre", "ar": "والدة"}
TYPED = {"en": "Synthetic Patient Alpha", "es": "Paciente Sintetico Beta", "ar": "مريض تجريبي ألفا"}
PASS, EITHER, NEVER = "pass", "either", "never"  # what a form in a state may come to: open, open or doubt, never open


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands on one form."""

    field: str | None
    date: str = ""
    role: str = ""
    typed: str = ""
    flow: float = 0.0
    ink: tuple[Draw, ...] = ()
    dirt: tuple[Draw, ...] = ()  # what no pen drew: it comes upon paper only

    def form(self, look: Look, language: str, *, ink: bool = True) -> bytes:
        """The sheet as PDF; `ink` False leaves the pen's strokes for a later hand."""
        draws = (self.ink if ink else ()) + self.dirt
        drawn = signing.all_of(*draws) if draws else None
        return signing.form_pdf(look, language, self.field, drawn, self.role, self.typed, self.date, self.flow)


class Sheets(Protocol):
    """What stands on the sheet or sheets of one file."""

    def form(self, look: Look, language: str, *, ink: bool = True) -> bytes: ...


Make = Callable[[Look, str, int], Any]  # how a form differs from a complete one, or sheets of its own


@dataclass(frozen=True, slots=True)
class State:
    """A state of the campaign."""

    verdict: str  # what a form in it may come to
    make: Make
    on_paper: str  # the same where it came as pixels
    ways: tuple[str, ...]  # by which it may come; all when empty
    kinds: tuple[str, ...]  # of form that are judged
    version: str  # of the form that must be named, "": the one there is

    def may(self, way: str) -> str:
        return self.on_paper if way in PAPER else self.verdict


STATES: dict[str, State] = {}


def state(
    verdict: str,
    *,
    on_paper: str = "",
    ways: tuple[str, ...] = (),
    kinds: tuple[str, ...] = ("letter_of_agreement",),
    version: str = "",
) -> Callable[[Make], Make]:
    """Registers how a state differs from a complete form; `verdict` is what it may come to."""

    def kept(make: Make) -> Make:
        STATES[make.__name__.replace("_", "-")] = State(verdict, make, on_paper or verdict, ways, kinds, version)
        return make

    return kept


def entry(name: str, look: Look, language: str, seed: int) -> Sheets:
    """The form in that state; each seed has its own hand.  `look` is the left-to-right one."""
    mine = look.of(language)
    made = STATES[name].make(mine, language, seed)
    if not isinstance(made, dict):
        return cast(Sheets, made)
    complete = {
        "field": TEXTS[language]["replaced"],
        "date": DAYS[language],
        "ink": (signing.signature(seed, mine.signature),),
    }
    return Entry(**{**complete, **made})


def _pen(spot: Spot, *points: tuple[float, float], width: float = 0.9) -> Draw:
    def draw(canvas: Canvas) -> None:
        with signing.pen(canvas, width):
            signing.polyline(canvas, [(spot.x + x, spot.y + y) for x, y in points])

    return draw


# --- complete --------------------------------------------------------------------------------------------------------


@state(PASS)
def complete(_look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {}


@state(PASS)
def representative(_look: Look, language: str, _seed: int) -> dict[str, Any]:
    return {"role": RELATIVES[language], "date": "2026-03-14"}


@state(PASS)
def witnessed(look: Look, _language: str, seed: int) -> dict[str, Any]:
    return {"ink": (signing.signature(seed, look.signature), signing.signature(seed + 50, look.witness))}


@state(PASS)
def numeric_date(_look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"date": "14/03/2026"}


@state(PASS)
def ambiguous_date(_look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"date": "03/04/2026"}


@state(PASS)
def line_down(look: Look, language: str, _seed: int) -> dict[str, Any]:
    """A scanner's line runs down the page: through the signature, and through the figures of no date."""
    first, last = signing.birth_date(language)
    places = (look.signature.x + off for off in (50, 70, 100))
    return {"dirt": (signing.along(next(x for x in places if not first - 6 < x < last + 6)),)}


@state(EITHER)
def line_through_figures(_look: Look, language: str, _seed: int) -> dict[str, Any]:
    """Such a line runs through the figures of the birth date, which read as others then: doubtful on purpose."""
    first, last = signing.birth_date(language)
    return {"dirt": (signing.along((first + last) / 2),)}


@state(EITHER)
def line_across(look: Look, _language: str, _seed: int) -> dict[str, Any]:
    """A line runs through the signature and through the letters of the date, which are then not surely read."""
    return {"dirt": (signing.across(look.signature),)}


@state(PASS)
def flowed_on(_look: Look, language: str, _seed: int) -> dict[str, Any]:
    """A longer text in the field has pushed the rest down."""
    more = {"en": " and of legal age", "es": " y mayor de edad", "ar": ""}
    return {"field": TEXTS[language]["replaced"] + more[language], "flow": 26}


@state(EITHER)
def own_digits(_look: Look, language: str, _seed: int) -> dict[str, Any]:
    """The date as it is written at home."""
    return {"date": {"en": "14-MAR-2026", "es": "14-mar-2026", "ar": "١٤/٠٣/٢٠٢٦"}[language]}


@state(EITHER)
def pen_date(look: Look, _language: str, seed: int) -> dict[str, Any]:
    hand = signing.handwritten(seed + 7, look.date, "2026-03-14")
    return {"date": "", "ink": (signing.signature(seed, look.signature), hand)}


# --- what must never open a case -------------------------------------------------------------------------------------


@state(NEVER)
def blank(_look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"field": None, "date": "", "ink": ()}


@state(NEVER)
def unsigned(_look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"ink": ()}


@state(NEVER)
def undated(_look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"date": ""}


@state(NEVER)
def unreplaced(_look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"field": None}


@state(NEVER)
def emptied(_look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"field": ""}


@state(NEVER)
def pen_field(look: Look, language: str, seed: int) -> dict[str, Any]:
    """The field written over by hand: doubtful, since no name was read."""
    x = 80 if look.of(language) is look else 330
    return {"field": "", "ink": (signing.signature(seed, look.signature), signing.signature(seed + 90, Spot(x, 645, 200)))}


@state(NEVER)
def future_date(_look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"date": "2027-12-24"}


@state(NEVER)
def impossible_date(_look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"date": "31/02/2026"}


@state(NEVER)
def witness_only(look: Look, _language: str, seed: int) -> dict[str, Any]:
    return {"ink": (signing.signature(seed + 50, look.witness),)}


@state(NEVER)
def line_only(look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"ink": (), "dirt": (signing.across(look.signature),)}


@state(NEVER)
def smudge(look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"ink": (signing.smudge(look.signature),)}


@state(NEVER)
def tick(look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"ink": (signing.tick(look.signature),)}


@state(NEVER)
def stroke(look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"ink": (signing.stroke(look.signature),)}


@state(NEVER)
def cross(look: Look, _language: str, _seed: int) -> dict[str, Any]:
    """An X that says where to sign."""
    return {"ink": (_pen(look.signature, (8, 2), (20, 16)), _pen(look.signature, (8, 16), (20, 2)))}


@state(NEVER)
def stamp(look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"ink": (signing.stamp(look.signature),)}


@state(NEVER)
def seal(look: Look, _language: str, _seed: int) -> dict[str, Any]:
    return {"ink": (signing.seal(look.signature),)}


@state(NEVER)
def typed(_look: Look, language: str, _seed: int) -> dict[str, Any]:
    return {"typed": TYPED[language], "ink": ()}


@state(NEVER)
def typed_and_line(look: Look, language: str, _seed: int) -> dict[str, Any]:
    return {"typed": TYPED[language], "ink": (), "dirt": (signing.across(look.signature),)}


@state(NEVER)
def typed_and_struck(look: Look, language: str, _seed: int) -> dict[str, Any]:
    return {"typed": TYPED[language], "ink": (_pen(look.signature, (0, 6), (150, 7.5)),)}


@state(NEVER)
def typed_and_underlined(look: Look, language: str, _seed: int) -> dict[str, Any]:
    return {"typed": TYPED[language], "ink": (_pen(look.signature, (0, 1.5), (150, 2)),)}
