"""`ecg-byte import-pickle`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..wording import counted
from .options import Quiet


def import_pickle_command(
    file: Annotated[Path, typer.Argument(help="The authors' pickle of (vocab, merges).")],
    out: Annotated[Path, typer.Option(help="Folder of the tokenizer to write: new or empty.")],
    low: Annotated[
        float | None,
        typer.Option(help="mV where letter a begins: the authors' first percentile - 0.5."),
    ] = None,
    high: Annotated[
        float | None,
        typer.Option(help="mV where letter z ends: the authors' 99th percentile + 0.5."),
    ] = None,
    max_megabytes: Annotated[
        float, typer.Option(help="Larger files are refused (MiB).", min=0.001)
    ] = 32.0,
    quiet: Quiet = False,
) -> None:
    """Turn a tokenizer that ECG-Byte's authors released into a folder for AutoTokenizer.

    No code in the file is run. Every id is kept. The file does not say which amplitudes its letters
    stand for: with --low and --high the folder also turns ECGs into ids and back.

    Example: ecg-byte import-pickle tokenizer_3500.pkl --out out/imported --low -1.5 --high 1.7
    """
    from ..pickled_tokenizer import import_pickle

    if (low is None) != (high is None):
        raise typer.BadParameter("give both --low and --high, or neither")
    if low is not None and high is not None and not low < high:
        raise typer.BadParameter(f"--low {low:g} must be below --high {high:g}")
    released = import_pickle(
        file, out, low=low, high=high, max_megabytes=max_megabytes, quiet=quiet
    )
    kind = "tokenizer alone; --low and --high make it a processor"
    if low is not None:
        kind = "processor, preset paper"
    print(f"{out}: {counted(len(released.tokens), 'token')}, every id kept ({kind})")
