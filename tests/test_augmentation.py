import numpy as np
import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.augmentation import TURNED_AND_SCALED, Augmentation
from ecg_byte_hf.hub_code.leads import LEADS_FROM_INDEPENDENT, independent_leads

from .small_tokenizer import simulated_records, small_processor

STRONG = Augmentation(turn=1.0, window=1.0, lead_dropout=1.0, wander=0.5, noise=0.1)


def record():
    return simulated_records()[0].record


def test_a_variant_still_obeys_einthoven_and_one_lead_is_flat():
    signal, rate = record().signal, record().sampling_rate
    varied = STRONG(signal, rate, np.random.default_rng(0))
    assert varied.dtype == np.float32
    assert 6.0 * rate <= varied.shape[1] <= signal.shape[1]
    again = LEADS_FROM_INDEPENDENT @ independent_leads(varied)
    assert np.abs(varied - again).max() < 1e-5
    flat = ~independent_leads(varied).any(axis=1)
    assert flat.sum() == 1


@pytest.mark.parametrize(
    "only", ["turn", "window", "gain", "lead_gain", "noise", "wander", "lead_dropout"]
)
def test_every_strength_by_itself_changes_the_signal_and_none_leaves_it(only):
    signal, rate = record().signal, record().sampling_rate
    none = dict.fromkeys(
        ("turn", "window", "gain", "lead_gain", "noise", "wander", "lead_dropout"), 0.0
    )
    assert np.array_equal(Augmentation(**none)(signal, rate, np.random.default_rng(0)), signal)
    varied = Augmentation(**none | {only: 1.0})(signal, rate, np.random.default_rng(0))
    assert varied.shape != signal.shape or np.abs(varied - signal).max() > 0.02


def test_noise_and_wander_are_as_large_as_they_are_told():
    signal, rate = record().signal, record().sampling_rate
    none = Augmentation(turn=0, window=0, gain=0, lead_gain=0, noise=0, wander=0, lead_dropout=0)
    for name in ("noise", "wander"):
        shares = []
        for seed in range(30):
            one = Augmentation(**vars(none) | {name: 0.2})
            added = one(signal, rate, np.random.default_rng(seed)) - signal
            shares.append(
                independent_leads(added).std(axis=1) / independent_leads(signal).std(axis=1)
            )
        assert np.max(shares) < 0.21
        assert np.mean(shares) == pytest.approx(0.1, rel=0.15)


def test_the_copies_of_tokenizers_are_turned_and_scaled_and_nothing_else():
    signal, rate = record().signal, record().sampling_rate
    rng = np.random.default_rng(3)
    varied = TURNED_AND_SCALED(signal, rate, rng)
    rng = np.random.default_rng(3)
    turned = np.roll(signal, int(rng.integers(1, signal.shape[1])), axis=1)
    assert np.array_equal(varied, turned * np.float32(np.exp(rng.normal(0, 0.15))))


@pytest.mark.parametrize("preset", ["beat", "beat-placed", "beat-named"])
def test_another_phase_of_the_template_is_the_same_signal_in_other_words(preset):
    extractor = small_processor(preset).feature_extractor
    codec = extractor.codec
    for one in simulated_records()[:4]:
        cleaned = extractor.clean(one.record.signal, one.record.sampling_rate)
        components = codec.to_components(cleaned)
        usual = codec.encode_components(components)
        for phase_s in (-0.05, 0.02):
            moved = codec.encode_components(components, phase_s=phase_s)
            assert moved != usual
            decoded = codec.decode(moved, strict=True)
            errors = [np.sqrt(np.mean((x - cleaned) ** 2)) for x in (decoded, codec.decode(usual))]
            assert errors[0] < 1.5 * errors[1]


def test_a_share_of_the_tokens_is_left_out_and_never_the_markers():
    ids = list(range(1000, 1400))
    kept = Augmentation(token_dropout=0.2).kept(ids, np.random.default_rng(1))
    assert kept == sorted(kept)
    assert (kept[0], kept[-1]) == (1000, 1399)
    assert len(kept) == pytest.approx(320, abs=30)
    assert Augmentation().kept(ids, np.random.default_rng(1)) == ids
    assert Augmentation(token_dropout=0.9).kept([5, 6], np.random.default_rng(0)) == [5, 6]


@pytest.mark.parametrize(
    ("strengths", "message"),
    [
        ({"shift": 1.0}, "has no 'shift'; it has share"),
        ({"turn": 1.5}, "turn 1.5 must be 0 to 1"),
        ({"noise": "much"}, "noise 'much' must be 0 to 1"),
        ({"gain": float("nan")}, "gain nan"),
        ({"share": True}, "share True"),
        ({"window_s": 1.0}, "window_s 1.0 must be 2 to 10"),
        ({"phase_ms": 60.0}, "phase_ms 60.0 must be 0 to 50"),
        ({"token_dropout": 1.0}, "token_dropout 1.0 must be 0 to 0.9"),
    ],
)
def test_senseless_strengths_are_refused(strengths, message):
    with pytest.raises(EcgByteError, match=message):
        Augmentation.of(strengths)
