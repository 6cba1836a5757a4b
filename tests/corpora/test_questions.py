"""Guessing must pay nothing, and the answers must be true."""

from __future__ import annotations

import ast
import csv
from collections import Counter, defaultdict

import numpy as np
import pytest

from ecg_byte_hf.corpora.question_balance import (
    MIN_RECORDS_PER_ANSWER,
    Attribute,
    Finding,
    Statement,
    balanced_questions,
)
from ecg_byte_hf.corpora.question_templates import (
    ATTRIBUTES,
    finding_from_truth,
    report_from_truth,
)
from ecg_byte_hf.corpora.questions import (
    QUESTION_TYPES,
    questions_from_ptb_xl,
    questions_from_truth,
)
from ecg_byte_hf.corpora.scp_questions import ATTRIBUTES as SCP_ATTRIBUTES
from ecg_byte_hf.corpora.scp_questions import DIAGNOSES, finding_from_scp
from ecg_byte_hf.corpora.simulation import simulate

BY_NAME = {attribute.name: attribute for attribute in ATTRIBUTES}
SCP_BY_NAME = {attribute.name: attribute for attribute in SCP_ATTRIBUTES}
COLUMNS = [
    "question_id",
    "record_id",
    "record_ids",
    "patient_id",
    "question_type",
    "attribute",
    "question",
    "options",
    "answer",
    "balanced",
]


@pytest.fixture(scope="module")
def rows():
    """Rows of 2,000 simulated records by split; short and slow, since only the truth is read."""
    by_split = defaultdict(list)
    for one in simulate(2000, seed=0, sampling_rate=80, duration_s=4):
        by_split[one.split].append(
            {
                "record_id": one.record.record_id,
                "patient_id": one.patient_id,
                "sex": one.sex,
                "age": one.age,
                "truth": one.truth,
            }
        )
    return dict(by_split)


@pytest.fixture(scope="module")
def asked(rows):
    return {split: questions_from_truth(of_split, seed=0) for split, of_split in rows.items()}


@pytest.fixture(scope="module")
def ptb_xl(ecg_byte_data):
    """Rows of the PTB-XL subset: training and validation."""
    by_split = {"train": [], "validation": []}
    with open(ecg_byte_data / "ptb-xl" / "ptbxl_database.csv", newline="") as lines:
        for row in csv.DictReader(lines):
            split = "train" if int(row["strat_fold"]) < 9 else "validation"
            by_split[split].append(
                {
                    "record_id": row["ecg_id"],
                    "patient_id": row["patient_id"],
                    "scp_codes": ast.literal_eval(row["scp_codes"]),
                    "report": row["report"],
                }
            )
    return by_split


def short(questions):
    """All but the reports."""
    return [q for q in questions if q["question_type"] != "report"]


def assert_balanced(questions):
    """Within every text (and options, in order) each answer that occurs does so equally often."""
    answers = defaultdict(Counter)
    for q in short(q for q in questions if q["balanced"]):
        answers[q["question_type"], q["attribute"], q["question"], *q["options"]][q["answer"]] += 1
    for (kind, attribute, text, *options), counts in answers.items():
        assert len(set(counts.values())) == 1, (attribute, text, counts)
        if kind == "verify":
            assert set(counts) == {"yes", "no"}
        elif kind == "choose":
            assert set(counts) == set(options)
            assert len(options) == 2
        else:
            assert len(counts) >= 2


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_every_text_has_each_of_its_answers_equally_often(asked, split):
    assert_balanced(asked[split])


@pytest.mark.parametrize("keys", [("question", "options"), ("attribute",), ("question",)])
def test_a_guesser_that_knows_the_texts_gets_chance(asked, keys):
    """The best table of training answers, by all or part of the text, on the validation split."""

    def key(q):
        return (q["question_type"], *(str(q[k]) for k in keys))

    table, anything = defaultdict(Counter), defaultdict(Counter)
    for q in short(asked["train"]):
        table[key(q)][q["answer"]] += 1
        anything[q["question_type"]][q["answer"]] += 1
    right, chance, count = Counter(), Counter(), Counter()
    for q in short(asked["validation"]):
        kind = q["question_type"]
        guess = (table[key(q)] or anything[kind]).most_common(1)[0][0]
        right[kind] += guess == q["answer"]
        chance[kind] += 1 / 2 if kind != "query" else 1 / len(BY_NAME[q["attribute"]].statements)
        count[kind] += 1
    for kind in ("verify", "choose", "query"):
        assert right[kind] / count[kind] <= chance[kind] / count[kind] + 0.03
    assert right["verify"] / count["verify"] == 0.5


