import numpy as np
import pytest

from ecg_byte_hf.corpora import scp_questions
from ecg_byte_hf.reading.intervals import PatientBootstrap
from ecg_byte_hf.reading.scoring import Scored
from ecg_byte_hf.reading.yes_no import auroc, finding_asked, finding_aurocs


def pairs_won(p_yes, yes):
    """AUROC by its meaning: the share of pairs of a yes and a no that are in the right order."""
    won = [1.0 if a > b else 0.5 if a == b else 0.0 for a in p_yes[yes] for b in p_yes[~yes]]
    return np.mean(won)


def test_auroc_is_the_share_of_pairs_in_the_right_order():
    rng = np.random.default_rng(0)
    yes = rng.random(80) < 0.3
    p_yes = np.round(rng.random(80) + 0.4 * yes, 1)
    assert auroc(p_yes, yes) == pytest.approx(pairs_won(p_yes, yes))
    times = rng.integers(0, 3, (4, 80))
    for weights, area in zip(times, auroc(p_yes, yes, times), strict=True):
        drawn = np.repeat(np.arange(80), weights)
        assert area == pytest.approx(pairs_won(p_yes[drawn], yes[drawn]))
    assert np.isnan(auroc([0.1, 0.2], [True, True]))


def test_ways_to_ask_for_one_finding_go_together():
    for attribute in scp_questions.ATTRIBUTES:
        for statement in attribute.statements:
            for text in statement.verify:
                assert finding_asked(attribute.name, text.upper()) == statement.value
    assert finding_asked("diagnosis", "Is it  odd?") == "Is it odd?"


def scored(record, value, p_yes, answer):
    texts = {s.value: s.verify for s in scp_questions.ATTRIBUTES[0].statements}[value]
    return Scored(
        question_id=f"{record}:{value}",
        record_id=record,
        patient_id=record,
        question_type="verify",
        attribute="superclass",
        question=texts[len(record) % 2],
        answer=answer,
        given=None,
        p_yes=p_yes,
        balanced=False,
    )


def test_macro_is_the_mean_over_findings_with_enough_of_either():
    rng = np.random.default_rng(0)
    rows, areas = [], []
    for value, helps in (("NORM", 1.0), ("MI", 0.3)):
        yes = np.arange(40) % 4 == 0
        p_yes = rng.random(40) + helps * yes
        areas.append(pairs_won(p_yes, yes))
        rows += [
            scored(str(i), value, p, "yes" if y else "no")
            for i, (p, y) in enumerate(zip(p_yes, yes, strict=True))
        ]
    rows += [scored(str(i), "HYP", 0.5, "yes" if i < 4 else "no") for i in range(40)]
    result = finding_aurocs(rows, PatientBootstrap(one.patient_id for one in rows))
    assert set(result["findings"]) == {"superclass/NORM", "superclass/MI"}
    assert result["findings"]["superclass/MI"]["auroc"] == pytest.approx(areas[1], abs=1e-4)
    assert result["findings"]["superclass/MI"]["yes"] == 10
    macro = result["macro"]["superclass"]
    assert macro["auroc"] == pytest.approx(np.mean(areas), abs=1e-4)
    assert macro["values"] == ["MI", "NORM"]
    low, high = macro["interval"]
    assert low < macro["auroc"] < high
    assert finding_aurocs([], PatientBootstrap(["a", "b"])) is None


def test_an_ecg_shown_instead_three_times_makes_no_finding_frequent():
    rows = [scored(str(i), "CD", 0.5, "yes" if i < 2 else "no") for i in range(20)] * 3
    assert finding_aurocs(rows, PatientBootstrap(one.patient_id for one in rows)) is None
