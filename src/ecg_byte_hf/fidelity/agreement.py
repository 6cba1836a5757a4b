"""Agreement of two ways to measure the same thing.

Bland and Altman, "Statistical methods for assessing agreement between two methods of clinical
measurement" (Lancet 327, 1986): the bias, and limits within which 95 % of the differences lie if
they are normally distributed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

NORMAL_95 = 1.959963984540054


def agreement(differences: ArrayLike) -> dict[str, float | int | None]:
    """Bias and limits of agreement of differences (n,), in their unit; NaNs are not counted.

    `bias` is their mean, `sd` their standard deviation (n - 1), `lower` and `upper` bias -/+ 1.96
    sd; `limit_error_95` is half of the 95 % confidence interval of each limit, 1.96 sqrt(3 / n) sd.
    `p2_5`, `p97_5` and `median_absolute` assume no distribution. With fewer than two differences
    all but `n` are None.
    """
    d = np.asarray(differences, dtype=np.float64)
    d = d[np.isfinite(d)]
    names = ("bias", "sd", "lower", "upper", "limit_error_95", "p2_5", "p97_5", "median_absolute")
    if len(d) < 2:
        return {"n": len(d), **dict.fromkeys(names)}
    bias, sd = float(d.mean()), float(d.std(ddof=1))
    half = NORMAL_95 * sd
    values = (
        *(bias, sd, bias - half, bias + half, NORMAL_95 * math.sqrt(3 / len(d)) * sd),
        *(float(np.percentile(d, q)) for q in (2.5, 97.5)),
        float(np.median(np.abs(d))),
    )
    return {"n": len(d), **dict(zip(names, values, strict=True))}


def within(limits: dict[str, float | int | None], goal: float) -> bool | None:
    """Whether both limits lie within +- `goal`; None where there are none."""
    lower, upper = limits["lower"], limits["upper"]
    if lower is None or upper is None:
        return None
    return bool(-goal <= lower and upper <= goal)
