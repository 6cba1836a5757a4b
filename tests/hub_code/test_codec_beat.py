"""What only `beat` has: rhythm, representative beat, what is left."""

from itertools import pairwise

import numpy as np
import pytest

from ecg_byte_hf.hub_code.beats import STEPS_PER_SAMPLE, find_beats, lay_out, windows
from ecg_byte_hf.hub_code.cleaning import resample
from ecg_byte_hf.hub_code.codec_beat import BeatCodec
from ecg_byte_hf.hub_code.codec_compact import CompactCodec, blocks_from_signal
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.rr_word import decode_beats, encode_beats
from ecg_byte_hf.hub_code.run_lengths import encode_rows, encode_sequence, parse
from ecg_byte_hf.hub_code.spans import Span
from tests.small_tokenizer import simulated_records, small_processor


def beat_codec() -> BeatCodec:
    return small_processor("beat").feature_extractor.codec


def cleaned(number: int = 0) -> np.ndarray:
    record = simulated_records()[number].record
    return small_processor("beat").feature_extractor.clean(record.signal, 500)


def a_beat(samples: int = 2500, peaks=(100, 320, 545, 760), gains=None) -> np.ndarray:
    """(12, samples) mV at 250 Hz: the same P, QRS and T at each of `peaks` (in samples)."""
    t = np.arange(samples)
    signal = np.zeros((12, samples))
    for k, peak in enumerate(peaks):
        shape = (
            0.15 * np.exp(-(((t - peak + 40) / 8) ** 2))
            + 1.2 * np.exp(-(((t - peak) / 4) ** 2))
            - 0.3 * np.exp(-(((t - peak - 8) / 3) ** 2))
            + 0.3 * np.exp(-(((t - peak - 75) / 14) ** 2))
        )
        signal[[1, 6, 7, 8, 9, 10, 11]] += shape * (1 if gains is None else gains[k])
    signal[2], signal[3], signal[4], signal[5] = (
        signal[1],
        -signal[1] / 2,
        -signal[1] / 2,
        signal[1],
    )
    return signal.astype(np.float32)


def test_r_peaks_are_found_where_the_simulation_put_them():
    codec = CompactCodec(klt=beat_codec().klt)
    peaks = [100, 320.5, 545.25, 760, 1000, 1250.75]
    positions = find_beats(codec.component_signals(a_beat(1400, peaks)), 250) / STEPS_PER_SAMPLE
    assert len(positions) == 6
    shift = np.median(positions - peaks)
    assert abs(shift) < 3
    assert positions - peaks == pytest.approx(np.full(6, shift), abs=0.3)


def test_equal_beats_cost_one_beat():
    signal = a_beat(2500, [150 + 220.25 * k for k in range(10)])
    words = beat_codec().encode(signal)
    assert words[0]
    alone = CompactCodec(klt=beat_codec().klt, step=0.5).encode(signal)
    assert sum(map(len, words)) < 0.4 * sum(map(len, alone))
    assert np.sqrt(np.mean((beat_codec().decode(words) - signal) ** 2)) < 0.02


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_beats_are_left_to_compact(count):
    signal = a_beat(1000, [200, 500][:count]) + np.float32(1e-4)
    words = beat_codec().encode(signal)
    assert words[:9] == [""] * 9
    compact = CompactCodec(
        klt=beat_codec().klt, step=beat_codec().state["step"], lone_dead_zone=0.7
    )
    assert words[9:] == compact.encode(signal)
    assert np.array_equal(beat_codec().decode(words, strict=True), compact.decode(words[9:]))


def test_the_loop_is_closed_so_the_error_is_the_rests_alone():
    codec = BeatCodec(klt=beat_codec().klt, step=0.3, template_step=0.6)
    signal = cleaned()[:, :2496]
    error = codec.klt @ (signal - codec.decode(codec.encode(signal)))
    assert np.abs(blocks_from_signal(error)).max() <= 0.9 * 0.3 + 1e-4


def test_positions_and_kinds_come_back():
    positions = np.array([-3, 700, 1500, 2300, 3100, 9000])
    kinds = np.array([0, 1, 0, 0, 1, 1])
    back = decode_beats(parse(encode_beats(positions, kinds, 800)), 800)
    assert np.array_equal(back[0], positions)
    assert np.array_equal(back[1], kinds)
    assert encode_beats(positions[:0], kinds[:0], 800) == ""
    regular = np.arange(6) * 800
    word = encode_beats(regular, kinds, 800)
    assert np.array_equal(decode_beats(parse(word), 800), (regular, kinds))


@pytest.mark.parametrize("value", [1, -127, 128, -128, 8128, 8129, 100_000, -(2**20)])
def test_values_of_any_size_come_back(value):
    row = np.array([[0, value, 0, 1]], dtype=np.int32)
    parsed = parse(encode_rows(row)[0])
    kept = parsed.values != 0
    assert parsed.values[kept].tolist() == [value, 1]
    assert parsed.places[kept].tolist() == [1, 3]
    assert parse(encode_sequence([0, value, 0, 0])).widths.sum() == 4


def test_a_pacemaker_spike_is_not_clipped():
    signal = a_beat() * 1
    signal[6:, 900:904] += 60
    decoded = beat_codec().decode(beat_codec().encode(signal))
    assert np.abs(decoded - signal)[6:].max() < 0.4


def test_windows_read_between_samples():
    t = np.arange(400)
    wave = np.sin(2 * np.pi * t / 20)[None].astype(np.float32)
    read = windows(wave, np.array([801, 1202]), -10, 10)
    for row, position in zip(read, (200.25, 300.5), strict=True):
        expected = np.sin(2 * np.pi * (position + np.arange(-10, 10)) / 20)
        assert row[0] == pytest.approx(expected, abs=0.01)


