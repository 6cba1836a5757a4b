"""A 12-lead ECG on ECG paper, with its reconstruction over it.

Speed, gain, grid and the 3 x 4 layout with a rhythm strip as in the AHA/ACCF/HRS recommendations
for the standardization of the electrocardiogram, part I (Circulation 115, 2007): 25 mm/s,
10 mm/mV, boxes of 1 and 5 mm, a calibration pulse of 1 mV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..hub_code.leads import STANDARD_LEADS
from ..hub_code.signal_checks import check_array
from .canvas import figure_in_mm
from .palette import INK, SKY_BLUE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MM_PER_S = 25.0
MM_PER_MV = 10.0
ROWS = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
RHYTHM_LEAD = "II"

_PAPER = "#fff6f4"
_SMALL_BOX = "#fbdcd8"
_LARGE_BOX = "#f2aaa4"
_RECONSTRUCTION = SKY_BLUE

_PULSE_MM = 5.0
_LEFT_MM = 5.0 + _PULSE_MM + 3.0
_RIGHT_MM = 6.0
_HEAD_MM = 9.0
_FOOT_MM = 9.0
_MIN_PAPER_MM = 175.0
_MIN_ABOVE_MM = 12.0
_MIN_BELOW_MM = 6.0
_BETWEEN_ROWS_MM = 6.0
_NAME_MM = 10.0


@dataclass(frozen=True)
class _Strip:
    """One lead's stretch of samples in one row of the paper."""

    lead: str
    start: int
    stop: int
    x_mm: float


def draw_ecg_paper(
    signal: Any,
    sampling_rate: float,
    *,
    reconstruction: Any | None = None,
    unit: str = "mV",
    title: str = "",
    signal_label: str = "signal",
    reconstruction_label: str = "decoded from tokens",
) -> Figure:
    """The figure of `signal` (12, samples), standard lead order, at `sampling_rate` Hz.

    The signal is in mV, or in a `unit` of which one is drawn as high as a millivolt. Each lead of
    the 3 x 4 shows its quarter of the recording, the rhythm strip shows all of lead II.
    `reconstruction` has the shape of `signal` and is drawn over it in blue; its label is the
    place for the number of tokens and the error. The figure's size is the paper's: printed without
    scaling it is 25 mm/s and 10 mm/mV. Raises `EcgByteError` for arrays of another shape.
    """
    signal = check_array(signal)
    # The signal is the wider line, so that it shows on both sides of a faithful reconstruction.
    curves = [(signal, INK, 0.9 if reconstruction is None else 1.9, signal_label)]
    if reconstruction is not None:
        reconstruction = check_array(reconstruction, "reconstruction")
        curves.append((reconstruction, _RECONSTRUCTION, 1.0, reconstruction_label))
    samples = min(curve.shape[1] for curve, *_ in curves)
    mm_per_sample = MM_PER_S / sampling_rate

    rows = [_quarters(names, samples, mm_per_sample) for names in ROWS]
    rows.append([_Strip(RHYTHM_LEAD, 0, samples, _LEFT_MM)])
    baselines, rows_mm = _baselines(rows, signal)
    width = max(_MIN_PAPER_MM, np.ceil(_LEFT_MM + samples * mm_per_sample + _RIGHT_MM))
    height = np.ceil((_FOOT_MM + rows_mm + _HEAD_MM) / 5) * 5

    figure, axes = figure_in_mm(width, height)
    _draw_grid(axes, width, height)
    for strips, baseline in zip(rows, baselines, strict=True):
        _draw_calibration_pulse(axes, baseline)
        for strip in strips:
            row = STANDARD_LEADS.index(strip.lead)
            for curve, colour, line_width, _ in curves:
                x = strip.x_mm + mm_per_sample * np.arange(strip.stop - strip.start)
                y = baseline + MM_PER_MV * curve[row, strip.start : strip.stop]
                axes.plot(x, y, color=colour, linewidth=line_width, solid_joinstyle="round")
            if strip.start:
                axes.plot([strip.x_mm] * 2, [baseline - 4, baseline + 4], color=INK, lw=0.6)
            under_name = signal[row, strip.start :][: int(_NAME_MM / mm_per_sample)]
            y = baseline + max(6.5, MM_PER_MV * float(under_name.max()) + 1.5)
            _draw_text(axes, strip.x_mm + 1.2, y, strip.lead, size=10, weight="bold")

    _draw_text(axes, 5, height - 4.2, title, size=11, weight="bold", va="center")
    _draw_legend(axes, width, curves)
    _draw_text(axes, 5, 3.8, f"25 mm/s   10 mm/{unit}", size=9, va="center")
    return figure


