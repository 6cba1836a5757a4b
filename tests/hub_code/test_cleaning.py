import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_byte_hf.hub_code.cleaning import (
    band_response,
    clean,
    output_samples,
    paper_clean,
    resample,
)
from ecg_byte_hf.records import read_record
from tests.small_tokenizer import simulated_records


@pytest.fixture(scope="module")
def real_signals(ecg_byte_data):
    """Forty PTB-XL signals, float32 (12, 5000) mV at 500 Hz."""
    headers = sorted((ecg_byte_data / "ptb-xl" / "records500").glob("*/*.hea"))[:40]
    return [read_record(header.with_suffix("")).signal for header in headers]


def second_order_sections(signal: np.ndarray) -> np.ndarray:
    """The paper's notches and band at 500 Hz, numerically sound: sections and 5 s of padding."""
    x = signal.astype(np.float64)
    for notch in (50, 60):
        sections = scipy.signal.tf2sos(*scipy.signal.iirnotch(notch, 30, 500))
        x = scipy.signal.sosfiltfilt(sections, x, padlen=2500)
    band = scipy.signal.butter(4, [0.5, 100], "band", fs=500, output="sos")
    return scipy.signal.sosfiltfilt(band, x, padlen=2500)


def rms_uV(difference: np.ndarray, axis=None) -> np.ndarray:
    return 1000 * np.sqrt(np.mean(np.square(difference, dtype=np.float64), axis=axis))


def test_clean_agrees_with_second_order_sections_within_10_uV_on_every_lead(real_signals):
    difference = [clean(x, 500) - second_order_sections(x)[:, ::2] for x in real_signals]
    per_lead = rms_uV(np.array(difference), axis=(0, 2))
    assert per_lead.shape == (12,)
    assert per_lead.max() < 10, per_lead


def test_paper_chain_is_off_by_its_edges_and_its_time_stretch(real_signals):
    cleaned = np.array([clean(x, 500) for x in real_signals])
    paper = np.array([paper_clean(x, 500) for x in real_signals])
    per_lead = rms_uV(paper - cleaned, axis=(0, 2))
    print("paper against clean, uV RMS per lead:", per_lead.round(1))
    assert 30 < rms_uV(paper - cleaned) < 90
    assert (per_lead > 15).all()

    # First reason: the 0.05 Hz stage in transfer-function form. It has nothing left to do after
    # 0.5 Hz, yet moves the signal, most of all at the ends.
    b, a = scipy.signal.butter(4, 0.05 / 250, "high")
    already = np.array([second_order_sections(x) for x in real_signals])
    moved = scipy.signal.filtfilt(b, a, already, axis=-1) - already
    assert rms_uV(moved) > 15
    assert rms_uV(moved[..., :500]) > 1.5 * rms_uV(moved[..., 2000:3000])

    # Second: `linspace` with both ends puts 2,500 samples on 4,999 intervals, so that time runs
    # 1 + 1/4999 too fast and the last sample is taken half a sample late.
    ramp = np.tile(np.arange(5000.0), (12, 1))
    places = np.linspace(0, 1, 2500) * 4999
    assert np.interp(places, np.arange(5000), ramp[0])[-1] == 4999.0
    assert places[-1] - 2 * 2499 == pytest.approx(1.0)
    stretched = np.array(
        [[np.interp(places, np.arange(5000), lead) for lead in x] for x in already]
    )
    assert 5 < rms_uV(stretched - already[..., ::2]) < 40


def test_a_flat_lead_stays_flat_in_both():
    signal = simulated_records()[0].record.signal.copy()
    signal[7] = 0.3
    for cleaning in (clean, paper_clean):
        cleaned = cleaning(signal, 500)
        assert np.isfinite(cleaned).all()
        assert np.abs(cleaned[7]).max() < 1e-4
        assert np.ptp(cleaned[1]) > 0.3


@pytest.mark.parametrize("rate", [80, 100, 128, 250, 257, 333.3, 360, 500, 1000, 2000])
def test_clean_keeps_amplitude_and_time_from_any_rate(rate):
    def burst(seconds):
        # Silent at the ends, so that their continuation plays no part.
        return np.cos(2 * np.pi * 8 * seconds) * np.exp(-((seconds - 5) ** 2) / 2)

    signal = np.tile(burst(np.arange(round(10 * rate)) / rate), (12, 1)) + 2
    cleaned = clean(signal, rate)
    assert cleaned.dtype == np.float32
    assert cleaned.shape == (12, 2500)
    # A quarter of a sample of delay at 8 Hz would already be 0.05.
    assert np.abs(cleaned[0] - burst(np.arange(2500) / 250)).max() < 0.003


def test_response_is_half_power_at_the_edges_and_nil_in_the_notches():
    gains = band_response([0.0, 0.5, 10.0, 50.0, 60.0, 100.0, 250.0])
    assert gains == pytest.approx([0, 0.5, 1, 0, 0, 0.5, 0], abs=0.01)


def test_baseline_and_mains_go_and_the_ecg_stays():
    ecg = clean(simulated_records()[0].record.signal, 500)
    seconds = np.arange(5000) / 500
    dirt = 0.8 * np.sin(2 * np.pi * 0.1 * seconds) + 0.3 * np.sin(2 * np.pi * 50 * seconds)
    dirty = clean(simulated_records()[0].record.signal + dirt.astype(np.float32), 500)
    assert rms_uV((dirty - ecg)[:, 250:-250]) < 15


@settings(max_examples=40, deadline=None)
@given(
    rate=st.floats(80, 2000, allow_nan=False),
    seconds=st.floats(2, 12),
    output=st.sampled_from([100.0, 250.0]),
)
def test_any_rate_and_length_gives_the_right_number_of_finite_samples(rate, seconds, output):
    samples = int(np.ceil(seconds * rate))
    signal = np.random.default_rng(0).normal(size=(2, samples))
    cleaned = clean(signal, rate, output)
    assert cleaned.shape == (2, output_samples(samples, rate, output))
    assert np.isfinite(cleaned).all()
    constant = resample(np.ones((1, samples)), rate, output)
    assert constant == pytest.approx(1.0, abs=1e-3)


def test_resample_there_and_back():
    signal = clean(simulated_records()[1].record.signal, 500)
    back = resample(resample(signal, 250, 500), 500, 250)
    assert rms_uV(back - signal) < 2
