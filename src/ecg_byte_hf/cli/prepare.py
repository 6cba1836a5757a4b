"""`ecg-byte prepare`: a source of recordings in, a corpus out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..hub_code.signal_checks import (
    MAX_DURATION_S,
    MAX_SAMPLING_RATE_HZ,
    MIN_DURATION_S,
    MIN_SAMPLING_RATE_HZ,
)
from .command import App
from .options import Missing, Private, Push, Quiet
from .push import push_result

if TYPE_CHECKING:
    from ..corpora.source import Source

prepare_app = App(
    help="Write a corpus: a folder that `datasets.load_dataset` reads.\n\n"
    "Example: ecg-byte prepare simulation --records 2000 --out out/corpus",
    no_args_is_help=True,
)

CorpusFolder = Annotated[Path, typer.Option("--out", help="Folder of the corpus to write.")]
CorpusRate = Annotated[
    float | None,
    typer.Option(
        "--sampling-rate",
        min=MIN_SAMPLING_RATE_HZ,
        max=MAX_SAMPLING_RATE_HZ,
        help="Hz of the corpus; default: that of its first record.",
    ),
]
Window = Annotated[
    float,
    typer.Option(
        min=MIN_DURATION_S,
        max=MAX_DURATION_S,
        help="Seconds of a row, 2 to 10; longer records are cut.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a corpus in --out.")]
Questions = Annotated[bool, typer.Option(help="Write questions and answers too.")]
ValidationShare = Annotated[
    float, typer.Option(min=0, max=1, help="Share of patients to validate.")
]
TestShare = Annotated[float, typer.Option(min=0, max=1, help="Share of patients to test.")]
EcgQaFolder = Annotated[
    Path | None,
    typer.Option("--ecg-qa", help="ECG-QA's folder: its questions about these ECGs go in too."),
]


def _prepare(
    source: Source,
    out: Path,
    *,
    push: str | None,
    private: bool,
    quiet: bool,
    ecg_qa: Path | None = None,
    **options: Any,
) -> None:
    """Write the corpus of a source, and push it; what would forbid the push is found first."""
    from ..corpora.ecg_qa import with_ecg_qa
    from ..corpora.writer import write_corpus
    from ..hub.push import check_corpus_push

    if ecg_qa is not None:
        if not options.get("with_questions", True):
            raise typer.BadParameter("--ecg-qa and --no-questions exclude one another")
        source = with_ecg_qa(source, ecg_qa)
    if push is not None:
        check_corpus_push(push, source, private=private)
    print(write_corpus(source, out, quiet=quiet, **options))
    push_result(out, push, private=private, quiet=quiet)


def _check_shares(validation_share: float, test_share: float) -> None:
    if validation_share + test_share > 1:
        raise typer.BadParameter("--validation-share and --test-share are more than 1 together")


def _one_group(value: str | None) -> str | None:
    import re

    if value is None:
        return None
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise typer.BadParameter(f"{value!r} is no regular expression ({error})") from None
    if groups != 1:
        raise typer.BadParameter(f"{value!r} needs one group in parentheses")
    return value


def _ptb_xl_rate(value: int) -> int:
    if value not in (500, 100):
        raise typer.BadParameter(f"PTB-XL has 500 and 100 Hz, not {value}")
    return value


@prepare_app.command("ptb-xl")
def prepare_ptb_xl(
    folder: Annotated[Path, typer.Argument(help="PTB-XL's folder, with ptbxl_database.csv.")],
    out: CorpusFolder,
    rate: Annotated[
        int,
        typer.Option(callback=_ptb_xl_rate, help="Which of PTB-XL's rates to read: 500 or 100."),
    ] = 500,
    normalised: Annotated[
        bool,
        typer.Option("--normalised", help="100 Hz, 0.5-40 Hz, unit variance per lead; no mV."),
    ] = False,
    sampling_rate: CorpusRate = None,
    window: Window = 10.0,
    missing_leads: Missing = "refuse",
    questions: Questions = True,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the questions.")] = 0,
    ecg_qa: EcgQaFolder = None,
    overwrite: Overwrite = False,
    push: Push = None,
    private: Private = False,
    quiet: Quiet = False,
) -> None:
    """Write a corpus from PTB-XL: folds 1-8 train, 9 validation, 10 test.

    --normalised writes what prepare ptb-xl-normalised does.

    Example: ecg-byte prepare ptb-xl ptb-xl/1.0.3 --out corpora/ptb-xl
    """
    from ..corpora.normalising import normalised_from_ptb_xl
    from ..corpora.ptb_xl import ptb_xl

    if normalised and (rate, sampling_rate, window) != (500, None, 10.0):
        raise typer.BadParameter(
            "--normalised makes 10 s at 100 Hz of 500 Hz: leave --rate, --sampling-rate, --window"
        )
    _prepare(
        normalised_from_ptb_xl(folder, missing_leads=missing_leads)
        if normalised
        else ptb_xl(folder, rate=rate, missing_leads=missing_leads),
        out,
        sampling_rate=sampling_rate,
        window_s=window,
        with_questions=questions,
        question_seed=seed,
        ecg_qa=ecg_qa,
        overwrite=overwrite,
        push=push,
        private=private,
        quiet=quiet,
    )


@prepare_app.command("ptb-xl-normalised")
def prepare_ptb_xl_normalised(
    folder: Annotated[Path, typer.Argument(help="Folder with train.parquet, validation.parquet.")],
    out: CorpusFolder,
    questions: Questions = True,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the questions.")] = 0,
    ecg_qa: EcgQaFolder = None,
    overwrite: Overwrite = False,
    push: Push = None,
    private: Private = False,
    quiet: Quiet = False,
) -> None:
    """Write a corpus from PTB-XL in standard deviations at 100 Hz; folds as in ptb-xl.

    Example: ecg-byte prepare ptb-xl-normalised ptb-xl-normalised --out corpora/ptb-xl-normalised
    """
    from ..corpora.ptb_xl_normalised import ptb_xl_normalised

    _prepare(
        ptb_xl_normalised(folder),
        out,
        with_questions=questions,
        question_seed=seed,
        ecg_qa=ecg_qa,
        overwrite=overwrite,
        push=push,
        private=private,
        quiet=quiet,
    )


@prepare_app.command("mimic-iv-ecg")
def prepare_mimic_iv_ecg(
    folder: Annotated[Path, typer.Argument(help="Its folder, with record_list.csv.")],
    out: CorpusFolder,
    validation_share: ValidationShare = 0.1,
    test_share: TestShare = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split and of the questions.")] = 0,
    license_: Annotated[
        str | None,
        typer.Option("--license", help="Its licence; by default a credentialed one, never pushed."),
    ] = None,
    sampling_rate: CorpusRate = None,
    window: Window = 10.0,
    missing_leads: Missing = "refuse",
    questions: Questions = True,
    ecg_qa: EcgQaFolder = None,
    overwrite: Overwrite = False,
    push: Push = None,
    private: Private = False,
    quiet: Quiet = False,
) -> None:
    """Write a corpus from MIMIC-IV-ECG, with the recorder's reports, split by patient.

    Example: ecg-byte prepare mimic-iv-ecg mimic-iv-ecg/1.0 --out corpora/mimic-iv-ecg
    """
    from ..corpora.mimic_iv_ecg import LICENCE, mimic_iv_ecg

    _check_shares(validation_share, test_share)
    source = mimic_iv_ecg(
        folder,
        validation_share=validation_share,
        test_share=test_share,
        seed=seed,
        missing_leads=missing_leads,
        licence=license_ or LICENCE,
    )
    _prepare(
        source,
        out,
        sampling_rate=sampling_rate,
        window_s=window,
        with_questions=questions,
        question_seed=seed,
        ecg_qa=ecg_qa,
        overwrite=overwrite,
        push=push,
        private=private,
        quiet=quiet,
    )


@prepare_app.command("wfdb")
def prepare_wfdb(
    folder: Annotated[Path, typer.Argument(help="Folder of WFDB records, at any depth.")],
    out: CorpusFolder,
    validation_share: ValidationShare = 0.1,
    test_share: TestShare = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split.")] = 0,
    patient_pattern: Annotated[
        str | None,
        typer.Option(
            callback=_one_group,
            help="Regular expression whose group in a record's path is its patient; without it "
            "each record is split by itself.",
        ),
    ] = None,
    license_: Annotated[
        str, typer.Option("--license", help="Licence of the recordings, for the card.")
    ] = "unknown",
    sampling_rate: CorpusRate = None,
    window: Window = 10.0,
    missing_leads: Missing = "refuse",
    overwrite: Overwrite = False,
    push: Push = None,
    private: Private = False,
    quiet: Quiet = False,
) -> None:
    """Write a corpus from a folder of WFDB records, split by patient where a pattern names them.

    Example: ecg-byte prepare wfdb ptbdb --patient-pattern '(patient[0-9]+)/' --out corpora/ptbdb
    """
    from ..corpora.wfdb_folder import wfdb_folder

    _check_shares(validation_share, test_share)
    source = wfdb_folder(
        folder,
        validation_share=validation_share,
        test_share=test_share,
        seed=seed,
        patient_pattern=patient_pattern,
        missing_leads=missing_leads,
        licence=license_,
    )
    _prepare(
        source,
        out,
        sampling_rate=sampling_rate,
        window_s=window,
        overwrite=overwrite,
        push=push,
        private=private,
        quiet=quiet,
    )


@prepare_app.command("simulation")
def prepare_simulation(
    out: CorpusFolder,
    records: Annotated[int, typer.Option(min=1, help="How many ECGs to simulate.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of patients and questions.")] = 0,
    sampling_rate: Annotated[
        float,
        typer.Option(
            min=MIN_SAMPLING_RATE_HZ, max=MAX_SAMPLING_RATE_HZ, help="Hz of the simulated ECGs."
        ),
    ] = 500.0,
    questions: Questions = True,
    overwrite: Overwrite = False,
    push: Push = None,
    private: Private = False,
    quiet: Quiet = False,
) -> None:
    """Write a corpus of simulated ECGs with known truth, and questions about it.

    Example: ecg-byte prepare simulation --records 2000 --seed 0 --out corpora/simulation
    """
    from ..corpora.simulated import simulated

    _prepare(
        simulated(records, seed=seed, sampling_rate=sampling_rate),
        out,
        with_questions=questions,
        question_seed=seed,
        overwrite=overwrite,
        push=push,
        private=private,
        quiet=quiet,
    )
