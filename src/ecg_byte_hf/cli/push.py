"""`ecg-byte push`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Private, Quiet

if TYPE_CHECKING:
    from ..hub.push import Pushed


def push_command(
    folder: Annotated[Path, typer.Argument(help="Folder of a tokenizer, corpus, model or metric.")],
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
            help="List what would go, and its size; no network. A missing card is written.",
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Push a folder to the Hub, with its card. What it is, is found out.

    HF_TOKEN (or `hf auth login`) says who you are, HF_ENDPOINT where the Hub is. An interrupted
    push is continued by the same command. Examples:

    ecg-byte push out/tokenizer org/ecg-byte --report out/fidelity.json

    ecg-byte push out/corpus org/my-ecgs --private --dry-run
    """
    from ..hub.push import plan_push, push
    from ..hub.tokenizer_card import read_json

    measured = None if report is None else read_json(report)
    if dry_run:
        print(plan_push(folder, repository, private=private, report=measured))
        return
    done = push(
        folder, repository, private=private, revision=revision, report=measured, quiet=quiet
    )
    _say(done)


def push_result(folder: Path, repository: str | None, *, private: bool, quiet: bool) -> None:
    """Push what another command has just written, where `--push` asks for it."""
    if repository is not None:
        from ..hub.push import push

        _say(push(folder, repository, private=private, quiet=quiet))


def _say(done: Pushed) -> None:
    print(f"{done.url} at {done.commit[:12]}" + ("" if done.new else ": all of it was there"))
