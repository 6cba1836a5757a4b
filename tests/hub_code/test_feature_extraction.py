import json
import pickle

import numpy as np
import pytest

from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.feature_extraction_ecg_byte import (
    CODECS,
    EcgByteFeatureExtractor,
)
from ecg_byte_hf.hub_code.leads import STANDARD_LEADS
from tests.small_tokenizer import simulated_records, small_processor

PRESETS = tuple(CODECS)


def a_record(number: int = 0):
    return simulated_records()[number].record


@pytest.mark.parametrize("preset", PRESETS)
def test_save_and_load_give_the_same_words(preset, tmp_path):
    extractor = small_processor(preset).feature_extractor
    extractor.save_pretrained(tmp_path)
    again = EcgByteFeatureExtractor.from_pretrained(tmp_path)
    assert again.to_dict() == extractor.to_dict()
    record = a_record()
    words = extractor.encode(record.signal, 500)
    assert again.encode(record.signal, 500) == words
    assert np.array_equal(again.decode(words), extractor.decode(words))
    json.loads((tmp_path / "preprocessor_config.json").read_text())


@pytest.mark.parametrize("preset", PRESETS)
def test_pickles_of_equal_extractors_are_equal_bytes(preset):
    extractor = small_processor(preset).feature_extractor
    again = pickle.loads(pickle.dumps(extractor))
    assert pickle.dumps(again) == pickle.dumps(extractor)


def test_call_takes_one_several_records_and_arrays():
    extractor = small_processor().feature_extractor
    first, second = a_record(0), a_record(1)
    one = extractor(first.signal, sampling_rate=500)["words"]
    assert len(one) == 1
    assert len(one[0]) == 8
    batch = [first.signal, second.signal]
    assert extractor(batch, sampling_rate=500)["words"][0] == one[0]
    assert extractor([first, second])["words"] == extractor(batch, 500)["words"]
    assert extractor(np.stack(batch), 500)["words"] == extractor(batch, [500, 500])["words"]


def test_lead_order_and_spelling_do_not_matter():
    extractor = small_processor().feature_extractor
    record = a_record()
    turned = record.signal[::-1]
    names = [f"lead {name.lower()}" for name in reversed(STANDARD_LEADS)]
    expected = extractor(record.signal, 500)["words"]
    assert extractor(turned, 500, lead_names=names)["words"] == expected


def test_the_default_cleaning_is_the_papers_for_paper_alone():
    assert EcgByteFeatureExtractor("paper").cleaning == "paper"
    assert EcgByteFeatureExtractor("compact").cleaning == "clean"


def test_standard_deviations_at_100_hz_are_a_configuration():
    extractor = EcgByteFeatureExtractor("compact", sampling_rate=100, unit="sd", cleaning="none")
    signals = [np.random.default_rng(k).normal(size=(12, 1000)) * 30 for k in range(3)]
    extractor.fit((signal, 100) for signal in signals)
    assert extractor.codec.nominal_samples == 1000
    words = extractor.encode(signals[0], 100)
    assert extractor.decode(words).shape == (12, 1000)
    assert np.array_equal(extractor.clean(signals[0], 100), signals[0].astype(np.float32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s[:, :500], "too short"),
        (lambda s: np.tile(s, 3), r"longer than 10 s.*windows"),
        (lambda s: s[:11], "11 leads instead of 12"),
        (lambda s: s.T, "transposed"),
        (lambda s: s[0], "shape"),
        (lambda s: s / 1000, "volts"),
        (lambda s: s * 1000, "counts or microvolts"),
        (lambda s: s * 0, "flat"),
        (lambda s: np.where(s > s.max() * 0.99, np.nan, s), "NaN"),
        (lambda s: np.where(s > s.max() * 0.99, np.inf, s), "NaN or infinite"),
        (lambda s: [["a"] * 10] * 12, "not an array of numbers"),
    ],
)
def test_bad_signals_are_refused_with_their_name(change, message):
    extractor = small_processor().feature_extractor
    with pytest.raises(EcgByteError, match=message) as caught:
        extractor.encode(change(a_record().signal), 500, source="patient-7")
    assert "patient-7" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rate", [0, -500, 79.9, 2001, float("nan"), float("inf"), None, "fast"])
