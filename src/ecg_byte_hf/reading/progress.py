"""Progress bars of our own, and none of the libraries'."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import Progress


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
def bar(title: str, total: int, quiet: bool) -> Iterator[Callable[[], None]]:
    """A bar over `total` steps; yields what advances it. Nothing off a terminal or when quiet."""
    progress = Progress(transient=True)
    if quiet or not progress.console.is_terminal:
        yield lambda: None
        return
    with progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)