def test_the_place_of_the_right_option_says_nothing(asked):
    for questions in asked.values():
        choices = [q for q in questions if q["question_type"] == "choose"]
        first = [q["options"][0] == q["answer"] for q in choices]
        assert np.mean(first) == 0.5
        orders = Counter(tuple(q["options"]) for q in choices if q["attribute"] == "axis")
        for (one, other), n in orders.items():
            assert orders[other, one] == pytest.approx(n, abs=4)


def test_there_are_enough_questions_to_measure_with(asked, rows):
    for split in ("validation", "test"):
        assert len(short(asked[split])) >= 4 * len(rows[split])
    kinds = Counter(q["question_type"] for q in asked["validation"])
    assert min(kinds.values()) >= 200
    assert set(kinds) == set(QUESTION_TYPES) - {"numeric"}


def test_rows_have_the_columns_of_a_corpus_and_one_question_per_attribute(asked, rows):
    records = {row["record_id"]: row["patient_id"] for of in rows.values() for row in of}
    for questions in asked.values():
        for q in questions:
            assert list(q) == COLUMNS
            assert records[q["record_id"]] == q["patient_id"]
            assert q["question_type"] == "choose" or q["options"] == []
        assert len({q["question_id"] for q in questions}) == len(questions)
        assert max(Counter((q["record_id"], q["attribute"]) for q in questions).values()) == 1


def test_answers_are_true(asked, rows):
    truth = {row["record_id"]: row["truth"] for of in rows.values() for row in of}
    for q in short(asked["validation"]):
        attribute = BY_NAME[q["attribute"]]
        finding = finding_from_truth(attribute, truth[q["record_id"]])
        shown = [s for s in attribute.statements if s.value in finding.present]
        if q["question_type"] == "verify":
            about = next(s for s in attribute.statements if q["question"] in s.verify)
            assert q["answer"] == ("yes" if about in shown else "no")
        else:
            assert [s.answer for s in shown] == [q["answer"]]


def test_texts_are_told_apart():
    """No text stands for two statements, and a query is not worded like a choice."""
    texts = Counter()
    for attribute in ATTRIBUTES:
        for statement in attribute.statements:
            texts.update(statement.verify)
            assert len(statement.answer.split()) <= 3
        texts.update(attribute.query)
    assert set(texts.values()) == {1}


def test_st_is_not_asked_in_left_bundle_branch_block(asked, rows):
    blocked = {
        row["record_id"]
        for of in rows.values()
        for row in of
        if row["truth"]["bundle_branch_block"] == "left"
    }
    about_st = [q for q in short(asked["train"]) if q["attribute"].startswith("st")]
    assert about_st
    assert not any(q["record_id"] in blocked for q in about_st)


def test_same_seed_same_questions(asked, rows):
    assert questions_from_truth(rows["test"], seed=0) == asked["test"]
    assert questions_from_truth(rows["test"], seed=1) != asked["test"]


def test_report_says_what_is_true(rows):
    for row in rows["test"]:
        truth, report = row["truth"], report_from_truth(row["truth"])
        assert ("fibrillation" in report) == (truth["rhythm"] == "atrial fibrillation")
        assert ("bundle branch block" in report) == (truth["bundle_branch_block"] != "none")
        assert ("hypertrophy" in report) == (truth["voltage"] == "high")
        assert (f"ST {truth['st']} in the {truth['st_wall']} leads" in report) == (
            truth["st"] != "none"
        )


def test_no_rows_give_no_questions():
    assert questions_from_truth([]) == []
    assert questions_from_ptb_xl([]) == []


