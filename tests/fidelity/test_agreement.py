from __future__ import annotations

import math

import numpy as np
import pytest

from ecg_byte_hf.fidelity.agreement import agreement, within


def test_by_hand() -> None:
    one = agreement([1.0, 2.0, 3.0, 4.0, math.nan])
    sd = math.sqrt(5 / 3)  # squared deviations 2.25 + 0.25 + 0.25 + 2.25 over n - 1 = 3
    assert one["n"] == 4
    assert one["bias"] == pytest.approx(2.5)
    assert one["sd"] == pytest.approx(sd)
    assert one["lower"] == pytest.approx(2.5 - 1.96 * sd, abs=1e-4)
    assert one["upper"] == pytest.approx(2.5 + 1.96 * sd, abs=1e-4)
    assert one["limit_error_95"] == pytest.approx(1.96 * math.sqrt(3 / 4) * sd, abs=1e-4)
    assert one["p2_5"] == pytest.approx(1.075)
    assert one["p97_5"] == pytest.approx(3.925)
    assert one["median_absolute"] == pytest.approx(2.5)


def test_limits_hold_95_percent_of_normal_differences() -> None:
    draws = np.random.default_rng(0).normal(3.0, 2.0, 20_000)
    one = agreement(draws)
    inside = np.mean((draws >= one["lower"]) & (draws <= one["upper"]))
    assert inside == pytest.approx(0.95, abs=0.005)


@pytest.mark.parametrize("differences", [[], [1.0], [math.nan, 2.0]])
def test_too_few_have_no_limits(differences: list[float]) -> None:
    one = agreement(differences)
    assert one["n"] == len([d for d in differences if d == d])
    assert one["bias"] is None
    assert one["lower"] is None
    assert within(one, 10.0) is None


def test_both_limits_have_to_lie_within_the_goal() -> None:
    assert within(agreement([-1.0, 1.0]), 3.0)
    assert not within(agreement([-1.0, 1.0]), 2.0)
    assert not within(agreement([4.0, 4.0, 4.1]), 3.0)  # narrow, but biased
