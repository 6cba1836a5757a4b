import math

import numpy as np
import pytest

from ecg_byte_hf.corpora import open_questions, write_corpus
from ecg_byte_hf.corpora.heart_rate import heart_rate_bpm
from ecg_byte_hf.corpora.ptb_xl import ptb_xl
from ecg_byte_hf.corpora.questions import questions_from_ptb_xl
from ecg_byte_hf.corpora.simulation import simulate

from .test_ptb_xl import write_ptb_xl


@pytest.fixture(scope="module")
def simulated():
    return list(simulate(60, 4, sampling_rate=250.0))


def test_rates_are_those_of_the_simulated_hearts(simulated):
    regular = [one for one in simulated if one.truth["rhythm"] == "sinus rhythm"]
    found = [heart_rate_bpm(one.record.signal, 250.0) for one in regular]
    true = [one.truth["heart_rate_bpm"] for one in regular]
    errors = np.abs(np.array(found) - true)
    # Muscle noise makes false R peaks; then no rate is better than a wrong one.
    assert np.isfinite(errors).mean() > 0.7
    assert np.nanmax(errors) < 2
    clear = [one.truth["noise"] == "none" for one in regular]
    assert np.isfinite(errors[clear]).all()


def test_intervals_that_jump_are_no_rate(simulated):
    jumping = ("atrial fibrillation", "ventricular ectopics")
    for rhythm in jumping:
        rates = [
            heart_rate_bpm(one.record.signal, 250.0)
            for one in simulated
            if one.truth["rhythm"] == rhythm
        ]
        assert rates
        assert np.isnan(rates).mean() > 0.7
    assert math.isnan(heart_rate_bpm(np.zeros((12, 2500)), 250.0))


def test_neither_unit_nor_sampling_rate_matters(simulated):
    signal = next(
        one.record.signal
        for one in simulated
        if (one.truth["rhythm"], one.truth["noise"]) == ("sinus rhythm", "none")
    )
    rate = heart_rate_bpm(signal, 250.0)
    assert heart_rate_bpm(signal * 1000, 250.0) == pytest.approx(rate)
    assert heart_rate_bpm(signal[:, ::2], 125.0) == pytest.approx(rate, abs=2)


def test_rates_are_asked_for_to_the_nearest_five_where_they_are_known():
    rates = {"a": 62.4, "b": 62.5, "c": math.nan, "d": 178.0}
    rows = [
        {"record_id": name, "patient_id": name, "scp_codes": [], "heart_rate_bpm": rate}
        for name, rate in rates.items()
    ]
    asked = [q for q in questions_from_ptb_xl(rows) if q["question_type"] == "numeric"]
    assert [(q["record_id"], q["answer"]) for q in asked] == [
        ("a", "60"),
        ("b", "65"),
        ("d", "180"),
    ]
    assert {q["attribute"] for q in asked} == {"rate"}
    assert all("nearest 5" in q["question"] for q in asked)


def test_a_corpus_of_ptb_xl_asks_for_the_rate_that_its_signal_has(tmp_path, simulated):
    import wfdb

    root = write_ptb_xl(tmp_path / "ptb")
    one = next(
        one
        for one in simulate(20, 1, sampling_rate=500.0)
        if one.truth["rhythm"] == "sinus rhythm" and one.truth["noise"] == "none"
    )
    wfdb.wrsamp(
        "00001_hr",
        fs=500,
        units=["mV"] * 12,
        sig_name=list(one.record.lead_names),
        p_signal=one.record.signal.T.astype(float),
        fmt=["16"] * 12,
        write_dir=str(root / "records500" / "00000"),
    )
    write_corpus(ptb_xl(root), tmp_path / "c", quiet=True)
    (rate,) = [
        row for row in open_questions(tmp_path / "c")["train"] if row["question_type"] == "numeric"
    ]
    assert int(rate["answer"]) == pytest.approx(one.truth["heart_rate_bpm"], abs=5)