def test_templates_are_laid_out_at_fractions_and_end_where_the_next_begins():
    templates = np.stack([np.hanning(64)[None], -np.hanning(64)[None]]).astype(np.float32)
    laid = lay_out(templates, np.array([401, 600, 1000]), np.array([0, 0, 1]), 20, 400)[0]
    assert laid[80:130] == pytest.approx(
        np.interp(np.arange(80, 130) - 0.25 - 80, np.arange(64), templates[0, 0]), abs=0.01
    )
    assert laid[130:194] == pytest.approx(templates[0, 0], abs=1e-6)
    assert not laid[195:230].any()
    assert laid[230:294] == pytest.approx(templates[1, 0], abs=1e-6)


@pytest.mark.parametrize("cut", range(330, 350, 2))
def test_a_record_may_end_within_a_beat(cut):
    codec = beat_codec()
    signal = np.ascontiguousarray(a_beat(1200, [100, 340, 580, 820])[:, cut - 240 : cut + 480])
    words = codec.encode(signal)
    assert codec.decode(words, strict=True).shape == signal.shape
    assert codec.beat_positions(words).max(initial=0) < signal.shape[1] + 25


def bigeminy() -> np.ndarray:
    """(12, 2500) mV: every second beat is early, wide and upside down."""
    narrow = [150 + 500 * k for k in range(5)]
    signal = a_beat(2500, narrow)
    t = np.arange(2500)
    for peak in narrow:
        signal[6:] -= (2.0 * np.exp(-(((t - peak - 160) / 12) ** 2))).astype(np.float32)
        signal[6:] += (0.5 * np.exp(-(((t - peak - 230) / 20) ** 2))).astype(np.float32)
    return signal


def test_bigeminy_takes_a_second_template():
    codec = beat_codec()
    words = codec.encode(bigeminy())
    parsed = parse(words[0])
    assert len(parsed.marks) == 5
    alone = BeatCodec(**codec.state | {"templates": 0}).encode(bigeminy())
    assert sum(map(len, words)) < 0.5 * sum(map(len, alone))
    assert np.sqrt(np.mean((codec.decode(words, strict=True) - bigeminy()) ** 2)) < 0.03
    spans = codec.locate(words)[1]
    assert spans[-1].stop == 384
    second = codec.occurrences(words, [Span("t1", 192 + 64, 192 + 80)])[0]
    first = codec.occurrences(words, [Span("t1", 64, 80)])[0]
    assert len(first) == len(second) == 5
    assert 145 < second[0].start - first[0].start < 200
    assert len(codec.occurrences(words, [Span("t1", 0, 384)])[0]) == 10


def test_spans_of_rr_reach_from_beat_to_beat_and_cover_the_record():
    codec = beat_codec()
    words = codec.encode(cleaned())
    spans = codec.locate(words)[0]
    assert spans[0].start == 0
    assert spans[-1].stop == 2500
    edges = np.rint(np.floor(codec.beat_positions(words))).astype(int)
    assert {span.stop for span in spans[:-1]} <= set(edges.tolist())
    assert all(a.stop >= b.start for a, b in pairwise(spans))


def test_template_spans_lie_in_the_beat_and_occur_once_per_beat():
    codec = beat_codec()
    words = codec.encode(cleaned())
    beats = codec.beat_positions(words)
    assert len(beats) >= 3
    spans = codec.locate(words)[1]
    assert spans[0].start == 0
    assert spans[-1].stop == 192
    middle = Span("t1", 64, 80)
    found = codec.occurrences(words, [middle])[0]
    assert len(beats) - 1 <= len(found) <= len(beats)
    assert all(isinstance(span.start, int) and span.channel == "t1" for span in found)
    assert all(after.start > before.start for before, after in pairwise(found))
    assert found[1].start == int(beats[1]) - 70 + 64
    rest = Span("r1", 0, 16)
    assert codec.occurrences(words, [rest])[0] == [rest]


@pytest.mark.filterwarnings("error")
def test_beats_at_100_hz():
    signal = resample(cleaned(), 250, 100)
    codec = BeatCodec(sampling_rate=100, nominal_samples=1000, klt=beat_codec().klt)
    words = codec.encode(signal)
    assert codec.decode(words, strict=True).shape == (12, 1000)
    seconds = beat_codec().beat_positions(beat_codec().encode(cleaned())) / 250
    assert codec.beat_positions(words) / 100 == pytest.approx(seconds, abs=0.02)


def test_component_signals_are_what_the_words_code():
    codec = beat_codec()
    signal = cleaned()
    rows = codec.component_signals(signal)
    assert rows.shape == (17, 2500)
    assert np.sum(rows[9:] ** 2) < np.sum((codec.klt @ signal) ** 2)


def test_strict_knows_what_only_beat_can_get_wrong():
    codec = beat_codec()
    words = codec.encode(cleaned())
    wrong = {
        "no R peaks": ["", *words[1:]],
        "before another or beyond": [encode_sequence([400, -900, 3]), *words[1:]],
        "of a beat": [words[0], words[1] + words[1] * 3, *words[2:]],
    }
    for message, bad in wrong.items():
        with pytest.raises(EcgByteError, match=message):
            codec.decode(bad, strict=True)
        assert np.isfinite(codec.decode(bad)).all()


def test_a_senseless_step_is_not_blamed_on_another_preset():
    for option in ("step", "dead_zone", "template_step"):
        with pytest.raises(EcgByteError, match=f"{option} 5000000.0 must be") as refused:
            BeatCodec(**{option: 5e6})
        assert "compact" not in str(refused.value)
