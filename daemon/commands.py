"""What every command shares: the configuration found once, the house opened when used and closed after."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, NoReturn, ParamSpec, TextIO

import click

from config.load import Loaded, load
from config.settings import Settings
from daemon.logs import catch_strays, configure

if TYPE_CHECKING:
    from daemon.house import House

P = ParamSpec("P")


class Context:
    """The options before the command, and what they mean."""

    def __init__(self, config: Path | None, home: Path | None) -> None:
        self._config, self._home = config, home

    @cached_property
    def loaded(self) -> Loaded:
        credentials = os.environ.get("CREDENTIALS_DIRECTORY")
        return load(self._config, self._home, os.environ, Path(credentials) if credentials else None)

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    @cached_property
    def house(self) -> House:
        from daemon.house import House  # the heavy libraries load only for commands that enter the house

        return House(self.settings)

    def log_to(self, stream: TextIO) -> None:
        configure(self.settings.log_format, stream)
        catch_strays()

    def close(self) -> None:
        if "house" in self.__dict__:
            self.house.close()


def configured(command: Callable[Concatenate[Context, P], None]) -> Callable[P, None]:
    """Hands the command its Context; logs go to standard error unless it says otherwise."""

    @functools.wraps(command)
    def with_context(*args: P.args, **kwargs: P.kwargs) -> None:
        context = click.get_current_context().find_object(Context)
        if context is None:
            raise RuntimeError("a command outside of somrr")
        context.log_to(sys.stderr)
        try:
            command(context, *args, **kwargs)
        finally:
            context.close()

    return with_context


def fail(code: int, text: str) -> NoReturn:
    click.echo(f"somrr: {text}", err=True)
    sys.exit(code)
