"""Tokens as boxes under the signal that they code, which wears their colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..hub_code.errors import EcgByteError
from ..hub_code.spans import Span
from ..wording import counted
from .canvas import (
    HEAD_LEFT_MM,
    HEAD_MM,
    NOTE_MM,
    README_MM,
    add_head,
    add_notes,
    figure_in_mm,
    round_amount,
)
from .palette import GREY, INK, LIGHT_GREY, TINTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEFT_MM = 15.0
_RIGHT_MM = 4.0
_SIGNAL_MM = 20.0
_TIME_MM = 3.5
_LANE_MM = 5.0
_ROW_GAP_MM = 3.0
_DIGIT_MM = 1.7
_ID_SIZE = 7.0
_UPRIGHT_SIZE = 5.5
_UPRIGHT_MM = 2.1
_BOXES_A_ROW = 16
_MOST_ROWS = 10
_WIDEST_SWATCH_MM = 40.0


class TokenBox(NamedTuple):
    """A token over a stretch of the signal, in samples (half-open).

    `colour`: "#rrggbb"; `hatch`: matplotlib's, "" for none.
    """

    token: int
    start: int
    stop: int
    colour: str
    hatch: str = ""


def draw_tokens(
    signal: Any,
    tokens: Sequence[tuple[int, Span]],
    sampling_rate: float,
    *,
    channel: str,
    unit: str = "mV",
    title: str = "",
    notes: Sequence[str] = (),
    rows: int | None = None,
) -> Figure:
    """The figure of one channel's `signal` (samples,) with every token's id under its span.

    `tokens` are (id, Span) pairs in the order of the ids; those of other channels and those that
    cover no samples (markers) are left out. Colours only tell one token from the next. `rows` and
    `notes` as in `draw_token_boxes`. Raises `EcgByteError` where the channel has no token.
    """
    own = [(i, s) for i, s in tokens if s.channel == channel and s.start < s.stop]
    if not own:
        there = sorted({s.channel for _, s in tokens if s.channel})
        raise EcgByteError(
            f"{title or 'signal'}: channel {channel!r} has no tokens; "
            + (f"choose one of {', '.join(there)}" if there else "there are none at all")
        )
    boxes = [
        TokenBox(i, span.start, span.stop, TINTS[number % len(TINTS)])
        for number, (i, span) in enumerate(own)
    ]
    different = len({i for i, _ in own})
    return draw_token_boxes(
        signal,
        boxes,
        sampling_rate,
        unit=unit,
        title=title,
        subtitle=f"{counted(len(own), 'token')}, {different} different",
        notes=[
            "box: a token over the stretch that it codes; number: its id; colour: tells it from "
            "the next, and shows it on the signal",
            "no number: it goes on from the row above, or is too narrow for one",
            *notes,
        ],
        rows=rows,
    )


def draw_token_boxes(
    signal: Any,
    boxes: Sequence[TokenBox],
    sampling_rate: float,
    *,
    unit: str = "mV",
    title: str = "",
    subtitle: str = "",
    notes: Sequence[str] = (),
    legend: Sequence[tuple[str, str, str]] = (),
    rows: int | None = None,
) -> Figure:
    """The figure of a `signal` (samples,) with `boxes` under it, their ids in them.

    The signal takes the colour of the box that stands under it, and boxes go to a lane of their own
    where they overlap: the values of one wavelet block share its place. The recording is broken
    into `rows` rows of equal length, by default as many as the ids need to be readable (2 to 10).
    `legend`: (colour, hatch, text) of each swatch above the `notes`.
    """
    values = np.asarray(signal, dtype=np.float64).reshape(-1)
    lanes = assign_lanes(boxes)
    rows = rows or int(np.clip(np.ceil(lanes.count(0) / _BOXES_A_ROW), 2, _MOST_ROWS))
    bounds = np.linspace(0, len(values), rows + 1).round().astype(int).tolist()
    placed = list(zip(boxes, lanes, strict=True))
    in_rows = [
        [(box, lane) for box, lane in placed if box.start < stop and box.stop > start]
        for start, stop in pairwise(bounds)
    ]
    heights = [
        _TIME_MM + _SIGNAL_MM + _LANE_MM * max((lane + 1 for _, lane in row), default=0)
        for row in in_rows
    ]
    foot = NOTE_MM * (len(notes) + 0.4) + (_LANE_MM + 1 if legend else 0)
    height = HEAD_MM + sum(heights) + _ROW_GAP_MM * rows + foot
    figure, axes = figure_in_mm(README_MM, height)
    low, high = float(values.min()), float(values.max())
    scale = _Scale(
        mm_per_sample=(README_MM - _LEFT_MM - _RIGHT_MM) / max(1, max(np.diff(bounds))),
        mm_per_unit=(_SIGNAL_MM - 2) / max(high - low, 1e-9),
        low=low,
        bar=round_amount((high - low) / 2),
        unit=unit,
        sampling_rate=sampling_rate,
    )
    top = height - HEAD_MM
    for (start, stop), row_boxes, row_mm in zip(pairwise(bounds), in_rows, heights, strict=True):
        row = _Row(start, stop, top - _TIME_MM, scale)
        _draw_boxes(axes, row_boxes, row)
        _draw_signal(axes, values, [box for box, _ in row_boxes], row)
        _draw_scales(axes, row)
        top -= row_mm + _ROW_GAP_MM
    add_head(axes, title, subtitle)
    add_notes(axes, notes)
    draw_swatches(axes, legend, foot - _LANE_MM)
    return figure


def assign_lanes(boxes: Sequence[Any]) -> list[int]:
    """The lane of each box (or span), so that no two in a lane overlap: the lowest free one."""
    ends: list[int] = []
    lanes = []
    for box in boxes:
        free = next((lane for lane, end in enumerate(ends) if end <= box.start), len(ends))
        if free == len(ends):
            ends.append(box.stop)
        else:
            ends[free] = box.stop
        lanes.append(free)
    return lanes


def draw_swatches(axes: Any, legend: Sequence[tuple[str, str, str]], y: float) -> None:
    """A row of (colour, hatch, text) at the height `y` of a `figure_in_mm`, spread over it."""
    from matplotlib.patches import Rectangle

    pitch = min((README_MM - 2 * HEAD_LEFT_MM) / max(1, len(legend)), _WIDEST_SWATCH_MM)
    for number, (colour, hatch, text) in enumerate(legend):
        x = HEAD_LEFT_MM + number * pitch
        axes.add_patch(
            Rectangle((x, y), 4, 3, facecolor=colour, edgecolor="white", hatch=hatch, linewidth=0)
        )
        axes.text(x + 5, y + 1.4, text, size=7, va="center", color=INK)


@dataclass(frozen=True)
class _Scale:
    """What all rows share: millimetres to a sample and to a unit, the signal's lowest value."""

    mm_per_sample: float
    mm_per_unit: float
    low: float
    bar: float
    unit: str
    sampling_rate: float


