"""Which settings no other one beats."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(costs: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether each pair of costs is on the Pareto front: no other pair is better.

    Better is: at most as large in both, and smaller in one. Of equal pairs all are on it.
    """
    order = sorted(range(len(costs)), key=lambda index: costs[index])
    on_front = [False] * len(costs)
    best: tuple[float, float] | None = None
    for index in order:
        if best is None or costs[index][1] < best[1]:
            best = costs[index]
        on_front[index] = costs[index] == best
    return on_front
