"""`ecg-byte report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .options import Quiet, one_of


def report_command(
    tokenizer: Annotated[str, typer.Argument(help="Tokenizer folder or Hub repository.")],
    corpus: Annotated[Path, typer.Argument(help="Corpus folder, made by 'prepare'.")],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "validation",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report to this file.")
    ] = None,
    clinical: Annotated[
        bool,
        typer.Option(
            "--clinical",
            help="Also QRS, PR, QT, ST, R amplitude and RR, decoded against cleaned.",
        ),
    ] = False,
    boundaries: Annotated[
        Path | None,
        typer.Option(
            help="Also against boundaries that cardiologists marked: the folder of WFDB records "
            "(LUDB) that the corpus was prepared from."
        ),
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="With --clinical: a Bland-Altman plot per measure, here.")
    ] = None,
    figure_format: Annotated[
        str, typer.Option(callback=one_of("png", "svg", "both"), help="png, svg or both.")
    ] = "both",
    seed: Annotated[int, typer.Option(min=0, help="Of the noise of the clinical floor.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Measure a tokenizer on a split of a corpus: tokens an ECG, RMSE, PRD, SNR, per lead.

    Examples:

    ecg-byte report out/tokenizer out/corpus --split validation --json out/report.json

    ecg-byte report out/tokenizer out/corpus --clinical --figures out/figures
    """
    from ..extras import require_extra
    from ..fidelity.report import Comparison
    from ..fidelity.report import report as measure
    from ..fidelity.report_output import report_table, write_json
    from ..writing import check_can_write

    comparisons: list[Comparison] = []
    measured = None
    if figures is not None and not clinical:
        raise typer.BadParameter("--figures needs --clinical")
    for path in (json_file, None if figures is None else figures / "agreement.png"):
        if path is not None:
            check_can_write(path)
    if clinical:
        from ..fidelity.clinical import ClinicalComparison

        measured = ClinicalComparison(seed)
        comparisons.append(measured)
        if figures is not None:
            require_extra("plot", "--figures")
    if boundaries is not None:
        from ..fidelity.ludb_boundaries import BoundaryComparison

        comparisons.append(BoundaryComparison(boundaries))

    result = measure(tokenizer, corpus, split, comparisons=comparisons, quiet=quiet)
    if json_file is not None:
        write_json(result, json_file)
    console = Console()
    console.print(report_table(result))
    if comparisons:
        from ..fidelity.clinical_output import boundaries_table, clinical_table

        if clinical:
            console.print(clinical_table(result["clinical"]))
        if boundaries is not None:
            console.print(boundaries_table(result["boundaries"]))
    if measured is not None and figures is not None:
        from ..figures.agreement import save_agreement_figures

        suffixes = (".png", ".svg") if figure_format == "both" else (f".{figure_format}",)
        settings = result["settings"]
        title = f"{settings['preset']}, {result['overall']['tokens_mean']:.0f} tokens an ECG"
        for path in save_agreement_figures(measured, figures, suffixes, title):
            print(path)
