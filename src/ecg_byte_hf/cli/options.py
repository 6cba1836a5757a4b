"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars, only results.")]


def _refuse_or_zero(value: str) -> str:
    if value not in ("refuse", "zero"):
        raise typer.BadParameter("it must be refuse or zero")
    return value


Missing = Annotated[
    str,
    typer.Option(
        "--missing-leads",
        callback=_refuse_or_zero,
        help="Records without all 12 leads: refuse, or zero for what cannot be computed.",
    ),
]
RecordRate = Annotated[
    float | None, typer.Option("--sampling-rate", help="Hz, for files that do not say it.")
]
Push = Annotated[
    str | None, typer.Option("--push", metavar="OWNER/NAME", help="Push the result to the Hub.")
]
Private = Annotated[
    bool, typer.Option("--private", help="Make the repository private where it is new.")
]
