import numpy as np
import pytest

from ecg_byte_hf.reading.intervals import PatientBootstrap


def test_interval_of_a_share_is_the_binomial_one():
    rng = np.random.default_rng(1)
    right = rng.random(400) < 0.8
    patients = [str(i) for i in range(400)]
    bootstrap = PatientBootstrap(patients, draws=4000, seed=2)
    low, high = bootstrap.interval(bootstrap.means(right, patients))
    share = right.mean()
    half = 1.96 * np.sqrt(share * (1 - share) / 400)
    assert low == pytest.approx(share - half, abs=0.006)
    assert high == pytest.approx(share + half, abs=0.006)


def test_questions_of_one_patient_are_no_independent_measurements():
    """Ten equal answers a patient say no more than one: the interval must not shrink."""
    rng = np.random.default_rng(1)
    right = rng.random(100) < 0.6
    patients = [str(i) for i in range(100)]
    bootstrap = PatientBootstrap(patients, seed=0)
    once = bootstrap.interval(bootstrap.means(right, patients))
    often = bootstrap.interval(bootstrap.means(np.repeat(right, 10), np.repeat(patients, 10)))
    assert once == often
    naive = PatientBootstrap([str(i) for i in range(1000)], seed=0)
    low, high = naive.interval(naive.means(np.repeat(right, 10), [str(i) for i in range(1000)]))
    assert high - low < 0.5 * (once[1] - once[0])


def test_a_difference_of_two_measurements_is_paired():
    patients = [str(i) for i in range(60)]
    right = np.arange(60) % 2 == 0
    bootstrap = PatientBootstrap(patients)
    ours, theirs = bootstrap.means(right, patients), bootstrap.means(right, patients)
    assert bootstrap.interval(ours - theirs) == [0.0, 0.0]


def test_same_seed_same_interval_and_one_patient_has_none():
    values, patients = [1, 0, 1, 1], ["a", "b", "c", "c"]
    first, again = (PatientBootstrap(patients, seed=4) for _ in range(2))
    assert np.array_equal(first.means(values, patients), again.means(values, patients))
    assert PatientBootstrap(["a"]).interval([0.5] * 1000) is None
    assert first.interval([np.nan] * 900 + [0.5] * 100) is None