def test_absurd_sampling_rates_are_refused(rate):
    extractor = small_processor().feature_extractor
    with pytest.raises(EcgByteError, match="sampling"):
        extractor(a_record().signal, sampling_rate=rate)


def test_a_flat_lead_goes_through():
    extractor = small_processor().feature_extractor
    signal = a_record().signal.copy()
    signal[8] = 0
    decoded = extractor.decode(extractor.encode(signal, 500))
    assert np.abs(decoded[8]).mean() < 0.05


def test_lists_must_match_the_batch():
    extractor = small_processor().feature_extractor
    signal = a_record().signal
    with pytest.raises(EcgByteError, match="3 sampling rates for 2"):
        extractor([signal, signal], sampling_rate=[500, 500, 500])
    with pytest.raises(EcgByteError, match="1 lists of lead names for 2"):
        extractor([signal, signal], sampling_rate=500, lead_names=[STANDARD_LEADS])


@pytest.mark.parametrize(
    "config",
    [
        {"preset": "other"},
        {"cleaning": "other"},
        {"sampling_rate": -1},
        {"codec": {"step": -1}},
        {"codec": {"unheard_of": 1}},
        {"codec": {"klt": "text"}},
        {"codec": {"nominal_samples": 10**12}},
    ],
)
def test_senseless_configurations_are_refused(config):
    with pytest.raises(EcgByteError):
        EcgByteFeatureExtractor(**config)


def test_tensors_of_torch_are_arrays():
    torch = pytest.importorskip("torch")
    extractor = small_processor().feature_extractor
    signal = a_record().signal
    expected = extractor(signal, 500)["words"]
    assert extractor(torch.tensor(signal), 500)["words"] == expected
    assert extractor(torch.tensor(np.stack([signal, signal])), 500)["words"] == expected * 2
    assert extractor([torch.tensor(signal)], 500)["words"] == expected
    assert extractor(signal.tolist(), 500)["words"] == expected
    assert extractor(torch.tensor(signal, requires_grad=True), 500)["words"] == expected
    assert len(extractor(torch.tensor(signal).bfloat16(), 500)["words"][0]) == 8


@pytest.mark.parametrize("ecg", [5, "ecg", {"signal": 1}])
def test_what_is_no_ecg_at_all_is_refused(ecg):
    with pytest.raises(EcgByteError, match="is no ECG"):
        small_processor().feature_extractor(ecg, 500)


@pytest.mark.parametrize("words", [[None], "abc", [b"a"], [1]])
def test_words_that_are_no_strings_are_refused(words):
    extractor = small_processor().feature_extractor
    for method in (extractor.decode, extractor.locate):
        with pytest.raises(EcgByteError, match="one str per channel"):
            method(words)


def test_an_extractor_that_is_not_there_is_an_error_of_one_line(tmp_path):
    for name in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(EcgByteError, match="no ECG feature extractor") as caught:
            EcgByteFeatureExtractor.from_pretrained(name, local_files_only=True)
        assert "\n" not in str(caught.value)


def test_unknown_options_are_refused():
    with pytest.raises(EcgByteError, match="unknown option 'foo'"):
        EcgByteFeatureExtractor("compact", foo=1)
    with pytest.raises(EcgByteError, match="no codec option 'step'"):
        EcgByteFeatureExtractor("paper", codec={"step": 1})


def test_complex_numbers_are_refused():
    with pytest.raises(EcgByteError, match="complex"):
        small_processor().feature_extractor.encode(a_record().signal + 1j, 500)
