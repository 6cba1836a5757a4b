import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.controls import derangement, majority_guesser

from . import tiny


@pytest.mark.parametrize("patients", ["abcdef", "aabbcc", "aaabcd", "aaabbb", "ab"])
def test_nobody_gets_an_ecg_of_his_own_and_each_is_used_once(patients):
    owner = {str(i): patient for i, patient in enumerate(patients)}
    shown = [(record,) for record in owner]
    given = derangement(shown, owner, seed=3)
    assert sorted(given) == sorted(given.values()) == shown
    assert all(owner[ours[0]] != owner[theirs[0]] for ours, theirs in given.items())
    assert given == derangement(shown, owner, seed=3)


def test_all_ecgs_of_a_comparison_are_replaced_by_those_of_others():
    owner = {str(i): patient for i, patient in enumerate("aabbccdd")}
    shown = [("0",), ("0", "1"), ("2", "4"), ("4", "2"), *((str(i),) for i in range(1, 8))]
    for seed in range(5):
        given = derangement(shown, owner, seed)
        assert set(given) == set(shown)
        for ours, theirs in given.items():
            assert len(set(theirs)) == len(ours)
            assert not {owner[i] for i in ours} & {owner[i] for i in theirs}


def test_one_patient_cannot_be_shuffled():
    with pytest.raises(EcgByteError, match="several patients"):
        derangement([("0",), ("1",), ("2",)], {"0": "a", "1": "a", "2": "b"}, seed=0)
    with pytest.raises(EcgByteError, match="needs 2 ECGs of patients other than those of 0, 1"):
        derangement([("0", "1"), ("1", "2")], {"0": "a", "1": "b", "2": "c"}, seed=0)


def test_majority_is_that_of_the_question_and_else_of_its_like():
    train = [tiny.question("a", "Regular?", "yes")] * 3 + [tiny.question("a", "Fast?", "no")] * 2
    guess = majority_guesser(train)
    assert guess(tiny.question("b", "regular? ", "no")) == "yes"
    assert guess(tiny.question("b", "Fast?", "yes")) == "no"
    assert guess(tiny.question("b", "Never asked?", "yes")) == "yes"
    rate = {"question_type": "numeric", "attribute": "rate"}
    rates = [tiny.question("a", "Rate?", bpm) | rate for bpm in ("60", "60", "70", "95", "100")]
    assert majority_guesser([*train, *rates])(rates[0]) == "70"
    assert majority_guesser([])(tiny.question("b", "Fast?", "yes")) == ""
