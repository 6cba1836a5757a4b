"""One heartbeat as a moving dipole in 3-D, seen through a matrix of lead vectors.

The heart is a dipole d(t) in mV in Frank's frame (x to the left, y to the feet, z to the back), a
sum of Gaussian-like waves P, Q, R, S, ST, T as in McSharry et al., IEEE Trans. Biomed. Eng. 50:289
(2003) and Sameni et al., EURASIP J. Adv. Signal Process. 2007:43407, but written down in closed
form per beat. A lead measures d(t) along its lead vector; the vectors are those of Dower, Machado
and Osborne, Clin. Cardiol. 3:87 (1980).

Patterns (what a bundle branch block, an ectopic beat or an ST deviation does to the dipole) follow
the AHA/ACCF/HRS recommendations for the electrocardiogram, parts III to VI (2009).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..hub_code.leads import LEADS_FROM_INDEPENDENT, STANDARD_LEADS

Floats = NDArray[np.float64]

DOWER = np.array(
    [
        [0.632, -0.235, 0.059],  # I
        [0.235, 1.066, -0.132],  # II
        [-0.515, 0.157, -0.917],  # V1
        [0.044, 0.164, -1.387],  # V2
        [0.882, 0.098, -1.277],  # V3
        [1.213, 0.127, -0.601],  # V4
        [1.125, 0.127, -0.086],  # V5
        [0.831, 0.076, 0.230],  # V6
    ]
)
"""float64 (8, 3): lead vectors of I, II, V1 ... V6 over (x, y, z)."""

WALL_LEADS = {
    "anterior": ("V1", "V2", "V3", "V4"),
    "lateral": ("I", "aVL", "V5", "V6"),
    "inferior": ("II", "III", "aVF"),
}
"""The leads in which each wall of the left ventricle shows its ST deviation."""

WALL_DIPOLES = {
    "anterior": np.array([0.20, 0.0, -1.0]),
    "lateral": np.array([0.90, -0.12, 0.32]),
    "inferior": np.array([-0.15, 1.0, 0.05]),
}
"""Direction of the ST dipole of an elevation in each wall; a depression points the other way."""

# The ventricles' activation: dipole (x, y, z) in mV; centre, width as shares of the QRS duration.
# Widths are standard deviations, so a wave ends some 2.5 of them after its centre.
QRS_WAVES: dict[str, list[tuple[tuple[float, float, float], float, float]]] = {
    "none": [
        ((-0.16, -0.04, -0.30), 0.20, 0.075),  # septum: to the right and to the front
        ((1.20, 0.85, 0.28), 0.46, 0.120),  # free walls: left, down
        ((-0.15, -0.12, 0.55), 0.73, 0.095),  # base: to the back
    ],
    "left": [
        ((0.70, 0.45, 0.45), 0.31, 0.115),  # no septal q: activation crosses from the right
        ((1.15, 0.30, 0.75), 0.63, 0.130),  # the left ventricle late: notched, broad R
    ],
    "right": [
        ((-0.14, -0.04, -0.30), 0.13, 0.050),
        ((1.40, 0.85, 0.30), 0.33, 0.085),
        ((-0.62, 0.05, -0.80), 0.72, 0.100),  # the right ventricle late: R' in V1, S in I and V6
    ],
}

T_DIPOLES = {
    "none": (0.34, 0.24, -0.16),
    "left": (-0.32, -0.04, -0.34),  # discordant in BBB: against the last part of the QRS
    "right": (0.34, 0.18, 0.18),
}

P_WAVES = [((0.05, 0.085, -0.045), 0.040, 0.0165), ((0.075, 0.055, 0.045), 0.070, 0.0165)]
"""(dipole in mV; centre after the P onset, width in s): right atrium, then left atrium."""

_ST_RISE_S = 0.010
_I, _AVF = STANDARD_LEADS.index("I"), STANDARD_LEADS.index("aVF")


@dataclass(frozen=True)
class Beat:
    """One beat: waves with amplitudes in the eight independent leads, times from the QRS onset.

    `amplitude_mV` float64 (8, waves); `centre_s`, `width_s` float64 (waves - 2,) of P and QRS
    waves; the last two waves are ST and T, whose times follow the JT interval. `qrs_s` is the QRS
    duration, `st_end` the share of the JT interval at which the ST plateau ends.
    """

    amplitude_mV: Floats
    centre_s: Floats
    width_s: Floats
    qrs_s: float
    st_end: float = 0.4

    def draw(self, times_s: Floats, jt_s: Floats) -> Floats:
        """The beat in mV at `times_s` (beats, samples) from each QRS onset: (beats, 8, samples).

        `jt_s` (beats,) is the interval from the QRS end to the end of T of each beat, in s.
        """
        at = times_s[:, None, :]
        fixed = np.exp(-0.5 * ((at - self.centre_s[:, None]) / self.width_s[:, None]) ** 2)
        jt = jt_s[:, None, None]
        # Full from J + 25 ms on, nil before J: the QRS area and duration do not depend on it.
        rising = np.minimum(at - self.qrs_s - 2.5 * _ST_RISE_S, 0.0) / _ST_RISE_S
        falling = np.maximum(at - self.qrs_s - self.st_end * jt, 0.0) / (0.18 * jt)
        plateau = np.exp(-0.5 * (rising**2 + falling**2))
        # T rises slower than it falls.
        from_peak = at - self.qrs_s - 0.66 * jt
        t_wave = np.exp(-0.5 * (from_peak / np.where(from_peak < 0, 0.15 * jt, 0.11 * jt)) ** 2)
        return np.matmul(self.amplitude_mV, np.concatenate([fixed, plateau, t_wave], axis=1))


@dataclass(frozen=True)
class BeatMeasures:
    """What a cardiologist measures on one clean beat, in the units of the names."""

    axis_deg: float
    sokolow_lyon_mV: float
    limb_qrs_mV: float
    precordial_qrs_mV: float
    st_mV: dict[str, float]
    r_peak_s: float


def measure_beat(beat: Beat, jt_s: float) -> BeatMeasures:
    """Measure a clean beat at 1 kHz, against the isoelectric line.

    Axis: direction of the net QRS area in I and aVF, aVF scaled by 2/sqrt(3) to undo Goldberger's
    augmentation. Sokolow-Lyon index: S in V1 + the larger R of V5 and V6 (Am. Heart J. 37:161,
    1949). `limb_qrs_mV`, `precordial_qrs_mV`: the largest QRS peak-to-peak of the limb and of the
    precordial leads. `st_mV`: mean over the leads of each wall at J + 60 ms. `r_peak_s`: when the
    vector is largest, in s from the QRS onset.
    """
    st_index = round(1000 * (beat.qrs_s + 0.060))
    times = np.arange(st_index + 1) / 1000
    eight = beat.draw(times[None], np.array([jt_s]))[0]
    twelve = LEADS_FROM_INDEPENDENT @ eight
    qrs = twelve[:, : round(1000 * beat.qrs_s) + 1]
    area = qrs.sum(axis=1)
    span = np.ptp(qrs, axis=1)
    v1, v5, v6 = (qrs[STANDARD_LEADS.index(lead)] for lead in ("V1", "V5", "V6"))
    st = dict(zip(STANDARD_LEADS, twelve[:, st_index], strict=True))
    return BeatMeasures(
        axis_deg=float(np.degrees(np.arctan2(2 / np.sqrt(3) * area[_AVF], area[_I]))),
        sokolow_lyon_mV=float(max(-v1.min(), 0.0) + max(v5.max(), v6.max(), 0.0)),
        limb_qrs_mV=float(span[:6].max()),
        precordial_qrs_mV=float(span[6:].max()),
        st_mV={
            wall: float(np.mean([st[lead] for lead in leads])) for wall, leads in WALL_LEADS.items()
        },
        r_peak_s=float(times[np.argmax(np.square(eight[:, : qrs.shape[1]]).sum(axis=0))]),
    )


def turn(leads: Floats, degrees: float) -> Floats:
    """Lead vectors (8, 3) that see the dipole turned by `degrees` in the frontal plane.

    The limb leads see all of the turn: it moves the axis of `measure_beat` by just `degrees`. The
    precordial leads, in another plane and close to the heart, see 30 % of it, at most 25 degrees.
    """
    turned = leads.copy()
    # (I, 2/sqrt(3) aVF) are orthogonal coordinates of the frontal plane.
    plane = np.stack([leads[0], 2 / np.sqrt(3) * (leads[1] - leads[0] / 2)])
    lead_i, vertical = _rotation(degrees) @ plane
    turned[0] = lead_i
    turned[1] = np.sqrt(3) / 2 * vertical + lead_i / 2
    turned[2:, :2] = leads[2:, :2] @ _rotation(np.clip(0.3 * degrees, -25, 25))
    return turned


def frontal_axis_deg(leads: Floats, dipoles: Floats, widths: Floats) -> float:
    """The axis of `measure_beat` for dipoles (waves, 3) of these widths (waves,)."""
    area = widths @ dipoles @ leads.T
    return float(np.degrees(np.arctan2(2 / np.sqrt(3) * (area[1] - area[0] / 2), area[0])))


def shaken(
    dipoles: Sequence[Sequence[float]] | Floats, rng: np.random.Generator, strength: float = 0.13
) -> Floats:
    """The dipoles (waves, 3) with each its own length (log-normal) and direction (normal)."""
    base = np.asarray(dipoles, dtype=np.float64)
    length = np.linalg.norm(base, axis=1, keepdims=True)
    direction = base + strength * length * rng.standard_normal(base.shape)
    return direction * np.exp(strength * rng.standard_normal((len(base), 1)))


def _rotation(degrees: float) -> Floats:
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
