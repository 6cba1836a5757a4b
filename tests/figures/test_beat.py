from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from ecg_byte_hf.figures.beat import draw_beat
from ecg_byte_hf.figures.canvas import save_figure
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from ecg_byte_hf.hub_code.leads import LEADS_FROM_INDEPENDENT, STANDARD_LEADS
from ecg_byte_hf.hub_code.presets import BEAT_PRESETS
from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor
from ecg_byte_hf.records import read_record
from ecg_byte_hf.tokenizer import train_tokenizer

from ..small_tokenizer import simulated_records, small_processor


@cache
def _processor(preset: str) -> EcgByteProcessor:
    if preset == "beat":
        return small_processor("beat")
    records = [one.record for one in simulated_records()]
    extractor = EcgByteFeatureExtractor(preset)
    extractor.fit((record.signal, record.sampling_rate) for record in records)
    words = [extractor.encode(record.signal, record.sampling_rate) for record in records]
    # More than the alphabet of any preset.
    return EcgByteProcessor(extractor, train_tokenizer(words, extractor, 1024))


def _texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("preset", BEAT_PRESETS)
def test_parts_name_all_tokens_and_marks_stand_on_the_beats(preset: str) -> None:
    processor = _processor(preset)
    record = simulated_records()[0].record
    figure = draw_beat(processor, record)
    texts = _texts(figure)
    ids = processor.ecg_ids(record.signal, record.sampling_rate)
    symbols = processor.token_symbols(ids)
    count = {
        letter: sum(bool(s.symbols) and s.channel.rstrip("12345678") == letter for s in symbols)
        for letter in ("rr", "t", "r")
    }
    assert f"{len(ids):,} tokens for 12 leads of 10 s" in texts
    positions = processor.feature_extractor.codec.beat_positions(processor.ids_to_words(ids))
    assert any(t.startswith(f"Rhythm: {count['rr']} tokens place {len(positions)}") for t in texts)
    assert f"Representative beat: {count['t']} tokens" in texts
    assert f"What is left: {count['r']} tokens" in texts
    assert set(STANDARD_LEADS) <= set(texts)
    marks = [line for line in figure.axes[0].lines if line.get_marker() in ("v", "D")]
    x = np.sort(np.concatenate([line.get_xdata() for line in marks]))
    strip = next(line for line in figure.axes[0].lines if len(line.get_xdata()) == 2500)
    inside = positions[(positions >= 0) & (positions < 2500)]
    np.testing.assert_allclose(x, np.interp(inside, np.arange(2500), strip.get_xdata()), atol=0.1)


def test_what_is_left_and_the_beats_add_up_to_the_decoded_signal() -> None:
    processor = small_processor("beat")
    record = simulated_records()[0].record
    figure = draw_beat(processor, record)
    # Strips of 10 s: rhythm, then (cleaned less beats, decoded less beats) of four leads, then the
    # cleaned and the decoded lead II.
    curves = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2500]
    assert len(curves) == 1 + 8 + 2
    ids = processor.ecg_ids(record.signal, record.sampling_rate)
    decoded = processor.decode_ecg(ids)[STANDARD_LEADS.index("II")]
    drawn = curves[-1].get_ydata()
    assert np.corrcoef(drawn, decoded)[0, 1] == pytest.approx(1, abs=1e-6)
    difference = curves[-1].get_ydata() - curves[-2].get_ydata()
    left = curves[4].get_ydata() - curves[3].get_ydata()
    assert np.corrcoef(difference, left)[0, 1] == pytest.approx(1, abs=1e-4)


def test_a_record_without_a_representative_beat_says_so() -> None:
    noise = np.random.default_rng(0).normal(scale=0.05, size=(8, 1000))
    record = read_record(LEADS_FROM_INDEPENDENT @ noise, sampling_rate=500, record_id="noise")
    processor = small_processor("beat")
    words = processor.feature_extractor.encode(record.signal, 500)
    assert not any(words[:9])
    texts = _texts(draw_beat(processor, record))
    assert any("no representative beat pays here" in text for text in texts)
    assert "none" in texts


def test_other_presets_are_refused() -> None:
    with pytest.raises(EcgByteError, match="preset compact has no representative beat"):
        draw_beat(small_processor("compact"), simulated_records()[0].record)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_same_record_same_file(tmp_path, suffix: str) -> None:
    record = simulated_records()[1].record
    files = [
        save_figure(draw_beat(small_processor("beat"), record), tmp_path / f"{k}.{suffix}")
        for k in range(2)
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_two_kinds_of_beats_are_drawn_apart(ecg_byte_data) -> None:
    # A paced rhythm with two kinds of QRS complexes.
    record = read_record(ecg_byte_data / "ptb-xl/records500/00000/00190_hr")
    processor = small_processor("beat")
    words = processor.feature_extractor.encode(record.signal, record.sampling_rate)
    figure = draw_beat(processor, record)
    markers = {line.get_marker() for line in figure.axes[0].lines}
    assert "v" in markers
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    codec = processor.feature_extractor.codec
    length = codec.waveform("t1", "").shape[1]
    t_spans = [span for spans in codec.locate(words)[1:9] for span in spans]
    two = any(span.stop > length for span in t_spans)
    assert len(dashed) == (12 if two else 0)