def test_what_too_few_show_is_not_asked():
    attribute = Attribute(
        "colour",
        (Statement("a", "a", ("a?",)), Statement("b", "b", ("b?",)), Statement("c", "c", ("c?",))),
        choose=("{first} or {second}?",),
        query=("which?",),
    )
    values = frozenset("abc")
    rare = MIN_RECORDS_PER_ANSWER - 1
    findings = [Finding(frozenset(v), values - {v}) for v in "a" * 40 + "b" * 30 + "c" * rare] + [
        None
    ] * 5
    asked = balanced_questions(attribute, findings, seed=0)
    assert {question.index for question in asked} <= set(range(70 + rare))
    for question in asked:
        assert question.question != "c?"
        assert question.answer != "c"
        assert "c" not in question.options
    assert len(asked) >= 50


def test_uncertain_and_unstated_likelihoods():
    superclass = SCP_BY_NAME["superclass"]
    found = finding_from_scp(superclass, {"IMI": 15.0, "LVH": 100.0, "NDT": 0.0, "SR": 0.0})
    assert found.present == {"HYP", "STTC"}
    assert found.absent == {"NORM", "CD"}
    assert finding_from_scp(superclass, ["NORM", "SR"]).present == {"NORM"}
    assert finding_from_scp(superclass, {"SR": 0.0}) is None


def test_sinus_tachycardia_is_neither_sinus_rhythm_nor_not():
    found = finding_from_scp(SCP_BY_NAME["rhythm"], ["STACH", "SR"])
    assert found.present == {"STACH"}
    assert "SR" not in found.absent
    assert finding_from_scp(SCP_BY_NAME["rhythm"], ["NORM"]) is None


def test_diagnoses_are_those_of_ptb_xl(ecg_byte_data):
    ours = {
        code: superclass
        for superclass, subclasses in DIAGNOSES.items()
        for codes in subclasses.values()
        for code in codes
    }
    with open(ecg_byte_data / "ptb-xl" / "scp_statements.csv", newline="") as lines:
        theirs = {
            row[""]: row["diagnostic_class"]
            for row in csv.DictReader(lines)
            if row["diagnostic"] == "1.0"
        }
    assert ours == theirs


@pytest.mark.parametrize("split", ["train", "validation"])
def test_ptb_xl_questions_are_balanced_and_true(ptb_xl, split):
    rows = ptb_xl[split]
    questions = questions_from_ptb_xl(rows, seed=0)
    assert_balanced(questions)
    assert len(short(questions)) > len(rows)
    codes = {row["record_id"]: row["scp_codes"] for row in rows}
    for q in short(questions):
        attribute = SCP_BY_NAME[q["attribute"]]
        found = finding_from_scp(attribute, codes[q["record_id"]])
        if q["question_type"] == "verify":
            about = next(s for s in attribute.statements if q["question"] in s.verify)
            assert about.value in (found.present if q["answer"] == "yes" else found.absent)
        else:
            assert q["answer"] in {
                s.answer for s in attribute.statements if s.value in found.present
            }
    reports = {q["record_id"]: q["answer"] for q in questions if q["question_type"] == "report"}
    assert all(
        reports[r["record_id"]] == " ".join(r["report"].split())
        for r in rows
        if r["report"].strip()
    )


@pytest.mark.parametrize("split", ["train", "validation"])
def test_every_ptb_xl_ecg_is_asked_once_about_every_known_superclass(ptb_xl, split):
    rows = ptb_xl[split]
    questions = questions_from_ptb_xl(rows, seed=0)
    superclass = SCP_BY_NAME["superclass"]
    value_of = {text: one.value for one in superclass.statements for text in one.verify}
    asked = defaultdict(dict)
    for q in questions:
        if q["question_type"] == "verify" and q["attribute"] == "superclass":
            value = value_of[q["question"]]
            assert value not in asked[q["record_id"]]
            asked[q["record_id"]][value] = q["answer"]
    for row in rows:
        found = finding_from_scp(superclass, row["scp_codes"])
        known = {} if found is None else dict.fromkeys(found.absent, "no")
        known |= {} if found is None else dict.fromkeys(found.present, "yes")
        assert asked[row["record_id"]] == known
    assert len({q["question_id"] for q in questions}) == len(questions)
    assert all(q["record_ids"] == [q["record_id"]] for q in questions)
    assert {q["attribute"] for q in questions if not q["balanced"]} == {"superclass"}
    # Neither the wording nor the presence of a balanced question says the answer.
    wordings = Counter(q["question"] for q in questions if not q["balanced"])
    assert len(wordings) == 10
    assert questions == questions_from_ptb_xl(rows, seed=0)
