"""Simulated patients and their 12-lead ECGs, with the truth about each.

The embedded default where no recordings are at hand. Record `i` of a seed depends on nothing but
the two, so a simulation can be continued, cut or read in parallel. Abnormalities are far more
frequent than in any clinic (20 to 35 % each), so that questions about them can be balanced, and
visible effects are clear: between classes there is a gap (rates up to 58, 62 to 93 and above 100 a
minute; Sokolow-Lyon index below 3 or above 3.9 mV).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
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

Split = Literal["train", "validation", "test"]

RATES_PER_MIN = {"slow": (42.0, 53.0), "normal": (66.0, 86.0), "fast": (106.0, 138.0)}
AXES_DEG = {"normal": (0.0, 75.0), "left": (-75.0, -40.0), "right": (108.0, 140.0)}

# Three records are two patients: the first has one record, the second two.
_PATIENTS_PER_BLOCK, _RECORDS_PER_BLOCK = 2, 3
# Of each ten patients eight train, one validates, one tests.
_SPLIT_BLOCK = 10
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


@dataclass(frozen=True)
class _Patient:
    """What two records of one patient have in common. `leads` float64 (8, 3): lead vectors."""

    patient_id: str
    split: Split
    sex: Literal["female", "male"]
    age: float
    bundle_branch_block: str
    voltage: str
    axis: str
    leads: NDArray[np.float64]
    p: NDArray[np.float64]
    qrs: NDArray[np.float64]
    t: NDArray[np.float64]
    qrs_s: float
    pr_s: float
    jt_corrected_s: float


def _rng(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _simulate_one(
    index: int, seed: int, sampling_rate: float, duration_s: float
) -> SimulatedRecord:
    block, place = divmod(index, _RECORDS_PER_BLOCK)
    patient = _patient(seed, _PATIENTS_PER_BLOCK * block + min(place, 1))
    rng = _rng(seed, 1, index)
    record_id = f"sim{seed}-{index:06d}"
    signal, truth = _draw(patient, sampling_rate, duration_s, rng)
    record = EcgRecord(signal=signal, sampling_rate=sampling_rate, record_id=record_id)
    return SimulatedRecord(
        record, patient.patient_id, patient.sex, patient.age, truth, patient.split
    )


def _split(seed: int, number: int) -> Split:
    block, place = divmod(number, _SPLIT_BLOCK)
    rank = int(_rng(seed, 2, block).permutation(_SPLIT_BLOCK)[place])
    return "validation" if rank == 0 else "test" if rank == 1 else "train"


def _patient(seed: int, number: int) -> _Patient:
    rng = _rng(seed, 0, number)
    block = _choice(rng, {"none": 0.5, "left": 0.25, "right": 0.25})
    # The Sokolow-Lyon index says nothing about hypertrophy where conduction is blocked.
    voltage = _choice(
        rng,
        {"normal": 0.28, "high": 0.52, "low": 0.20}
        if block == "none"
        else {"normal": 0.68, "low": 0.32},
    )
    if voltage == "high":
        axis = _choice(rng, {"normal": 0.55, "left": 0.45})
    elif block == "left":
        axis = _choice(rng, {"normal": 0.45, "left": 0.45, "right": 0.1})
    else:
        axis = _choice(rng, {"normal": 0.3, "left": 0.1, "right": 0.6})
    sex: Literal["female", "male"] = "female" if rng.random() < 0.5 else "male"

    leads = heart.DOWER * np.exp(0.05 * rng.standard_normal((8, 1)))
    # Electrodes are never quite where they should be.
    leads[2:] += 0.05 * rng.standard_normal((6, 3))
    return _Patient(
        patient_id=f"sim{seed}-p{number:06d}",
        split=_split(seed, number),
        sex=sex,
        age=float(rng.integers(18, 91)),
        bundle_branch_block=block,
        voltage=voltage,
        axis=axis,
        leads=leads,
        p=heart.shaken([wave[0] for wave in heart.P_WAVES], rng),
        qrs=heart.shaken([wave[0] for wave in heart.QRS_WAVES[block]], rng),
        t=heart.shaken([heart.T_DIPOLES[block]], rng, 0.18)[0],
        qrs_s=rng.uniform(0.078, 0.100) if block == "none" else rng.uniform(0.132, 0.165),
        pr_s=rng.uniform(0.135, 0.195),
        # QTc 390 to 440 ms less 90 ms of QRS; women's is 10 ms longer.
        jt_corrected_s=rng.uniform(0.300, 0.340) + (0.010 if sex == "female" else 0.0),
    )


def _choice(rng: np.random.Generator, shares: dict[str, float]) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))


def _conducted_beat(
    patient: _Patient, st: str, st_wall: str, has_p: bool, pr_s: float, rng: np.random.Generator
) -> heart.Beat:
    """A beat conducted from the atria, with the voltages and the axis of the patient's classes."""
    waves = heart.QRS_WAVES[patient.bundle_branch_block]
    centre = np.array([wave[1] for wave in waves]) * patient.qrs_s
    width = np.array([wave[2] for wave in waves]) * patient.qrs_s

    axis = rng.uniform(*AXES_DEG[patient.axis])
    turn = axis - heart.frontal_axis_deg(patient.leads, patient.qrs, width)
    turn = (turn + 180) % 360 - 180
    qrs = heart.turn(patient.leads, turn) @ patient.qrs.T
    # Repolarisation turns less than activation: the angle between QRS and T stays moderate.
    t_wave = heart.turn(patient.leads, 0.6 * turn) @ patient.t

    plain = heart.Beat(
        amplitude_mV=np.concatenate([qrs, np.zeros((8, 2))], axis=1),
        centre_s=centre,
        width_s=width,
        qrs_s=patient.qrs_s,
    )
    measured = heart.measure_beat(plain, 0.3)
    limb_mV = {"normal": (0.85, 1.7), "high": (1.1, 2.1), "low": (0.25, 0.37)}[patient.voltage]
    limb = rng.uniform(*limb_mV) / measured.limb_qrs_mV
    if patient.voltage == "high":
        precordial = rng.uniform(4.0, 5.2) / measured.sokolow_lyon_mV
    else:
        span_mV, highest_mV = {"normal": ((1.3, 2.4), 2.8), "low": ((0.7, 1.2), 1.6)}[
            patient.voltage
        ]
        precordial = min(
            rng.uniform(*span_mV) / measured.precordial_qrs_mV,
            highest_mV / measured.sokolow_lyon_mV,
        )
    # T and P follow the voltage of the QRS, but less than in proportion.
    usual_limb, usual_precordial = 1.2 / measured.limb_qrs_mV, 1.9 / measured.precordial_qrs_mV
    voltage = np.array([limb] * 2 + [precordial] * 6)
    follows = np.sqrt(voltage / np.array([usual_limb] * 2 + [usual_precordial] * 6))
    t_gain = rng.uniform(0.75, 1.25)
    if patient.voltage == "high" and rng.random() < 0.5:
        t_gain *= rng.uniform(-0.6, 0.2)  # strain: T flat or inverted to the left

    st_dipole = np.zeros(3)
    if st != "none":
        strongest = (patient.leads @ heart.WALL_DIPOLES[st_wall]).max()
        lowest, highest = (0.30, 0.55) if st == "elevation" else (0.22, 0.40)
        size = rng.uniform(lowest, highest) / strongest * (0.6 if patient.voltage == "low" else 1.0)
        st_dipole = (size if st == "elevation" else -size) * heart.WALL_DIPOLES[st_wall]
    elif patient.bundle_branch_block == "left":
        st_dipole = rng.uniform(0.15, 0.35) * patient.t  # discordant, as in every LBBB
    st_wave = patient.leads @ st_dipole
    t_wave = t_wave * t_gain * follows
    if st == "elevation":
        t_wave = 0.6 * t_wave + 0.35 * st_wave

    amplitude = [qrs * voltage[:, None], st_wave[:, None], t_wave[:, None]]
    if has_p:
        p_centre = np.array([wave[1] for wave in heart.P_WAVES]) - pr_s
        p_width = np.array([wave[2] for wave in heart.P_WAVES])
        p_gain = np.sqrt(follows)[:, None] * rng.uniform(0.85, 1.3)
        amplitude.insert(0, patient.leads @ patient.p.T * p_gain)
        centre, width = np.concatenate([p_centre, centre]), np.concatenate([p_width, width])
    return replace(
        plain,
        amplitude_mV=np.concatenate(amplitude, axis=1),
        centre_s=centre,
        width_s=width,
        st_end=rng.uniform(0.32, 0.50),
    )


