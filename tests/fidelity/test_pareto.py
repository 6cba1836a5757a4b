from __future__ import annotations

import numpy as np

from ecg_byte_hf.fidelity.pareto import pareto_front


def test_front_of_made_up_costs() -> None:
    costs = [(3, 3), (1, 5), (2, 4), (2, 5), (5, 1), (4, 3), (5, 2), (6, 1)]
    on_front = [cost for cost, on in zip(costs, pareto_front(costs), strict=True) if on]
    assert on_front == [(3, 3), (1, 5), (2, 4), (5, 1)]


def test_equal_costs_stand_together() -> None:
    assert pareto_front([(1, 2), (1, 2), (2, 2)]) == [True, True, False]
    assert pareto_front([]) == []


def test_front_is_what_the_definition_says() -> None:
    rng = np.random.default_rng(0)
    costs = [tuple(map(float, pair)) for pair in rng.integers(0, 12, (60, 2))]
    expected = [not any(a <= x and b <= y and (a < x or b < y) for a, b in costs) for x, y in costs]
    assert pareto_front(costs) == expected
