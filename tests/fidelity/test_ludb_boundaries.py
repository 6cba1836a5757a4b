from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecg_byte_hf.fidelity.clinical_output import boundaries_table
from ecg_byte_hf.fidelity.delineation import BOUNDARIES, at_delineation_rate, delineate
from ecg_byte_hf.fidelity.ludb_boundaries import BoundaryComparison, read_boundaries
from ecg_byte_hf.hub_code.cleaning import clean
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.records import read_record

from .test_delineation import plain_records

pytest.importorskip("neurokit2")


def _mark(folder: Path, name: str, qrs_s: list[tuple[float, float, float]]) -> None:
    """A WFDB record at 500 Hz whose lead II has these QRS complexes marked (onset, R, offset)."""
    samples = np.array([round(500 * t) for beat in qrs_s for t in beat])
    wfdb.wrsamp(
        name,
        fs=500,
        units=["mV"],
        sig_name=["ii"],
        p_signal=np.zeros((5000, 1)),
        fmt=["16"],
        adc_gain=[1000.0],
        baseline=[0],
        write_dir=str(folder),
    )
    symbols = ["(", "N", ")"] * len(qrs_s)
    wfdb.wrann(name, "ii", samples, symbols, write_dir=str(folder))


def _signal() -> np.ndarray:
    return clean(plain_records(1)[0].record.signal, 500.0, 250.0)


def test_bias_is_delineator_minus_mark(tmp_path: Path) -> None:
    """Marks 10 ms before what the delineator says: it is 10 ms late, decoded 30 ms later still."""
    signal = _signal()
    beats = delineate(at_delineation_rate(signal[1], 250.0))
    onset, offset = beats.boundary["qrs_onset"], beats.boundary["qrs_offset"]
    marks = [
        (a - 0.01, r, b - 0.01)
        for a, r, b in zip(onset[1:-1], beats.r_peak[1:-1], offset[1:-1], strict=True)
    ]
    (tmp_path / "data").mkdir()
    _mark(tmp_path / "data", "7", marks)
    comparison = BoundaryComparison(tmp_path)
    comparison.add("data/7", signal, np.roll(signal, 5, axis=1), 250.0)
    comparison.add("data/8", signal, signal, 250.0)
    result = comparison.summary()
    assert result["records"] == 1
    assert result["without_annotations"] == 1
    for kind in ("qrs_onset", "qrs_offset"):
        row = result["kinds"][kind]
        assert row["marked"] == len(marks)
        assert row["cleaned"]["detected"] == 1
        assert row["cleaned"]["bias_ms"] == pytest.approx(10, abs=1)
        assert row["cleaned"]["sd_ms"] < 1.5
        assert row["decoded"]["bias_ms"] == pytest.approx(30, abs=2)
    assert result["kinds"]["p_onset"]["cleaned"]["detected"] is None
    json.dumps(result, allow_nan=False)
    assert boundaries_table(result).row_count == len(BOUNDARIES)


def test_marks_count_from_the_start_of_the_recording(tmp_path: Path) -> None:
    signal = _signal()
    beats = delineate(at_delineation_rate(signal[1], 250.0))
    onset, offset = beats.boundary["qrs_onset"], beats.boundary["qrs_offset"]
    marks = [(1.0, 1.05, 1.1)] + [
        (4 + a, 4 + r, 4 + b)
        for a, r, b in zip(onset[:3], beats.r_peak[:3], offset[:3], strict=True)
    ]
    _mark(tmp_path, "7", marks)
    comparison = BoundaryComparison(tmp_path)
    comparison.add("7", signal, signal, 250.0, offset_s=4.0)
    row = comparison.summary()["kinds"]["qrs_onset"]
    assert row["marked"] == 3  # the first mark lies before the window
    assert row["cleaned"]["bias_ms"] == pytest.approx(0, abs=1)


def test_wrong_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(EcgByteError, match="no such folder"):
        BoundaryComparison(tmp_path / "nowhere")
    comparison = BoundaryComparison(tmp_path)
    comparison.add("data/7", _signal(), _signal(), 250.0)
    with pytest.raises(EcgByteError, match=r"no annotations.*data/7"):
        comparison.summary()


def test_ludb(ecg_byte_data: Path) -> None:
    folder = ecg_byte_data / "ludb"
    marked = read_boundaries(folder / "data" / "1")
    assert marked is not None
    duration = marked["qrs_offset"] - marked["qrs_onset"]
    assert 0.05 < np.median(duration) < 0.2
    comparison = BoundaryComparison(folder)
    for number in (1, 2, 3, 4):
        record = read_record(folder / "data" / str(number))
        signal = clean(record.signal, record.sampling_rate, 250.0)
        comparison.add(f"data/{number}", signal, signal, 250.0)
    kinds = comparison.summary()["kinds"]
    # In another time base than the corpus' nothing would be found where it is marked.
    assert kinds["qrs_onset"]["cleaned"]["detected"] > 0.9
    assert abs(kinds["qrs_onset"]["cleaned"]["bias_ms"]) < 25
    assert abs(kinds["t_offset"]["cleaned"]["bias_ms"]) < 60
    assert kinds["qrs_onset"]["cleaned"] == kinds["qrs_onset"]["decoded"]
