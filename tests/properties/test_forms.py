"""What must hold for every form: only its own pen ink signs it, nothing unsure passes, a page is found however it lies."""

from __future__ import annotations

from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.form_fields import field_state
from classifiers.forms import implausible, judge
from reading.align import lay, through
from reading.words import Word
from records.model import FormSeen, Kind, Page, Severity, TextSource, ZoneSeen

TODAY = date(2026, 11, 24)
LOOKS = st.sampled_from(["empty", "print", "pen", "smudge", "line", "unclear"])
TEXTS = st.one_of(
    st.just(""),
    st.text(max_size=30),
    st.dates(date(1990, 1, 1), date(2030, 1, 1)).map(str),
    st.sampled_from(["03/04/2026", "31/02/2026"]),
)
SURE = st.one_of(st.none(), st.floats(0, 1))
KINDS = st.sampled_from([Kind.LETTER_OF_AGREEMENT, Kind.INFORMED_CONSENT])


@st.composite
def zones(draw: st.DrawFn) -> tuple[ZoneSeen, ...]:
    """Any places in any state."""
    made = []
    for name, kind in (
        ("patient", "field"), ("signature", "signature"), ("representative", "signature"), ("witness", "signature"),
        ("date", "date"), ("witness_date", "date"), ("role", "role"),
    ):  # fmt: skip
        if draw(st.booleans()):
            placeholder = "[PATIENT NAME]" if kind == "field" else ""
            text = draw(st.one_of(TEXTS, st.just(placeholder)))
            made.append(ZoneSeen(name, kind, 0.1, 3, 0.5, text, draw(SURE), placeholder, draw(LOOKS)))
    return tuple(made)


@given(zones(), KINDS, st.booleans(), st.integers(1, 3), st.integers(0, 4))
def test_only_pen_ink_in_a_signers_place_signs(
    seen: tuple[ZoneSeen, ...], kind: Kind, near: bool, pages: int, compared: int
) -> None:
    """`signed` is yes exactly when a place of the patient or the representative holds pen ink; no such place, no such claim."""
    form = FormSeen("f" if near else None, kind.value if near else None, "1", 1, pages, 0.9, seen, compared)
    said = judge(kind, [Page(1, "UC San Diego Health", TextSource.OCR, form=form)], "en", TODAY)
    own = [z for z in seen if z.kind == "signature" and z.name != "witness"]
    assert (said.fields["signed"] == "yes") == any(z.look == "pen" for z in own)
    if said.fields["signed"] == "no":
        assert own
        assert all(z.look == "empty" for z in own)


@given(zones(), KINDS, st.integers(1, 2), SURE)
def test_what_passes_is_signed_dated_and_replaced(seen: tuple[ZoneSeen, ...], kind: Kind, pages: int, _: float | None) -> None:
    """No missing and no doubtful finding: a pen's signature, a plausible date and, in an agreement, a replaced field."""
    form = FormSeen("f", kind.value, "1", 1, pages, 0.9, seen, 4)
    said = judge(kind, [Page(1, "", TextSource.OCR, form=form)], None, TODAY)
    if all(f.severity is Severity.ADVISORY for f in said.findings):
        assert pages == 1
        assert (said.fields["signed"], said.fields["dated"]) == ("yes", "yes")
        assert "date" not in said.fields or not implausible(str(said.fields["date"]), TODAY)
        fields = [z for z in seen if z.kind == "field"]
        assert kind is Kind.INFORMED_CONSENT or all(field_state(z)[0] == "replaced" for z in fields)
    assert all(f.requirement == kind.value for f in said.findings)
    assert len({f.code for f in said.findings}) == len(said.findings)


@given(st.text(max_size=300), st.sampled_from(list(TextSource)), KINDS)
def test_text_alone_never_signs(text: str, source: TextSource, kind: Kind) -> None:
    """Whatever the words are, without a place seen there is no signature, and never no finding."""
    said = judge(kind, [Page(1, text, source)], "es", TODAY)
    assert said.fields["signed"] != "yes"
    assert any(f.severity is not Severity.ADVISORY for f in said.findings)


@given(st.data())
def test_a_noisy_placeholder_is_never_a_name(data: st.DataObject) -> None:
    """R7: a placeholder with a few letters misread is not taken for a patient."""
    placeholder = "[PATIENT NAME AND DATE OF BIRTH]"
    letters = list(placeholder)
    for place in data.draw(st.lists(st.integers(1, len(letters) - 2), max_size=4, unique=True)):
        letters[place] = data.draw(st.sampled_from("01IlOBS8"))
    zone = ZoneSeen("patient", "field", 0.2, 20, 0.9, "".join(letters), 0.9, placeholder, "print")
    assert field_state(zone)[0] in ("unreplaced", "unclear")


WORDS = ("agreement", "opinion", "records", "hospital", "physician", "review", "patient", "signature", "programme", "payment")


def sheet() -> list[Word]:
    """Forty words of a form, each in its own place."""
    return [
        Word(f"{WORDS[n % 10]}{n}", 0.1 + 0.2 * (n % 4), 0.1 + 0.08 * (n // 4), 0.22 + 0.2 * (n % 4), 0.115 + 0.08 * (n // 4))
        for n in range(40)
    ]


@settings(max_examples=40)
@given(
    st.floats(-0.06, 0.06), st.floats(-0.06, 0.06), st.floats(0.7, 1.05), st.floats(0.7, 1.05), st.floats(-0.04, 0.04),
    st.floats(-0.08, 0.08), st.floats(-0.08, 0.08), st.randoms(use_true_random=False),
)  # fmt: skip
def test_a_page_is_found_however_it_lies(
    dx: float, dy: float, wide: float, tall: float, turn: float, lean: float, rise: float, random: object
) -> None:
    """Moved, scaled unevenly, turned and seen from aside: the places come back within three pixels of a page 1240 wide."""
    matrix = np.array([[wide, -turn, dx], [turn, tall, dy], [lean, rise, 1.0]])
    moved = []
    for word in sheet():
        (left, top), (right, bottom) = through(matrix, np.array([(word.left, word.top), (word.right, word.bottom)]))
        moved.append(Word(word.text, left, top, right, bottom, 0.9))
    random.shuffle(moved)  # type: ignore[attr-defined]  # hypothesis' random.Random
    laid = lay(moved, sheet(), (1240, 1605))
    assert laid is not None
    assert laid.match > 0.9
    place = np.array([[0.3, 0.85]])
    back = through(laid.matrix, through(matrix, place)) - laid.shift(0.3 * 1240, 0.85 * 1605)
    assert np.abs(back - place * (1240, 1605)).max() < 3


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_a_plausible_day_is_recent(day: date) -> None:
    """No day after tomorrow and none longer ago than two years is plausible, every other is."""
    assert implausible(day.isoformat(), TODAY) == (not -732 <= (day - TODAY).days <= 1)