@dataclass(frozen=True)
class _Row:
    """Samples `start` ... `stop` of the signal, drawn below the height `top`."""

    start: int
    stop: int
    top: float
    scale: _Scale

    def x(self, sample: Any) -> Any:
        return _LEFT_MM + (sample - self.start) * self.scale.mm_per_sample

    def y(self, value: Any) -> Any:
        return self.bottom + 1 + (value - self.scale.low) * self.scale.mm_per_unit

    @property
    def bottom(self) -> float:
        return self.top - _SIGNAL_MM


def _draw_boxes(axes: Any, boxes: Sequence[tuple[TokenBox, int]], row: _Row) -> None:
    from matplotlib.patches import Rectangle

    for box, lane in boxes:
        left, right = max(box.start, row.start), min(box.stop, row.stop)
        x, width = row.x(left), (right - left) * row.scale.mm_per_sample
        y = row.bottom - (lane + 1) * _LANE_MM
        axes.add_patch(
            Rectangle(
                (x, y),
                width,
                _LANE_MM,
                facecolor=box.colour,
                edgecolor="white",
                linewidth=0.8,
                hatch=box.hatch,
            )
        )
        # A thin line where a token starts carries its boundary up through the signal.
        if box.start >= row.start:
            axes.plot([x, x], [row.bottom, row.top], color=LIGHT_GREY, linewidth=0.4, zorder=0)
        # A token that goes on in the next row is named in the row that holds more of it.
        shown_here = 2 * (right - left) >= min(box.stop - box.start, row.stop - row.start)
        text = str(box.token)
        upright = width < _DIGIT_MM * len(text)
        if shown_here and width >= _UPRIGHT_MM:
            axes.text(
                x + width / 2,
                y + _LANE_MM / 2 - 0.1,
                text,
                size=_UPRIGHT_SIZE if upright else _ID_SIZE,
                rotation=90 if upright else 0,
                ha="center",
                va="center",
            )


def _draw_signal(
    axes: Any, values: NDArray[np.float64], boxes: Sequence[TokenBox], row: _Row
) -> None:
    samples = np.arange(row.start, min(row.stop + 1, len(values)))
    points = np.column_stack([row.x(samples), row.y(values[samples])])
    owner = np.full(len(values), -1)
    for index, box in reversed(list(enumerate(boxes))):
        owner[box.start : box.stop] = index
    for index, run in groupby(range(len(points) - 1), key=lambda i: owner[samples[i]]):
        if index >= 0:
            indices = list(run)
            part = points[indices[0] : indices[-1] + 2]
            axes.plot(
                *part.T,
                color=boxes[index].colour,
                linewidth=5,
                solid_capstyle="butt",
                solid_joinstyle="round",
                zorder=1,
            )
    axes.plot(*points.T, color=INK, linewidth=0.9, zorder=2, solid_joinstyle="round")


def _draw_scales(axes: Any, row: _Row) -> None:
    scale = row.scale
    x, y = _LEFT_MM - 2.5, row.bottom + 1
    axes.plot([x, x], [y, y + scale.bar * scale.mm_per_unit], color=INK, linewidth=1.2)
    axes.text(
        x - 1,
        y + scale.bar * scale.mm_per_unit / 2,
        f"{scale.bar:g}\n{scale.unit}",
        size=7,
        ha="right",
        va="center",
    )
    # In a row of less than a second, every tenth of it.
    step = 0.5 if (row.stop - row.start) / scale.sampling_rate > 1.2 else 0.1
    tick_samples = step * scale.sampling_rate
    for tick in np.arange(np.ceil(row.start / tick_samples), row.stop / tick_samples):
        where = row.x(tick * tick_samples)
        axes.text(where, row.top + 0.6, f"{tick * step:g} s", size=7, color=GREY, ha="left")
