"""How every command parses: no option or argument may be an empty string."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand


class Command(TyperCommand):
    """A command that refuses `--tokenizer ""`, which would be the current folder as a path."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as Typer does; a usage error for an empty value, naming its option."""
        given = self.make_parser(ctx).parse_args(args=list(args))[0]
        for parameter in self.get_params(ctx):
            value = given.get(parameter.name or "")
            if value == "" or (isinstance(value, list | tuple) and "" in value):
                raise typer.BadParameter("it is empty", ctx=ctx, param=parameter)
        return super().parse_args(ctx, args)


class App(typer.Typer):
    """A Typer whose commands are `Command`."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        """`typer.Typer.command` with our class."""
        return super().command(name, **({"cls": Command} | options))
