from __future__ import annotations

import math

import numpy as np
import pytest

from ecg_byte_hf.fidelity.metrics import error_sums
from ecg_byte_hf.fidelity.totals import CorpusTotals


def _totals(offsets_mV: list[float]) -> CorpusTotals:
    """Records of 12 leads, +-1 mV square waves, decoded too high by one offset each."""
    signal = np.tile([1.0, -1.0], (12, 50))
    totals = CorpusTotals(12)
    for number, offset in enumerate(offsets_mV):
        sums = error_sums(signal, signal + offset)
        totals.add(sums, tokens=100 + 10 * number, markers=14, symbols=430)
    return totals


def test_pooled_and_median_errors() -> None:
    overall = _totals([0.01, 0.02, 0.06]).error_summary("mV")
    pooled = math.sqrt((0.01**2 + 0.02**2 + 0.06**2) / 3)
    assert overall["rmse_uV"] == pytest.approx(1000 * pooled)
    assert overall["rmse_median_uV"] == pytest.approx(20)
    assert overall["prd"] == pytest.approx(100 * pooled)  # the signal's RMS is 1 mV
    assert overall["prd_median"] == pytest.approx(2)
    assert overall["snr_median_dB"] == pytest.approx(20 * math.log10(50))
    assert overall["max_error_uV"] == pytest.approx(60)


def test_every_lead_by_itself() -> None:
    signal = np.tile([1.0, -1.0], (12, 50))
    errors = np.arange(12)[:, None] / 100
    totals = CorpusTotals(12)
    totals.add(error_sums(signal, signal + errors), tokens=20, markers=14, symbols=20)
    per_lead = totals.error_summaries_per_lead("mV")
    assert per_lead["I"]["rmse_uV"] == 0
    assert per_lead["I"]["snr_dB"] is None  # infinite: JSON has no such number
    assert per_lead["V6"]["rmse_uV"] == pytest.approx(110)
    assert per_lead["V6"]["prd_median"] == pytest.approx(11)


def test_tokens() -> None:
    tokens = _totals([0.0, 0.0, 0.0]).tokens_summary(1024)
    assert tokens["tokens_mean"] == 110
    assert tokens["tokens_p50"] == 110
    assert tokens["tokens_p95"] == pytest.approx(119)
    assert tokens["symbols_per_token"] == pytest.approx(3 * 430 / (330 - 3 * 14))
    assert tokens["bits_per_token"] == 10
    assert tokens["bits_per_sample"] == pytest.approx(330 * 10 / (3 * 1200))
    assert tokens["bits_per_independent_sample"] == pytest.approx(330 * 10 / (3 * 800))


def test_other_units_are_not_called_microvolts() -> None:
    overall = _totals([0.5]).error_summary("SD")
    assert overall["rmse"] == pytest.approx(0.5)
    assert overall["max_error"] == pytest.approx(0.5)
    assert not [name for name in overall if name.endswith("_uV")]
