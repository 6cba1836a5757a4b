"""Bland-Altman plots: how far a measure on decoded signals is from the one on cleaned signals."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..fidelity.agreement import agreement
from ..fidelity.clinical import LEAST_R_MV, MEASURES, ClinicalComparison, Measure
from .canvas import README_MM, add_head, add_notes, add_plot, figure_in_mm, save_figure
from .palette import BLUE, INK, LIGHT_GREY, VERMILLION, tint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Limits = dict[str, Any]

_HEIGHT_MM = 112.0
# Differences beyond this many times the wider of limits and goal are drawn at the edge.
_BEYOND = 1.6


def draw_agreement(
    decoded: ArrayLike, floor: ArrayLike, measure: Measure, *, title: str = "", records: int = 0
) -> Figure:
    """The figure of one measure: mean of the two signals against their difference, per record.

    `decoded` and `floor` are (records, 2): the value of the cleaned signal, and of the decoded one
    or of the cleaned one plus noise; rows with NaN are not drawn. Points that lie far outside are
    drawn as triangles at the edge and counted. `records` is how many there are in all.
    """
    pairs, noise = _finite(decoded), _finite(floor)
    mean, difference = pairs.mean(axis=1), pairs[:, 1] - pairs[:, 0]
    limits, floor_limits = agreement(difference), agreement(noise[:, 1] - noise[:, 0])
    unit = measure.unit.replace("u", "µ")
    figure, page = figure_in_mm(README_MM, _HEIGHT_MM)
    add_head(
        page,
        title or f"{measure.heading} in {unit}, decoded against cleaned",
        f"record medians, lead II; n = {len(pairs)} of {max(records, len(pairs))} records",
    )
    axes = add_plot(figure, 17, 25, README_MM - 70, _HEIGHT_MM - 41)
    # Neither a relative error nor a difference of times has a mean that says anything.
    by_number = measure.unit == "%" or measure.name == "r_time_ms"
    x = np.arange(len(mean)) + 1.0 if by_number else mean
    lower, upper = limits["lower"], limits["upper"]
    low, high = (0.0, 0.0) if lower is None or upper is None else (lower, upper)
    reach = _BEYOND * max(abs(low), abs(high), measure.goal or 0.0, 1e-9)
    inside = np.abs(difference) <= reach
    axes.plot(
        *(x[inside], difference[inside]), "o", color=BLUE, ms=4, alpha=0.75, mew=0, label="record"
    )
    if not inside.all():
        for side, marker in ((1, "^"), (-1, "v")):
            beyond = ~inside & (np.sign(difference) == side)
            edge = np.full(beyond.sum(), side * reach)
            axes.plot(x[beyond], edge, marker, color=BLUE, ms=6, clip_on=False)
    _draw_lines(axes, limits, floor_limits, measure, unit)
    axes.set_ylim(-1.04 * reach, 1.04 * reach)
    of = "record, in the order of the corpus" if by_number else f"mean of both, {unit}"
    axes.set_xlabel(of, size=8.5)
    axes.set_ylabel(f"decoded - cleaned, {unit}", size=8.5)
    axes.grid(color=LIGHT_GREY, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=7.5, frameon=False)
    notes = ["Floor: the same between the cleaned signal and it plus 1 µV of white noise."]
    farther = int((~inside).sum())
    if farther:
        notes.append(
            f"Triangles: farther off than the axis reaches ({farther} of {len(pairs)}); the limits "
            f"count them."
        )
    if measure.unit == "%":
        notes.append(f"Only R waves of at least {LEAST_R_MV:g} mV.")
    add_notes(page, notes)
    return figure


def save_agreement_figures(
    comparison: ClinicalComparison, folder: str | Path, suffixes: Iterable[str], title: str = ""
) -> list[Path]:
    """One Bland-Altman plot per measure and suffix (".png", ".svg") in `folder`.

    Returns their paths. Measures that no two records have are left out. Raises `EcgByteError` where
    matplotlib is not installed or a file cannot be written.
    """
    paths = []
    for measure in MEASURES:
        decoded = comparison.pairs(measure.name)
        if len(_finite(decoded)) < 2:
            continue
        floor = comparison.pairs(measure.name, pair="floor")
        unit = measure.unit.replace("u", "µ")
        heading = f"{measure.heading} in {unit}: {title}" if title else ""
        figure = draw_agreement(
            decoded, floor, measure, title=heading, records=len(comparison.records)
        )
        for suffix in suffixes:
            paths.append(save_figure(figure, Path(folder) / f"agreement_{measure.name}{suffix}"))
    return paths


def _draw_lines(axes: Axes, limits: Limits, floor: Limits, measure: Measure, unit: str) -> None:
    if floor["lower"] is not None:
        axes.axhspan(
            *(floor["lower"], floor["upper"]),
            color=tint(VERMILLION, 0.35),
            lw=0,
            zorder=0,
            label=f"floor {floor['lower']:+.1f} … {floor['upper']:+.1f} {unit}",
        )
    if limits["lower"] is not None:
        axes.axhline(limits["bias"], color=INK, lw=1.3, label=f"bias {limits['bias']:+.1f} {unit}")
        for edge in ("lower", "upper"):
            axes.axhline(limits[edge], color=INK, lw=1.1, ls="--")
        axes.plot(
            *([], []),
            color=INK,
            lw=1.1,
            ls="--",
            label=f"95 % limits {limits['lower']:+.1f} … {limits['upper']:+.1f} {unit}",
        )
    if measure.goal is not None:
        for edge in (-measure.goal, measure.goal):
            axes.axhline(edge, color=VERMILLION, lw=1.2, ls=":")
        axes.plot([], [], color=VERMILLION, lw=1.2, ls=":", label=f"goal ±{measure.goal:g} {unit}")


def _finite(pairs: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(pairs, dtype=np.float64).reshape(-1, 2)
    return values[np.isfinite(values).all(axis=1)]
