"""Packed sequences become batches, with as little padding as one wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .sequences import IGNORED

_FILL = {"labels": IGNORED, "position_ids": 0, "segments": -1}


def collate(
    features: Sequence[Mapping[str, np.ndarray]], pad_id: int, *, fill_rows: bool = False
) -> dict[str, Any]:
    """Pad packed sequences on the right to one batch and say who may look at whom.

    With `fill_rows` several sequences share a row of the longest one's length where they fit. They
    do not see one another and their positions are their own, so that nothing changes but the share
    of padding.

    Returns:
        int64 tensors (rows, length) `input_ids`, `labels`, `position_ids`, the bool tensor
        (rows, 1, length, length) `attention_mask`, true where a token (row) sees another, and the
        int64 tensor (sequences,) `lengths`, in tokens.
    """
    import torch

    lengths = [len(feature["input_ids"]) for feature in features]
    places = fill(lengths) if fill_rows else [[number] for number in range(len(features))]
    shape = (len(places), max(lengths))
    padded = {
        name: np.full(shape, value, dtype=np.int64)
        for name, value in {"input_ids": pad_id, **_FILL}.items()
    }
    owners = np.full(shape, -1, dtype=np.int64)
    for row, members in enumerate(places):
        start = 0
        for number in members:
            stop = start + lengths[number]
            for name, rows in padded.items():
                rows[row, start:stop] = features[number][name]
            owners[row, start:stop] = number
            start = stop
    segments = torch.from_numpy(padded.pop("segments"))
    sequences = torch.from_numpy(owners)
    asked = segments[:, None, :]
    sees = (segments[:, :, None] == asked) | (asked == 0)
    sees &= sequences[:, :, None] == sequences[:, None, :]
    batch = {name: torch.from_numpy(rows) for name, rows in padded.items()}
    return {**batch, "attention_mask": sees.tril()[:, None], "lengths": torch.tensor(lengths)}


def fill(lengths: Sequence[int]) -> list[list[int]]:
    """Which sequences share a row: first fit, the longest first; rows are as long as the longest.

    First-fit decreasing needs at most 11/9 of the fewest possible rows, and one more (Dosa, 2007).
    """
    free: list[int] = []
    rows: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        length = lengths[number]
        row = next((i for i, room in enumerate(free) if room >= length), None)
        if row is None:
            row = len(rows)
            rows.append([])
            free.append(max(lengths))
        rows[row].append(number)
        free[row] -= length
    return rows
