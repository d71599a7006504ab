"""Pages of returned forms put together: never two people's, never two versions', in whatever order they lie."""

from __future__ import annotations

import pytest

from classifiers.form_pages import gathered, one_version, tangled, two_people
from classifiers.page import Scored
from classifiers.segment import PageFacts, Run
from classifiers.words import prepare
from records.model import FormSeen, Kind, Page, TextSource, ZoneSeen


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
