"""`ecg-byte push`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Private, Quiet


def push_command(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder of a tokenizer, corpus, model or metric; or bundled:ptb-xl."),
    ],
    repository: Annotated[str, typer.Argument(help="owner/name on the Hub; made if missing.")],
    private: Private = False,
    revision: Annotated[str | None, typer.Option(help="Branch; made if missing.")] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Report of `ecg-byte report --json` for a tokenizer's card."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="List what would go, and its size; no network, and nothing is written.",
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Push a folder to the Hub, with its card. What it is, is found out.

    HF_TOKEN (or `hf auth login`) says who you are, HF_ENDPOINT where the Hub is. An interrupted
    push is continued by the same command. Examples:

    ecg-byte push out/tokenizer org/ecg-byte --report out/fidelity.json

    ecg-byte push out/corpus org/my-ecgs --private --dry-run

    ecg-byte push bundled:ptb-xl org/ecg-byte
    """
    from ..hub.push import plan_push, push, pushed_folder
    from ..hub.tokenizer_card import read_json

    measured = None if report is None else read_json(report)
    with pushed_folder(folder) as pushed:
        if dry_run:
            plan = plan_push(
                pushed,
                repository,
                private=private,
                revision=revision,
                report=measured,
                quiet=quiet,
            )
            print(plan)
            return
        done = push(
            pushed, repository, private=private, revision=revision, report=measured, quiet=quiet
        )
    print(done)


def push_result(folder: Path, repository: str | None, *, private: bool, quiet: bool) -> None:
    """Push what another command has just written, where `--push` asks for it."""
    if repository is not None:
        from ..hub.push import push

        print(push(folder, repository, private=private, quiet=quiet))
