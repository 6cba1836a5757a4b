"""How well eight leads give back twelve: as well as the recording's own arithmetic allows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ecg_byte_hf.hub_code.leads import LEADS_FROM_INDEPENDENT, independent_leads

from .results import Result, at_most


def twelve_from_eight(signals_mV: Iterable[Any]) -> list[Result]:
    """The largest difference over all samples of signals (12, samples) as recorded."""
    worst_uV = []
    for signal in signals_mV:
        again = LEADS_FROM_INDEPENDENT @ independent_leads(signal)
        worst_uV.append(1000 * float(np.abs(again - signal).max()))
    beyond = sum(worst > 2.01 for worst in worst_uV)
    note = f"{beyond} of {len(worst_uV)} ECGs beyond 2 uV; median {np.median(worst_uV):.1f} uV"
    # Rounded to a hundredth: the signal is float32.
    return [at_most("12 leads from 8, largest error", 2.0, round(max(worst_uV), 2), "uV", note)]
