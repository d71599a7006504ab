"""Pages of returned forms put together: never two people's, never two versions', in whatever order they lie."""

from __future__ import annotations

import pytest

from classifiers.form_pages import gathered, one_version, photographed, tangled, two_people
from classifiers.identify import identify
from classifiers.page import Scored
from classifiers.segment import PageFacts, Run
from classifiers.words import prepare
from config.rules import Identifying
from records.model import FormSeen, Kind, Page, Part, Reading, Role, TextSource, ZoneSeen


def seen(page: int, patient: str = "", form: str = "loa-2026", also: tuple[str, ...] = ()) -> FormSeen:
    field = ZoneSeen("patient", "field", 0.2, 20, 0.9, patient, None, "[PATIENT NAME]", "print")
    withdrawn = form.endswith("2024")
    return FormSeen(form, "letter_of_agreement", form[-4:], page, 2, 0.9, (field,) if patient else (), 6, False, also, withdrawn)


def pages(*forms: FormSeen | None) -> list[Page]:
    return [Page(n, f"words of page {n}", TextSource.LAYER, form=form) for n, form in enumerate(forms, 1)]


def runs(*forms: FormSeen | None, born: tuple[str, ...] = ()) -> list[Run]:
    """A run for each page."""
    kind = Kind.LETTER_OF_AGREEMENT
    scored = Scored(kind, 0.9, kind, kind.value, {}, {}, (), "en")
    births = [{"birth_date": born[n]} if n < len(born) else {} for n in range(len(forms))]
    return [
        Run((PageFacts(page, prepare(page.text), (), scored, dict(fields)),), 0.9)
        for page, fields in zip(pages(*forms), births, strict=True)
    ]


def order(found: tuple[Run, ...]) -> list[list[int]]:
    return [[facts.page.number for facts in run.pages] for run in found]


def test_shuffled_pages_are_one_form() -> None:
    """The second page first, another paper between: each page once is one form, in the form's own order."""
    assert order(gathered(runs(seen(2), None, seen(1, "ALPHA ONE")))) == [[3, 1], [2]]


def test_a_copy_that_names_the_same_patient_is_no_second_form() -> None:
    """A first page twice stays with its form, where the copies must agree; one that names somebody else does not."""
    assert order(gathered(runs(seen(1, "ALPHA ONE"), seen(1, "Alpha  One"), seen(2)))) == [[1, 2, 3]]
    assert order(gathered(runs(seen(1, "ALPHA ONE"), seen(1, "BETA TWO"), seen(2)))) == [[1], [2], [3]]


@pytest.mark.parametrize("forms", [(seen(1, "ALPHA ONE"),), (seen(2), seen(2)), (seen(1, "ALPHA ONE"), seen(2, form="loa-2025"))])
def test_what_is_not_whole_stays_apart(forms: tuple[FormSeen, ...]) -> None:
    """A page missing, a page twice, two versions: nothing is put together."""
    assert order(gathered(runs(*forms))) == [[n] for n in range(1, len(forms) + 1)]


def test_two_dates_of_birth_are_two_people() -> None:
    """Pages that give two dates of birth are not put together."""
    apart = runs(seen(2), seen(1, "ALPHA ONE"), born=("1961-04-03", "1987-12-25"))
    assert order(gathered(apart)) == [[1], [2]]
    assert two_people([facts for run in apart for facts in run.pages])


@pytest.mark.parametrize(
    ("forms", "mixed"),
    [
        ((seen(1, "ALPHA ONE"), seen(2)), False),
        ((seen(2), seen(1, "ALPHA ONE")), False),
        ((seen(1, "ALPHA ONE"), seen(2), seen(1, "BETA TWO"), seen(2)), False),
        ((seen(1, "ALPHA ONE"), seen(1, "ALPHA ONE"), seen(2)), False),
        ((seen(1, "ALPHA ONE"), seen(1, "BETA TWO"), seen(2), seen(2)), True),
        ((seen(1, "ALPHA ONE"), seen(1, "BETA TWO"), seen(2)), True),
        ((seen(2), seen(1, "ALPHA ONE"), seen(2)), True),
    ],
)
def test_pages_of_several_copies_in_no_order_are_tangled(forms: tuple[FormSeen, ...], mixed: bool) -> None:
    """Whole copies one after another, or each page once, can be told apart; all else can be put together in two ways."""
    assert (tangled(pages(*forms)) == {"loa-2026"}) == mixed


