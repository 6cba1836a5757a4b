"""A recording as its file has it, before anything was put in order or checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Recording:
    """What a file reader hands to `ecg_byte_hf.records`.

    `signal` is floating point (leads, samples) in mV, any leads in any order, named by
    `lead_names`. `sampling_rate` is in Hz. `resolution_mV` is the step of the analogue-to-digital
    converter where all leads share it, else `None`.
    """

    signal: NDArray[np.floating]
    sampling_rate: float
    lead_names: tuple[str, ...]
    resolution_mV: float | None = None
    flags: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
