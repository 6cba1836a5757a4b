"""Bits a sample of general compressors on a signal quantised to a given error.

What a user gets who rounds the samples and hands them to zlib (RFC 1950) or FLAC (RFC 9639). The
eight independent leads are rounded, the other four follow by Einthoven's and Goldberger's
equations: that is the better deal for the compressor. Every ECG is compressed on its own, headers
counted, as every ECG has tokens of its own; bits are over the samples of all twelve leads.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from ..hub_code.errors import EcgByteError
from ..hub_code.leads import LEADS_FROM_INDEPENDENT, independent_leads

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]

# The error is found to this share of itself.
_TOLERANCE = 1e-3


def round_leads(signal: Float32, step: float) -> Int16:
    """int16 (8, samples): the independent leads of a signal (12, samples) in steps of `step`."""
    largest = np.iinfo(np.int16).max
    steps = np.rint(independent_leads(signal) / step)
    rounded: Int16 = np.clip(steps, -largest, largest).astype(np.int16)
    return rounded


def rounding_rmse(signals: Sequence[Float32], step: float) -> float:
    """RMSE over all samples of all twelve leads, in the unit of the signals."""
    error, samples = 0.0, 0
    for signal in signals:
        decoded = LEADS_FROM_INDEPENDENT @ (round_leads(signal, step) * step)
        error += float(np.sum((signal - decoded) ** 2))
        samples += signal.size
    return float(np.sqrt(error / samples))


def step_for(signals: Sequence[Float32], rmse: float) -> float:
    """The step at which rounding costs `rmse`, both in the unit of the signals.

    Raises `EcgByteError` where even all-zero signals are closer than that, or no step that 16 bits
    can hold is fine enough (leads that do not obey Einthoven's law).
    """
    largest = max(float(np.abs(signal).max()) for signal in signals)
    # From the finest step that 16 bits can hold to one that leaves nothing.
    low, high = largest / np.iinfo(np.int16).max, 2 * largest
    if not rounding_rmse(signals, low) < rmse < rounding_rmse(signals, high):
        raise EcgByteError(f"lossless baseline: no rounding step gives an RMSE of {rmse:g}")
    while True:
        step = float(np.sqrt(low * high))
        found = rounding_rmse(signals, step)
        if abs(found - rmse) <= _TOLERANCE * rmse or high / low < 1 + 1e-9:
            return step
        low, high = (step, high) if found < rmse else (low, step)


def zlib_bits(rounded: Int16) -> int:
    """Bits of one ECG (8, samples) by zlib, level 9: int16, lead after lead."""
    return 8 * len(zlib.compress(rounded.astype("<i2").tobytes(), 9))


def zlib_difference_bits(rounded: Int16) -> int:
    """As `zlib_bits`, of the differences of neighbouring samples, which wrap around."""
    return zlib_bits(np.diff(rounded, axis=1, prepend=np.int16(0)))


def flac_bits(rounded: Int16, sampling_rate: float) -> int | None:
    """Bits of one ECG (8, samples) as a 16-bit FLAC file of 8 channels.

    `None` where soundfile is not installed (extra `flac`).
    """
    if find_spec("soundfile") is None:
        return None
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, rounded.T, round(sampling_rate), format="FLAC", subtype="PCM_16")
    return 8 * len(file.getvalue())


def bits_per_sample(
    signals: Sequence[Float32], rmse: float, sampling_rate: float
) -> tuple[float, dict[str, float | None]]:
    """The rounding step of an error of `rmse`, and bits a sample by each compressor.

    `signals`: (12, samples) each; `rmse` and the step in their unit, `sampling_rate` in Hz; `None`
    for a compressor that is not installed. Raises `EcgByteError` as `step_for` does.
    """
    step = step_for(signals, rmse)
    rounded = [round_leads(signal, step) for signal in signals]
    samples = sum(signal.size for signal in signals)
    flac = [flac_bits(one, sampling_rate) for one in rounded]
    return step, {
        "zlib": sum(map(zlib_bits, rounded)) / samples,
        "zlib_of_differences": sum(map(zlib_difference_bits, rounded)) / samples,
        "flac": None if None in flac else sum(bits or 0 for bits in flac) / samples,
    }
