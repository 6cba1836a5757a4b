"""`ecg-byte ask`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .model_folders import check_model_folder
from .options import Missing, RecordRate


def ask_command(
    records: Annotated[
        list[str],
        typer.Argument(
            metavar="RECORD...",
            help="WFDB record, CSV or .npy file; several for a question that compares ECGs.",
        ),
    ],
    question: Annotated[str, typer.Argument(help="What you want to know about it.")],
    model: Annotated[
        str, typer.Option(help="Folder or Hub repository of training/finetune.py or merge.")
    ],
    base: Annotated[
        str | None, typer.Option(help="Base model instead of the one that the adapter names.")
    ] = None,
    gguf_file: Annotated[
        str | None, typer.Option(help="Name of a GGUF in the folder given with --base.")
    ] = None,
    sampling_rate: RecordRate = None,
    missing_leads: Missing = "refuse",
) -> None:
    """Ask a fine-tuned model about an ECG, or about several, and print its answer.

    Example: ecg-byte ask ptb-xl/records500/00000/00001_hr "Is the rhythm regular?" --model OUT
    """
    from ..reading.answering import ask

    if _is_record(question):
        raise typer.BadParameter(
            f"{question} is a record and no question: put the question last, in quotes"
        )
    check_model_folder(model)
    answer = ask(
        records,
        question,
        model,
        base=base,
        gguf_file=gguf_file,
        sampling_rate=sampling_rate,
        missing_leads=missing_leads,
        note=lambda line: print(f"note: {line}", file=sys.stderr),
    )
    print(answer)


def _is_record(question: str) -> bool:
    """Whether there is a file, folder or WFDB record of this name."""
    try:
        return Path(question).exists() or Path(f"{question}.hea").is_file()
    except (OSError, ValueError):
        # Too long for a name, as a question may be.
        return False
