"""A whole measurement, of readers that are made up: what is asked, and what comes out of it."""

import pytest

from ecg_byte_hf.corpora import scp_questions
from ecg_byte_hf.reading.measuring import FLAT, answer_all, sample_reports, summarise
from ecg_byte_hf.reading.responding import Response

PATIENTS = {f"r{i}": f"p{i}" for i in range(40)}
NORMAL = {record: i % 2 == 0 for i, record in enumerate(PATIENTS)}


def rows(**more):
    text = scp_questions.ATTRIBUTES[0].statements[0].verify[0]
    return [
        {
            "question_id": f"{record}:superclass",
            "record_id": record,
            "patient_id": PATIENTS[record],
            "question_type": "verify",
            "attribute": "superclass",
            "question": text,
            "options": [],
            "answer": "yes" if NORMAL[record] else "no",
            **more,
        }
        for record in PATIENTS
    ]


def seeing(asked):
    """A reader that sees every ECG, says yes to a flat one, and notes what it is asked."""

    def respond(asks, advance):
        asked.extend(asks)
        found = {}
        for ask in asks:
            yes = all(NORMAL.get(record, True) for record in ask.ecgs)
            text = ("yes" if yes else "no") if ask.greedy else None
            found[ask] = Response(text, 0.9 if yes else 0.2)
            advance()
        return found

    return respond


def measured(asked, questions, **more):
    runs = answer_all(
        seeing(asked), seeing([]), questions, questions, PATIENTS, lambda kind: 4, quiet=True
    )
    return summarise(runs, **more)


def test_a_reader_that_sees_is_above_every_control():
    asked = []
    result = measured(asked, rows())
    assert result["accuracy"]["overall"] == 1.0
    assert result["accuracy"]["auroc"]["macro"]["superclass"]["auroc"] == 1.0
    for control in ("blind", "blackout", "majority"):
        assert result[control]["overall"] == 0.5
    assert result["shuffled"]["n"] == 3 * 40
    assert result["shuffled"]["overall"] == pytest.approx(0.5, abs=0.15)
    assert result["blackout"]["auroc"]["macro"]["superclass"]["auroc"] == 0.5
    low, high = result["accuracy"]["above_blind"]["interval"]
    assert 0.3 < low < 0.5 < high < 0.7
    assert result["blind"]["above_blind"] is None
    assert result["not_made"] == {}
    # One flat ECG and one wording: that is one question, whoever it is asked about.
    assert sum(ask.ecgs == (FLAT,) for ask in asked) == 1
    assert measured([], rows()) == result


def test_questions_that_balancing_did_not_choose_count_for_auroc_alone():
    questions = rows()
    extra = [row | {"balanced": False, "question_id": row["question_id"] + "+"} for row in rows()]
    for row in extra[:30]:
        row["answer"] = "no" if row["answer"] == "yes" else "yes"
    result = measured([], [*questions, *extra])
    assert result["accuracy"]["n"] == 40
    assert result["accuracy"]["overall"] == 1.0
    finding = result["accuracy"]["auroc"]["findings"]["superclass/NORM"]
    assert finding["yes"] + finding["no"] == 80
    assert finding["auroc"] < 1


def test_every_ecg_of_a_comparison_is_replaced():
    asked = []
    two = [row | {"record_ids": [row["record_id"], "r39"]} for row in rows()[:10]]
    measured(asked, [*rows(), *two])
    pairs = {ask.ecgs for ask in asked if len(ask.ecgs) == 2}
    assert (FLAT, FLAT) in pairs
    own = {tuple(row["record_ids"]) for row in two}
    assert own < pairs
    others = pairs - own - {(FLAT, FLAT)}
    assert others
    assert all("r39" not in pair and len(set(pair)) == 2 for pair in others)


def test_one_patient_alone_has_no_shuffled_control():
    result = measured([], rows()[:1] * 2)
    assert result["shuffled"] is None
    assert "several patients" in result["not_made"]["shuffled"]
    assert result["accuracy"]["interval"] is None


def test_reports_are_drawn_and_scored_per_language():
    reports = [
        row | {"question_type": "report", "attribute": f"report {language}", "answer": "yes"}
        for language in ("German", "English")
        for row in rows()
    ]
    questions = sample_reports([*rows(), *reports], 20, seed=3)
    assert len(questions) == 60
    assert questions == sample_reports([*rows(), *reports], 20, seed=3)
    result = measured([], questions)
    scores = result["accuracy"]["reports"]
    assert set(scores) == {"report English", "report German"}
    assert sum(one["n"] for one in scores.values()) == 20
    assert 0 < scores["report German"]["rouge_l"] < 1
    assert result["accuracy"]["counts"] == {"verify": 40}
