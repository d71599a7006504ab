"""Values laid over each other, each with its origin, then held against the settings' types."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator, Mapping
from datetime import date, time
from difflib import get_close_matches
from pathlib import Path
from types import NoneType
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from config.settings import Settings

EXPECTED = {  # pydantic error type → what to say instead (its own words may repeat the value)
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a text in quotes",
    "path_type": "a path in quotes",
    "tuple_type": "a list in [ ]",
    "date_from_datetime_parsing": "a date like 2026-12-24",
    "date_parsing": "a date like 2026-12-24",
    "date_type": "a date like 2026-12-24",
    "time_parsing": "a time like 08:00:00",
    "time_type": "a time like 08:00:00",
}


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every dotted key below `model` with its annotation; a section's is its model class."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        yield prefix + name, annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _keys(annotation, f"{prefix}{name}.")


def _is_section(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def is_text(annotation: object) -> bool:
    """Does this key take a text (also a secret, a path, or a text that may be absent)?"""
    return typing.get_origin(annotation) is not tuple and bool(
        {annotation, *typing.get_args(annotation)} & {str, SecretStr, Path}
    )


def value_at(settings: Settings, key: str) -> object:
    """The value under a dotted key."""
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


DEFAULTS = Settings()
ANNOTATIONS = dict(_keys(Settings))
KEYS = tuple(key for key, annotation in ANNOTATIONS.items() if not _is_section(annotation))


class Layers:
    """Values laid over the defaults and each other, the later over the earlier, with origins and faults."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {key: value_at(DEFAULTS, key) for key in KEYS}
        self.origins: dict[str, str] = dict.fromkeys(KEYS, "default")
        self.faults: list[str] = []

    def put(self, key: str, value: object, origin: str) -> None:
        """Lay one value; an empty text takes an optional key back to "none"."""
        self.values[key] = None if value == "" and NoneType in typing.get_args(ANNOTATIONS[key]) else value
        self.origins[key] = origin

    def put_table(self, table: Mapping[str, object], origin: str, prefix: str = "") -> None:
        """Lay a TOML table, section by section."""
        for name, value in table.items():
            key = prefix + name
            if "." in name or key not in ANNOTATIONS:
                self.faults.append(f"{origin}: {key}: unknown key{nearest(key)}")
            elif not _is_section(ANNOTATIONS[key]):
                self.put(key, value, origin)
            elif isinstance(value, Mapping):
                self.put_table(value, origin, f"{key}.")
            else:
                self.faults.append(f"{origin}: {key}: expected a section, [{key}]")

    def nested(self) -> dict[str, Any]:
        """The values as the tree that `Settings` is made of."""
        tree: dict[str, Any] = {}
        for key, value in self.values.items():
            *sections, name = key.split(".")
            place = tree
            for section in sections:
                place = place.setdefault(section, {})
            place[name] = value
        return tree


def nearest(key: str) -> str:
    """The key that was probably meant, as the tail of a fault; "" when none is near."""
    name = key.rpartition(".")[2]
    near = [known for known in KEYS if known.rpartition(".")[2] == name]  # a right name in the wrong section
    near = get_close_matches(key, near or KEYS, n=1, cutoff=0.0 if near else 0.6)
    return f"; nearest: {near[0]}" if near else ""


def validated(layers: Layers) -> Settings | None:
    """Strict JSON validation: a text is no number, while paths, dates and lists still come as TOML has them."""
    tree = json.dumps(layers.nested(), default=_plain)
    try:
        return Settings.model_validate_json(tree, strict=True)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            layers.faults.append(_fault(layers, fault["loc"], fault["type"], fault["msg"]))
        return None


def _plain(value: object) -> str:
    """What JSON does not know: dates and times of TOML, paths and (empty) secrets of the defaults."""
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _fault(layers: Layers, location: tuple[int | str, ...], kind: str, message: str) -> str:
    """One line: where it was written, which key, what is expected there."""
    names = [str(step) for step in location if isinstance(step, str)]
    key = next(".".join(names[:end]) for end in range(len(names), -1, -1) if end == 0 or ".".join(names[:end]) in ANNOTATIONS)
    index = "".join(f"[{step}]" for step in location if isinstance(step, int))
    expected = EXPECTED.get(kind) or message.removeprefix("Value error, ").removeprefix("Input should be ").split(", input")[0]
    return f"{layers.origins.get(key, 'default')}: {key}{index}: expected {expected}"
