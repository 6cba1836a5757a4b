from __future__ import annotations

import io
import zlib
from itertools import pairwise

import numpy as np
import pytest
from scipy.fft import dct

from ecg_byte_hf.fidelity.dct_baseline import DctCodec, DctTokenizer
from ecg_byte_hf.fidelity.lossless import (
    bits_per_sample,
    flac_bits,
    round_leads,
    rounding_rmse,
    step_for,
    zlib_bits,
    zlib_difference_bits,
)
from ecg_byte_hf.fidelity.report import measure
from ecg_byte_hf.hub_code.cleaning import clean
from ecg_byte_hf.hub_code.errors import EcgByteError

from ..small_tokenizer import simulated_records
from .rows import corpus_rows


def _cleaned(count: int) -> list[np.ndarray]:
    records = [one.record for one in simulated_records()[:count]]
    return [clean(record.signal, record.sampling_rate) for record in records]


@pytest.mark.parametrize("chunk", [None, 250, 240])
@pytest.mark.parametrize("independent", [False, True])
def test_dct_round_trip_is_within_half_a_step(chunk: int | None, independent: bool) -> None:
    signal = _cleaned(1)[0]
    codec = DctCodec(20.0, chunk, independent)
    (words,) = codec.fit([signal])
    assert len(words) == (1 if chunk is None else -(-signal.shape[1] // chunk))
    assert words == codec.encode(signal)
    decoded = codec.decode("".join(words))
    assert decoded.shape == signal.shape
    rows = [0, 1, 6, 7, 8, 9, 10, 11] if independent else list(range(12))
    size = chunk or signal.shape[1]
    for start in range(0, signal.shape[1], size):
        piece = (signal - decoded)[rows, start : start + size]
        assert np.abs(dct(piece, norm="ortho")).max() <= 0.5 / 20 + 1e-4
    if independent:
        # Einthoven holds to the last digit in what is derived.
        assert np.allclose(decoded[2], decoded[1] - decoded[0], atol=1e-5)


def test_dct_words_begin_with_the_lowest_frequency_of_all_leads() -> None:
    signal = np.outer(np.arange(1, 13), np.ones(500)).astype(np.float32)
    codec = DctCodec(1.0)
    ((word,),) = codec.fit([signal])
    values = np.array([ord(c) for c in word]) - ord(codec.alphabet[0]) + codec.lowest
    assert values[:12].tolist() == np.rint(np.arange(1, 13) * np.sqrt(500)).tolist()
    assert not values[12:].any()


def test_dct_clips_what_training_never_saw() -> None:
    signal = _cleaned(1)[0]
    codec = DctCodec(4.0)
    codec.fit([0.5 * signal])
    words = codec.encode(signal)
    assert set("".join(words)) <= set(codec.alphabet)
    assert np.isfinite(codec.decode("".join(words))).all()


def test_dct_tokens_shrink_and_the_error_grows_with_a_coarser_scale() -> None:
    records = [one.record for one in simulated_records()[:6]]
    rows = corpus_rows(3)
    found = []
    for scale in (8.0, 4.0, 2.0):
        tokenizer = DctTokenizer(
            DctCodec(scale, 250),
            ((record.signal, record.sampling_rate) for record in records),
            512,
        )
        result = measure(tokenizer, rows)  # type: ignore[arg-type]
        assert result["settings"]["vocabulary_size"] == 512
        found.append((result["overall"]["tokens_mean"], result["overall"]["rmse_uV"]))
    assert all(a[0] > b[0] and a[1] < b[1] for a, b in pairwise(found))


def test_dct_tokens_are_the_signal_and_nothing_is_hidden() -> None:
    record = simulated_records()[0].record
    codec = DctCodec(4.0, 250)
    tokenizer = DctTokenizer(codec, [(record.signal, record.sampling_rate)], 512)
    cleaned = tokenizer.feature_extractor.clean(record.signal, record.sampling_rate)
    words = codec.encode(cleaned)
    ids = tokenizer.words_to_ids(words)
    assert len(ids) < sum(map(len, words))
    assert np.array_equal(tokenizer.decode_ecg(ids), codec.decode("".join(words)))
    assert max(ids) < tokenizer.ecg_vocabulary_size


def test_dct_refuses_what_cannot_be() -> None:
    with pytest.raises(EcgByteError, match="positive"):
        DctCodec(0.0)
    with pytest.raises(EcgByteError, match="too fine"):
        DctCodec(1e9).fit(_cleaned(1))
    record = simulated_records()[0].record
    with pytest.raises(EcgByteError, match="vocabulary size 64 is too small"):
        DctTokenizer(DctCodec(16.0), [(record.signal, record.sampling_rate)], 64)


def test_step_gives_the_error_asked_for() -> None:
    signals = _cleaned(3)
    for rmse in (0.01, 0.03):
        step = step_for(signals, rmse)
        assert rounding_rmse(signals, step) == pytest.approx(rmse, rel=2e-3)
    # Fine steps: uniform noise of step / sqrt(12) in 8 leads, which the four others add up.
    derived = (8 + 2 + 0.5 + 1.25 + 1.25) / 12
    expected = 0.004 / np.sqrt(12) * np.sqrt(derived)
    assert rounding_rmse(signals, 0.004) == pytest.approx(expected, rel=0.02)
    with pytest.raises(EcgByteError, match="no rounding step"):
        step_for(signals, 100.0)


def test_zlib_and_flac_bits_are_those_of_what_they_write() -> None:
    signal = _cleaned(1)[0]
    rounded = round_leads(signal, 0.02)
    assert rounded.shape == (8, signal.shape[1])
    assert rounded.dtype == np.int16
    packed = zlib.compress(b"".join(row.tobytes() for row in rounded), 9)
    assert zlib_bits(rounded) == 8 * len(packed)
    assert zlib_difference_bits(np.ones((8, 1000), np.int16)) < 8 * 100
    flac = flac_bits(rounded, 250)
    if flac is not None:
        soundfile = pytest.importorskip("soundfile")
        file = io.BytesIO()
        soundfile.write(file, rounded.T, 250, format="FLAC", subtype="PCM_16")
        assert flac == 8 * len(file.getvalue())
        file.seek(0)
        assert np.array_equal(soundfile.read(file, dtype="int16")[0].T, rounded)


def test_bits_per_sample_count_all_twelve_leads() -> None:
    signals = _cleaned(2)
    step, bits = bits_per_sample(signals, 0.03, 250)
    rounded = [round_leads(signal, step) for signal in signals]
    samples = sum(signal.size for signal in signals)
    assert bits["zlib"] == pytest.approx(sum(map(zlib_bits, rounded)) / samples)
    assert bits["zlib"] is not None
    assert 0 < bits["zlib"] < 16
    finer = bits_per_sample(signals, 0.01, 250)[1]["zlib"]
    assert finer is not None
    assert finer > bits["zlib"]
