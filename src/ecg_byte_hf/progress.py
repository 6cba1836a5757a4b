"""Progress bars: on a terminal, on stderr, unless a user asked for quiet."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


def bars_wanted(quiet: bool = False) -> bool:
    """Whether bars are drawn: not when `quiet`, not where stderr is no terminal."""
    return not quiet and sys.stderr.isatty()


def track(
    items: Iterable[Item], label: str, total: int | None = None, *, quiet: bool = False
) -> Iterable[Item]:
    """`items` with a bar beside them that goes away at the end."""
    from rich.console import Console
    from rich.progress import track as rich_track

    return rich_track(
        items,
        label,
        total=total,
        console=Console(stderr=True),
        transient=True,
        disable=not bars_wanted(quiet),
    )


@contextmanager
def bar(label: str, total: int, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """A bar over `total` steps that goes away at the end; yields what advances it by one."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(
        console=Console(stderr=True), transient=True, disable=not bars_wanted(quiet)
    ) as progress:
        task = progress.add_task(label, total=total)
        yield lambda: progress.advance(task)


def quiet_libraries() -> None:
    """Switch off transformers' and datasets' bars, and a warning that PEFT causes in transformers.

    They print a line per step where stderr is no terminal.
    """
    from datasets.utils import disable_progress_bars
    from transformers.utils import logging

    logging.disable_progress_bar()
    disable_progress_bars()
    # PEFT 0.21 still reads the attribute that transformers 5.23 has renamed.
    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")


@contextmanager
def datasets_bars(quiet: bool = False) -> Iterator[None]:
    """Within it, `datasets` draws its own bars only where `bars_wanted`."""
    from datasets.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    if bars_wanted(quiet) or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


@contextmanager
def hub_output(quiet: bool = False) -> Iterator[None]:
    """Within it, `huggingface_hub` draws bars only where `bars_wanted`, and does not chat."""
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    # It warns of a commit in which nothing is new, which the caller says itself.
    talk = logging.getLogger("huggingface_hub.hf_api")
    level, silenced = talk.level, not (bars_wanted(quiet) or are_progress_bars_disabled())
    talk.setLevel(logging.ERROR)
    if silenced:
        disable_progress_bars()
    try:
        yield
    finally:
        talk.setLevel(level)
        if silenced:
            enable_progress_bars()
