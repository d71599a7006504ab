"""Which pages make one returned form: versions told apart over its pages, shuffled pages gathered, tangled ones found.

Pages of two people's copies must never become one form: whatever can not be put together in one way only is left apart,
where it lacks pages and is doubtful.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from classifiers.form_words import plain
from classifiers.segment import PageFacts, Run
from records.model import FormSeen, Page, Part


def one_version(pages: Sequence[Page]) -> tuple[Page, ...]:
    """A page that lies on several versions alike is of the version that another page of its form is surely of."""
    sure = [page.form for page in pages if page.form and page.form.form and not page.form.also]
    return tuple(replace(page, form=_told(page.form, sure)) if page.form and page.form.also else page for page in pages)


def _told(form: FormSeen, sure: Iterable[FormSeen]) -> FormSeen:
    named = {other.form: other for other in sure if other.form in (form.form, *form.also) and other.page != form.page}
    if len(named) != 1:
        return form
    (other,) = named.values()
    return replace(form, form=other.form, version=other.version, withdrawn=other.withdrawn, also=())


def gathered(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Runs that are pieces of one form put together, when its pages are all there and each but once."""
    pieces: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        names = {facts.page.form.form if facts.page.form else None for facts in _written(run)}
        if len(names) == 1 and (name := names.pop()):
            pieces[name].append(run)
    whole: dict[int, Run] = {}
    for of in pieces.values():
        if len(of) > 1 and _are_one(of):
            whole |= dict.fromkeys(map(id, of), _joined(of))
    placed = {id(now): now for run in runs if (now := whole.get(id(run), run))}
    return tuple(placed.values())


def photographed(parts: Sequence[Part]) -> tuple[tuple[Part, ...], ...]:
    """Pictures that each show one page of a form, page by page, where the packet has every page of it and each but once."""
    shown: defaultdict[str, list[tuple[int, int, Part]]] = defaultdict(list)
    for part in parts:
        form = part.pages[0].form if len(part.pages) == 1 and part.media_type.startswith("image/") else None
        if form and form.form and form.pages > 1 and not form.also:
            shown[form.form].append((form.page, form.pages, part))
    whole = []
    for of in shown.values():
        of.sort(key=lambda each: each[0])
        if [page for page, _, _ in of] == list(range(1, of[0][1] + 1)):
            whole.append(tuple(part for _, _, part in of))
    return tuple(whole)


def _written(run: Run) -> list[PageFacts]:
    return [facts for facts in run.pages if facts.page.text.strip()]


def _are_one(runs: Sequence[Run]) -> bool:
    pages = [facts for run in runs for facts in _written(run)]
    forms = _without_copies(facts.page.form for facts in pages if facts.page.form)
    return sorted(form.page for form in forms) == list(range(1, forms[0].pages + 1)) and not two_people(pages)


def _joined(runs: Sequence[Run]) -> Run:
    pages = sorted((facts for run in runs for facts in run.pages), key=lambda f: f.page.form.page if f.page.form else 0)
    return Run(tuple(pages), min(run.certain for run in runs))


def two_people(pages: Sequence[PageFacts]) -> bool:
    """Do the pages give more than one date of birth?"""
    return len({str(facts.fields["birth_date"]) for facts in pages if facts.fields.get("birth_date")}) > 1


def tangled(pages: Sequence[Page]) -> frozenset[str]:
    """Forms of which a file holds some pages several times, not as whole copies one after another: whose page is whose?"""
    forms: defaultdict[str, list[FormSeen]] = defaultdict(list)
    for page in pages:
        if page.form and page.form.form:
            forms[page.form.form].append(page.form)
    return frozenset(name for name, seen in forms.items() if not _in_order(_without_copies(seen)))


def _in_order(seen: Sequence[FormSeen]) -> bool:
    numbers, whole = [form.page for form in seen], list(range(1, seen[0].pages + 1))
    return len(set(numbers)) == len(numbers) or numbers == whole * (len(numbers) // len(whole))


def _without_copies(seen: Iterable[FormSeen]) -> list[FormSeen]:
    """Each page but once where another copy of it names the same patient."""
    kept: list[FormSeen] = []
    for form in seen:
        name = _named(form)
        if not any(name and other.page == form.page and _named(other) == name for other in kept):
            kept.append(form)
    return kept


def _named(form: FormSeen) -> str:
    """What the fields of the page hold in place of their placeholders; "" when nothing."""
    return " ".join(plain(z.text) for z in form.zones if z.kind == "field" and plain(z.text) != plain(z.placeholder))
