"""The `ecg-byte` command: parses, calls, prints.

Exit codes: 0, 1 for a user's error (`EcgByteError`), 2 for usage, 130 for Ctrl-C.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import __version__
from .hub_code.errors import EcgByteError

app = typer.Typer(
    name="ecg-byte",
    help="Electrocardiograms for language models: prepare, tokenise, train, ask.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars, only results.")]


def _version(value: bool) -> None:
    if value:
        print(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Electrocardiograms for language models: prepare, tokenise, train, ask."""


def main() -> None:
    """Run the command line; one line on stderr and exit code 1 for an `EcgByteError`."""
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        app()
    except EcgByteError as error:
        errors.print(f"ecg-byte: {error}", markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("ecg-byte: interrupted; what was finished stays, run the same command again")
        sys.exit(130)


if __name__ == "__main__":
    main()

_ = Path
