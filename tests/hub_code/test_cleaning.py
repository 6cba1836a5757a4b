import numpy as np
import pytest
import pywt
import scipy.interpolate
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


def published_chain(
    signal: np.ndarray,
    *,
    high_pass: bool = True,
    sections: bool = False,
    denoised: bool = True,
    stretched: bool = True,
) -> np.ndarray:
    """The paper's chain written down a second time, stage by stage, at 500 Hz; stages can be off.

    `sections` runs every filter as second-order sections with 5 s of padding.
    """
    x = signal.astype(np.float64)
    designs = [scipy.signal.iirnotch(50, 30, 500), scipy.signal.iirnotch(60, 30, 500)]
    designs.append(scipy.signal.butter(4, [0.5 / 250, 100 / 250], "band"))
    if high_pass:
        designs.append(scipy.signal.butter(4, 0.05 / 250, "high"))
    for b, a in designs:
        if sections:
            x = scipy.signal.sosfiltfilt(scipy.signal.tf2sos(b, a), x, padlen=2500)
        else:
            x = scipy.signal.filtfilt(b, a, x)
    if denoised:
        for lead in x:
            bands = pywt.wavedec(lead, "db6", level=4)
            limit = np.median(np.abs(bands[1])) / 0.6745
            for band in bands[1:]:
                band[:] = np.sign(band) * np.maximum(np.abs(band) - limit, 0)
            lead[:] = pywt.waverec(bands, "db6")[:5000]
    if not stretched:
        return x[:, ::2]
    places = np.linspace(0, 4999, 2500)
    return scipy.interpolate.CubicSpline(np.arange(5000), x, axis=1)(places)


def test_paper_chain_is_the_published_one(real_signals):
    for signal in real_signals[:8]:
        assert np.abs(paper_clean(signal, 500) - published_chain(signal)).max() < 1e-4


def test_how_far_the_paper_chain_is_from_clean_and_why(real_signals):
    signals = real_signals
    cleaned = np.array([clean(x, 500) for x in signals])

    def distance(**stages) -> np.ndarray:
        """How far the chain is from `clean`, uV RMS per lead."""
        chains = np.array([published_chain(x, **stages) for x in signals])
        return rms_uV(chains - cleaned, axis=(0, 2))

    whole = distance()
    print("paper against clean, uV RMS per lead:", whole.round(1))
    assert whole.min() > 20
    assert whole.max() < 100

    # The 0.05 Hz stage has nothing left to do after 0.5 Hz, and is most of the distance on every
    # lead; most of it lies at the ends, where its transients are.
    without = distance(high_pass=False)
    print("  without the 0.05 Hz stage:", without.round(1))
    assert (without < 0.75 * whole).all()
    moved = np.array([published_chain(x) - published_chain(x, high_pass=False) for x in signals])
    assert rms_uV(moved[..., :250]) > 1.5 * rms_uV(moved[..., 1000:1500])

    # What is left of it: numerics and padding, the threshold, and the stretch of time.
    sound = distance(high_pass=False, sections=True)
    unstretched = distance(high_pass=False, sections=True, stretched=False)
    bare = distance(high_pass=False, sections=True, stretched=False, denoised=False)
    print("  with second-order sections and 5 s of padding too:", sound.round(1))
    print("  without the half-sample stretch too:", unstretched.round(1))
    print("  without the threshold too:", bare.round(1))
    assert (unstretched < sound).all()
    assert (bare < unstretched).all()
    assert bare.max() < 10


def test_the_paper_chain_takes_its_last_sample_half_a_sample_late():
    # A slow wave in the middle of the band, whose slope tells when it was sampled.
    seconds = np.arange(5000) / 500
    wave = np.tile(np.sin(2 * np.pi * 5 * seconds), (12, 1))
    stretched = published_chain(wave, high_pass=False, sections=True, denoised=False)
    straight = published_chain(
        wave, high_pass=False, sections=True, denoised=False, stretched=False
    )
    slope = 2 * np.pi * 5
    late = (stretched - straight)[0, 2450:2475] / (
        slope * np.cos(2 * np.pi * 5 * seconds[4900:4950:2])
    )
    assert np.median(late) * 500 == pytest.approx(0.98, abs=0.1)


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
