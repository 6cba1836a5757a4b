"""When the simulated heart beats: sinus rhythm, atrial fibrillation, ventricular ectopics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAD_IN_S = 1.5
"""Beats start this long before the record, so that it may begin anywhere within a beat."""


@dataclass(frozen=True)
class BeatTimes:
    """QRS onsets in s from the start of the record, and which of them are ventricular ectopics.

    `onset_s` float64 (beats,), ascending, from before the start to after the end; `ectopic` bool
    (beats,); `interval_s` float64 (beats,) is the RR interval that each beat's repolarisation has
    adapted to.
    """

    onset_s: Floats
    ectopic: NDArray[np.bool_]
    interval_s: Floats


def sinus_times(
    rr_s: float, duration_s: float, respiration_hz: float, rng: np.random.Generator
) -> BeatTimes:
    """Regular beats with respiratory sinus arrhythmia of 1 to 3 % and 0.7 % of jitter."""
    beats = int((duration_s + 2 * LEAD_IN_S) / rr_s) + 4
    phase = 2 * np.pi * (respiration_hz * rr_s * np.arange(beats) + rng.random())
    factors = 1 + rng.uniform(0.01, 0.03) * np.sin(phase) + 0.007 * rng.standard_normal(beats)
    return _regular(rr_s * factors, rr_s, rng)


def fibrillation_times(rr_s: float, duration_s: float, rng: np.random.Generator) -> BeatTimes:
    """Irregularly irregular beats: log-normal RR intervals with a spread of about 25 %.

    Every eight intervals cover the distribution evenly, in random order: even a slow rhythm is
    seen to be irregular within 10 s, and its mean rate is what was asked for.
    """
    blocks = int((duration_s + 2 * LEAD_IN_S) / rr_s) // 8 + 2
    levels = np.tile(np.linspace(-1.5, 1.5, 8), (blocks, 1))
    levels = rng.permuted(levels, axis=1) + rng.uniform(-0.2, 0.2, (blocks, 8))
    factors = np.exp(0.27 * levels)
    factors /= factors.mean(axis=1, keepdims=True)
    return _regular(rr_s * factors.ravel(), rr_s, rng)


def ectopic_times(
    rr_s: float, duration_s: float, respiration_hz: float, rng: np.random.Generator
) -> BeatTimes:
    """Sinus rhythm in which every third to sixth beat is a ventricular ectopic.

    The ectopic comes after 0.60 to 0.70 of the RR interval and the pause after it is compensatory:
    both intervals together are two RR intervals.
    """
    sinus = sinus_times(rr_s, duration_s, respiration_hz, rng)
    onset = sinus.onset_s.copy()
    ectopic = np.zeros(len(onset), dtype=bool)
    coupling = rng.uniform(0.60, 0.70)
    # The first ectopic falls among the first beats that can be seen, so short records have one too.
    at = int(np.searchsorted(onset, 0.1)) + 1 + int(rng.integers(0, 2))
    most = 4 if rr_s > 0.95 else 6
    while at < len(onset):
        onset[at] = onset[at - 1] + rr_s * (coupling + rng.uniform(-0.02, 0.02))
        ectopic[at] = True
        at += int(rng.integers(3, most + 1))
    return BeatTimes(onset, ectopic, sinus.interval_s)


def paced(times: BeatTimes, rr_s: float, duration_s: float) -> BeatTimes:
    """The same beats stretched so that those within the record have a mean RR interval of `rr_s`.

    Where a record begins or ends between an ectopic and its pause, or in a run of short intervals,
    its measured rate would otherwise differ from the rate asked for.
    """
    onset = times.onset_s
    for _ in range(3):
        seen = onset[(onset >= 0) & (onset < duration_s)]
        if len(seen) < 2:
            break
        middle = duration_s / 2
        onset = middle + (onset - middle) * rr_s * (len(seen) - 1) / (seen[-1] - seen[0])
    return BeatTimes(onset, times.ectopic, times.interval_s)


def _regular(intervals_s: Floats, rr_s: float, rng: np.random.Generator) -> BeatTimes:
    onset = np.cumsum(intervals_s) - LEAD_IN_S - rr_s * rng.uniform(0, 1)
    # QT follows the mean rate with a memory of minutes and the last interval only in part.
    adapted = 0.65 * rr_s + 0.35 * intervals_s
    return BeatTimes(onset, np.zeros(len(onset), dtype=bool), adapted)
