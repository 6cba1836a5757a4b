"""`ecg-byte report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .options import Quiet


def report_command(
    tokenizer: Annotated[str, typer.Argument(help="Tokenizer folder or Hub repository.")],
    corpus: Annotated[Path, typer.Argument(help="Corpus folder, made by 'prepare'.")],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "validation",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report to this file.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Measure a tokenizer on a split of a corpus: tokens an ECG, RMSE, PRD, SNR, per lead.

    Example: ecg-byte report out/tokenizer out/corpus --split validation --json out/report.json
    """
    from ..fidelity.report import report as measure
    from ..fidelity.report_output import report_table, write_json

    result = measure(tokenizer, corpus, split, quiet=quiet)
    if json_file is not None:
        write_json(result, json_file)
    Console().print(report_table(result))
