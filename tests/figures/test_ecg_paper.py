from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ecg_byte_hf.figures.canvas import MM_PER_INCH, save_figure
from ecg_byte_hf.figures.ecg_paper import draw_ecg_paper
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.leads import STANDARD_LEADS


def _steps(samples: int = 2500) -> np.ndarray:
    """Lead k is a square wave of 0 and (k + 1)/10 mV."""
    wave = (np.arange(samples) // 100) % 2
    return np.outer(np.arange(1, 13) / 10, wave).astype(np.float32)


def test_speed_and_gain_are_those_of_the_paper() -> None:
    figure = draw_ecg_paper(_steps(), 250)
    strips = [line for line in figure.axes[0].lines if len(line.get_xdata()) >= 625]
    assert len(strips) == 13
    rhythm = strips[-1]
    # 2,500 samples at 250 Hz are 10 s: 250 mm, less the one sample between first and last.
    assert np.ptp(rhythm.get_xdata()) == pytest.approx(250 - 0.1)
    assert np.ptp(rhythm.get_ydata()) == pytest.approx(10 * 0.2)  # lead II: 0.2 mV
    heights = [np.ptp(line.get_ydata()) for line in strips[:12]]
    order = ["I", "aVR", "V1", "V4", "II", "aVL", "V2", "V5", "III", "aVF", "V3", "V6"]
    expected = [STANDARD_LEADS.index(lead) + 1 for lead in order]
    np.testing.assert_allclose(heights, expected, rtol=1e-5)
    width_mm = figure.get_size_inches()[0] * MM_PER_INCH
    low, high = figure.axes[0].get_xlim()
    assert high - low == pytest.approx(width_mm)


def test_every_lead_is_named_and_the_legend_tells_tokens_and_error() -> None:
    signal = _steps()
    label = "decoded from 480 tokens, RMSE 33 uV"
    figure = draw_ecg_paper(
        signal, 250, reconstruction=signal + 0.01, title="00001", reconstruction_label=label
    )
    names = [text.get_text() for text in figure.axes[0].texts]
    assert set(STANDARD_LEADS) <= set(names)
    assert names.count("II") == 2
    legend = figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["signal", label]


def test_tall_r_waves_make_room_for_themselves() -> None:
    low = draw_ecg_paper(_steps(), 250).get_size_inches()[1]
    high = draw_ecg_paper(5 * _steps(), 250).get_size_inches()[1]
    assert high > low + 2


@pytest.mark.parametrize("seconds", [2.0, 10.0])
def test_short_records_and_other_rates(tmp_path: Path, seconds: float) -> None:
    figure = draw_ecg_paper(_steps(int(seconds * 100)), 100)
    assert save_figure(figure, tmp_path / "new" / "ecg.png").stat().st_size > 10_000


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_same_figure_same_file(tmp_path: Path, suffix: str) -> None:
    files = [
        save_figure(draw_ecg_paper(_steps(500), 250), tmp_path / f"{i}.{suffix}") for i in range(2)
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    figure = draw_ecg_paper(_steps(500), 250)
    with pytest.raises(EcgByteError, match="no picture format"):
        save_figure(figure, tmp_path / "ecg.xyz")
    (tmp_path / "file").write_text("")
    with pytest.raises(EcgByteError, match="cannot be written"):
        save_figure(figure, tmp_path / "file" / "ecg.png")


def test_other_shapes_are_refused() -> None:
    with pytest.raises(EcgByteError, match="leads"):
        draw_ecg_paper(np.zeros((3, 500)), 250)


def test_no_pyplot() -> None:
    code = (
        "import sys, numpy as np\n"
        "from ecg_byte_hf.figures.ecg_paper import draw_ecg_paper\n"
        "assert 'matplotlib' not in sys.modules\n"
        "draw_ecg_paper(np.ones((12, 500)), 250).canvas.draw()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