def _quarters(names: tuple[str, ...], samples: int, mm_per_sample: float) -> list[_Strip]:
    bounds = np.linspace(0, samples, len(names) + 1).round().astype(int)
    return [
        _Strip(name, int(start), int(stop), _LEFT_MM + start * mm_per_sample)
        for name, start, stop in zip(names, bounds, bounds[1:], strict=False)
    ]


def _baselines(rows: list[list[_Strip]], signal: NDArray[np.float32]) -> tuple[list[float], float]:
    """The height of each row's zero line, and that of all rows together, in mm.

    A row is as high as its strips need, so that tall R waves stay out of their neighbours.
    """
    above, below = [], []
    for strips in rows:
        parts = [signal[STANDARD_LEADS.index(s.lead), s.start : s.stop] for s in strips]
        above.append(max(_MIN_ABOVE_MM, MM_PER_MV * max(p.max() for p in parts)))
        below.append(max(_MIN_BELOW_MM, -MM_PER_MV * min(p.min() for p in parts)))
    baselines, y = [], _FOOT_MM
    for up, down in zip(reversed(above), reversed(below), strict=True):
        baselines.append(y + float(np.ceil(down)))
        y += float(np.ceil(down) + up) + _BETWEEN_ROWS_MM
    return baselines[::-1], y - _BETWEEN_ROWS_MM


def _draw_grid(axes: Any, width: float, height: float) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((0, 0), width, height, color=_PAPER, zorder=-3))
    for step, colour, line_width, zorder in (
        (1, _SMALL_BOX, 0.35, -2),
        (5, _LARGE_BOX, 0.6, -1),
    ):
        lines = [[(x, 0), (x, height)] for x in np.arange(0, width + 0.5, step)]
        lines += [[(0, y), (width, y)] for y in np.arange(0, height + 0.5, step)]
        axes.add_collection(
            LineCollection(lines, colors=colour, linewidths=line_width, zorder=zorder)
        )


def _draw_calibration_pulse(axes: Any, baseline: float) -> None:
    x = np.array([0, 0, _PULSE_MM, _PULSE_MM]) + 5.0
    x = np.concatenate([[x[0] - 1.5], x, [x[-1] + 1.5]])
    y = baseline + MM_PER_MV * np.array([0, 0, 1, 1, 0, 0])
    axes.plot(x, y, color=INK, linewidth=0.9, solid_joinstyle="miter")


def _draw_text(axes: Any, x: float, y: float, text: str, **style: Any) -> Any:
    """Text with a halo of paper: readable where a wave passes behind it."""
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=2.5, foreground=_PAPER)]
    return axes.text(x, y, text, color=INK, path_effects=halo, **style)


def _draw_legend(axes: Any, width: float, curves: list[Any]) -> None:
    lines = [axes.plot([], [], color=colour, lw=1.6)[0] for _, colour, _, _ in curves]
    axes.legend(
        lines,
        [label for *_, label in curves],
        loc="center right",
        bbox_to_anchor=(width - 3, 3.8),
        bbox_transform=axes.transData,
        ncols=2,
        fontsize=9,
        frameon=True,
        facecolor=_PAPER,
        edgecolor="none",
        framealpha=0.9,
        borderpad=0.3,
        handlelength=1.6,
        columnspacing=1.4,
    )
