"""What the truth says must be found in the signal by measuring it, not by reading the truth."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import islice

import numpy as np
import pytest
from scipy.signal import butter, find_peaks, sosfiltfilt

from ecg_byte_hf.corpora.simulated_heart import WALL_LEADS
from ecg_byte_hf.corpora.simulation import SimulatedRecord, simulate
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.leads import STANDARD_LEADS
from ecg_byte_hf.hub_code.signal_checks import check_millivolts

RATE = 500
BEFORE, AFTER = 150, 300


@pytest.fixture(scope="module")
def drawn() -> list[SimulatedRecord]:
    return list(simulate(200, seed=5))


@pytest.fixture(scope="module")
def many() -> list[SimulatedRecord]:
    """Enough for frequencies; short and slow, since nobody looks at these signals."""
    return list(simulate(1200, seed=6, sampling_rate=100, duration_s=6))


def median_beat(one: SimulatedRecord) -> np.ndarray:
    """(12, samples) of conducted beats from 0.3 s before to 0.6 s after the QRS onset.

    The 80 to 20 ms before the onset have P or nothing; the last 16 ms before it are the baseline.
    """
    signal = one.record.signal.astype(np.float64)
    beats = []
    for onset_s, ectopic in zip(one.truth["qrs_onsets_s"], one.truth["ectopic"], strict=True):
        at = round(onset_s * RATE)
        if not ectopic and at >= BEFORE and at + AFTER <= signal.shape[1]:
            beat = signal[:, at - BEFORE : at + AFTER]
            beats.append(beat - beat[:, BEFORE - 8 : BEFORE].mean(axis=1, keepdims=True))
    return np.median(beats, axis=0)


def qrs_of(one: SimulatedRecord) -> np.ndarray:
    return median_beat(one)[:, BEFORE : BEFORE + round(one.truth["qrs_ms"] * RATE / 1000)]


def test_leads_obey_einthoven_and_goldberger(drawn):
    for one in drawn[:20]:
        lead = dict(zip(STANDARD_LEADS, one.record.signal.astype(np.float64), strict=True))
        np.testing.assert_allclose(lead["III"], lead["II"] - lead["I"], atol=1e-6)
        np.testing.assert_allclose(lead["aVR"], -(lead["I"] + lead["II"]) / 2, atol=1e-6)
        np.testing.assert_allclose(lead["aVL"], lead["I"] - lead["II"] / 2, atol=1e-6)
        np.testing.assert_allclose(lead["aVF"], lead["II"] - lead["I"] / 2, atol=1e-6)


def test_records_are_what_the_rest_of_the_package_expects(drawn):
    for one in drawn:
        assert one.record.signal.shape == (12, 5000)
        assert one.record.signal.dtype == np.float32
        assert one.record.lead_names == STANDARD_LEADS
        check_millivolts(one.record.signal)
        assert json.loads(json.dumps(one.truth)) == one.truth


def test_a_record_depends_on_seed_and_number_alone(drawn):
    for again in simulate(3, seed=5, start=40):
        first = next(one for one in drawn if one.record.record_id == again.record.record_id)
        np.testing.assert_array_equal(again.record.signal, first.record.signal)
        assert (again.truth, again.patient_id, again.split, again.age) == (
            first.truth,
            first.patient_id,
            first.split,
            first.age,
        )
    other_seed = next(simulate(1, seed=4))
    assert not np.allclose(other_seed.record.signal, drawn[0].record.signal)


def test_the_sampling_rate_changes_nothing_but_the_sampling():
    for fine, coarse in zip(
        simulate(9, seed=8), simulate(9, seed=8, sampling_rate=250), strict=True
    ):
        assert fine.truth == coarse.truth
        if fine.truth["noise"] == "none":
            # What differs is the recorder's own noise of a few uV.
            difference = fine.record.signal[:, ::2] - coarse.record.signal
            assert np.sqrt(np.mean(difference**2)) < 0.02


def test_patients_have_one_or_two_records_in_one_split(many):
    records = Counter(one.patient_id for one in many)
    assert set(records.values()) == {1, 2}
    traits = defaultdict(set)
    for one in many:
        traits[one.patient_id].add(
            (one.split, one.sex, one.age, one.truth["bundle_branch_block"], one.truth["voltage"])
        )
    assert {len(seen) for seen in traits.values()} == {1}
    share = Counter(next(iter(seen))[0] for seen in traits.values())
    assert share["train"] == 8 * share["validation"] == 8 * share["test"]


def test_two_records_of_a_patient_differ(drawn):
    by_patient = defaultdict(list)
    for one in drawn:
        by_patient[one.patient_id].append(one.record.signal)
    pair = next(signals for signals in by_patient.values() if len(signals) == 2)
    assert not np.allclose(*pair)


def test_abnormalities_are_frequent_and_plausible_together(many):
    share = {
        key: {value: n / len(many) for value, n in Counter(o.truth[key] for o in many).items()}
        for key in ("rhythm", "rate_class", "axis", "bundle_branch_block", "st", "voltage", "noise")
    }
    for key, shares in share.items():
        for value, part in shares.items():
            assert 0.18 <= part <= 0.75, (key, value, part)
    for one in many:
        if one.truth["bundle_branch_block"] == "left":
            assert one.truth["st"] == "none"
        if one.truth["bundle_branch_block"] != "none":
            assert one.truth["voltage"] != "high"


def test_r_peaks_and_rate_are_found_by_a_detector(drawn):
    """A plain detector on the slope energy of all leads finds the beats that truth lists."""
    band = butter(2, [8, 30], "bandpass", fs=RATE, output="sos")
    hits = beats = false = 0
    for one in drawn:
        slope = np.gradient(sosfiltfilt(band, one.record.signal, axis=1), axis=1)
        energy = np.convolve(np.square(slope).sum(axis=0), np.ones(40) / 40, mode="same")
        found, _ = find_peaks(energy, height=0.14 * np.quantile(energy, 0.98), distance=120)
        truth = np.array(one.truth["r_peaks_s"])
        truth = truth[(truth > 0.2) & (truth < 9.8)]
        close = np.abs(truth[:, None] - found[None, :] / RATE) < 0.08
        hits += close.any(axis=1).sum()
        beats += len(truth)
        false += (~close.any(axis=0)).sum()
    assert hits / beats > 0.97
    assert false / beats < 0.06


def test_rate_classes_leave_gaps(many):
    limits = {"slow": (35, 59), "normal": (61, 95), "fast": (100, 150)}
    for one in many:
        low, high = limits[one.truth["rate_class"]]
        assert low < one.truth["heart_rate_bpm"] < high


def test_fibrillation_is_irregular_and_sinus_rhythm_is_not(drawn):
    for one in drawn:
        intervals = np.diff(one.truth["r_peaks_s"])
        spread = intervals.std() / intervals.mean()
        if one.truth["rhythm"] == "atrial fibrillation":
            assert spread > 0.12
        elif one.truth["rhythm"] == "sinus rhythm":
            assert spread < 0.04


def test_only_conducted_sinus_beats_have_a_p_wave(drawn):
    """Lead II before the QRS: a P of the same shape in every beat, or fibrillatory waves."""
    height = defaultdict(list)
    for one in drawn:
        if one.truth["rate_class"] != "fast":  # where T would reach into the window
            lead = median_beat(one)[1, BEFORE - 100 : BEFORE]
            height[one.truth["rhythm"]].append(np.ptp(lead))
    assert (one_p := np.median(height["sinus rhythm"])) > 0.08
    assert np.median(height["ventricular ectopics"]) > 0.08
    assert np.median(height["atrial fibrillation"]) < 0.65 * one_p


def test_fibrillatory_waves_fill_the_pause_in_v1(drawn):
    """RMS of V1 in 4-9 Hz in the last 0.2 s before P would come, where no muscle trembles."""
    band = butter(2, [4, 9], "bandpass", fs=RATE, output="sos")
    size = defaultdict(list)
    for one in drawn:
        if one.truth["rate_class"] == "slow" and one.truth["noise"] != "muscle":
            v1 = sosfiltfilt(band, one.record.signal[6])
            for onset_s in one.truth["qrs_onsets_s"][1:]:
                at = round(onset_s * RATE)
                size[one.truth["rhythm"]].append(np.std(v1[at - 200 : at - 110]))
    assert np.median(size["atrial fibrillation"]) > 2 * np.median(size["sinus rhythm"])


def test_ectopics_are_early_wide_and_followed_by_a_compensatory_pause(drawn):
    seen = 0
    for one in drawn:
        if one.truth["rhythm"] != "ventricular ectopics":
            assert not any(one.truth["ectopic"])
            continue
        onset, ectopic = np.array(one.truth["qrs_onsets_s"]), np.array(one.truth["ectopic"])
        usual = 60 / one.truth["heart_rate_bpm"]
        for at in np.flatnonzero(ectopic[1:-1]) + 1:
            assert onset[at] - onset[at - 1] < 0.80 * usual
            assert onset[at + 1] - onset[at - 1] == pytest.approx(2 * usual, rel=0.15)
            seen += 1
    assert seen > 100


def test_ectopic_beats_have_a_discordant_t(drawn):
    correlations = []
    for one in drawn:
        for onset_s, ectopic in zip(one.truth["qrs_onsets_s"], one.truth["ectopic"], strict=True):
            at = round(onset_s * RATE)
            if ectopic and at + 220 < 5000:
                signal = one.record.signal
                qrs = signal[:, at : at + 80].mean(axis=1)
                t_wave = signal[:, at + 110 : at + 200].mean(axis=1)
                correlations.append(np.corrcoef(qrs, t_wave)[0, 1])
    assert np.median(correlations) < -0.5


def test_axis_is_that_of_the_net_qrs_area(drawn):
    errors = defaultdict(list)
    classes = {"normal": (-10, 85), "left": (-85, -30), "right": (98, 150)}
    for one in drawn:
        area = qrs_of(one).sum(axis=1)
        axis = np.degrees(np.arctan2(2 / np.sqrt(3) * area[5], area[0]))
        off = (axis - one.truth["axis_deg"] + 180) % 360 - 180
        fibrillates = one.truth["rhythm"] == "atrial fibrillation"
        errors[fibrillates].append(abs(off))
        low, high = classes[one.truth["axis"]]
        assert low < one.truth["axis_deg"] < high
    assert max(errors[False]) < 15
    # Fibrillatory waves weigh on a small net area.
    assert np.quantile(errors[True], 0.9) < 20


def test_st_deviates_in_the_leads_of_its_wall(drawn):
    for one in drawn:
        beat = median_beat(one)
        at = BEFORE + round((one.truth["qrs_ms"] / 1000 + 0.060) * RATE)
        level = dict(zip(STANDARD_LEADS, beat[:, at - 3 : at + 4].mean(axis=1), strict=True))
        walls = {w: np.mean([level[lead] for lead in leads]) for w, leads in WALL_LEADS.items()}
        for wall, value in walls.items():
            assert value == pytest.approx(one.truth["st_mV"][wall], abs=0.13)
        if one.truth["st"] != "none":
            sign = 1 if one.truth["st"] == "elevation" else -1
            strongest = max(one.truth["st_mV"], key=lambda wall: sign * one.truth["st_mV"][wall])
            assert strongest == one.truth["st_wall"]
            assert sign * one.truth["st_mV"][strongest] > 0.1
        elif one.truth["bundle_branch_block"] != "left":
            assert max(map(abs, one.truth["st_mV"].values())) < 0.05


def test_inferior_elevation_has_its_reciprocal_depression_in_avl(drawn):
    seen = [o for o in drawn if (o.truth["st"], o.truth["st_wall"]) == ("elevation", "inferior")]
    assert len(seen) > 5
    for one in seen:
        at = BEFORE + round((one.truth["qrs_ms"] / 1000 + 0.060) * RATE)
        assert median_beat(one)[STANDARD_LEADS.index("aVL"), at - 3 : at + 4].mean() < -0.03


def test_bundle_branch_block_widens_the_qrs(drawn):
    """Width of the summed magnitude of the leads above a tenth of its maximum."""
    width = defaultdict(list)
    for one in drawn:
        if one.truth["voltage"] != "low" and one.truth["noise"] == "none":
            magnitude = np.abs(median_beat(one)[:, BEFORE : BEFORE + 100]).sum(axis=0)
            slope = np.abs(np.gradient(magnitude))
            wide = np.flatnonzero(slope > 0.1 * slope.max())
            width[one.truth["bundle_branch_block"]].append((wide[-1] - wide[0]) * 1000 / RATE)
    for side in ("left", "right"):
        assert np.median(width[side]) > 1.35 * np.median(width["none"])
        assert (
            np.min([o.truth["qrs_ms"] for o in drawn if o.truth["bundle_branch_block"] == side])
            >= 120
        )
    assert max(o.truth["qrs_ms"] for o in drawn if o.truth["bundle_branch_block"] == "none") < 110


def test_bundle_branch_blocks_look_like_themselves_in_v1_and_v6(drawn):
    """The last 40 % of the QRS: to the front in RBBB (R' in V1, S in V6), to the left in LBBB."""
    for one in drawn:
        side = one.truth["bundle_branch_block"]
        if side != "none":
            qrs = qrs_of(one)
            late = qrs[:, round(0.6 * qrs.shape[1]) : round(0.85 * qrs.shape[1])].mean(axis=1)
            sign = 1 if side == "right" else -1
            assert sign * late[STANDARD_LEADS.index("V1")] > 0
            assert sign * late[STANDARD_LEADS.index("V6")] < 0


def test_voltage_criteria_hold_in_the_signal(drawn):
    for one in drawn:
        qrs = qrs_of(one)
        v1, v5, v6 = (qrs[STANDARD_LEADS.index(lead)] for lead in ("V1", "V5", "V6"))
        sokolow_lyon = -v1.min() + max(v5.max(), v6.max())
        limb = np.ptp(qrs[:6], axis=1).max()
        if one.truth["voltage"] == "high":
            assert sokolow_lyon >= 3.5
        else:
            assert sokolow_lyon < 3.3
        assert (limb < 0.5) == (one.truth["voltage"] == "low")


def test_muscle_noise_mains_and_wander_are_where_truth_says(drawn):
    high = butter(4, 70, "highpass", fs=RATE, output="sos")
    low = butter(2, 0.4, "lowpass", fs=RATE, output="sos")
    tremor, wander = defaultdict(list), defaultdict(list)
    hum = defaultdict(list)
    for one in drawn:
        signal = one.record.signal.astype(np.float64)
        tremor[one.truth["noise"]].append(np.median(np.abs(sosfiltfilt(high, signal, axis=1))))
        spectrum = np.abs(np.fft.rfft(signal[[0, 1, 6]], axis=1)).mean(axis=0)
        # 0.1 Hz a bin: 50 and 60 Hz against their neighbourhood.
        hum[one.truth["noise"]].append(
            max(spectrum[500], spectrum[600]) / np.median(spectrum[450:650])
        )
        wander[one.truth["baseline_wander"]].append(
            np.std(sosfiltfilt(low, signal[:, 500:-500], axis=1))
        )
    assert min(tremor["muscle"]) > 2 * max(tremor["none"])
    assert min(hum["mains"]) > 3 * np.quantile(hum["none"], 0.9)
    assert np.median(wander[True]) > 2 * np.median(wander[False])


def test_short_records_and_low_sampling_rates_work():
    for one in simulate(30, seed=1, sampling_rate=100, duration_s=2):
        assert one.record.signal.shape == (12, 200)
        assert np.isfinite(one.record.signal).all()
        assert np.isfinite(one.truth["heart_rate_bpm"])
        assert one.truth["noise"] != "mains" or one.record.sampling_rate > 111


def test_records_come_one_at_a_time():
    assert len(list(islice(simulate(10**9), 2))) == 2


@pytest.mark.parametrize(
    "wrong", [{"sampling_rate": 20}, {"duration_s": 1.0}, {"seed": -1}, {"start": -1}]
)
def test_impossible_requests_are_refused_at_once(wrong):
    with pytest.raises(EcgByteError, match="simulation"):
        simulate(1, **wrong)
