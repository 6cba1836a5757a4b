from __future__ import annotations

import numpy as np
import pytest

from ecg_byte_hf.fidelity.metrics import error_sums
from ecg_byte_hf.hub_code.errors import EcgByteError


def test_measures_computed_by_hand() -> None:
    # Lead 1: x = 3, 4, 0, 1 (sum x^2 26, mean 2, deviations 1, 2, -2, -1: 10); errors 1, 0, 0, -2.
    # Lead 2: x = 1, -1, 1, -1 (sum x^2 4, mean 0); errors 0, 0, 3, 0.
    signal = np.array([[3.0, 4.0, 0.0, 1.0], [1.0, -1.0, 1.0, -1.0]])
    reconstruction = np.array([[2.0, 4.0, 0.0, 3.0], [1.0, -1.0, -2.0, -1.0]])
    per_lead = error_sums(signal, reconstruction)
    overall = per_lead.over_leads()

    np.testing.assert_allclose(per_lead.rmse, [np.sqrt(5 / 4), 1.5])
    np.testing.assert_allclose(per_lead.prd, [100 * np.sqrt(5 / 26), 150.0])
    np.testing.assert_allclose(per_lead.prdn, [100 * np.sqrt(5 / 10), 150.0])
    np.testing.assert_allclose(per_lead.snr, [10 * np.log10(10 / 5), 10 * np.log10(4 / 9)])
    np.testing.assert_allclose(per_lead.max_error, [2.0, 3.0])

    assert overall.rmse == pytest.approx(np.sqrt(14 / 8))
    assert overall.prd == pytest.approx(100 * np.sqrt(14 / 30))
    assert overall.prdn == pytest.approx(100 * np.sqrt(14 / 14))
    assert overall.snr == pytest.approx(0.0)
    assert overall.max_error == 3.0


def test_perfect_reconstruction() -> None:
    signal = np.random.default_rng(0).normal(size=(12, 500))
    sums = error_sums(signal, signal)
    for measure in (sums.rmse, sums.prd, sums.prdn, sums.max_error):
        np.testing.assert_array_equal(measure, np.zeros(12))
    assert np.isposinf(sums.snr).all()


@pytest.mark.parametrize("noise_mV", [0.005, 0.033])
def test_known_noise_gives_its_rmse(noise_mV: float) -> None:
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(12, 20_000))
    noise = rng.normal(scale=noise_mV, size=signal.shape)
    overall = error_sums(signal, signal + noise).over_leads()
    assert overall.rmse == pytest.approx(noise_mV, rel=0.01)
    # A signal of variance 1: SNR is the noise's level below it.
    assert overall.snr == pytest.approx(-20 * np.log10(noise_mV), abs=0.1)


def test_offset_changes_prd_and_not_prdn() -> None:
    rng = np.random.default_rng(2)
    signal = rng.normal(size=(12, 1000))
    reconstruction = signal + rng.normal(scale=0.1, size=signal.shape)
    plain = error_sums(signal, reconstruction).over_leads()
    lifted = error_sums(signal + 5, reconstruction + 5).over_leads()
    assert lifted.prdn == pytest.approx(plain.prdn)
    assert lifted.prd < 0.5 * plain.prd


def test_sums_of_records_are_those_of_the_whole() -> None:
    rng = np.random.default_rng(3)
    signal = rng.normal(size=(12, 900))
    signal -= signal.mean(axis=1, keepdims=True)
    reconstruction = signal + rng.normal(scale=0.2, size=signal.shape)
    parts = error_sums(signal[:, :300], reconstruction[:, :300]) + error_sums(
        signal[:, 300:], reconstruction[:, 300:]
    )
    whole = error_sums(signal, reconstruction)
    np.testing.assert_allclose(parts.rmse, whole.rmse)
    np.testing.assert_allclose(parts.prd, whole.prd)
    np.testing.assert_array_equal(parts.max_error, whole.max_error)


def test_flat_lead() -> None:
    flat = np.zeros((2, 100))
    assert error_sums(flat, flat).over_leads().prd == 0.0
    wrong = error_sums(flat, flat + 1)
    assert np.isposinf(wrong.prd).all()
    assert np.isneginf(wrong.snr).all()
    assert wrong.rmse.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("shape", [(12, 99), (11, 100), (1200,)])
def test_shapes_that_differ_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(EcgByteError, match=r"record 7: .*\(12, 100\)"):
        error_sums(np.zeros((12, 100)), np.zeros(shape), "record 7")


def test_what_is_not_finite_is_refused() -> None:
    broken = np.zeros((12, 100))
    broken[3, 4] = np.nan
    with pytest.raises(EcgByteError, match="NaN"):
        error_sums(np.zeros((12, 100)), broken)
