import pytest

from ecg_byte_hf.reading.intervals import PatientBootstrap
from ecg_byte_hf.reading.scoring import (
    Scored,
    above,
    accuracy,
    findings_f1,
    numeric_scores,
)


def scored(number, kind, answer, given, **more):
    ids = {"question_id": str(number), "record_id": "r", "patient_id": f"p{number}"}
    return Scored(
        **ids,
        question_type=kind,
        attribute="rate",
        question="?",
        answer=answer,
        given=given,
        **more,
    )


def bootstrap_of(rows):
    return PatientBootstrap([one.patient_id for one in rows])


def test_answers_are_the_same_as_the_metric_compares_them():
    assert scored(0, "query", "Left ", " left\n").correct
    assert scored(0, "query", "b, a", "A, b.").correct
    assert not scored(0, "query", "left", "left axis").correct
    assert not scored(0, "query", "left", None).correct


def test_accuracy_counts_questions_not_types():
    kinds = [("verify", "yes", "yes"), ("verify", "no", "yes"), ("query", "slow", "slow")] * 2
    rows = [scored(i, *kind) for i, kind in enumerate(kinds)]
    rows.append(scored(9, "verify", "yes", "no", balanced=False))
    rows.append(scored(9, "numeric", "72", "90"))
    result = accuracy(rows, bootstrap_of(rows))
    assert result["overall"] == pytest.approx(4 / 6, abs=1e-4)
    assert result["per_type"] == {"query": 1.0, "verify": 0.5}
    assert result["counts"] == {"query": 2, "verify": 4}
    assert result["n"] == 6
    low, high = result["interval"]
    assert low < result["overall"] < high
    assert result["per_type_interval"]["query"] == [1.0, 1.0]
    assert result["per_attribute"] == {"query/rate": 1.0, "verify/rate": 0.5}
    assert result["per_attribute_interval"]["query/rate"] == [1.0, 1.0]
    none = accuracy(rows[-1:], bootstrap_of(rows))
    assert none["overall"] is None
    assert none["interval"] is None
    assert (none["n"], none["per_type"], none["counts"]) == (0, {}, {})


def test_the_two_wordings_of_ecg_qa_are_scored_apart():
    rows = [
        scored(f"ecg-qa:train:{i}:{wording}", "single-verify", "yes", given)
        for i in range(4)
        for wording, given in (("template", "yes"), ("paraphrased", "no"))
    ]
    result = accuracy(rows, bootstrap_of(rows))
    assert result["per_type"] == {
        "single-verify (paraphrased)": 0.0,
        "single-verify (template)": 1.0,
    }
    assert result["counts"] == dict.fromkeys(result["per_type"], 4)


def test_what_is_above_the_floor_has_an_interval_of_its_own():
    truth = [("yes", "no")[i % 2] for i in range(80)]
    ours = [scored(i, "verify", true, true) for i, true in enumerate(truth)]
    floor = [scored(i, "verify", true, "yes") for i, true in enumerate(truth)]
    result = above(ours, floor, bootstrap_of(ours))
    assert result["overall"] == result["per_type"]["verify"] == 0.5
    low, high = result["interval"]
    assert 0.35 < low < 0.45 < 0.55 < high < 0.65


def test_lists_of_findings_have_an_f1():
    rows = [
        scored(0, "query", "a, b", "a, c"),
        scored(1, "query", "a, b", "b, a"),
        scored(2, "query", "a", "b"),
    ]
    result = findings_f1(rows, bootstrap_of(rows))
    assert (result["f1"], result["n"]) == (0.75, 2)
    assert findings_f1(rows[2:], bootstrap_of(rows)) is None


def test_numbers_are_measured_by_their_distance():
    given = ["72", "about 70 bpm", "60", "fast"]
    rows = [scored(i, "numeric", "72", text) for i, text in enumerate(given)]
    result = numeric_scores(rows, bootstrap_of(rows))
    assert result["mean_absolute_error"] == pytest.approx((0 + 2 + 12) / 3, abs=0.01)
    assert result["within_5"] == 0.5
    assert (result["n"], result["without_number"]) == (4, 1)
    assert numeric_scores([], bootstrap_of(rows)) is None
