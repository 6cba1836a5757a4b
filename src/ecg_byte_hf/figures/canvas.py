"""Figures in millimetres, drawn without a window and without pyplot's global state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..hub_code.errors import EcgByteError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MM_PER_INCH = 25.4


def figure_in_mm(width_mm: float, height_mm: float) -> tuple[Figure, Axes]:
    """A figure of that size with one axes over all of it, whose coordinates are millimetres.

    The origin is at the lower left. Raises `EcgByteError` where matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise EcgByteError(
            "figures need matplotlib; install it with: pip install 'ecg-byte-hf[plot]'"
        ) from None
    figure = Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width_mm)
    axes.set_ylim(0, height_mm)
    axes.set_axis_off()
    return figure, axes


def save_figure(figure: Figure, path: str | Path, dots_per_inch: int = 150) -> Path:
    """Write the figure in the format of the path's suffix; the same figure gives the same bytes.

    Raises `EcgByteError` where the suffix is no picture format or the file cannot be written.
    """
    from matplotlib import rc_context

    path = Path(path)
    known = figure.canvas.get_supported_filetypes()
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in known:
        raise EcgByteError(f"{path}: {path.suffix!r} is no picture format; use .png, .svg or .pdf")
    # Dates and versions would make every run another file.
    metadata = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }.get(suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # SVG names its parts after a random salt unless one is given.
        with rc_context({"svg.hashsalt": "ecg-byte"}):
            figure.savefig(path, dpi=dots_per_inch, metadata=metadata)
    except OSError as error:
        raise EcgByteError(f"{path}: cannot be written ({error.strerror or error})") from None
    return path
