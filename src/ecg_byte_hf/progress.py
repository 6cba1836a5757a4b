"""Progress bars: on a terminal, on stderr, unless a user asked for quiet."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
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
