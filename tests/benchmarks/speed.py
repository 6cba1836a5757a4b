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


def array_to_ids(processors: dict[str, Any], ecgs: Sequence[tuple[Any, float]]) -> list[Result]:
    """Ratios of median times over `ecgs`, (signal, sampling rate) pairs, on one core.

    All ways are timed in turn on each record, so that whatever slows the machine slows them all.
    `processors` are by preset, all with the `clean` filter.
    """
    ways: dict[str, Callable[[Any, float], Any]] = {
        "chain": lambda signal, rate: paper_clean(signal, rate, 250.0),
        **{
            preset: (lambda signal, rate, p=processor: p.ecg_ids(signal, rate))
            for preset, processor in processors.items()
        },
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for way in ways.values():
        way(*ecgs[0])
    for _ in range(REPEATS):
        for signal, rate in ecgs:
            for name, way in ways.items():
                start = time.perf_counter()
                way(signal, rate)
                seconds[name].append(time.perf_counter() - start)
    ms = {name: 1000 * median(times) for name, times in seconds.items()}
    targets = {"compact": 0.2, "paper": 1.1}
    return [
        at_most(
            f"{preset}: array to ids with clean / the paper's cleaning",
            targets[preset],
            ms[preset] / ms["chain"],
            "x",
            f"{ms[preset]:.2f} ms against {ms['chain']:.2f} ms an ECG, {len(ecgs)} ECGs",
        )
        for preset in processors
    ]
