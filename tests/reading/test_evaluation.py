import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.evaluation import (
    Scored,
    accuracy,
    derangement,
    majority_guesser,
    same_answer,
)
from ecg_byte_hf.reading.sequences import Reading

from . import tiny


def reading(record, patient):
    return Reading(record, patient, (int(record),), ())


def test_answers_are_compared_without_case_and_white_space_and_nothing_else():
    assert same_answer("Left ", " left\n")
    assert not same_answer("left", "left axis")


def test_accuracy_counts_questions_not_types():
    kinds = [("verify", "yes", "yes"), ("verify", "no", "yes"), ("query", "slow", "slow")] * 2
    scored = [Scored(str(i), "r", k, "rate", a, g) for i, (k, a, g) in enumerate(kinds)]
    result = accuracy(scored)
    assert result["overall"] == pytest.approx(4 / 6, abs=1e-4)
    assert result["per_type"] == {"query": 1.0, "verify": 0.5}
    assert result["counts"] == {"query": 2, "verify": 4}
    assert result["n"] == 6
    with pytest.raises(EcgByteError):
        accuracy([])


@pytest.mark.parametrize("patients", ["abcdef", "aabbcc", "aaabcd", "aaabbb", "ab"])
def test_nobody_gets_an_ecg_of_his_own_and_each_is_used_once(patients):
    readings = [reading(str(i), patient) for i, patient in enumerate(patients)]
    given = derangement(readings, seed=3)
    owner = {(i,): patient for i, patient in enumerate(patients)}
    assert sorted(given.values()) == [(i,) for i in range(len(patients))]
    assert all(owner[given[r.record_id]] != r.patient_id for r in readings)
    assert given == derangement(readings, seed=3)


def test_one_patient_cannot_be_shuffled():
    with pytest.raises(EcgByteError, match="several patients"):
        derangement([reading("0", "a"), reading("1", "a"), reading("2", "b")], seed=0)


def test_majority_is_that_of_the_question_and_else_of_its_like():
    train = [tiny.question("a", "Regular?", "yes")] * 3 + [tiny.question("a", "Fast?", "no")] * 2
    guess = majority_guesser(train)
    assert guess(tiny.question("b", "regular? ", "no")) == "yes"
    assert guess(tiny.question("b", "Fast?", "yes")) == "no"
    assert guess(tiny.question("b", "Never asked?", "yes")) == "yes"
    assert majority_guesser([])(tiny.question("b", "Fast?", "yes")) == ""
