from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecg_byte_hf.fidelity.clinical import MEASURES, ClinicalComparison
from ecg_byte_hf.figures.agreement import draw_agreement, save_agreement_figures

pytest.importorskip("matplotlib")

QRS = next(one for one in MEASURES if one.name == "qrs_ms")
R_PERCENT = next(one for one in MEASURES if one.name == "r_amplitude_percent")


def _pairs(differences: list[float]) -> np.ndarray:
    cleaned = 80.0 + np.arange(len(differences))
    return np.stack([cleaned, cleaned + differences], axis=1)


def _texts(figure: object) -> str:
    axes = figure.axes  # type: ignore[attr-defined]
    legend = axes[1].get_legend().get_texts()
    return "\n".join(text.get_text() for text in [*axes[0].texts, *legend])


def test_points_limits_floor_and_goal_are_drawn() -> None:
    decoded = _pairs([-1.0, 1.0, 3.0, 5.0])
    floor = _pairs([-1.0, 1.0, -1.0, 1.0])
    figure = draw_agreement(decoded, floor, QRS, records=6)
    points = figure.axes[1].lines[0].get_xydata()
    assert points[:, 0] == pytest.approx(decoded.mean(axis=1))
    assert points[:, 1] == pytest.approx([-1, 1, 3, 5])
    text = _texts(figure)
    assert "n = 4 of 6 records" in text
    assert "bias +2.0 ms" in text
    assert "95 % limits -3.1 … +7.1 ms" in text
    assert "floor -2.3 … +2.3 ms" in text
    assert "goal ±12 ms" in text


def test_no_point_is_lost_beyond_the_axis() -> None:
    differences = [0.0] * 60 + [500.0, -500.0, np.nan]
    figure = draw_agreement(_pairs(differences), _pairs([0.0] * 63), QRS, records=63)
    axes = figure.axes[1]
    drawn = [line for line in axes.lines if line.get_marker() in ("o", "^", "v")]
    assert [len(line.get_xydata()) for line in drawn] == [60, 1, 1]
    low, high = axes.get_ylim()
    assert all(low < y < high for line in drawn for _, y in line.get_xydata())
    assert "2 of 62" in _texts(figure)


def test_a_picture_per_measure_and_suffix(tmp_path: Path) -> None:
    pytest.importorskip("neurokit2")
    from ..fidelity.test_clinical import cleaned_signals

    comparison = ClinicalComparison()
    for number, signal in enumerate(cleaned_signals()):
        comparison.add(str(number), signal, 1.02 * signal, 250.0)
    paths = save_agreement_figures(comparison, tmp_path / "new", (".png", ".svg"), "beat")
    assert len(paths) == 2 * len(MEASURES)
    assert all(path.stat().st_size > 1000 for path in paths)
    again = save_agreement_figures(comparison, tmp_path / "again", (".svg",), "beat")
    for path in again:
        assert path.read_bytes() == (tmp_path / "new" / path.name).read_bytes()


def test_relative_errors_say_which_records_they_leave_out() -> None:
    figure = draw_agreement(_pairs([1.0, 2.0]), _pairs([0.1, 0.2]), R_PERCENT, records=3)
    assert "Only R waves of at least 0.1 mV" in _texts(figure)
