"""Figures in millimetres, drawn without a window and without pyplot's global state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..extras import require_extra
from ..hub_code.errors import EcgByteError
from ..writing import check_can_write
from .palette import GREY, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MM_PER_INCH = 25.4
# Five to the millimetre, so that the lines of ECG paper fall on dots and the file stays small.
DOTS_PER_INCH = 5 * MM_PER_INCH
PICTURES = (".png", ".svg", ".pdf")

# A figure this wide, shown 800 pixels wide in a README, has 4 pixels to the millimetre: its text
# stays readable from 7 points on.
README_MM = 200.0
HEAD_LEFT_MM = 4.0
HEAD_MM = 13.0
NOTE_MM = 3.6


def figure_in_mm(width_mm: float, height_mm: float) -> tuple[Figure, Axes]:
    """A figure of that size with one axes over all of it, whose coordinates are millimetres.

    The origin is at the lower left. Raises `EcgByteError` where matplotlib is not installed.
    """
    require_extra("plot", "a figure")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width_mm)
    axes.set_ylim(0, height_mm)
    axes.set_axis_off()
    return figure, axes


def round_amount(most: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is at most `most`: for a scale's bar."""
    most = max(most, 1e-9)
    power = 10.0 ** math.floor(math.log10(most))
    return float(f"{power * max(s for s in (1, 2, 5) if s * power <= most * (1 + 1e-9)):.1g}")


def shortened(text: str, most: int = 36) -> str:
    """`text`, its middle left out where it has more than `most` characters: for a title."""
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"


def add_head(axes: Axes, title: str, subtitle: str = "") -> None:
    """A title, and under it a smaller line, at the upper left of a `figure_in_mm`."""
    top = axes.get_ylim()[1]
    axes.text(HEAD_LEFT_MM, top - 4.5, title, size=10, weight="bold", va="center", color=INK)
    axes.text(HEAD_LEFT_MM, top - 9.8, subtitle, size=8, va="center", color=GREY)


def add_notes(axes: Axes, lines: Sequence[str]) -> None:
    """Small lines at the lower left of a `figure_in_mm`: what its signs mean."""
    for number, line in enumerate(reversed(lines)):
        y = NOTE_MM * (number + 0.7)
        axes.text(HEAD_LEFT_MM, y, line, size=7, va="center", color=GREY)


def add_plot(
    figure: Figure, left_mm: float, bottom_mm: float, width_mm: float, height_mm: float
) -> Axes:
    """Axes with scales of their own at a place of a `figure_in_mm`, ticks and frame kept small."""
    width, height = (inches * MM_PER_INCH for inches in figure.get_size_inches())
    axes = figure.add_axes(
        (left_mm / width, bottom_mm / height, width_mm / width, height_mm / height)
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7.5)
    return axes


def check_picture_path(path: str | Path) -> Path:
    """`path`, or an `EcgByteError` where no picture can be written: asked before any work."""
    path = Path(path)
    if path.suffix.lower() not in PICTURES:
        raise EcgByteError(f"{path}: {path.suffix!r} is no picture format; use .png, .svg or .pdf")
    return check_can_write(path)


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write the figure in the format of the path's suffix; the same figure gives the same bytes.

    Raises `EcgByteError` where the suffix is no picture format or the file cannot be written.
    """
    from matplotlib import rc_context

    path = check_picture_path(path)
    # Dates and versions would make every run another file.
    metadata = {
        ".png": {"Software": None},
        ".svg": {"Date": None, "Creator": None},
        ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }[path.suffix.lower()]
    options = {"pil_kwargs": {"optimize": True}} if path.suffix.lower() == ".png" else {}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # SVG names its parts after a random salt unless one is given.
        with rc_context({"svg.hashsalt": "ecg-byte"}):
            figure.savefig(path, dpi=DOTS_PER_INCH, metadata=metadata, **options)
    except OSError as error:
        raise EcgByteError(f"{path}: cannot be written ({error.strerror or error})") from None
    return path
