"""The tokens of one channel, coloured over its signal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..hub_code.errors import EcgByteError
from ..hub_code.spans import Span
from .canvas import figure_in_mm

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK = "#101010"
# Neighbours differ in lightness as well as in hue; a token's colour says nothing but "another one".
_COLOURS = ("#9ecae9", "#ffbf79", "#88d27a", "#f2a3b6", "#c9b3e6", "#f2cf5b")

_WIDTH_MM = 270.0
_LEFT_MM = 16.0
_RIGHT_MM = 4.0
_HEAD_MM = 10.0
_FOOT_MM = 4.0
_SIGNAL_MM = 20.0
_LANE_MM = 4.4
_ROW_GAP_MM = 5.0
_DIGIT_MM = 1.25
_ID_SIZE = 6.0
_UPRIGHT_MM = 1.7
_TOKENS_A_ROW = 25


def draw_tokens(
    signal: Any,
    tokens: Sequence[tuple[int, Span]],
    sampling_rate: float,
    *,
    channel: str,
    unit: str = "mV",
    title: str = "",
    rows: int | None = None,
) -> Figure:
    """The figure of one channel's `signal` (samples,) with every token's id under its span.

    `tokens` are (id, Span) pairs in the order of the ids; those of other channels and those that
    cover no samples (markers) are left out. The signal takes the colour of the token whose box
    stands under it, and boxes go to a lane of their own where spans overlap: the values of one
    wavelet block share its place. The recording is broken into `rows` rows of equal length, by
    default as many as the ids need to be readable (2 to 8).
    Raises `EcgByteError` where the channel has no token.
    """
    values = np.asarray(signal, dtype=np.float64).reshape(-1)
    own = [(i, s) for i, s in tokens if s.channel == channel and s.start < s.stop]
    if not own:
        there = sorted({s.channel for _, s in tokens if s.channel})
        raise EcgByteError(
            f"{title or 'signal'}: channel {channel!r} has no tokens; "
            + (f"choose one of {', '.join(there)}" if there else "there are none at all")
        )
    lanes = assign_lanes([span for _, span in own])
    lane_count = max(lanes) + 1
    rows = rows or int(np.clip(np.ceil(lanes.count(0) / _TOKENS_A_ROW), 2, 8))
    row_mm = _SIGNAL_MM + lane_count * _LANE_MM + _ROW_GAP_MM
    height = _HEAD_MM + rows * row_mm + _FOOT_MM
    figure, axes = figure_in_mm(_WIDTH_MM, height)

    bounds = np.linspace(0, len(values), rows + 1).round().astype(int)
    mm_per_sample = (_WIDTH_MM - _LEFT_MM - _RIGHT_MM) / max(1, int(np.diff(bounds).max()))
    low, high = float(values.min()), float(values.max())
    mm_per_unit = (_SIGNAL_MM - 2) / max(high - low, 1e-9)
    for row, (start, stop) in enumerate(pairwise(bounds)):
        top = height - _HEAD_MM - row * row_mm
        place = _Row(int(start), int(stop), mm_per_sample, top - _SIGNAL_MM + 1 - low * mm_per_unit)
        _draw_boxes(axes, own, lanes, place, top)
        _draw_signal(axes, values, own, place, mm_per_unit)
        _draw_scales(axes, place, sampling_rate, low, high, mm_per_unit, unit)

    axes.text(_LEFT_MM, height - 5, title, size=9.5, weight="bold", va="center", color=_INK)
    ids = [token for token, _ in own]
    axes.text(
        _WIDTH_MM - _RIGHT_MM,
        height - 5,
        f"{len(ids)} tokens, {len(set(ids))} different",
        size=8,
        va="center",
        ha="right",
        color=_INK,
    )
    axes.text(_LEFT_MM, 3, "each box is a token over its span", size=7, va="center", color=_INK)
    return figure


def assign_lanes(spans: Sequence[Span]) -> list[int]:
    """The lane of each span, so that no two spans in a lane overlap: the lowest free one."""
    ends: list[int] = []
    lanes = []
    for span in spans:
        free = next((lane for lane, end in enumerate(ends) if end <= span.start), len(ends))
        if free == len(ends):
            ends.append(span.stop)
        else:
            ends[free] = span.stop
        lanes.append(free)
    return lanes


class _Row:
    """Samples `start` ... `stop` of the signal, and where on the figure they are."""

    def __init__(self, start: int, stop: int, mm_per_sample: float, zero_mm: float) -> None:
        self.start, self.stop = start, stop
        self.mm_per_sample = mm_per_sample
        self.zero_mm = zero_mm

    def x(self, sample: Any) -> Any:
        return _LEFT_MM + (sample - self.start) * self.mm_per_sample


def _draw_boxes(
    axes: Any, own: Sequence[tuple[int, Span]], lanes: Sequence[int], row: _Row, top: float
) -> None:
    from matplotlib.patches import Rectangle

    for index, ((token, span), lane) in enumerate(zip(own, lanes, strict=True)):
        left, right = max(span.start, row.start), min(span.stop, row.stop)
        if left >= right:
            continue
        x, width = row.x(left), (right - left) * row.mm_per_sample
        y = top - _SIGNAL_MM - (lane + 1) * _LANE_MM
        colour = _COLOURS[index % len(_COLOURS)]
        axes.add_patch(
            Rectangle((x, y), width, _LANE_MM, facecolor=colour, edgecolor="white", linewidth=0.8)
        )
        # A thin line where a token starts carries its boundary up through the signal.
        if span.start >= row.start:
            axes.plot([x, x], [top - _SIGNAL_MM, top], color="#c8c8c8", linewidth=0.4, zorder=0)
        # A token that goes on in the next row is named in the row that holds more of it.
        shown_here = 2 * (right - left) >= min(span.stop - span.start, row.stop - row.start)
        text = str(token)
        upright = width < _DIGIT_MM * len(text)
        if shown_here and width >= _UPRIGHT_MM:
            axes.text(
                x + width / 2,
                y + _LANE_MM / 2 - 0.1,
                text,
                size=4.8 if upright else _ID_SIZE,
                rotation=90 if upright else 0,
                ha="center",
                va="center",
            )


def _draw_signal(
    axes: Any,
    values: NDArray[np.float64],
    own: Sequence[tuple[int, Span]],
    row: _Row,
    mm_per_unit: float,
) -> None:
    samples = np.arange(row.start, min(row.stop + 1, len(values)))
    points = np.column_stack([row.x(samples), row.zero_mm + mm_per_unit * values[samples]])
    owner = np.full(len(values), -1)
    for index, (_, span) in reversed(list(enumerate(own))):
        owner[span.start : span.stop] = index
    for index, run in groupby(range(len(points) - 1), key=lambda i: owner[samples[i]]):
        if index >= 0:
            indices = list(run)
            part = points[indices[0] : indices[-1] + 2]
            axes.plot(
                *part.T,
                color=_COLOURS[index % len(_COLOURS)],
                linewidth=5,
                solid_capstyle="butt",
                solid_joinstyle="round",
                zorder=1,
            )
    axes.plot(*points.T, color=_INK, linewidth=0.9, zorder=2, solid_joinstyle="round")


def _draw_scales(
    axes: Any,
    row: _Row,
    sampling_rate: float,
    low: float,
    high: float,
    mm_per_unit: float,
    unit: str,
) -> None:
    bar = 10.0 ** np.floor(np.log10(max(high - low, 1e-9)))
    if bar * mm_per_unit < 4:
        bar *= 2
    x, y = _LEFT_MM - 3, row.zero_mm + low * mm_per_unit
    axes.plot([x, x], [y, y + bar * mm_per_unit], color=_INK, linewidth=1.2)
    axes.text(x - 1, y + bar * mm_per_unit / 2, f"{bar:g} {unit}", size=6, ha="right", va="center")
    bottom = row.zero_mm + low * mm_per_unit - 1
    for tick in np.arange(np.ceil(2 * row.start / sampling_rate), 2 * row.stop / sampling_rate):
        where = row.x(tick / 2 * sampling_rate)
        axes.text(
            where, bottom + _SIGNAL_MM + 0.6, f"{tick / 2:g} s", size=6, color="#606060", ha="left"
        )
