"""The heart rate of an ECG from the R peaks of its cleaned signal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..hub_code.beats import r_peaks
from ..hub_code.cleaning import clean
from ..hub_code.leads import independent_leads

CLEANED_RATE_HZ = 250.0
FEWEST_INTERVALS = 4
LARGEST_DEVIATION = 0.3


def heart_rate_bpm(signal: Any, sampling_rate: float) -> float:
    """Beats per minute of (12, samples) at `sampling_rate` Hz: 60 / median RR interval in seconds.

    NaN where the RR intervals are no reliable measure: fewer than four, or one that is more than
    30 % off the median, as in atrial fibrillation, with ectopic beats, and where an R peak was
    missed or is none. The unit of the signal does not matter.
    """
    cleaned = clean(signal, sampling_rate, CLEANED_RATE_HZ)
    intervals = np.diff(r_peaks(independent_leads(cleaned), CLEANED_RATE_HZ)) / CLEANED_RATE_HZ
    if len(intervals) < FEWEST_INTERVALS:
        return math.nan
    median = float(np.median(intervals))
    if np.abs(intervals / median - 1).max() > LARGEST_DEVIATION:
        return math.nan
    return 60 / median
