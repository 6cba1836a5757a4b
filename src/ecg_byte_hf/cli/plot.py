"""`ecg-byte plot`: pictures of ECGs, of their tokens and of whole vocabularies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..hub_code.errors import EcgByteError
from .command import App
from .options import Missing, Quiet, RecordRate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..records import EcgRecord

plot_app = App(
    help="Draw ECGs, tokens and vocabularies as .png, .svg or .pdf.\n\n"
    "Example: ecg-byte plot tokens 00001_hr --tokenizer out/tokenizer --out tokens.png",
    no_args_is_help=True,
)


def _picture(path: Path) -> Path:
    """A path that a picture can be written to: asked before any work is done."""
    from ..extras import require_extra
    from ..figures.canvas import check_picture_path

    require_extra("plot", "ecg-byte plot")
    return check_picture_path(path)


Record = Annotated[
    Path, typer.Argument(help="WFDB record, .csv or .npy; with --record-id a corpus folder.")
]
RecordId = Annotated[
    str | None, typer.Option("--record-id", help="Row of the corpus folder given as RECORD.")
]
Tokenizer = Annotated[str, typer.Option("--tokenizer", help="Tokenizer folder or Hub repository.")]
TokenizerArgument = Annotated[str, typer.Argument(help="Tokenizer folder or Hub repository.")]
Corpus = Annotated[Path, typer.Argument(help="Corpus folder, made by 'prepare'.")]
Split = Annotated[str, typer.Option(help="train, validation or test.")]
MaxRecords = Annotated[
    int | None, typer.Option(min=1, help="Only the first so many rows of the split.")
]
Out = Annotated[
    Path,
    typer.Option("--out", callback=_picture, help="Picture to write: .png, .svg or .pdf."),
]


@plot_app.command("ecg")
def plot_ecg(
    record: Record,
    out: Out,
    tokenizer: Annotated[
        str | None, typer.Option(help="Draw what its tokens decode to over the ECG.")
    ] = None,
    record_id: RecordId = None,
    sampling_rate: RecordRate = None,
    missing_leads: Missing = "refuse",
) -> None:
    """Draw the first 10 s of a record on ECG paper: 25 mm/s, 10 mm/mV.

    Example: ecg-byte plot ecg 00001_hr --tokenizer out/tokenizer --out ecg.png
    """
    from ..figures.record import draw_record

    window = _first_window(record, record_id, sampling_rate, missing_leads)
    _save(draw_record(_processor(tokenizer) if tokenizer else None, window), out)


@plot_app.command("tokens")
def plot_tokens(
    record: Record,
    tokenizer: Tokenizer,
    out: Out,
    channel: Annotated[
        str | None, typer.Option(help="Tokens of one channel: a lead (paper), r1 ..., t1 ..., rr.")
    ] = None,
    lead: Annotated[
        str | None, typer.Option(help="A lead, coloured by the token that says most about it.")
    ] = None,
    record_id: RecordId = None,
    sampling_rate: RecordRate = None,
    missing_leads: Missing = "refuse",
) -> None:
    """Draw the tokens of a record's first 10 s over the signal that they code.

    Without --channel and --lead: for the beat presets the rhythm, the representative beat and
    what is left side by side; for the others lead II. Example:

    ecg-byte plot tokens 00001_hr --tokenizer out/tokenizer --lead V2 --out tokens.png
    """
    from ..figures.beat import draw_beat
    from ..figures.lead_tokens import draw_lead_tokens
    from ..figures.record import draw_record_tokens
    from ..hub_code.presets import BEAT_PRESETS

    if channel and lead:
        raise typer.BadParameter("give --channel or --lead, not both")
    window = _first_window(record, record_id, sampling_rate, missing_leads)
    processor = _processor(tokenizer)
    if channel:
        figure = draw_record_tokens(processor, window, channel)
    elif lead or processor.feature_extractor.preset not in BEAT_PRESETS:
        figure = draw_lead_tokens(processor, window, lead or "II")
    else:
        figure = draw_beat(processor, window)
    _save(figure, out)


@plot_app.command("vocabulary")
def plot_vocabulary(
    tokenizer: TokenizerArgument,
    corpus: Corpus,
    out: Out,
    split: Split = "train",
    max_records: MaxRecords = None,
    quiet: Quiet = False,
) -> None:
    """Draw the most used tokens as the waveforms that they add.

    Example: ecg-byte plot vocabulary out/tokenizer out/corpus --out vocabulary.png
    """
    from ..fidelity.usage import token_usage
    from ..figures.vocabulary import draw_vocabulary

    processor, usage = token_usage(tokenizer, corpus, split, max_records=max_records, quiet=quiet)
    _save(draw_vocabulary(processor, usage, title=_named(tokenizer, corpus, split)), out)


@plot_app.command("usage")
def plot_usage(
    tokenizer: TokenizerArgument,
    corpus: Corpus,
    out: Out,
    split: Split = "train",
    max_records: MaxRecords = None,
    quiet: Quiet = False,
) -> None:
    """Draw how often tokens are used by rank, how few cover most uses, how many are never used.

    Example: ecg-byte plot usage out/tokenizer out/corpus --split validation --out usage.png
    """
    from ..fidelity.usage import token_usage
    from ..figures.usage import draw_usage

    _, usage = token_usage(tokenizer, corpus, split, max_records=max_records, quiet=quiet)
    _save(draw_usage(usage, title=_named(tokenizer, corpus, split)), out)


@plot_app.command("merges")
def plot_merges(
    tokenizer: TokenizerArgument,
    record: Record,
    out: Out,
    channel: Annotated[
        str | None,
        typer.Option(help="Whose word to merge; default: t1, else r1, for paper lead II."),
    ] = None,
    at: Annotated[
        float | None,
        typer.Option(help="Draw the beat nearest to this second; default: the middle."),
    ] = None,
    record_id: RecordId = None,
    sampling_rate: RecordRate = None,
    missing_leads: Missing = "refuse",
) -> None:
    """Draw how the symbols of one beat merge, step by step, into its tokens.

    Example: ecg-byte plot merges out/tokenizer 00001_hr --out merges.png
    """
    from ..figures.merges import draw_merges

    window = _first_window(record, record_id, sampling_rate, missing_leads)
    _save(draw_merges(_processor(tokenizer), window, channel=channel, at_s=at), out)


@plot_app.command("frontier")
def plot_frontier(
    sweep: Annotated[Path, typer.Argument(help="JSON file of a sweep.")],
    out: Out,
) -> None:
    """Draw tokens against error over the settings of a sweep, with the Pareto frontier.

    Example: ecg-byte plot frontier sweep.json --out frontier.png
    """
    import json

    from ..figures.frontier import draw_frontier

    try:
        points = json.loads(sweep.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EcgByteError(f"{sweep}: no JSON file of a sweep ({error})") from None
    _save(draw_frontier(points), out)


def _named(tokenizer: str, corpus: Path, split: str) -> str:
    return f"{Path(tokenizer).name} on {corpus.name}, {split}"


def _processor(tokenizer: str) -> Any:
    from ..hub_code.processing_ecg_byte import EcgByteProcessor

    return EcgByteProcessor.from_pretrained(tokenizer)


def _first_window(
    path: Path, record_id: str | None, sampling_rate: float | None, missing_leads: str
) -> EcgRecord:
    from ..records import read_record

    if record_id is None:
        record = read_record(path, sampling_rate=sampling_rate, missing_leads=missing_leads)
    else:
        from ..corpora.row_record import record_of_row

        record = record_of_row(path, record_id)
    return next(record.windows())


def _save(figure: Figure, out: Path) -> None:
    from ..figures.canvas import save_figure

    print(save_figure(figure, out))
