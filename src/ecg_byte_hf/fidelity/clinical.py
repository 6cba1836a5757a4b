"""What a cardiologist measures, on cleaned and on decoded signals.

Every record is delineated three times, independently: cleaned, decoded, and cleaned plus 1 uV of
white noise, the floor below which the delineator itself cannot tell two signals apart.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..extras import require_extra
from ..hub_code.leads import STANDARD_LEADS
from .agreement import agreement, within
from .delineation import (
    LEAD,
    Delineation,
    amplitudes_mV,
    at_delineation_rate,
    delineate,
    lead_row,
    pair_peaks,
    settings,
    spatial_magnitude,
)

Floats = NDArray[np.float64]

FLOOR_NOISE_UV = 1.0
PAIRS = ("decoded", "floor")
ALL_LEADS = "12 leads"
# A relative error of an R wave below this says nothing: 1 mm on ECG paper.
LEAST_R_MV = 0.1


@dataclass(frozen=True)
class Measure:
    """One clinical measure: its name in the JSON, its heading, its unit and its goal.

    `goal`: 95 % limits of agreement over record medians in lead II are to lie within +- `goal`.
    """

    name: str
    heading: str
    unit: str
    goal: float | None = None


MEASURES = (
    Measure("qrs_ms", "QRS duration", "ms", 12.0),
    Measure("pr_ms", "PR interval", "ms"),
    Measure("qt_ms", "QT interval", "ms", 20.0),
    Measure("st_uV", "ST at J + 60 ms", "uV", 40.0),
    Measure("r_amplitude_uV", "R amplitude", "uV"),
    Measure("r_amplitude_percent", "R amplitude", "%", 5.0),
    Measure("rr_ms", "RR interval", "ms", 4.0),
    Measure("r_time_ms", "R peak, time", "ms"),
)
_INTERVALS = ("qrs_ms", "pr_ms", "qt_ms", "rr_ms", "r_time_ms")
_PER_LEAD = ("st_uV", "r_amplitude_uV", "r_amplitude_percent")


@dataclass(frozen=True)
class _Measured:
    """One signal: beats of lead II with amplitudes of all leads, and beats of all leads at once."""

    beats: Delineation
    r_mV: Floats
    st_mV: Floats
    all_leads: Delineation


class ClinicalComparison:
    """Clinical measures of decoded against cleaned signals, record by record.

    `seed` is that of the noise; a record's noise depends on it and the record id only. Raises
    `EcgByteError` where the extra `clinical` is not installed.
    """

    name = "clinical"

    def __init__(self, seed: int = 0) -> None:
        require_extra("clinical", "the clinical report")
        self.seed = seed
        self.records: list[str] = []
        # (pair, lead, measure) -> per record (value of the cleaned signal, difference).
        self._values: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
        self._peaks = {pair: np.zeros(3, dtype=np.int64) for pair in PAIRS}

    def add(
        self, record_id: str, cleaned: Any, decoded: Any, sampling_rate: float, offset_s: float = 0
    ) -> None:
        """Take in one record: (12, samples) each, in mV at `sampling_rate` Hz."""
        del offset_s
        rng = np.random.default_rng([self.seed, zlib.crc32(record_id.encode())])
        cleaned = np.asarray(cleaned, dtype=np.float64)
        noisy = cleaned + FLOOR_NOISE_UV / 1000 * rng.standard_normal(cleaned.shape)
        reference = _measure(cleaned, sampling_rate)
        self.records.append(record_id)
        for pair, signal in zip(PAIRS, (decoded, noisy), strict=True):
            self._compare(pair, reference, _measure(signal, sampling_rate))

    def summary(self) -> dict[str, Any]:
        """The comparison as a JSON-able dict.

        `lead_II`: per measure `unit`, `goal`, `decoded` and `floor` (see `agreement`; differences
        are decoded minus cleaned, noisy minus cleaned), `met` and `not_measured`, the records where
        the measure could not be taken on both signals. `12 leads`: the intervals again, from the
        root mean square over the leads. `per_lead`: ST and R amplitude of each. `r_peaks`: R peaks
        of lead II found within 150 ms in both, missed and extra.
        """
        per_lead = {
            lead: {name: self._row(lead, _BY_NAME[name]) for name in _PER_LEAD}
            for lead in STANDARD_LEADS
        }
        peaks = {
            pair: {
                **dict(zip(("cleaned", "missed", "extra"), map(int, counts), strict=True)),
                "matched": int(counts[0] - counts[1]),
            }
            for pair, counts in self._peaks.items()
        }
        return {
            "method": settings()
            | {"floor": f"cleaned + {FLOOR_NOISE_UV:g} uV of white noise, seed {self.seed}"},
            "records": len(self.records),
            "lead_II": {one.name: self._row(LEAD, one, goal=True) for one in MEASURES},
            ALL_LEADS: {name: self._row(ALL_LEADS, _BY_NAME[name]) for name in _INTERVALS},
            "per_lead": per_lead,
            "r_peaks": peaks,
        }

    def pairs(self, measure: str, lead: str = LEAD, pair: str = "decoded") -> Floats:
        """Per record the value of the cleaned and of the other signal: float64 (records, 2)."""
        values = np.asarray(self._values.get((pair, lead, measure), ()), dtype=np.float64)
        values = values.reshape(-1, 2).copy()
        values[:, 1] += values[:, 0]
        return values

    def _row(self, lead: str, measure: Measure, goal: bool = False) -> dict[str, Any]:
        row: dict[str, Any] = {"unit": measure.unit}
        for pair in PAIRS:
            values = self.pairs(measure.name, lead, pair)
            row[pair] = agreement(values[:, 1] - values[:, 0])
        row["not_measured"] = len(self.records) - row["decoded"]["n"]
        if goal and measure.goal is not None:
            row |= {"goal": measure.goal, "met": within(row["decoded"], measure.goal)}
            row["floor_met"] = within(row["floor"], measure.goal)
        return row

    def _compare(self, pair: str, a: _Measured, b: _Measured) -> None:
        found = pair_peaks(a.beats.r_peak, b.beats.r_peak)
        missed, extra = len(a.beats.r_peak) - len(found), len(b.beats.r_peak) - len(found)
        self._peaks[pair] += (len(a.beats.r_peak), missed, extra)
        self._add_intervals(pair, LEAD, a.beats, b.beats, found)
        for row, lead in enumerate(STANDARD_LEADS):
            self._add(pair, lead, "st_uV", 1000 * a.st_mV[row], 1000 * b.st_mV[row], found)
            r_a, r_b = a.r_mV[row], b.r_mV[row]
            self._add(pair, lead, "r_amplitude_uV", 1000 * r_a, 1000 * r_b, found)
            self._add_percent(pair, lead, r_a, r_b, found)
        both = pair_peaks(a.all_leads.r_peak, b.all_leads.r_peak)
        self._add_intervals(pair, ALL_LEADS, a.all_leads, b.all_leads, both)

    def _add_intervals(
        self, pair: str, lead: str, a: Delineation, b: Delineation, found: NDArray[np.int64]
    ) -> None:
        self._add(pair, lead, "qrs_ms", a.qrs_ms(), b.qrs_ms(), found)
        self._add(pair, lead, "pr_ms", a.pr_ms(), b.pr_ms(), found)
        self._add(pair, lead, "qt_ms", a.qt_ms(), b.qt_ms(), found)
        # An interval counts where its two beats follow each other in both signals.
        follow = (np.diff(found, axis=0) == 1).all(axis=1)
        rr_a = 1000 * np.diff(a.r_peak[found[:, 0]])[follow]
        rr_b = 1000 * np.diff(b.r_peak[found[:, 1]])[follow]
        self._keep(pair, lead, "rr_ms", rr_a, rr_b)
        shift = 1000 * (b.r_peak[found[:, 1]] - a.r_peak[found[:, 0]])
        self._keep(pair, lead, "r_time_ms", np.zeros_like(shift), shift)

    def _add_percent(
        self, pair: str, lead: str, r_a: Floats, r_b: Floats, found: NDArray[np.int64]
    ) -> None:
        a, b = _medians(r_a[found[:, 0]], r_b[found[:, 1]])
        if not a >= LEAST_R_MV:  # also where it is NaN
            a, b = np.nan, np.nan
        self._values.setdefault((pair, lead, "r_amplitude_percent"), []).append(
            (100.0, 100 * (b - a) / a)
        )

    def _add(
        self, pair: str, lead: str, name: str, a: Floats, b: Floats, found: NDArray[np.int64]
    ) -> None:
        self._keep(pair, lead, name, a[found[:, 0]], b[found[:, 1]])

    def _keep(self, pair: str, lead: str, name: str, a: Floats, b: Floats) -> None:
        of_a, of_b = _medians(a, b)
        self._values.setdefault((pair, lead, name), []).append((of_a, of_b - of_a))


_BY_NAME = {one.name: one for one in MEASURES}


def _measure(signal: Any, sampling_rate: float) -> _Measured:
    leads = at_delineation_rate(signal, sampling_rate)
    beats = delineate(leads[lead_row()])
    return _Measured(beats, *amplitudes_mV(leads, beats), delineate(spatial_magnitude(leads)))


def _medians(a: Floats, b: Floats) -> tuple[float, float]:
    """The medians over the beats (beats,) that were measured in both, NaN where none was."""
    both = np.isfinite(a) & np.isfinite(b)
    if not both.any():
        return np.nan, np.nan
    return float(np.median(a[both])), float(np.median(b[both]))
