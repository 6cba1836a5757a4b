"""The `ecg-byte` command: parses, calls, prints.

Exit codes: 0, 1 for a user's error (`EcgByteError`), 2 for usage, 130 for Ctrl-C.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from .. import __version__
from ..hub_code.errors import EcgByteError
from ..threads import wait_without_spinning
from .ask import ask_command
from .command import App
from .import_pickle import import_pickle_command
from .merge import merge_command
from .plot import plot_app
from .prepare import prepare_app
from .push import push_command
from .quickstart import quickstart_command
from .report import report_command
from .sweep import sweep_command
from .tokenizer import train_tokenizer_command

app = App(
    name="ecg-byte",
    help="Electrocardiograms for language models: prepare, tokenise, train, ask.\n\n"
    "Example: ecg-byte quickstart",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("quickstart")(quickstart_command)
app.add_typer(prepare_app, name="prepare")
app.command("train-tokenizer")(train_tokenizer_command)
app.command("report")(report_command)
app.command("sweep")(sweep_command)
app.add_typer(plot_app, name="plot")
app.command("ask")(ask_command)
app.command("merge")(merge_command)
app.command("import-pickle")(import_pickle_command)
app.command("push")(push_command)

INTERRUPTED = 130


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
    wait_without_spinning()
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        app()
    except EcgByteError as error:
        errors.print(f"ecg-byte: {error}", markup=False)
        sys.exit(1)
    except SystemExit as end:
        # Typer turns Ctrl-C into an exit with this code.
        if end.code == INTERRUPTED:
            errors.print(
                "ecg-byte: interrupted; `prepare`, `sweep` and `quickstart` go on when run again"
            )
        raise
    except KeyboardInterrupt:
        errors.print("ecg-byte: interrupted")
        sys.exit(INTERRUPTED)
