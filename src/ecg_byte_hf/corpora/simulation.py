"""Simulated patients and their 12-lead ECGs, with the truth about each.

The embedded default where no recordings are at hand. Record `i` of a seed depends on nothing but
the two, so a simulation can be continued, cut or read in parallel. Abnormalities are far more
frequent than in any clinic (20 to 35 % each), so that questions about them can be balanced, and
visible effects are clear: between classes there is a gap (rates up to 58, 62 to 93 and above 100 a
minute; Sokolow-Lyon index below 3 or above 3.9 mV).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..hub_code.errors import EcgByteError
from ..hub_code.leads import LEADS_FROM_INDEPENDENT
from ..hub_code.signal_checks import check_sampling_rate
from ..records import EcgRecord
from . import simulated_heart as heart
from . import simulated_noise as noise
from . import simulated_rhythm as rhythms
from .simulated_beats import conducted_beat, ectopic_beat
from .simulated_patient import Patient, Split, choice, generator, patient_of_record

RATES_PER_MIN = {"slow": (42.0, 53.0), "normal": (66.0, 86.0), "fast": (106.0, 138.0)}

_BEFORE_ONSET_S, _AFTER_ONSET_S = 0.30, 0.70


@dataclass(frozen=True)
class SimulatedRecord:
    """One simulated ECG and everything that is true of it.

    `truth` is JSON-able; units are in the names, voltages are those of a conducted beat without
    noise (breathing varies them by 3 to 8 %):

    - `rhythm`: "sinus rhythm", "atrial fibrillation" or "ventricular ectopics"; `rate_class`:
      "slow", "normal" or "fast"; `heart_rate_bpm`: from the first to the last R peak
    - `r_peaks_s`, `qrs_onsets_s`, `ectopic`: lists with an entry per beat within the record
    - `pr_ms` (None without P), `qrs_ms`, `qt_ms` (at the mean interval)
    - `axis`: "normal", "left" or "right"; `axis_deg`: of the net QRS area
    - `bundle_branch_block`: "none", "left" or "right"
    - `st`: "none", "elevation" or "depression"; `st_wall`: "none", "anterior", "lateral" or
      "inferior"; `st_mV`: per wall, mean over its leads at J + 60 ms
    - `voltage`: "normal", "high" (left ventricular hypertrophy) or "low"; `sokolow_lyon_mV`;
      `limb_qrs_mV`: the largest QRS peak-to-peak of a limb lead
    - `noise`: "none", "muscle" or "mains"; `noise_mV`: RMS of muscle noise, amplitude of mains;
      `baseline_wander`: yes or no, and `baseline_wander_mV`
    """

    record: EcgRecord
    patient_id: str
    sex: Literal["female", "male"]
    age: float
    truth: dict[str, Any]
    split: Split


def simulate(
    records: int,
    seed: int = 0,
    *,
    sampling_rate: float = 500.0,
    duration_s: float = 10.0,
    start: int = 0,
) -> Iterator[SimulatedRecord]:
    """Records `start` ... `start + records - 1` of a seed, one after the other.

    Signals are float32 (12, duration_s * sampling_rate) in mV, in the standard order, and obey
    Einthoven's and Goldberger's equations. A patient has one or two records, all in one split.
    Raises `EcgByteError` for a sampling rate outside 80-2,000 Hz, a duration below 2 s, or a
    negative count, seed or start.
    """
    rate = check_sampling_rate(sampling_rate, "simulation")
    if not 2.0 <= duration_s <= 3600.0:
        raise EcgByteError(f"simulation: duration {duration_s!r} s is not within 2 ... 3600 s")
    for name, value in (("records", records), ("seed", seed), ("start", start)):
        if value < 0:
            raise EcgByteError(f"simulation: {name} is {value}; give zero or more")
    return (_simulate_one(index, seed, rate, duration_s) for index in range(start, start + records))


def _simulate_one(
    index: int, seed: int, sampling_rate: float, duration_s: float
) -> SimulatedRecord:
    patient = patient_of_record(seed, index)
    rng = generator(seed, 1, index)
    record_id = f"sim{seed}-{index:06d}"
    signal, truth = _draw(patient, sampling_rate, duration_s, rng)
    record = EcgRecord(signal=signal, sampling_rate=sampling_rate, record_id=record_id)
    return SimulatedRecord(
        record, patient.patient_id, patient.sex, patient.age, truth, patient.split
    )


def _draw(
    patient: Patient, sampling_rate: float, duration_s: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    rhythm = choice(
        rng, {"sinus rhythm": 0.38, "atrial fibrillation": 0.31, "ventricular ectopics": 0.31}
    )
    rate_class = choice(rng, {"slow": 1 / 3, "normal": 1 / 3, "fast": 1 / 3})
    st, st_wall = "none", "none"
    if patient.bundle_branch_block != "left":
        st = choice(rng, {"none": 0.26, "elevation": 0.40, "depression": 0.34})
        if st != "none":
            st_wall = str(rng.choice(list(heart.WALL_LEADS)))
    rr_s = 60 / rng.uniform(*RATES_PER_MIN[rate_class])
    respiration_hz = rng.uniform(0.20, 0.33)
    has_p = rhythm != "atrial fibrillation"
    # Conduction through the node is quicker at higher rates.
    pr_s = max(0.120, patient.pr_s - 0.05 * max(0.0, 0.8 - rr_s))

    if rhythm == "atrial fibrillation":
        times = rhythms.fibrillation_times(rr_s, duration_s, rng)
    elif rhythm == "ventricular ectopics":
        times = rhythms.ectopic_times(rr_s, duration_s, respiration_hz, rng)
    else:
        times = rhythms.sinus_times(rr_s, duration_s, respiration_hz, rng)
    times = rhythms.paced(times, rr_s, duration_s)

    beat = conducted_beat(patient, st, st_wall, has_p, pr_s, rng)
    # Fridericia, Acta Med. Scand. 53:469 (1920): QT grows with the cube root of RR.
    jt_s = patient.jt_corrected_s * np.cbrt(times.interval_s)
    mean_jt_s = patient.jt_corrected_s * float(np.cbrt(rr_s))
    measured = heart.measure_beat(beat, mean_jt_s)

    breath = rng.uniform(0.03, 0.08) * np.sin(
        2 * np.pi * (respiration_hz * times.onset_s + rng.random())
    )
    gain = 1 + breath + 0.01 * rng.standard_normal(len(breath))
    samples = round(duration_s * sampling_rate)
    eight = np.zeros((8, samples))
    _add_beats(eight, beat, times.onset_s, jt_s, gain, ~times.ectopic, sampling_rate)
    r_peak_s = times.onset_s + measured.r_peak_s
    if times.ectopic.any():
        ectopic = ectopic_beat(patient, measured, rng)
        _add_beats(eight, ectopic, times.onset_s, jt_s, gain, times.ectopic, sampling_rate)
        ectopic_peak_s = heart.measure_beat(ectopic, mean_jt_s).r_peak_s
        r_peak_s = np.where(times.ectopic, times.onset_s + ectopic_peak_s, r_peak_s)

    seen = (r_peak_s >= 0) & (r_peak_s < duration_s)
    r_peak_s, onset_s, is_ectopic = r_peak_s[seen], times.onset_s[seen], times.ectopic[seen]
    if rhythm == "ventricular ectopics" and not is_ectopic.any():
        rhythm = "sinus rhythm"
    low = patient.voltage == "low"
    disturbance, noise_mV, wander_mV = _add_noise(
        eight, patient.leads, sampling_rate, rhythm == "atrial fibrillation", low, rng
    )
    # A slow heart may beat only once in 2 s.
    interval_s = float(np.diff(r_peak_s).mean()) if len(r_peak_s) > 1 else rr_s
    truth = {
        "rhythm": rhythm,
        "rate_class": rate_class,
        "heart_rate_bpm": round(60 / interval_s, 1),
        "r_peaks_s": [round(float(at), 4) for at in r_peak_s],
        "qrs_onsets_s": [round(float(at), 4) for at in onset_s],
        "ectopic": [bool(value) for value in is_ectopic],
        "pr_ms": round(1000 * pr_s, 1) if has_p else None,
        "qrs_ms": round(1000 * patient.qrs_s, 1),
        "qt_ms": round(1000 * (patient.qrs_s + mean_jt_s), 1),
        "axis": patient.axis,
        "axis_deg": round(measured.axis_deg, 1),
        "bundle_branch_block": patient.bundle_branch_block,
        "st": st,
        "st_wall": st_wall,
        "st_mV": {wall: round(value, 4) for wall, value in measured.st_mV.items()},
        "voltage": patient.voltage,
        "sokolow_lyon_mV": round(measured.sokolow_lyon_mV, 3),
        "limb_qrs_mV": round(measured.limb_qrs_mV, 3),
        "noise": disturbance,
        "noise_mV": round(noise_mV, 4),
        "baseline_wander": wander_mV > 0.05,
        "baseline_wander_mV": round(wander_mV, 4),
    }
    return (LEADS_FROM_INDEPENDENT @ eight).astype(np.float32), truth


def _add_beats(
    eight: NDArray[np.float64],
    beat: heart.Beat,
    onset_s: NDArray[np.float64],
    jt_s: NDArray[np.float64],
    gain: NDArray[np.float64],
    which: NDArray[np.bool_],
    sampling_rate: float,
) -> None:
    """Add the beats of `which` to `eight` (8, samples), in place."""
    samples = eight.shape[1]
    before, after = (int(s * sampling_rate) for s in (_BEFORE_ONSET_S, _AFTER_ONSET_S))
    nearest = np.floor(onset_s * sampling_rate).astype(int)
    which = which & (nearest + after > 0) & (nearest - before < samples)
    offsets = np.arange(-before, after)
    # Times run from the onset itself, not from its sample: beats lie between samples, too.
    times = (nearest[which, None] + offsets) / sampling_rate - onset_s[which, None]
    drawn = beat.draw(times, jt_s[which]) * gain[which, None, None]
    for at, one in zip(nearest[which], drawn, strict=True):
        first, last = max(at - before, 0), min(at + after, samples)
        eight[:, first:last] += one[:, first - at + before : last - at + before]


def _add_noise(
    eight: NDArray[np.float64],
    leads: NDArray[np.float64],
    sampling_rate: float,
    fibrillates: bool,
    low_voltage: bool,
    rng: np.random.Generator,
) -> tuple[str, float, float]:
    """Add all that is not the ventricles to `eight` (8, samples), in place.

    Returns the kind of noise, its size in mV and the size of the baseline wander in mV.
    """
    samples = eight.shape[1]
    times = np.arange(samples) / sampling_rate
    kind = choice(rng, {"none": 0.4, "muscle": 0.35, "mains": 0.25})
    mains_hz = float(rng.choice([50.0, 60.0]))
    if kind == "mains" and mains_hz >= 0.45 * sampling_rate:
        kind = "none"  # a recorder this slow has filtered it out
    muscle_mV = rng.uniform(0.02, 0.03) if low_voltage else rng.uniform(0.03, 0.05)
    mains_mV = rng.uniform(0.03, 0.07) * (0.6 if low_voltage else 1.0)
    wanders = rng.random() < 0.3
    wander_mV = rng.uniform(0.15, 0.40) if wanders else rng.uniform(0.005, 0.02)
    respiration_hz = rng.uniform(0.20, 0.33)
    fibrillation_mV = rng.uniform(0.05, 0.10) * (0.5 if low_voltage else 1.0)

    eight += noise.baseline_wander(wander_mV, respiration_hz, times, rng)
    if fibrillates:
        eight += noise.fibrillatory_waves(leads, fibrillation_mV, times, rng)
    if kind == "mains":
        eight += noise.mains_hum(mains_mV, mains_hz, times, rng)
    quiet_mV = rng.uniform(0.002, 0.005)
    eight += noise.muscle_noise(
        muscle_mV if kind == "muscle" else quiet_mV, samples, sampling_rate, rng
    )
    size_mV = {"none": quiet_mV, "muscle": muscle_mV, "mains": mains_mV}[kind]
    return kind, size_mV, wander_mV
