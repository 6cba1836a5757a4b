from __future__ import annotations

from dataclasses import replace

import pytest

from ecg_byte_hf.figures.record import draw_record, draw_record_tokens
from ecg_byte_hf.hub_code.errors import EcgByteError

from ..small_tokenizer import simulated_records, small_processor


@pytest.mark.parametrize("preset", ["compact", "paper"])
def test_legend_tells_tokens_of_the_record(preset: str) -> None:
    processor = small_processor(preset)
    record = simulated_records()[0].record
    figure = draw_record(processor, record)
    label = figure.axes[0].get_legend().get_texts()[1].get_text()
    ids = processor.ecg_ids(record.signal, record.sampling_rate)
    assert f"{len(ids):,} tokens" in label
    assert "µV" in label


def test_a_component_is_not_called_a_lead() -> None:
    processor = small_processor("compact")
    record = simulated_records()[0].record
    figure = draw_record_tokens(processor, record, "r1")
    title = next(t.get_text() for t in figure.axes[0].texts if record.record_id in t.get_text())
    assert title.endswith("compact: r1, component 1")
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert any(text.startswith("component 1, a weighted sum of the leads: ") for text in texts)
    with pytest.raises(
        EcgByteError,
        match=r"'II' is no channel of preset compact that this .* tokens in; choose one of r1",
    ):
        draw_record_tokens(processor, record, "II")


def test_the_representative_beat_is_drawn_once() -> None:
    processor = small_processor("beat")
    record = simulated_records()[0].record
    figure = draw_record_tokens(processor, record, "t1")
    drawn = max(len(line.get_xdata()) for line in figure.axes[0].lines)
    assert 0.3 * 250 < drawn < 1.0 * 250
    draw_record_tokens(processor, record, "rr")


def test_ids_drawn_are_those_of_the_lead() -> None:
    processor = small_processor("paper")
    record = simulated_records()[0].record
    ids = processor.ecg_ids(record.signal, record.sampling_rate)
    spans = processor.token_spans(ids)
    expected = {
        str(i) for i, s in zip(ids, spans, strict=True) if s.channel == "V2" and s[1] < s[2]
    }
    figure = draw_record_tokens(processor, record, "V2")
    drawn = {t.get_text() for t in figure.axes[0].texts if t.get_text().isdigit()}
    assert drawn
    assert drawn <= expected


def test_the_unit_is_that_of_the_record() -> None:
    record = simulated_records()[0].record
    figure = draw_record(None, replace(record, unit="SD"))
    assert "25 mm/s   10 mm/SD" in {text.get_text() for text in figure.axes[0].texts}
    processor = small_processor(unit="SD")
    with pytest.raises(EcgByteError, match=r"reads ECGs in SD, record .* is in mV"):
        draw_record(processor, record)
