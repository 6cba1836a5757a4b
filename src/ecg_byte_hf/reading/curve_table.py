"""Learning curves side by side: when each first reached which level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .learning_curve import first_reached


def curve_table(curves: Mapping[str, Any], levels: Sequence[float], measure: str = "auroc") -> str:
    """A table in Markdown of curves by name, a row per level of `measure` and one of the best.

    Examples, seconds on the clock and seconds of all cores at the first point that is as high; each
    includes what was trained before ("pretraining"), whose share is the first row. "-" where a
    curve never got there.
    """
    names = list(curves)
    lines = [
        f"| {measure} | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
        f"| pretraining | {' | '.join(_cost(curves[name].get('before')) for name in names)} |",
    ]
    for level in levels:
        cells = (_cost(first_reached(curves[name], level, measure)) for name in names)
        lines.append(f"| {level:g} | {' | '.join(cells)} |")
    best = (_best(curves[name], measure) for name in names)
    return "\n".join([*lines, f"| best | {' | '.join(best)} |"])


def _cost(point: Mapping[str, Any] | None) -> str:
    if point is None:
        return "-"
    return (
        f"{point['examples']:,.0f} examples, {point['seconds']:,.0f} s, "
        f"{point['cpu_seconds']:,.0f} core s"
    )


def _best(curve: Mapping[str, Any], measure: str) -> str:
    reached = [point for point in curve["points"] if point[measure] is not None]
    if not reached:
        return "-"
    point = max(reached, key=lambda one: one[measure])
    return f"{point[measure]:.3f}: {_cost(point)}"
