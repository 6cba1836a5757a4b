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


@app.command()
def report(
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
    from .fidelity.report import report as measure
    from .fidelity.report_output import report_table, write_json

    result = measure(tokenizer, corpus, split, quiet=quiet)
    if json_file is not None:
        write_json(result, json_file)
    Console().print(report_table(result))


@app.command()
def plot(
    record: Annotated[Path, typer.Argument(help="WFDB record, .csv or .npy.")],
    tokenizer: Annotated[str, typer.Option(help="Tokenizer folder or Hub repository.")],
    out: Annotated[Path, typer.Option(help="Picture to write: .png, .svg or .pdf.")],
    tokens: Annotated[
        str | None,
        typer.Option(help="Draw the tokens of this channel instead: a lead, or r1 to r8."),
    ] = None,
    sampling_rate: Annotated[
        float | None, typer.Option(help="Hz, for files that do not say it.")
    ] = None,
) -> None:
    """Draw a record on ECG paper with what its tokens decode to, or the tokens of one channel.

    The first 10 s of a longer record. Examples:

    ecg-byte plot 00001_hr --tokenizer out/tokenizer --out ecg.png

    ecg-byte plot 00001_hr --tokenizer out/tokenizer --out tokens.png --tokens r1
    """
    from .figures.canvas import save_figure
    from .figures.record import draw_record, draw_record_tokens
    from .hub_code.processing_ecg_byte import EcgByteProcessor
    from .records import read_record

    window = read_record(record, sampling_rate=sampling_rate).windows()[0]
    processor = EcgByteProcessor.from_pretrained(tokenizer)
    if tokens is None:
        figure = draw_record(processor, window)
    else:
        figure = draw_record_tokens(processor, window, tokens)
    save_figure(figure, out)
    print(out)


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
