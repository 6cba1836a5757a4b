"""Waves and boundaries of every beat, by NeuroKit2's delineator.

Method, filter and lead are fixed here for all that is compared; docs/fidelity.md says what else was
measured. Delineator: `prominence` (Emrich, Gargano, Koka, Muma, "Physiology-Informed ECG
Delineation Based on Peak Prominence", EUSIPCO 2024) of NeuroKit2 (Makowski et al., Behavior
Research Methods 53, 2021), on the signal at 1,000 Hz below 40 Hz.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.signal
from numpy.typing import ArrayLike, NDArray

from ..hub_code.leads import STANDARD_LEADS

Floats = NDArray[np.float64]

LEAD = "II"
RATE_HZ = 1000
LOW_PASS_HZ = 40.0
BOUNDARIES = ("p_onset", "p_offset", "qrs_onset", "qrs_offset", "t_onset", "t_offset")
ST_AFTER_J_S = 0.060

_NEUROKIT_NAMES = (
    *("ECG_P_Onsets", "ECG_P_Offsets"),
    *("ECG_R_Onsets", "ECG_R_Offsets"),
    *("ECG_T_Onsets", "ECG_T_Offsets"),
)
_FEWEST_PEAKS = 3
# The R wave of any lead is looked for so far from the R peak of the lead that was delineated.
_R_REACH_S = 0.060
# The isoelectric line: this long, and ending this long before the QRS onset, which the delineator
# puts at the bottom of a Q wave.
_ISOELECTRIC_S = 0.020
_BEFORE_QRS_S = 0.020


@dataclass(frozen=True)
class Delineation:
    """The beats of one lead, times in s from the first sample.

    `r_peak` float64 (beats,), ascending; `boundary` maps the names of `BOUNDARIES` to float64
    (beats,), NaN where the delineator finds none.
    """

    r_peak: Floats
    boundary: dict[str, Floats]

    def qrs_ms(self) -> Floats:
        """QRS duration of each beat in ms."""
        return 1000 * (self.boundary["qrs_offset"] - self.boundary["qrs_onset"])

    def pr_ms(self) -> Floats:
        """PR interval of each beat in ms: P onset to QRS onset."""
        return 1000 * (self.boundary["qrs_onset"] - self.boundary["p_onset"])

    def qt_ms(self) -> Floats:
        """QT interval of each beat in ms: QRS onset to T offset."""
        return 1000 * (self.boundary["t_offset"] - self.boundary["qrs_onset"])


def at_delineation_rate(signal: ArrayLike, sampling_rate: float) -> Floats:
    """`signal` (..., samples) resampled to `RATE_HZ`: float64, sample 0 stays where it is."""
    x = np.asarray(signal, dtype=np.float64)
    if sampling_rate == RATE_HZ:
        return x
    samples = round(x.shape[-1] * RATE_HZ / sampling_rate)
    common = np.gcd(RATE_HZ, round(sampling_rate)) if float(sampling_rate).is_integer() else 0
    if common:
        up, down = RATE_HZ // common, round(sampling_rate) // common
        return np.asarray(scipy.signal.resample_poly(x, up, down, axis=-1))
    return np.asarray(scipy.signal.resample(x, samples, axis=-1))


def delineate(lead: ArrayLike) -> Delineation:
    """The beats of one lead (samples,) in mV at `RATE_HZ`.

    No beats where NeuroKit2 finds fewer than three R peaks or cannot delineate the lead at all.
    Needs the extra `clinical`.
    """
    import neurokit2

    x = np.asarray(lead, dtype=np.float64)
    sos = scipy.signal.butter(4, LOW_PASS_HZ, fs=RATE_HZ, output="sos")
    filtered = scipy.signal.sosfiltfilt(sos, x)
    # NeuroKit2 raises whatever its arrays raise where a lead is flat or too noisy.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _, found = neurokit2.ecg_peaks(filtered, sampling_rate=RATE_HZ, method="neurokit")
            peaks = np.asarray(found["ECG_R_Peaks"], dtype=np.int64)
            if len(peaks) < _FEWEST_PEAKS:
                return _nothing()
            _, waves = neurokit2.ecg_delineate(
                filtered, peaks, sampling_rate=RATE_HZ, method="prominence"
            )
        except (ValueError, IndexError, KeyError, TypeError, ZeroDivisionError):
            return _nothing()
    boundary = {
        name: np.asarray(waves[key], dtype=np.float64) / RATE_HZ
        for name, key in zip(BOUNDARIES, _NEUROKIT_NAMES, strict=True)
    }
    # NeuroKit2 leaves out what it puts on sample 0, and beats could no longer be told apart.
    if any(len(times) != len(peaks) for times in boundary.values()):
        return _nothing()
    return Delineation(peaks / RATE_HZ, boundary)


def spatial_magnitude(leads: ArrayLike) -> Floats:
    """Root mean square over the leads (leads, samples): (samples,), a lead that looks at all."""
    return np.asarray(np.sqrt(np.mean(np.square(np.asarray(leads, dtype=np.float64)), axis=0)))


def amplitudes_mV(leads: ArrayLike, beats: Delineation) -> tuple[Floats, Floats]:
    """R amplitude and ST level at J + 60 ms: two float64 (12, beats), in mV.

    `leads` (12, samples) at `RATE_HZ`, not filtered further; times are those of `beats`, the same
    for all leads. Both are measured from the isoelectric line before the QRS complex (mean of
    20 ms that end 20 ms before the QRS onset). R amplitude: the highest value within 60 ms of the R
    peak. J is the QRS offset. NaN where a boundary is missing or the record ends.
    """
    x = np.asarray(leads, dtype=np.float64)
    r = np.full((len(x), len(beats.r_peak)), np.nan)
    st = r.copy()
    for beat, (peak, onset, offset) in enumerate(
        zip(beats.r_peak, beats.boundary["qrs_onset"], beats.boundary["qrs_offset"], strict=True)
    ):
        if not np.isfinite(onset):
            continue
        stop = _sample(onset - _BEFORE_QRS_S)
        start = stop - _sample(_ISOELECTRIC_S)
        first, last = _sample(peak - _R_REACH_S), _sample(peak + _R_REACH_S) + 1
        if start < 0 or first < 0 or last > x.shape[1]:
            continue
        line = x[:, start:stop].mean(axis=1)
        r[:, beat] = x[:, first:last].max(axis=1) - line
        if np.isfinite(offset) and _sample(offset + ST_AFTER_J_S) < x.shape[1]:
            st[:, beat] = x[:, _sample(offset + ST_AFTER_J_S)] - line
    return r, st


def pair_peaks(
    reference: ArrayLike, other: ArrayLike, tolerance_s: float = 0.150
) -> NDArray[np.int64]:
    """Which R peaks are the same beat: int64 (pairs, 2), indices into both, ascending.

    Times in s, ascending. A pair is at most `tolerance_s` apart (150 ms as in ANSI/AAMI EC57), and
    each of the two is the other's nearest: nothing is paired twice.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if not len(a) or not len(b):
        return np.zeros((0, 2), dtype=np.int64)
    distance = np.abs(a[:, None] - b[None])
    nearest_b, nearest_a = distance.argmin(axis=1), distance.argmin(axis=0)
    rows = np.arange(len(a))
    same = (nearest_a[nearest_b] == rows) & (distance[rows, nearest_b] <= tolerance_s + 1e-9)
    return np.stack([rows[same], nearest_b[same]], axis=1)


def settings() -> dict[str, Any]:
    """What a report says about how it measured."""
    from importlib.metadata import version

    return {
        "delineator": "NeuroKit2 ecg_delineate, method prominence; R peaks: ecg_peaks, neurokit",
        "neurokit2": version("neurokit2"),
        "lead": LEAD,
        "sampling_rate_Hz": RATE_HZ,
        "low_pass_Hz": LOW_PASS_HZ,
        "aggregation": "every beat, then the record's median over beats found in both signals",
    }


def lead_row(name: str = LEAD) -> int:
    """The row of a lead in the standard order."""
    return STANDARD_LEADS.index(name)


def _sample(time_s: float) -> int:
    return round(float(time_s) * RATE_HZ)


def _nothing() -> Delineation:
    return Delineation(np.zeros(0), {name: np.zeros(0) for name in BOUNDARIES})
