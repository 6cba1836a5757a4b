from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from ecg_byte_hf.fidelity import clinical
from ecg_byte_hf.fidelity.clinical import ALL_LEADS, MEASURES, ClinicalComparison
from ecg_byte_hf.fidelity.clinical_output import clinical_table
from ecg_byte_hf.fidelity.report import measure
from ecg_byte_hf.hub_code.cleaning import clean
from ecg_byte_hf.hub_code.errors import EcgByteError

from ..small_tokenizer import small_processor
from .rows import corpus_rows
from .test_delineation import plain_records

pytest.importorskip("neurokit2")


@cache
def cleaned_signals() -> tuple[np.ndarray, ...]:
    return tuple(clean(one.record.signal, 500.0, 250.0) for one in plain_records(3))


def compared(change: Callable[[np.ndarray], np.ndarray]) -> ClinicalComparison:
    comparison = ClinicalComparison()
    for number, signal in enumerate(cleaned_signals()):
        comparison.add(str(number), signal, change(signal), 250.0)
    return comparison


def test_identity_has_no_bias_and_no_limits() -> None:
    result = compared(lambda signal: signal.copy()).summary()
    for rows in (result["lead_II"], result[ALL_LEADS], *result["per_lead"].values()):
        for name, row in rows.items():
            if name != "r_amplitude_percent":  # V1 has R waves too small for it
                assert row["decoded"]["n"] == 3
            assert row["not_measured"] == 3 - row["decoded"]["n"]
            assert row["decoded"]["bias"] == row["decoded"]["lower"] == row["decoded"]["upper"] == 0
    assert all(row["met"] for row in result["lead_II"].values() if "goal" in row)
    peaks = result["r_peaks"]["decoded"]
    assert peaks["matched"] == peaks["cleaned"] > 20
    assert peaks["missed"] == peaks["extra"] == 0


def test_a_scaled_signal_has_the_known_bias() -> None:
    comparison = compared(lambda signal: 1.1 * signal)
    row = comparison.summary()["lead_II"]
    assert row["r_amplitude_percent"]["decoded"]["bias"] == pytest.approx(10.0)
    assert row["r_amplitude_percent"]["met"] is False
    pairs = comparison.pairs("st_uV")
    assert pairs[:, 1] == pytest.approx(1.1 * pairs[:, 0])
    for name in ("qrs_ms", "pr_ms", "qt_ms", "rr_ms", "r_time_ms"):
        assert row[name]["decoded"]["bias"] == pytest.approx(0.0, abs=0.5)


def test_a_shifted_signal_is_late_and_nothing_else() -> None:
    row = compared(lambda signal: np.roll(signal, 5, axis=1)).summary()["lead_II"]
    assert row["r_time_ms"]["decoded"]["bias"] == pytest.approx(20.0, abs=0.5)
    for name in ("qrs_ms", "qt_ms", "rr_ms"):
        assert row[name]["decoded"]["bias"] == pytest.approx(0.0, abs=2.0)


def test_a_slower_signal_has_longer_intervals() -> None:
    """Stretched by 4 %: so are RR and QT, whose bias is known from the values themselves."""

    def stretch(signal: np.ndarray) -> np.ndarray:
        at = np.arange(signal.shape[1]) / 1.04
        return np.array([np.interp(at, np.arange(len(lead)), lead) for lead in signal])

    pairs = compared(stretch).pairs("qt_ms")
    assert pairs[:, 1] / pairs[:, 0] == pytest.approx(np.full(3, 1.04), abs=0.02)


def test_the_floor_is_there_depends_on_the_record_only_and_is_small() -> None:
    first = compared(lambda signal: signal.copy())
    floor = first.summary()["lead_II"]["r_amplitude_uV"]["floor"]
    assert floor["n"] == 3
    assert 0 < floor["sd"] < 10
    one = ClinicalComparison()
    one.add("2", cleaned_signals()[2], cleaned_signals()[2], 250.0)
    name = "r_amplitude_uV"
    assert one.pairs(name, pair="floor")[0] == pytest.approx(first.pairs(name, pair="floor")[2])
    other = ClinicalComparison(seed=1)
    other.add("2", cleaned_signals()[2], cleaned_signals()[2], 250.0)
    assert other.pairs(name, pair="floor")[0, 1] != one.pairs(name, pair="floor")[0, 1]


def test_what_cannot_be_measured_is_counted() -> None:
    comparison = compared(lambda signal: signal.copy())
    signal = cleaned_signals()[0]
    comparison.add("lost", signal, np.zeros_like(signal), 250.0)
    result = comparison.summary()
    assert result["records"] == 4
    assert result["lead_II"]["qrs_ms"]["decoded"]["n"] == 3
    assert result["lead_II"]["qrs_ms"]["floor"]["n"] == 4
    assert result["lead_II"]["qrs_ms"]["not_measured"] == 1
    assert result["r_peaks"]["decoded"]["missed"] > 5


def test_small_r_waves_have_no_relative_error() -> None:
    comparison = ClinicalComparison()
    signal = cleaned_signals()[0]
    small = signal * 0.05 / signal[1].max()
    comparison.add("small", small, 1.1 * small, 250.0)
    assert np.isnan(comparison.pairs("r_amplitude_percent")).any()
    assert np.isfinite(comparison.pairs("r_amplitude_uV")).all()


def test_a_beat_that_was_lost_leaves_the_other_intervals_alone() -> None:
    signal = cleaned_signals()[0]
    without = signal.copy()
    at = round(250 * plain_records(3)[0].truth["r_peaks_s"][4])
    without[:, at - 60 : at + 60] = without[:, [at - 60]]
    comparison = ClinicalComparison()
    comparison.add("lost beat", signal, without, 250.0)
    result = comparison.summary()
    assert result["r_peaks"]["decoded"]["missed"] == 1
    before, after = comparison.pairs("rr_ms")[0]
    assert after == pytest.approx(before, abs=2)


def test_report_and_table(monkeypatch: pytest.MonkeyPatch) -> None:
    result = measure(small_processor(), corpus_rows(2), comparisons=[ClinicalComparison()])
    text: dict[str, Any] = json.loads(json.dumps(result, allow_nan=False))
    assert set(text["clinical"]["lead_II"]) == {one.name for one in MEASURES}
    assert len(text["clinical"]["per_lead"]) == 12
    assert clinical_table(text["clinical"]).row_count == (1 + 8) + (1 + 5) + 2 * (1 + 12)
    with pytest.raises(EcgByteError, match="in mV"):
        measure(small_processor(unit="SD"), corpus_rows(1), comparisons=[ClinicalComparison()])

    def missing(name: str, what: str) -> None:
        raise EcgByteError(f"{what} needs {name}")

    monkeypatch.setattr(clinical, "require_extra", missing)
    with pytest.raises(EcgByteError, match="needs clinical"):
        ClinicalComparison()
