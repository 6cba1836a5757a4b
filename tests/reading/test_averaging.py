"""Yes or no from several readings of an ECG."""

import numpy as np
import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.corpora import open_corpus, signal_mV
from ecg_byte_hf.reading.averaging import measure_averaged, variant_id, with_variants
from ecg_byte_hf.reading.evaluation import evaluate
from ecg_byte_hf.reading.responding import Response
from ecg_byte_hf.reading.tables import apart_lines

PATIENTS = {f"r{i}": f"p{i}" for i in range(24)}


def questions(question_type="verify"):
    return [
        {
            "question_id": f"{record}:superclass",
            "record_id": record,
            "patient_id": patient,
            "question_type": question_type,
            "attribute": "superclass",
            "question": "Is this ECG normal?",
            "options": [],
            "answer": "yes" if i % 2 else "no",
        }
        for i, (record, patient) in enumerate(PATIENTS.items())
    ]


def test_variants_are_the_same_samples_turned_or_cut(corpus):
    rows = open_corpus(str(corpus))["validation"].select(range(3))
    several = with_variants(rows, 2, seed=4)
    records = list(rows["record_id"])
    assert list(several["record_id"]) == [
        variant_id(record, number) for number in (0, 1, 2) for record in records
    ]
    assert list(several["patient_id"]) == 3 * list(rows["patient_id"])
    signals = [signal_mV(row) for row in several.with_format("numpy")]
    for i, signal in enumerate(signals[3:]):
        own, rate = signals[i % 3], rows["sampling_rate"][0]
        assert 6 * rate <= signal.shape[1] <= own.shape[1]
        assert not np.array_equal(signal, own[:, : signal.shape[1]])
        # Where it is turned, its end meets its beginning; every column is one of the ECG's.
        columns = {column.tobytes() for column in own.T}
        assert {column.tobytes() for column in signal.T} <= columns
    again = [signal_mV(row) for row in with_variants(rows, 2, seed=4).with_format("numpy")]
    assert all(np.array_equal(a, b) for a, b in zip(signals, again, strict=True))
    other = [signal_mV(row) for row in with_variants(rows, 2, seed=5).with_format("numpy")]
    assert any(a.shape != b.shape or (a != b).any() for a, b in zip(signals, other, strict=True))


def test_noise_that_differs_between_variants_is_averaged_away():
    rows = questions()
    truth = {row["record_id"]: row["answer"] == "yes" for row in rows}

    def respond(asks, advance):
        found = {}
        for ask in asks:
            record, _, number = ask.ecgs[0].partition("#")
            # One reading in four is wrong, another one of each ECG.
            wrong = int(number or 0) == int(record[1:]) % 4
            found[ask] = Response(None, 0.7 if truth[record] != wrong else 0.3)
            advance()
        return found

    once = measure_averaged(respond, rows, PATIENTS, 0)
    assert once["own"]["accuracy"]["overall"] == pytest.approx(0.75)
    averaged = measure_averaged(respond, rows, PATIENTS, 3)
    assert averaged["variants"] == 3
    assert averaged["own"]["accuracy"]["overall"] == 1.0
    assert averaged["own"]["auroc"]["macro"]["superclass"]["auroc"] == 1.0
    assert averaged["shuffled"]["accuracy"]["overall"] == pytest.approx(0.5, abs=0.3)
    assert measure_averaged(respond, rows, dict.fromkeys(PATIENTS, "p"), 3)["shuffled"] is None


def test_what_is_certain_is_averaged_without_overflow():
    def respond(asks, advance):
        return {ask: Response(None, 0.0 if "#" in ask.ecgs[0] else 1.0) for ask in asks}

    own = measure_averaged(respond, questions(), PATIENTS, 1)["own"]
    assert own["auroc"]["macro"]["superclass"]["auroc"] == 0.5


def test_without_a_yes_no_question_there_is_nothing_to_average():
    with pytest.raises(EcgByteError, match="no yes/no question is asked"):
        measure_averaged(lambda asks, advance: {}, questions("choose"), PATIENTS, 2)


def test_an_evaluation_with_variants_changes_nothing_else(adapter, public_base, corpus):
    options = {"base": str(public_base), "max_records": 10, "max_reports": 0, "quiet": True}
    plain = evaluate(adapter, corpus, **options)
    several = evaluate(adapter, corpus, variants=2, **options)
    assert plain["averaged"] is None
    averaged = several.pop("averaged")
    assert averaged["variants"] == 2
    assert 0 <= averaged["own"]["accuracy"]["overall"] <= 1
    del plain["averaged"]
    assert several == plain
    lines = apart_lines(several | {"averaged": averaged})
    assert lines[0].startswith("yes or no, mean over an ECG and 2 variants of it: own ECG ")
    with pytest.raises(EcgByteError, match="variants -1 must be 0 or more"):
        evaluate(adapter, corpus, variants=-1, **options)
