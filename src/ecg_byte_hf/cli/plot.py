"""`ecg-byte plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Missing, RecordRate


def plot_command(
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
    from ..figures.canvas import save_figure
    from ..figures.record import draw_record, draw_record_tokens
    from ..hub_code.processing_ecg_byte import EcgByteProcessor
    from ..records import read_record

    ecg = read_record(record, sampling_rate=sampling_rate, missing_leads=missing_leads)
    window = next(ecg.windows())
    processor = EcgByteProcessor.from_pretrained(tokenizer)
    if tokens is None:
        figure = draw_record(processor, window)
    else:
        figure = draw_record_tokens(processor, window, tokens)
    save_figure(figure, out)
    print(out)