def _ectopic_beat(
    patient: _Patient, measured: heart.BeatMeasures, rng: np.random.Generator
) -> heart.Beat:
    """A beat that starts in a ventricle: wide, without P, T against it."""
    from_the_right = rng.random() < 0.6
    main = np.array([0.55, 1.1, 0.75] if from_the_right else [-0.9, -0.5, -0.9])
    main = main + 0.25 * rng.standard_normal(3)
    late = 0.45 * main + 0.35 * rng.standard_normal(3)
    qrs_s = rng.uniform(0.150, 0.180)
    qrs = patient.leads @ np.stack([main, late]).T
    plain = heart.Beat(
        amplitude_mV=np.concatenate([qrs, np.zeros((8, 2))], axis=1),
        centre_s=np.array([0.38, 0.66]) * qrs_s,
        width_s=np.array([0.14, 0.13]) * qrs_s,
        qrs_s=qrs_s,
    )
    drawn = heart.measure_beat(plain, 0.3)
    voltage = np.array(
        [rng.uniform(1.05, 1.25) * measured.limb_qrs_mV / drawn.limb_qrs_mV] * 2
        + [rng.uniform(1.1, 1.5) * min(measured.precordial_qrs_mV, 2.4) / drawn.precordial_qrs_mV]
        * 6
    )
    qrs = qrs * voltage[:, None]
    t_wave = -rng.uniform(0.35, 0.5) * qrs.sum(axis=1)
    return replace(
        plain, amplitude_mV=np.concatenate([qrs, 0.15 * t_wave[:, None], t_wave[:, None]], axis=1)
    )


def _draw(
    patient: _Patient, sampling_rate: float, duration_s: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    rhythm = _choice(
        rng, {"sinus rhythm": 0.38, "atrial fibrillation": 0.31, "ventricular ectopics": 0.31}
    )
    rate_class = _choice(rng, {"slow": 1 / 3, "normal": 1 / 3, "fast": 1 / 3})
    st, st_wall = "none", "none"
    if patient.bundle_branch_block != "left":
        st = _choice(rng, {"none": 0.26, "elevation": 0.40, "depression": 0.34})
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

    beat = _conducted_beat(patient, st, st_wall, has_p, pr_s, rng)
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
        ectopic = _ectopic_beat(patient, measured, rng)
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
    kind = _choice(rng, {"none": 0.4, "muscle": 0.35, "mains": 0.25})
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
