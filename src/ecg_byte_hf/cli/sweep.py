"""`ecg-byte sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Quiet


def _named_corpora(values: list[str]) -> list[str]:
    for value in values:
        name, _, folder = value.partition("=")
        if not name or not folder:
            raise typer.BadParameter(f"{value!r} must be NAME=CORPUS, such as ludb=out/ludb")
    return values


def sweep_command(
    corpus: Annotated[Path, typer.Argument(help="Corpus folder, made by 'prepare'.")],
    json_file: Annotated[
        Path, typer.Option("--json", help="File of the results; one that is there is gone on with.")
    ],
    figure: Annotated[
        Path | None, typer.Option(help="Picture of the frontier to write: .png, .svg or .pdf.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split to measure on.")] = "validation",
    also: Annotated[
        list[str] | None,
        typer.Option(
            callback=lambda values: _named_corpora(values or []),
            help="NAME=CORPUS to measure the same tokenizers on; ludb and chapman have goals.",
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few settings only.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin anew instead of going on with the file.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Rate against distortion: presets, vocabularies, steps, training ECGs, and outside baselines.

    Example: ecg-byte sweep out/corpus --json out/sweep.json --figure out/frontier.png
    """
    from rich.console import Console

    from ..extras import require_extra
    from ..fidelity.sweep import sweep
    from ..fidelity.sweep_output import fast_table, front_table, goals_table, lossless_table
    from ..writing import check_can_write

    check_can_write(json_file)
    if figure is not None:
        from ..figures.canvas import check_picture_path, save_figure

        require_extra("plot", "sweep --figure")
        check_picture_path(figure)
    result = sweep(
        corpus,
        json_file,
        split=split,
        also=dict(value.split("=", 1) for value in also or []),
        quick=quick,
        overwrite=overwrite,
        quiet=quiet,
    )
    if figure is not None:
        from ..figures.frontier import draw_frontier

        save_figure(draw_frontier(result), figure)
    console = Console()
    for table in (front_table, fast_table, lossless_table, goals_table):
        console.print(table(result))
