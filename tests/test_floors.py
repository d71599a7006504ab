"""The floors of the house are a test, not a promise: who may import whom, and which rooms are pure."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("config", "records", "ingest", "reading", "classifiers", "routing", "outbound", "daemon")
VERBS = ("ingest", "reading", "classifiers", "routing", "outbound")
NOUNS = {"records.model", "records.errors", "records.events", "config"}
PURE = ("classifiers", "routing", "outbound/compose.py")
IMPURE_CALLS = {"now", "today", "utcnow", "fromtimestamp", "open", "print", "input", "urandom", "system"}


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    words = [str(program), "--no-cache", "--config", str(root / "pyproject.toml")]
    return subprocess.run(words, cwd=root, capture_output=True, text=True, check=False, timeout=120)


def test_the_contracts_hold() -> None:
    """import-linter finds no broken contract."""
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code alone, to break it."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "forbidden"),
    [
        ("ingest/source.py", "import reading"),
        ("routing/decide.py", "from records.store import Store"),
        ("records/model/case.py", "import routing"),
        ("config/settings.py", "from daemon import notify"),
        ("outbound/hours.py", "import daemon.main"),
        ("classifiers/identify.py", "import structlog"),
        ("routing/decide.py", "import time"),
        ("outbound/compose.py", "import socket"),
    ],
)
def test_a_forbidden_import_is_found(copy: Path, file: str, forbidden: str) -> None:
    """The contracts bite: an import against the floors, or one that makes a pure room impure, breaks one."""
    with (copy / file).open("a") as code:
        code.write(f"\n{forbidden}\n")
    done = lint(copy)
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout


def is_noun(name: str) -> bool:
    return any(name == noun or name.startswith(f"{noun}.") for noun in NOUNS)


def imports(file: Path) -> Iterator[str]:
    """Dotted names that a file imports, wherever in it; relative imports are made absolute."""
    package = ".".join(file.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            yield f"{base}{node.module or ''}".rstrip(".")
            yield from (f"{base}{node.module or ''}.{alias.name}" for alias in node.names)


def files(*rooms: str) -> list[Path]:
    return [file for room in rooms for file in ([ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py")))]


@pytest.mark.parametrize("room", VERBS)
def test_no_room_knows_another(room: str) -> None:
    """A verb imports of the project itself, the nouns and the settings, and nothing else: found without import-linter."""
    for file in files(room):
        for name in imports(file):
            if name.split(".")[0] in ROOMS and name.split(".")[0] != room:
                assert is_noun(name) or name == "records", f"{file.relative_to(ROOT)} imports {name}"


def test_the_nouns_import_nothing_above() -> None:
    """Settings and nouns know no store, no verb and no daemon."""
    for file in files("config", "records/model", "records/errors.py", "records/events.py"):
        for name in imports(file):
            if name.split(".")[0] in ROOMS:
                assert any(name == noun or name.startswith(f"{noun}.") for noun in NOUNS), (
                    f"{file.relative_to(ROOT)} imports {name}"
                )


@pytest.mark.parametrize("file", files(*PURE), ids=lambda file: str(file.relative_to(ROOT)))
def test_pure_rooms_ask_no_clock_and_open_no_file(file: Path) -> None:
    """Beyond imports: no call that reads a clock, opens a file or prints."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            assert called not in IMPURE_CALLS, f"line {node.lineno} calls {called}"


def test_every_file_says_what_it_is_for() -> None:
    """Each module of the house opens with a docstring."""
    silent = [str(file.relative_to(ROOT)) for file in files(*ROOMS) if not ast.get_docstring(ast.parse(file.read_text()))]
    assert silent == []
