"""The result of a sweep: tokens an ECG against error, and what no other setting beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..hub_code.errors import EcgByteError
from ..wording import counted
from .canvas import README_MM, add_head, add_notes, add_plot, figure_in_mm
from .palette import BLUE, GREEN, INK, LIGHT_GREY, ORANGE, PURPLE, VERMILLION, tint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT_MM = 128.0

# Colour and marker of each preset, and of the baseline's variants in their order.
_PRESETS = {
    "beat": (BLUE, "o"),
    "beat-placed": (GREEN, "^"),
    "compact": (VERMILLION, "s"),
    "paper": (PURPLE, "D"),
}
_FAST = ((ORANGE, "^"), (ORANGE, "v"), (ORANGE, "<"), (ORANGE, ">"))

Points = Sequence[Mapping[str, Any]]


def draw_frontier(result: Mapping[str, Any]) -> Figure:
    """The figure of a sweep's JSON (`fidelity.sweep.sweep`).

    Both axes are logarithmic. Lines join the steps of a preset (its vocabularies for `paper`) at
    4,096 tokens learned from all training ECGs, small pale signs are its other settings. Raises
    `EcgByteError` where the JSON holds no points or is no sweep's.
    """
    points, settings = _checked(result)
    figure, page = figure_in_mm(README_MM, _HEIGHT_MM)
    add_head(
        page,
        "Tokens an ECG against error",
        f"{counted(settings['ecgs'], 'ECG')} of split {settings['split']}; learned from "
        f"{settings['training_ecgs']:,} of split train",
    )
    axes = add_plot(figure, 17, 26, README_MM - 22, _HEIGHT_MM - 50)
    axes.set_xscale("log")
    axes.set_yscale("log")
    fast = result["baselines"]["fast"]
    for preset in _PRESETS:
        own = [point for point in points if point["preset"] == preset]
        _draw_preset(axes, preset, own, settings["training_ecgs"])
    _draw_fast(axes, fast)
    _draw_front(axes, [*points, *fast])
    _draw_goals(axes, result["goals"])
    _set_ticks(axes, [*points, *fast])
    _label_defaults(axes, points)
    axes.set_xlabel("tokens an ECG, mean, all markers counted", size=8.5)
    axes.set_ylabel("RMSE over all samples, µV", size=8.5)
    axes.grid(color=LIGHT_GREY, linewidth=0.4, which="major")
    axes.set_axisbelow(True)
    # Above the axes, where it can cover no point.
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=4, fontsize=7.5, frameon=False)
    add_notes(
        page,
        (
            "Large signs: all training ECGs, vocabulary 4,096 and a sign per quantiser step "
            "(paper: a sign per vocabulary).",
            "Small signs: other vocabularies, fewer training ECGs. RMSE is against the ECG as the "
            "preset cleans it.",
            "FAST: DCT, rounding and BPE as in arXiv 2501.09747, vocabulary 4,096.",
        ),
    )
    return figure


def _checked(result: Mapping[str, Any]) -> tuple[Points, Mapping[str, Any]]:
    try:
        points, settings = result["points"], result["settings"]
        result["goals"], result["baselines"]["fast"]
        settings["ecgs"], settings["training_ecgs"], settings["split"]
    except (KeyError, TypeError):
        raise EcgByteError(
            "frontier: this is no sweep's JSON; make one with `ecg-byte sweep`"
        ) from None
    if not points:
        raise EcgByteError("frontier: the sweep holds no points yet; run it again")
    return points, settings


def _draw_preset(axes: Axes, preset: str, points: Points, training_ecgs: int) -> None:
    """The main curve of a preset, and its other settings small."""
    colour, marker = _PRESETS[preset]
    # `paper` has no step: its curve goes through the vocabularies.
    main = [
        point
        for point in points
        if point["training_ecgs"] == training_ecgs
        and (preset == "paper" or point["vocabulary"] == 4096)
    ]
    others = [point for point in points if point not in main]
    axes.plot(*_xy(others), marker, color=tint(colour, 0.45), markersize=3, linestyle="")
    if main:
        axes.plot(
            *_xy(main), marker=marker, color=colour, markersize=5.5, linewidth=1.3, label=preset
        )


def _draw_fast(axes: Axes, fast: Points) -> None:
    variants = dict.fromkeys(point["variant"] for point in fast)
    for variant, (colour, marker) in zip(variants, _FAST, strict=False):
        own = [point for point in fast if point["variant"] == variant]
        axes.plot(
            *_xy(own),
            linestyle="--",
            marker=marker,
            color=colour,
            markersize=4.5,
            linewidth=1.1,
            label=f"FAST, {variant}",
        )


def _draw_front(axes: Axes, points: Points) -> None:
    front = [point for point in points if point["pareto"]]
    axes.plot(*_xy(front), color=INK, linewidth=0.8, linestyle=":", label="Pareto front", zorder=5)


def _draw_goals(axes: Axes, goals: Points) -> None:
    own = [goal for goal in goals if goal.get("measure") == "rmse_uV" and goal["corpus"] == "own"]
    if own:
        axes.plot(
            [goal["tokens_at_most"] for goal in own],
            [goal["at_most"] for goal in own],
            linestyle="",
            marker="x",
            color=INK,
            markersize=5,
            markeredgewidth=1.2,
            label="goals (150 at 33 µV, 260 at 26 µV)",
            zorder=6,
        )


def _label_defaults(axes: Axes, points: Points) -> None:
    """What each preset's default comes to; for `paper` that is the published method's point."""
    # Where no curve runs: `beat` has nothing below it, `paper` its smaller training sets above.
    places = {
        "beat": {"xytext": (-10, -28), "ha": "right"},
        "beat-placed": {"xytext": (7, 4), "ha": "left"},
        "compact": {"xytext": (6, 8), "ha": "left"},
        "paper": {"xytext": (-8, -26), "ha": "left"},
    }
    for point in points:
        if not point["default"]:
            continue
        preset = point["preset"]
        name = "the paper's letters and BPE" if preset == "paper" else f"{preset}, default"
        axes.annotate(
            f"{name}\n{point['tokens_mean']:,.0f} tokens, {point['rmse_uV']:.0f} µV",
            (point["tokens_mean"], point["rmse_uV"]),
            textcoords="offset points",
            size=7.5,
            color=INK,
            **places[preset],
        )


def _set_ticks(axes: Axes, points: Points) -> None:
    """Plain numbers at 1, 2, 5, 10 ... within what is drawn."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    for axis, key in ((axes.xaxis, "tokens_mean"), (axes.yaxis, "rmse_uV")):
        values = [point[key] for point in points]
        low, high = min(values) / 1.25, max(values) * 1.35
        steps = (1, 2, 5) if axis is axes.xaxis else (1, 1.5, 2, 3, 5, 7)
        ticks = [s * 10.0**k for k in range(-2, 7) for s in steps]
        axis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.set_minor_formatter(NullFormatter())
        (axes.set_xlim if axis is axes.xaxis else axes.set_ylim)(low, high)


def _xy(points: Points) -> tuple[list[float], list[float]]:
    """Tokens and errors, by tokens."""
    pairs = sorted((point["tokens_mean"], point["rmse_uV"]) for point in points)
    return [tokens for tokens, _ in pairs], [error for _, error in pairs]
