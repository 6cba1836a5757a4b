"""Reading a measured rate-distortion curve between its points."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def between_points(curve: Iterable[tuple[float, float]], at: float) -> float | None:
    """The second value of the `curve`'s pairs where the first is `at`; `None` outside of it.

    Straight lines between the points on logarithmic axes, as tokens go with a power of the error.
    All values are positive.
    """
    pairs = sorted(curve)
    if not pairs or not pairs[0][0] <= at <= pairs[-1][0]:
        return None
    first, second = np.log(np.array(pairs, dtype=np.float64)).T
    return float(np.exp(np.interp(np.log(at), first, second)))
