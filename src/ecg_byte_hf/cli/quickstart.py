"""`ecg-byte quickstart`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Quiet


def quickstart_command(
    out: Annotated[Path, typer.Option(help="Folder for everything.")] = Path("out"),
    records: Annotated[int, typer.Option(min=100, help="Simulated ECGs, 100 or more.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all of it.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier quickstart in --out.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Do it all on simulated ECGs: tokenizer, small Llama, evaluation, one question. No network.

    Example: ecg-byte quickstart --out out
    """
    from ..quickstart import quickstart as run

    run(out, records=records, seed=seed, overwrite=overwrite, quiet=quiet)