def test_a_page_that_two_versions_share_goes_with_its_other_page() -> None:
    """The first page tells the version, and with it whether it is still accepted; two versions in a file tell nothing."""
    shared = seen(2, also=("loa-2024",))
    first, second = one_version(pages(seen(1, "ALPHA ONE", "loa-2024"), shared))
    assert first.form is not None
    assert second.form is not None
    assert (second.form.form, second.form.version, second.form.withdrawn) == ("loa-2024", "2024", True)
    both = pages(seen(1, "ALPHA ONE", "loa-2024"), seen(1, "ALPHA ONE"), shared)
    assert one_version(both)[2].form == shared


def photo(name: str, form: FormSeen, text: str = "Letter of Agreement, UC San Diego Health") -> Part:
    page = Page(1, text, TextSource.OCR, form=form)
    return Part(f"{name}.jpg", name * 64, 1, "image/jpeg", Role.ATTACHMENT, (page,))


def signed(sign: str = "pen") -> FormSeen:
    """The second page, with the places for signature and date."""
    places = (
        ZoneSeen("signature", "signature", 0.1, 2, 0.4, "", None, "", sign),
        ZoneSeen("date", "date", 0.1, 9, 0.4, "3 April 2026", 0.95, "", "print"),
    )
    return FormSeen("loa-2026", "letter_of_agreement", "2026", 2, 2, 0.9, places, 6)


@pytest.mark.parametrize("order", [0, 1])
def test_pages_photographed_one_by_one_are_one_form(order: int) -> None:
    """Whichever picture comes first; each picture has its document."""
    pictures = [photo("a", seen(1, "Anna Muster")), photo("b", signed())][:: -1 if order else 1]
    (found,) = identify(Reading("0" * 64, "1", "message/rfc822", tuple(pictures), ()), Identifying())
    assert (found.parts, found.fields["signed"], found.fields["dated"], found.findings) == (("a.jpg", "b.jpg"), "yes", "yes", ())


def test_an_unsigned_form_of_two_photos_is_unsigned() -> None:
    """What is surely missing is said of the whole form."""
    pictures = (photo("a", seen(1, "Anna Muster")), photo("b", signed("empty")))
    (found,) = identify(Reading("0" * 64, "1", "message/rfc822", pictures, ()), Identifying())
    assert [f.code for f in found.findings] == ["loa_unsigned"]


@pytest.mark.parametrize(
    "pictures",
    [
        (photo("a", seen(1, "Anna Muster")), photo("b", signed("smudge"))),
        (photo("a", seen(1, "Anna Muster")), photo("b", signed(), "Patient: Berta Muster")),
        (
            photo("a", seen(1, "Anna Muster"), "Patient: Anna Muster\nLetter of Agreement"),
            photo("b", signed(), "Patient: Berta Muster"),
        ),
    ],
)
def test_photos_with_a_doubt_stay_apart(pictures: tuple[Part, ...]) -> None:
    """Staff see each picture by itself; two names are never one form."""
    found = identify(Reading("0" * 64, "1", "message/rfc822", pictures, ()), Identifying())
    assert [d.parts for d in found] == [("a.jpg",), ("b.jpg",)]


def test_photos_of_two_copies_are_not_put_together() -> None:
    """Whose second page it is can not be told."""
    assert not photographed((photo("a", seen(1, "Anna Muster")), photo("b", seen(1, "Berta Beispiel")), photo("c", signed())))


def test_a_placeholder_is_nobodys_name() -> None:
    """What stands beside the label of an unreplaced field is the form's own: no second patient is made of it."""
    (found,) = identify(
        Reading("0" * 64, "1", "message/rfc822", (photo("a", seen(1, "[PATIENT NAME]"), "Patient: Full Name Here"),), ()),
        Identifying(),
    )
    assert "patient_name" not in found.fields
    assert "loa_field_unreplaced" in {f.code for f in found.findings}
