"""Rows of a corpus without a corpus, for what measures tokenizers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..small_tokenizer import simulated_records


def corpus_rows(count: int) -> list[dict[str, Any]]:
    """Rows of simulated ECGs, as `datasets` hands them over in numpy format."""
    rows = []
    for one in simulated_records()[:count]:
        signal = np.round(one.record.signal / 0.001).astype(np.int16)
        rows.append(
            {
                "record_id": one.record.record_id,
                "signal": signal,
                "scale": np.float32(0.001),
                "samples": signal.shape[1],
                "sampling_rate": one.record.sampling_rate,
            }
        )
    return rows
