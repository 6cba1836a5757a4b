from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from ecg_byte_hf.corpora.simulation import SimulatedRecord, simulate
from ecg_byte_hf.fidelity.delineation import (
    RATE_HZ,
    Delineation,
    amplitudes_mV,
    at_delineation_rate,
    delineate,
    pair_peaks,
)
from ecg_byte_hf.hub_code.cleaning import clean

pytest.importorskip("neurokit2")


# Of seed 3: sinus rhythm of normal or slow rate, normal axis and voltage, no bundle branch block
# and no noise, all of which a simulation has more of than a clinic.
_PLAIN = (1384, 776, 978, 1155)


@cache
def plain_records(count: int = 4) -> tuple[SimulatedRecord, ...]:
    """Simulated ECGs on which a delineator should have no difficulty."""
    return tuple(next(simulate(1, seed=3, start=index)) for index in _PLAIN[:count])


def beats_of(one: SimulatedRecord) -> tuple[np.ndarray, Delineation]:
    cleaned = clean(one.record.signal, one.record.sampling_rate, 250.0)
    leads = at_delineation_rate(cleaned, 250.0)
    return leads, delineate(leads[1])


def test_measures_are_near_the_truth_of_the_simulation() -> None:
    r_errors, pr, qt, qrs = [], [], [], []
    for one in plain_records():
        assert one.truth["rhythm"] == "sinus rhythm"
        assert one.truth["noise"] == "none"
        _, beats = beats_of(one)
        truth = np.array(one.truth["r_peaks_s"])
        found = pair_peaks(truth, beats.r_peak)
        # A beat that the record cuts off may be missed.
        assert len(found) >= len(truth) - 2
        assert len(beats.r_peak) <= len(found) + 1
        r_errors += list(1000 * (beats.r_peak[found[:, 1]] - truth[found[:, 0]]))
        pr.append(np.nanmedian(beats.pr_ms()) - one.truth["pr_ms"])
        qt.append(np.nanmedian(beats.qt_ms()) - one.truth["qt_ms"])
        qrs.append(np.nanmedian(beats.qrs_ms()) - one.truth["qrs_ms"])
    assert abs(np.median(r_errors)) < 8
    assert np.abs(pr).max() < 30
    assert np.abs(qt).max() < 45
    # It is known to end the QRS complex at the bottom of S: too short, never by its half.
    assert -50 < np.median(qrs) < 10


def test_st_and_r_amplitude_of_a_drawn_beat() -> None:
    """A triangle of 1 mV on a line at 0.2 mV, then a plateau 0.1 mV above the line."""
    leads = np.full((12, 3000), 0.2)
    for peak in (700, 1700):
        leads[:, peak - 40 : peak + 41] += 1 - np.abs(np.arange(-40, 41)) / 40
        leads[:, peak + 50 : peak + 250] += 0.1
    boundary = {
        "qrs_onset": np.array([0.66, 1.66]),
        "qrs_offset": np.array([0.74, np.nan]),
    }
    r, st = amplitudes_mV(leads, Delineation(np.array([0.7, 1.7]), boundary))
    assert r == pytest.approx(np.ones((12, 2)))
    assert st[:, 0] == pytest.approx(np.full(12, 0.1))
    assert np.isnan(st[:, 1]).all()  # no J point


def test_resampling_keeps_the_time_of_every_sample() -> None:
    times = np.arange(500) / 250
    wave = np.sin(2 * np.pi * 3 * times)
    resampled = at_delineation_rate(wave, 250.0)
    assert len(resampled) == 2000
    inner = slice(200, 1800)
    assert np.abs(resampled - np.sin(2 * np.pi * 3 * np.arange(2000) / RATE_HZ))[inner].max() < 0.01


def test_pairs_are_mutual_and_close() -> None:
    reference = [1.0, 2.0, 3.0, 4.0]
    # 1 moved by 149 ms, 2 found twice, 3 moved by 151 ms, 4 missed.
    other = [1.149, 1.95, 2.01, 3.151]
    assert pair_peaks(reference, other).tolist() == [[0, 0], [1, 2]]
    assert pair_peaks(reference, []).shape == (0, 2)
    assert pair_peaks(reference, reference).tolist() == [[k, k] for k in range(4)]


@pytest.mark.parametrize("lead", [np.zeros(10_000), np.ones(2_000), np.arange(3000.0)])
def test_without_beats_there_is_nothing(lead: np.ndarray) -> None:
    beats = delineate(lead)
    assert len(beats.r_peak) == len(beats.qrs_ms()) == 0
