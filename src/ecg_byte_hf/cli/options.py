"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from ..hub_code.signal_checks import MAX_SAMPLING_RATE_HZ, MIN_SAMPLING_RATE_HZ

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars, only results.")]


def one_of(*choices: str) -> Callable[[str | None], str | None]:
    """The callback of an option that takes one of these words, or is left out."""

    def check(value: str | None) -> str | None:
        if value is not None and value not in choices:
            listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
            raise typer.BadParameter(f"it must be {listed}, not {value!r}")
        return value

    return check


Missing = Annotated[
    str,
    typer.Option(
        "--missing-leads",
        callback=one_of("refuse", "zero"),
        help="Records without all 12 leads: refuse, or zero for what cannot be computed.",
    ),
]
RecordRate = Annotated[
    float | None,
    typer.Option(
        "--sampling-rate",
        min=MIN_SAMPLING_RATE_HZ,
        max=MAX_SAMPLING_RATE_HZ,
        help="Hz, for files that do not say it.",
    ),
]
Push = Annotated[
    str | None, typer.Option("--push", metavar="OWNER/NAME", help="Push the result to the Hub.")
]
Private = Annotated[
    bool, typer.Option("--private", help="Make the repository private where it is new.")
]
