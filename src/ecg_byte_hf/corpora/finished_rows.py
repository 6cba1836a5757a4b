"""What a finished corpus's shards hold beside the signals, for its counts and its questions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import ecg_features, signal_mV
from .heart_rate import heart_rate_bpm


def finished_rows(
    shards: list[Path], *, with_rates: bool = False, advance: Callable[[], None] = lambda: None
) -> list[dict[str, Any]]:
    """The rows of Parquet files without `signal`, `with_rates` with `heart_rate_bpm` in its place.

    One shard is in memory at a time. `advance` is called after each.
    """
    import pyarrow.parquet

    columns = [name for name in ecg_features(1) if name != "signal"]
    rows: list[dict[str, Any]] = []
    for shard in shards:
        found = pyarrow.parquet.read_table(shard, columns=columns).to_pylist()
        if with_rates:
            for row, signal in zip(found, _signals(shard), strict=True):
                rate = float(row["sampling_rate"])
                row["heart_rate_bpm"] = heart_rate_bpm(signal_mV(row | {"signal": signal}), rate)
        rows += found
        advance()
    return rows


def _signals(shard: Path) -> NDArray[np.int16]:
    """Column `signal` of a shard: (rows, 12, samples)."""
    import pyarrow.parquet

    lists = pyarrow.parquet.read_table(shard, columns=["signal"])["signal"].combine_chunks()
    # Once `datasets` is imported, pyarrow knows what an Array2D is.
    lists = getattr(lists, "storage", lists)
    return lists.flatten().flatten().to_numpy().reshape(len(lists), 12, -1)
