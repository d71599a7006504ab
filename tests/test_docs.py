"""The catalogues, the documents made from them and the code say the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.reasons import reasons
from daemon.redaction import NUMBERS, TEXTS
from docs.tables import HERE, PAGES
from records import events

ROOT = Path(__file__).parents[1]
ROOMS = ("records", "ingest", "reading", "classifiers", "routing", "outbound", "daemon")
LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log", "msg", "fatal", "warn"}
EVENT_NAME = re.compile(r"[a-z]+\.[a-z]+\.[a-z]+(_[a-z]+)*")


def trees(*rooms: str) -> Iterator[tuple[Path, ast.Module]]:
    for room in rooms:
        for file in sorted((ROOT / room).rglob("*.py")):
            yield file.relative_to(ROOT), ast.parse(file.read_text())


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a method of `log`, the one name under which the house keeps its loggers."""
    for file, tree in trees(*ROOMS):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id in {"log", "logger"}:
                    yield f"{file}:{node.lineno}", node


@pytest.mark.parametrize("name", list(PAGES))
def test_a_page_is_what_its_catalogue_says(name: str) -> None:
    """Written by `python -m docs.tables`; a change of the catalogue without it is found here."""
    assert (HERE / name).read_text("utf-8") == PAGES[name]()


def test_event_names_follow_the_house() -> None:
    """`area.object.verb_past`, each with a sentence."""
    for name, meaning in events.EVENTS.items():
        assert EVENT_NAME.fullmatch(name), name
        assert meaning.endswith("."), name


def test_every_event_is_used() -> None:
    """An event in the catalogue that no code emits would be a promise to operators that nobody keeps."""
    constants = {name: value for name, value in vars(events).items() if isinstance(value, str) and value in events.EVENTS}
    assert set(constants.values()) == set(events.EVENTS)
    used = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for file, tree in trees(*ROOMS)
        if file != Path("records/events.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
    }
    assert sorted(set(constants) - used) == []


def test_no_log_line_is_made_of_text() -> None:
    """The event is a constant or a variable, never a literal, a format or a sum of texts; and nothing follows it."""
    for place, call in log_calls():
        assert len(call.args) == 1, place
        assert isinstance(call.args[0], ast.Attribute | ast.Name | ast.IfExp), place


def test_every_log_field_is_on_the_allow_list() -> None:
    """A field that the redaction would drop is found here, not missed in an incident."""
    allowed = {*TEXTS, *NUMBERS, "exc_info"}
    for place, call in log_calls():
        for keyword in call.keywords:
            assert keyword.arg is None or keyword.arg in allowed, f"{place}: {keyword.arg}"


def test_bound_fields_are_on_the_allow_list() -> None:
    """The same for what is bound once for many lines."""
    for file, tree in trees(*ROOMS):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in {
                "bound_contextvars",
                "bind_contextvars",
            }:
                for keyword in node.keywords:
                    assert keyword.arg in {*TEXTS, *NUMBERS}, f"{file}:{node.lineno}: {keyword.arg}"


def codes(callees: set[str], *rooms: str) -> set[str]:
    """Codes that are the literal first argument of these calls."""
    found = set()
    for _file, tree in trees(*rooms):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in callees and isinstance(node.args[0].value, str):
                    found.add(node.args[0].value)
    return found


def test_every_code_of_the_reader_is_described() -> None:
    """What may be written into a quarantine folder by the reading room has its sentences."""
    said = codes({"Problem", "Unreadable", "problem"}, "reading", "daemon")
    assert len(said) > 20
    assert sorted(said - set(reasons())) == []


def test_every_finding_is_described() -> None:
    """What may stand on a checklist has its sentences and a severity."""
    said = codes({"Finding", "_about"}, "classifiers", "routing")
    assert len(said) > 8
    assert sorted(code for code in said if code not in reasons() or reasons()[code].severity is None) == []


def test_the_licence_is_whole() -> None:
    """The text of the Apache License 2.0, as the distribution ships it."""
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert text.rstrip().endswith("limitations under the License.")
