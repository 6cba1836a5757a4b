from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecg_byte_hf.figures.canvas import save_figure
from ecg_byte_hf.figures.tokens import assign_lanes, draw_tokens
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.spans import Span


def _span(start: int, stop: int) -> Span:
    return Span("II", start, stop)


def test_lanes_keep_overlapping_spans_apart() -> None:
    spans = [_span(0, 16), _span(0, 16), _span(16, 32), _span(8, 40), _span(32, 48)]
    assert assign_lanes(spans) == [0, 1, 0, 2, 0]


def test_ids_stand_over_their_spans() -> None:
    tokens = [
        (3, Span("", 0, 0)),
        (5, Span("II", 0, 0)),
        (101, _span(0, 100)),
        (102, _span(100, 130)),
        (103, _span(130, 500)),
        (999, Span("V1", 0, 500)),
    ]
    signal = np.sin(np.arange(500) / 9)
    figure = draw_tokens(signal, tokens, 250, channel="II", title="lead II", rows=1)
    texts = {text.get_text(): text.get_position()[0] for text in figure.axes[0].texts}
    assert {"101", "102", "103"} <= set(texts)
    assert not {"3", "5", "999"} & set(texts)
    left = next(line for line in figure.axes[0].lines if len(line.get_xdata()) == 500)
    x = left.get_xdata()
    assert texts["102"] == pytest.approx((x[100] + x[130]) / 2)


def test_every_sample_of_a_covered_channel_is_coloured() -> None:
    tokens = [(7, _span(0, 200)), (8, _span(200, 450)), (9, _span(450, 500))]
    figure = draw_tokens(np.arange(500.0), tokens, 250, channel="II", rows=1)
    coloured = [line for line in figure.axes[0].lines if line.get_linewidth() == 5]
    assert [len(line.get_xdata()) - 1 for line in coloured] == [200, 250, 49]
    colours = [line.get_color() for line in coloured]
    assert len(set(colours)) == 3


def test_channel_without_tokens_is_refused() -> None:
    with pytest.raises(EcgByteError, match="'r9' has no tokens; choose one of II"):
        draw_tokens(np.zeros(500), [(1, _span(0, 500))], 250, channel="r9", title="00001")


def test_flat_signal_and_one_token(tmp_path: Path) -> None:
    figure = draw_tokens(np.zeros(500), [(1, _span(0, 500))], 250, channel="II")
    assert save_figure(figure, tmp_path / "flat.png").exists()
