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
from .threads import wait_without_spinning

app = typer.Typer(
    name="ecg-byte",
    help="Electrocardiograms for language models: prepare, tokenise, train, ask.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)

INTERRUPTED = 130

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


def _version(value: bool) -> None:
    if value:
        print(__version__)
        raise typer.Exit


prepare_app = typer.Typer(
    help="Write a corpus: a folder that `datasets.load_dataset` reads.", no_args_is_help=True
)
app.add_typer(prepare_app, name="prepare")


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Electrocardiograms for language models: prepare, tokenise, train, ask."""


@app.command()
def quickstart(
    out: Annotated[Path, typer.Option(help="Folder for everything.")] = Path("out"),
    records: Annotated[int, typer.Option(help="Simulated ECGs, 100 or more.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of all of it.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier quickstart in --out.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Do it all on simulated ECGs: tokenizer, small Llama, evaluation, one question. No network.

    Example: ecg-byte quickstart --out out
    """
    from .quickstart import quickstart as run

    run(out, records=records, seed=seed, overwrite=overwrite, quiet=quiet)


@app.command("train-tokenizer")
def train_tokenizer_command(
    corpus: Annotated[Path, typer.Argument(help="Corpus folder, made by 'prepare'.")],
    out: Annotated[Path, typer.Option(help="Folder of the tokenizer to write.")],
    preset: Annotated[str, typer.Option(help="paper, compact or beat.")] = "compact",
    vocab_size: Annotated[int, typer.Option(help="Tokens in all, markers included.")] = 4096,
    split: Annotated[str, typer.Option(help="Split to train on.")] = "train",
    max_records: Annotated[
        int | None, typer.Option(help="Only the first so many rows of the split.")
    ] = None,
    cleaning: Annotated[
        str | None, typer.Option(help="clean, paper or none; default: the preset's own.")
    ] = None,
    step: Annotated[
        float | None, typer.Option(help="Quantiser step in mV (default: compact 0.33, beat 0.5).")
    ] = None,
    dead_zone: Annotated[
        float | None,
        typer.Option(help="Share of a step that becomes 0 (compact, beat; default 0.6)."),
    ] = None,
    template_step: Annotated[
        float | None, typer.Option(help="Step of the representative beat in mV (beat).")
    ] = None,
    one_word: Annotated[
        bool, typer.Option("--one-word", help="One word per ECG, as in the paper (paper).")
    ] = False,
    lead_order: Annotated[
        str | None, typer.Option(help="standard, or paper: aVL before aVR (paper).")
    ] = None,
    num_proc: Annotated[int | None, typer.Option(help="Processes of the map step.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a tokenizer in --out.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Fit an extractor on a corpus and train its BPE: writes a folder for AutoTokenizer.

    Example: ecg-byte train-tokenizer out/corpus --preset compact --out out/tokenizer
    """
    from .corpus_tokenizer import claim_tokenizer_folder, processor_from_corpus, save_processor

    claim_tokenizer_folder(out, overwrite=overwrite)
    options = {
        "step": step,
        "dead_zone": dead_zone,
        "template_step": template_step,
        "lead_order": lead_order,
    }
    codec = {name: value for name, value in options.items() if value is not None}
    processor = processor_from_corpus(
        corpus,
        preset=preset,
        vocabulary_size=vocab_size,
        split=split,
        max_records=max_records,
        cleaning=cleaning,
        codec=codec | ({"one_word": True} if one_word else {}),
        num_proc=num_proc,
        quiet=quiet,
    )
    save_processor(processor, out)
    print(f"{out}: preset {preset}, {processor.ecg_vocabulary_size} tokens")


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
        typer.Option(help="Draw the tokens of this channel: a lead, r1 ..., rr, t1 ..."),
    ] = None,
    sampling_rate: RecordRate = None,
    missing_leads: Missing = "refuse",
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

    ecg = read_record(record, sampling_rate=sampling_rate, missing_leads=missing_leads)
    window = next(ecg.windows())
    processor = EcgByteProcessor.from_pretrained(tokenizer)
    if tokens is None:
        figure = draw_record(processor, window)
    else:
        figure = draw_record_tokens(processor, window, tokens)
    save_figure(figure, out)
    print(out)


CorpusFolder = Annotated[Path, typer.Option("--out", help="Folder of the corpus to write.")]
CorpusRate = Annotated[
    float | None,
    typer.Option("--sampling-rate", help="Hz of the corpus; default: that of its first record."),
]
Window = Annotated[float, typer.Option(help="Seconds of a row, 2 to 10; longer records are cut.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a corpus in --out.")]
Questions = Annotated[bool, typer.Option(help="Write questions and answers too.")]


@prepare_app.command("ptb-xl")
def prepare_ptb_xl(
    folder: Annotated[Path, typer.Argument(help="PTB-XL's folder, with ptbxl_database.csv.")],
    out: CorpusFolder,
    rate: Annotated[int, typer.Option(help="Which of PTB-XL's rates to read: 500 or 100.")] = 500,
    sampling_rate: CorpusRate = None,
    window: Window = 10.0,
    missing_leads: Missing = "refuse",
    questions: Questions = True,
    seed: Annotated[int, typer.Option(help="Seed of the questions.")] = 0,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Write a corpus from PTB-XL: folds 1-8 train, 9 validation, 10 test.

    Example: ecg-byte prepare ptb-xl ptb-xl/1.0.3 --out corpora/ptb-xl
    """
    from .corpora.ptb_xl import ptb_xl
    from .corpora.writer import write_corpus

    summary = write_corpus(
        ptb_xl(folder, rate=rate, missing_leads=missing_leads),
        out,
        sampling_rate=sampling_rate,
        window_s=window,
        with_questions=questions,
        question_seed=seed,
        overwrite=overwrite,
        quiet=quiet,
    )
    print(summary)


@prepare_app.command("wfdb")
def prepare_wfdb(
    folder: Annotated[Path, typer.Argument(help="Folder of WFDB records, at any depth.")],
    out: CorpusFolder,
    validation_share: Annotated[float, typer.Option(help="Share of patients to validate.")] = 0.1,
    test_share: Annotated[float, typer.Option(help="Share of patients to test.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    patient_pattern: Annotated[
        str | None,
        typer.Option(
            help="Regular expression whose group in a record's path is its patient; without it "
            "each record is split by itself."
        ),
    ] = None,
    license_: Annotated[
        str, typer.Option("--license", help="Licence of the recordings, for the card.")
    ] = "unknown",
    sampling_rate: CorpusRate = None,
    window: Window = 10.0,
    missing_leads: Missing = "refuse",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Write a corpus from a folder of WFDB records, split by patient where a pattern names them.

    Example: ecg-byte prepare wfdb ptbdb --patient-pattern '(patient[0-9]+)/' --out corpora/ptbdb
    """
    from .corpora.wfdb_folder import wfdb_folder
    from .corpora.writer import write_corpus

    source = wfdb_folder(
        folder,
        validation_share=validation_share,
        test_share=test_share,
        seed=seed,
        patient_pattern=patient_pattern,
        missing_leads=missing_leads,
        licence=license_,
    )
    summary = write_corpus(
        source,
        out,
        sampling_rate=sampling_rate,
        window_s=window,
        overwrite=overwrite,
        quiet=quiet,
    )
    print(summary)


@prepare_app.command("simulation")
def prepare_simulation(
    out: CorpusFolder,
    records: Annotated[int, typer.Option(help="How many ECGs to simulate.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of patients and questions.")] = 0,
    sampling_rate: Annotated[float, typer.Option(help="Hz of the simulated ECGs.")] = 500.0,
    questions: Questions = True,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Write a corpus of simulated ECGs with known truth, and questions about it.

    Example: ecg-byte prepare simulation --records 2000 --seed 0 --out corpora/simulation
    """
    from .corpora.simulated import simulated
    from .corpora.writer import write_corpus

    summary = write_corpus(
        simulated(records, seed=seed, sampling_rate=sampling_rate),
        out,
        with_questions=questions,
        question_seed=seed,
        overwrite=overwrite,
        quiet=quiet,
    )
    print(summary)


@app.command("ask")
def ask_command(
    record: Annotated[str, typer.Argument(help="WFDB record, CSV or .npy file.")],
    question: Annotated[str, typer.Argument(help="What you want to know about it.")],
    model: Annotated[Path, typer.Option(help="Folder written by training/finetune.py.")],
    base: Annotated[
        str | None, typer.Option(help="Base model instead of the one that the adapter names.")
    ] = None,
    gguf_file: Annotated[
        str | None, typer.Option(help="Name of a GGUF in the folder given with --base.")
    ] = None,
    sampling_rate: RecordRate = None,
    missing_leads: Missing = "refuse",
) -> None:
    """Ask a fine-tuned model about one ECG and print its answer.

    Example: ecg-byte ask ptb-xl/records500/00000/00001_hr "Is the rhythm regular?" --model OUT
    """
    from .reading.answering import ask

    answer = ask(
        record,
        question,
        model,
        base=base,
        gguf_file=gguf_file,
        sampling_rate=sampling_rate,
        missing_leads=missing_leads,
    )
    print(answer)


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
            errors.print("ecg-byte: interrupted; `prepare` and `quickstart` go on when run again")
        raise
    except KeyboardInterrupt:
        errors.print("ecg-byte: interrupted")
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
