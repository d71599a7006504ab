"""Commands on the programme's own blank forms: `somrr form add`, `list`, `show`."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.commands import Context, configured
from records.errors import RefusedError

if TYPE_CHECKING:
    from reading.blanks import Blank

FORM_KINDS = ("letter_of_agreement", "informed_consent")


@click.group()
def form() -> None:
    """The programme's own blank forms, against which returned ones are checked."""


@form.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--kind", required=True, type=click.Choice(FORM_KINDS))
@click.option("--name", help="Short name of this blank; else taken from kind, language and version.")
@click.option("--version", "form_version", default="1", show_default=True)
@click.option("--language", default="en", show_default=True, help="Two letters: en, es, ar, …")
@configured
def form_add(context: Context, file: Path, kind: str, name: str | None, form_version: str, language: str) -> None:
    """Register a blank PDF: fields, signature and date lines are found, written to a TOML and drawn on a picture.

    Register each version and each language by its own; the one that a returned page lies on best is taken.  A version that
    is no longer accepted stays registered and gets `withdrawn = true` in its TOML: what comes back on it waits for staff.
    """
    from reading.blanks import register

    folder = _folder(context)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = register(folder, name or _named(kind, language, form_version), file.read_bytes(), kind, form_version, language)
    click.echo(f"registered {made.name}")
    _tell(made)


def _named(kind: str, language: str, version: str) -> str:
    """A folder's name out of the options, whatever the version looks like."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in f"{kind}-{language}-{version}".lower())[:64]


@form.command("list")
@configured
def form_list(context: Context) -> None:
    """The registered blanks."""
    from reading.blanks import load_blanks

    blanks = load_blanks(_folder(context))
    for blank in (b for b in blanks if b.page == 1):
        places = sum(len(b.zones) for b in blanks if b.name == blank.name)
        click.echo(
            f"{blank.name}: {blank.kind}, version {blank.version}, {blank.language}, {_counted(blank.pages, 'page')}, "
            f"{_counted(places, 'place')}{', withdrawn' if blank.withdrawn else ''}"
        )
    if not blanks:
        click.echo("no form is registered: returned forms are judged by their labels alone; see somrr form add --help")


@form.command("show")
@click.argument("name")
@configured
def form_show(context: Context, name: str) -> None:
    """Check a blank's TOML after a correction, and draw its places anew."""
    home = _folder(context) / name
    if not (home / "form.toml").is_file():
        raise RefusedError("form_unknown", f"No form {name!r} is registered; somrr form list names those that are.")
    _tell(home)


def _folder(context: Context) -> Path:
    return context.settings.forms or context.settings.home / "forms"


def _tell(home: Path) -> None:
    """What was found, where to look and what to do."""
    from reading.blanks import load_blank
    from reading.drawn import draw_places

    pages = load_blank(home)
    for blank in pages:
        for zone in blank.zones:
            said = f', placeholder "{zone.placeholder}"' if zone.placeholder else ""
            click.echo(f"  page {zone.page}: {zone.kind} {zone.name}{said}")
    for lack in lacks(pages):
        click.echo(f"  attention: {lack}")
    pictures = draw_places(home, pages)
    click.echo(f"look at {', '.join(str(p) for p in pictures)}")
    click.echo(f"a place that is wrong or missing is corrected in {home / 'form.toml'}; then: somrr form show {home.name}")


def lacks(pages: tuple[Blank, ...]) -> list[str]:
    """What a blank of its kind should have and no place was found for, and what is odd; each with what follows from it."""
    zones = [zone for blank in pages for zone in blank.zones]
    own = [z for z in zones if not z.name.startswith(("witness", "interpreter", "physician"))]
    said = []
    for kind, line in (("signature", "line for the patient's signature"), ("date", "line for the date")):
        stems = Counter(re.sub(r"_\d+$", "", z.name) for z in own if z.kind == kind)
        if not stems:
            said.append(f"no {line} was found; every returned form would be doubtful{_add(kind)}")
        said += [
            f"{count} places are called {stem}: all of them must be filled in; give those of a witness or a physician their "
            "names, remove what may stay empty"
            for stem, count in stems.items()
            if count > 1
        ]
    if pages and pages[0].kind == "letter_of_agreement":
        fields = [z for z in zones if z.kind == "field"]
        if not fields:
            said.append(f"no highlighted field was found; whether it was replaced could not be told (R7){_add('field')}")
        said += [f"{z.name} has no placeholder: whatever name is typed there will do" for z in fields if not z.placeholder]
    bare = [blank.page for blank in pages if not blank.zones]
    if bare and len(bare) < len(pages):
        said.append(f"nothing is asked for on page {', '.join(map(str, bare))}: it must come back, and is not looked at further")
    return said


def _add(kind: str) -> str:
    name = "patient" if kind == "field" else kind
    return f'; add it: [[zones]] name = "{name}", kind = "{kind}", page = 1, box = [left, top, right, bottom]'


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
