from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

from ecg_byte_hf.fidelity.goals import judge_goals
from ecg_byte_hf.figures.canvas import save_figure
from ecg_byte_hf.figures.frontier import draw_frontier
from ecg_byte_hf.hub_code.errors import EcgByteError


def _point(preset: str, tokens: float, rmse: float, **other: Any) -> dict[str, Any]:
    return {
        "preset": preset,
        "codec": {"step": rmse},
        "vocabulary": 4096,
        "training_ecgs": 100,
        "default": False,
        "tokens_mean": tokens,
        "rmse_uV": rmse,
        "prd_median": rmse / 2,
        "pareto": preset == "beat",
    } | other


def _sweep() -> dict[str, Any]:
    points = [
        _point("paper", 1984, 62, default=True),
        _point("paper", 3570, 62, vocabulary=256),
        _point("compact", 510, 30, default=True),
        _point("compact", 230, 56),
        _point("compact", 436, 30, vocabulary=16384),
        _point("beat", 148, 30, default=True),
        _point("beat", 453, 17),
        _point("beat", 160, 30, training_ecgs=25, pareto=False),
    ]
    fast = [_point("fast", 840, 70, variant="1-s chunks"), _point("fast", 2500, 23, variant="10 s")]
    return {
        "settings": {"ecgs": 82, "training_ecgs": 100, "split": "validation"},
        "points": points,
        "baselines": {"fast": fast, "lossless": []},
        "goals": judge_goals(points, 100),
    }


def _texts(figure: Any) -> str:
    axes = figure.axes[1]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    return "\n".join([*legend, *(text.get_text() for text in axes.texts)])


def test_every_series_is_there_and_named() -> None:
    figure = draw_frontier(_sweep())
    axes = figure.axes[1]
    texts = _texts(figure)
    for name in ("beat", "compact", "paper", "FAST, 1-s chunks", "FAST, 10 s", "Pareto", "goals"):
        assert name in texts
    assert "1,984 tokens, 62 µV" in texts
    assert axes.get_xscale() == axes.get_yscale() == "log"
    drawn = {pair for line in axes.get_lines() for pair in zip(*line.get_data(), strict=True)}
    result = _sweep()
    for point in [*result["points"], *result["baselines"]["fast"]]:
        assert (point["tokens_mean"], point["rmse_uV"]) in drawn
    assert {(150, 33.0), (260, 26.0)} <= drawn
    low, high = axes.get_xlim()
    assert low < 148
    assert high > 3570


def test_legend_and_labels_cover_no_point() -> None:
    figure = draw_frontier(_sweep())
    axes = figure.axes[1]
    renderer = figure.canvas.get_renderer()
    boxes = [axes.get_legend(), *axes.texts]
    points = [point for line in axes.get_lines() for point in zip(*line.get_data(), strict=True)]
    for box in boxes:
        extent = box.get_window_extent(renderer)
        for pixel in axes.transData.transform(points):
            assert not extent.contains(*pixel), (box, pixel)
        assert figure.bbox.contains(extent.x0, extent.y0)
        assert figure.bbox.contains(extent.x1, extent.y1)
    for text in figure.axes[0].texts:
        extent = text.get_window_extent(renderer)
        assert figure.bbox.contains(extent.x1, extent.y1)


def test_same_bytes_twice_in_png_and_svg(tmp_path: Path) -> None:
    for suffix in ("png", "svg"):
        files = [save_figure(draw_frontier(_sweep()), tmp_path / f"{n}.{suffix}") for n in range(2)]
        assert files[0].read_bytes() == files[1].read_bytes()
    assert re.search(r"<svg", (tmp_path / "0.svg").read_text())


def test_an_unfinished_sweep_is_drawn_and_something_else_refused() -> None:
    result = _sweep()
    result["points"] = result["points"][:1]
    result["baselines"]["fast"] = []
    result["goals"] = judge_goals(result["points"], 100)
    draw_frontier(result)
    with pytest.raises(EcgByteError, match="no points yet"):
        draw_frontier(result | {"points": []})
    with pytest.raises(EcgByteError, match="no sweep's JSON"):
        draw_frontier({"overall": {}})
