"""The catalogues, the documents made from them and the code say the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
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


def constants(node: ast.expr) -> Iterator[str]:
    """Names of events in an expression, each by its value."""
    for part in ast.walk(node):
        name = part.attr if isinstance(part, ast.Attribute) else part.id if isinstance(part, ast.Name) else ""
        value = getattr(events, name, None)
        if isinstance(value, str) and value in events.EVENTS:
            yield value


def test_a_warning_is_one_in_the_catalogue() -> None:
    """What the code logs as a warning or an error has at least that level there, so that the handbook knows it."""
    seen = 0
    for place, call in log_calls():
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"warning", "error", "exception", "critical"}:
            for name in constants(call.args[0]):
                seen += 1
                assert events.LEVELS[name] in {"warning", "error"}, f"{place}: {name}"
    assert seen > 10
    assert set(events.LEVELS.values()) == {"info", "warning", "error"}


def test_the_handbook_has_every_alarm() -> None:
    """A heading of its own in docs/OPERATING.md for each warning and error, in the catalogue's order, and none for others."""
    headings = re.findall(r"^### `([a-z_.]+)`$", (HERE / "OPERATING.md").read_text("utf-8"), re.MULTILINE)
    assert headings == [name for name in events.EVENTS if events.LEVELS[name] != "info"]


def test_the_handbook_says_what_an_alarm_means_and_what_to_do() -> None:
    """Two paragraphs at least under each heading, one of which begins with what to do."""
    for section in re.split(r"^### ", (HERE / "OPERATING.md").read_text("utf-8"), flags=re.MULTILINE)[1:]:
        name, _, text = section.partition("\n")
        if name.startswith("`"):
            body = re.split(r"^## ", text, flags=re.MULTILINE)[0]
            assert re.search(r"^\*\*Do:\*\* \S", body, re.MULTILINE), name
            assert re.search(r"^\*\*Means:\*\* \S", body, re.MULTILINE), name


def test_the_threats_are_all_answered() -> None:
    """docs/SECURITY.md: each of the numbered threats has an answer and names tests that exist."""
    text = (HERE / "SECURITY.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, 23))
    for number, _threat, answer, tests in rows:
        assert len(answer) > 40, number
        named = re.findall(r"`(tests/[\w/.-]+\.py)(?:::(\w+))?`", tests)
        assert named, number
        for file, function in named:
            assert (ROOT / file).is_file(), f"{number}: {file}"
            assert not function or f"def {function}(" in (ROOT / file).read_text(), f"{number}: {file}::{function}"


def test_commands_in_the_handbook_exist() -> None:
    """`somrr …` as operators would type it: each command, sub-command and long option is one."""
    from daemon.cli import somrr

    pages = [(HERE / name).read_text("utf-8") for name in ("OPERATING.md", "SECURITY.md")]
    typed = [
        line for page in pages for line in re.findall(r"(?:`|^|sudo -u somrr )somrr ((?:[a-z-]+ ?)[^`\n#|]*)", page, re.MULTILINE)
    ]
    assert len(typed) > 10
    for line in typed:
        words, command = re.sub(r"^--(home|config) \S+ ", "", line).split(), somrr
        context = click.Context(command)
        while words and isinstance(command, click.Group) and not words[0].startswith("-"):
            found = command.get_command(context, words.pop(0))
            assert found is not None, line
            command = found  # type: ignore[assignment]  # a group, or the loop ends
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= options | {"--help"}, line


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
