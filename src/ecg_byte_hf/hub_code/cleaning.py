"""Filters and resampling: what happens to a signal before it is coded.

`clean` is the default: zero-phase, one FFT pass, from any sampling rate. `paper_clean` is the
chain of ECG-Byte (Han et al., arXiv 2412.14373) as published, transients and all, for comparison.
`docs/design.md` tells how far they differ and why.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pywt
import scipy.fft
import scipy.interpolate
import scipy.signal
from numpy.typing import NDArray

NOTCHES_HZ = (50.0, 60.0)
NOTCH_Q = 30.0
BAND_HZ = (0.5, 100.0)
BAND_ORDER = 4
REFLECTION_S = 2.0

# The response is defined once, by the paper's filters at the paper's 500 Hz, so that the same ECG
# recorded at another rate is cleaned alike.
_DESIGN_RATE_HZ = 500.0

Float32 = NDArray[np.float32]


def output_samples(samples: int, sampling_rate: float, output_rate: float) -> int:
    """How many samples a signal of `samples` at `sampling_rate` Hz has at `output_rate` Hz."""
    return round(samples * output_rate / sampling_rate)


def band_response(frequencies_hz: Any) -> NDArray[np.float64]:
    """Zero-phase gain of the notches and the band at frequencies in Hz: forward and backward.

    The squared magnitude of `iirnotch(50 and 60 Hz, Q 30)` and `butter(4, 0.5 ... 100 Hz)`, which
    is what `filtfilt` applies away from the ends; 0 above 250 Hz.
    """
    frequencies = np.asarray(frequencies_hz, dtype=np.float64)
    inside = np.minimum(frequencies, _DESIGN_RATE_HZ / 2)
    gain = np.ones_like(inside)
    for notch in NOTCHES_HZ:
        b, a = scipy.signal.iirnotch(notch, NOTCH_Q, _DESIGN_RATE_HZ)
        gain *= np.abs(scipy.signal.freqz(b, a, worN=inside, fs=_DESIGN_RATE_HZ)[1]) ** 2
    sections = scipy.signal.butter(BAND_ORDER, BAND_HZ, "band", fs=_DESIGN_RATE_HZ, output="sos")
    gain *= np.abs(scipy.signal.freqz_sos(sections, worN=inside, fs=_DESIGN_RATE_HZ)[1]) ** 2
    return np.where(frequencies < _DESIGN_RATE_HZ / 2, gain, 0.0)


def _whole(lengths: NDArray[np.int64], ratio: float) -> NDArray[np.int64]:
    """Those of `lengths` that times `ratio` come nearest to whole numbers."""
    miss = np.abs(lengths * ratio - np.rint(lengths * ratio))
    near: NDArray[np.int64] = lengths[miss <= miss.min() + 1e-6]
    return near


@lru_cache(maxsize=64)
def _plan(
    samples: int, sampling_rate: float, output_rate: float, filtered: bool
) -> tuple[int, int, int, int, int, Float32]:
    """Lengths and gain of one pass.

    Returns the left and right reflection, the length of the output's FFT, where the output starts
    in it, how many samples it has, and the gain of each of its frequency bins.
    """
    # Left part and padded length must be whole numbers of output samples, or time would be shifted
    # and stretched; where the rates have no such lengths, the nearest miss is taken.
    ratio = output_rate / sampling_rate
    shortest = min(round(REFLECTION_S * sampling_rate), samples - 1)
    lefts = np.arange(shortest, min(shortest + round(sampling_rate / 2), samples - 1) + 1)
    left = int(_whole(lefts, ratio)[0])
    longest = left + samples + min(samples - 1, round(3 * sampling_rate))
    whole = _whole(np.arange(2 * left + samples, longest + 1), ratio)
    fast = [n for n in whole.tolist() if scipy.fft.next_fast_len(n, True) == n]
    padded = int(fast[0] if fast else whole[0])
    right = padded - left - samples
    out_length = round(padded * ratio)
    frequencies = scipy.fft.rfftfreq(out_length, 1 / output_rate)
    gain = band_response(frequencies) if filtered else np.ones_like(frequencies)
    gain[frequencies >= sampling_rate / 2] = 0.0
    if out_length % 2 == 0:
        gain[-1] = 0.0
    gain *= out_length / padded
    start = round(left * ratio)
    count = output_samples(samples, sampling_rate, output_rate)
    return left, right, out_length, start, count, gain.astype(np.float32)


def _one_pass(signal: Any, sampling_rate: float, output_rate: float, filtered: bool) -> Float32:
    x = np.asarray(signal, dtype=np.float32)
    samples = x.shape[-1]
    left, right, out_length, start, count, gain = _plan(
        samples, float(sampling_rate), float(output_rate), filtered
    )
    padded = np.empty((*x.shape[:-1], left + samples + right), dtype=np.float32)
    padded[..., left : left + samples] = x
    # Odd reflection keeps value and slope at the ends, so that the high-pass sees no step there.
    padded[..., :left] = 2 * x[..., :1] - x[..., left:0:-1]
    padded[..., left + samples :] = 2 * x[..., -1:] - x[..., -2 : -2 - right : -1]
    spectrum = scipy.fft.rfft(padded, axis=-1)
    bins = out_length // 2 + 1
    kept = min(bins, spectrum.shape[-1])
    resampled = np.zeros((*x.shape[:-1], bins), dtype=spectrum.dtype)
    np.multiply(spectrum[..., :kept], gain[:kept], out=resampled[..., :kept])
    whole = scipy.fft.irfft(resampled, n=out_length, axis=-1, overwrite_x=True)
    return np.ascontiguousarray(whole[..., start : start + count], dtype=np.float32)


def clean(signal: Any, sampling_rate: float, output_rate: float = 250.0) -> Float32:
    """Notch, band-pass and resample in one FFT pass, zero-phase.

    `signal`: (leads, samples) in any unit at `sampling_rate` Hz, at least 2 s. Returns float32
    (leads, round(samples * output_rate / sampling_rate)) in the same unit at `output_rate` Hz; the
    sample at index i lies at i / output_rate seconds. Filters: see `band_response`. Ends are
    continued by odd reflection of 2 s (of less where the
    signal is shorter). A flat lead comes back as zeros.
    """
    return _one_pass(signal, sampling_rate, output_rate, filtered=True)


def resample(signal: Any, sampling_rate: float, output_rate: float) -> Float32:
    """Resample without filtering, band-limited (FFT with odd reflection at the ends).

    `signal`: (leads, samples) at `sampling_rate` Hz. Returns float32 (leads, samples) at
    `output_rate` Hz, time kept: the sample at index i lies at i / output_rate seconds.
    """
    if float(sampling_rate) == float(output_rate):
        return np.array(signal, dtype=np.float32)
    return _one_pass(signal, sampling_rate, output_rate, filtered=False)


def _paper_denoise(lead: NDArray[np.float64]) -> NDArray[np.float64]:
    coefficients = pywt.wavedec(lead, "db6", level=4)
    threshold = np.median(np.abs(coefficients[-4])) / 0.6745
    if threshold == 0.0:
        # A flat lead: PyWavelets' soft threshold would divide 0 by 0.
        return lead
    shrunk = [coefficients[0]] + [pywt.threshold(c, threshold, "soft") for c in coefficients[1:]]
    return np.asarray(pywt.waverec(shrunk, "db6"))[: len(lead)]


def paper_clean(signal: Any, sampling_rate: float, output_rate: float = 250.0) -> Float32:
    """The cleaning of ECG-Byte as published: slow, with its edge transients and its time stretch.

    Transfer-function `filtfilt` with SciPy's default padding (notches, band-pass, 0.05 Hz
    high-pass), db6 soft threshold per lead, cubic interpolation on `linspace` with both ends.
    Shapes and units as in `clean`. Source: arXiv 2412.14373 and its public code.
    """
    x = np.asarray(signal, dtype=np.float64)
    flat = np.ptp(x, axis=-1) == 0
    nyquist = sampling_rate / 2
    for notch in NOTCHES_HZ:
        if notch < nyquist:
            b, a = scipy.signal.iirnotch(notch, NOTCH_Q, sampling_rate)
            x = scipy.signal.filtfilt(b, a, x, axis=-1)
    # Below 200 Hz the published upper edge lies at or above Nyquist; stay just under it.
    band = (BAND_HZ[0] / nyquist, min(BAND_HZ[1] / nyquist, 0.99))
    b, a = scipy.signal.butter(BAND_ORDER, band, "band")
    x = scipy.signal.filtfilt(b, a, x, axis=-1)
    b, a = scipy.signal.butter(BAND_ORDER, 0.05 / nyquist, "high")
    x = scipy.signal.filtfilt(b, a, x, axis=-1)
    x[flat] = 0.0
    x = np.stack([_paper_denoise(lead) for lead in x])
    count = output_samples(x.shape[-1], sampling_rate, output_rate)
    if count == x.shape[-1]:
        return x.astype(np.float32)
    before = np.linspace(0.0, 1.0, x.shape[-1])
    after = np.linspace(0.0, 1.0, count)
    cubic = scipy.interpolate.interp1d(before, x, kind="cubic", axis=-1)
    return np.asarray(cubic(after), dtype=np.float32)
