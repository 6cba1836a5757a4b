"""Bootstrap intervals over patients.

Questions about one patient are no independent measurements, so patients are drawn, with
replacement, each with all of his questions (cluster bootstrap, percentile method: Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 1000
_PERCENTILES = (2.5, 97.5)


class PatientBootstrap:
    """How often each patient is drawn, the same for everything measured on a split.

    Sharing the draws makes differences of two measurements paired.
    """

    def __init__(self, patients: Iterable[str], draws: int = DRAWS, seed: int = 0) -> None:
        """`patients` may name one several times."""
        names = sorted(set(patients))
        self._place = {name: i for i, name in enumerate(names)}
        chances = np.full(len(names), 1 / len(names)) if names else np.zeros(0)
        self._times = np.random.default_rng(seed).multinomial(len(names), chances, size=draws)

    def weights(self, patients: Sequence[str]) -> NDArray[np.float64]:
        """How often each of n measurements counts in each draw: (draws, n)."""
        return self._times[:, [self._place[name] for name in patients]].astype(np.float64)

    def means(self, values: ArrayLike, patients: Sequence[str]) -> NDArray[np.float64]:
        """The mean of `values` (n,), one patient each, in every draw: (draws,), NaN without any."""
        columns = np.array([self._place[name] for name in patients], dtype=np.intp)
        size = self._times.shape[1]
        sums = np.bincount(columns, weights=np.asarray(values, dtype=np.float64), minlength=size)
        counts = np.bincount(columns, minlength=size)
        with np.errstate(invalid="ignore"):
            return np.asarray((self._times @ sums) / (self._times @ counts), dtype=np.float64)

    def interval(self, drawn: ArrayLike) -> list[float] | None:
        """The 95 % interval of a statistic from its value in every draw.

        None with a single patient, or where fewer than half of the draws have a value.
        """
        values = np.asarray(drawn, dtype=np.float64)
        there = values[np.isfinite(values)]
        if len(self._place) < 2 or 2 * len(there) < len(values):
            return None
        return [round(float(end), 4) for end in np.percentile(there, _PERCENTILES)]
