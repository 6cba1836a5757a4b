"""The beats of one simulated ECG, in the voltages and on the axis of the patient's classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import simulated_heart as heart
from .simulated_patient import Patient

AXES_DEG = {"normal": (0.0, 75.0), "left": (-75.0, -40.0), "right": (108.0, 140.0)}
"""Ranges of the frontal QRS axis; the gaps between them keep the classes apart."""


def conducted_beat(
    patient: Patient, st: str, st_wall: str, has_p: bool, pr_s: float, rng: np.random.Generator
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


def ectopic_beat(
    patient: Patient, measured: heart.BeatMeasures, rng: np.random.Generator
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
