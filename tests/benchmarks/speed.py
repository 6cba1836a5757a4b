"""From the array to the ids, against the paper's own cleaning chain alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from ecg_byte_hf.hub_code.cleaning import paper_clean

from .results import Result, at_most

RECORDS = 80
REPEATS = 3
TARGETS = {"compact": 0.2, "beat": 0.4, "beat-placed": 0.4, "paper": 1.1}


def array_to_ids(processors: dict[str, Any], ecgs: Sequence[tuple[Any, float]]) -> list[Result]:
    """Ratios of median times over `ecgs`, (signal, sampling rate) pairs, on one core.

    Chain and tokenizer are timed in turn on each record, so that whatever slows the machine slows
    both. `processors` are by preset, all with the `clean` filter.
    """
    results = []
    for preset, processor in processors.items():
        chain_ms, ours_ms = _alternating(
            ecgs, lambda signal, rate: paper_clean(signal, rate, 250.0), processor.ecg_ids
        )
        results.append(
            at_most(
                f"{preset}: array to ids with clean / the paper's cleaning",
                TARGETS[preset],
                ours_ms / chain_ms,
                "x",
                f"{ours_ms:.2f} ms against {chain_ms:.2f} ms an ECG, {len(ecgs)} ECGs",
            )
        )
    return results


def _alternating(ecgs: Sequence[tuple[Any, float]], *ways: Callable[..., Any]) -> list[float]:
    """The median time (ms) of each way, `REPEATS` times over all ECGs, one after the other."""
    ms: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way(*ecgs[0])
    for _ in range(REPEATS):
        for ecg in ecgs:
            for way, times in zip(ways, ms, strict=True):
                start = time.perf_counter()
                way(*ecg)
                times.append(1000 * (time.perf_counter() - start))
    return [median(times) for times in ms]
