"""A whole measurement: of readers that are made up what is asked, of a Llama that it all fits."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.corpora import open_questions, scp_questions
from ecg_byte_hf.corpora.columns import question_features
from ecg_byte_hf.corpora.simulation import simulate
from ecg_byte_hf.hub.model_card import model_card
from ecg_byte_hf.reading import evaluation
from ecg_byte_hf.reading.answering import ask
from ecg_byte_hf.reading.comparison import compare, comparison_table
from ecg_byte_hf.reading.evaluation import evaluate
from ecg_byte_hf.reading.loading import load_reader
from ecg_byte_hf.reading.measuring import FLAT, answer_all, sample_reports, summarise
from ecg_byte_hf.reading.responding import Response
from ecg_byte_hf.reading.scoring import ids_sha256
from ecg_byte_hf.reading.tables import print_accuracies

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
        for one in asks:
            yes = all(NORMAL.get(record, True) for record in one.ecgs)
            text = ("yes" if yes else "no") if one.greedy else None
            found[one] = Response(text, 0.9 if yes else 0.2)
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
    assert result["accuracy"]["above_majority"]["overall"] == 0.5
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


def test_every_ecg_counts_once_in_the_auroc_of_others_ecgs():
    questions = rows()
    for row in questions[::3]:
        row["balanced"] = False

    def summary(shuffles):
        runs = answer_all(
            *(seeing([]), seeing([]), questions, questions, PATIENTS, lambda kind: 4),
            shuffles=shuffles,
            quiet=True,
        )
        return summarise(runs)["shuffled"]

    once, thrice = summary(1), summary(3)
    assert thrice["n"] == 3 * once["n"]
    assert thrice["auroc"] == once["auroc"]
    assert thrice["auroc"]["findings"]["superclass/NORM"]["yes"] == 20


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


def test_comparisons_of_too_few_ecgs_are_asked_and_not_scored():
    kind = {"question_type": "comparison-query", "question": "Is one slower?"}
    two = [row | kind | {"record_ids": [row["record_id"], "r39"]} for row in rows()[:6]]
    asked = []
    result = measured(asked, [*rows(), *two[:4]])
    assert ("r0", "r39") in {ask.ecgs for ask in asked}
    assert result["unscored"] == {"comparison-query": 4}
    assert set(result["accuracy"]["per_type"]) == {"verify"}
    result = measured([], [*rows(), *two])
    assert result["unscored"] == {}
    assert result["accuracy"]["counts"]["comparison-query"] == 6


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


@pytest.fixture(scope="module")
def comparing(corpus, tmp_path_factory):
    """The corpus with comparisons and questions beyond the balanced ones in its test split."""
    folder = tmp_path_factory.mktemp("comparing") / "corpus"
    shutil.copytree(corpus, folder)
    rows = open_questions(str(folder))["test"].to_list()
    verify = [row for row in rows if row["question_type"] == "verify"]
    first, second = (row for row in verify[:2])
    pair = {"record_ids": [first["record_id"], second["record_id"]], "question_id": "pair"}
    rows.append(first | pair | {"question": "Is the rhythm the same?", "attribute": "comparison"})
    few = {"question_type": "comparison-query", "question_id": "few", "answer": "none"}
    rows.append(first | pair | few)
    rows += [row | {"balanced": False, "question_id": row["question_id"] + "+"} for row in verify]
    files = sorted((folder / "questions").glob("test*.parquet"))
    Dataset.from_list(rows, features=question_features()).to_parquet(files[0])
    for other in files[1:]:
        other.unlink()
    return folder


def test_a_test_split_with_comparisons_is_measured_like_any_other(
    adapter, public_base, comparing, tmp_path
):
    answers = tmp_path / "answers.jsonl"
    result = evaluate(
        adapter,
        comparing,
        split="test",
        base=str(public_base),
        max_reports=0,
        shuffles=2,
        quiet=True,
        answers_path=answers,
    )
    given = [json.loads(line) for line in answers.read_text().splitlines()]
    # A single comparison of a kind is asked, and is not among the questions that are scored.
    assert [one["question_id"] for one in given if one["question_type"] == "comparison-query"] == [
        "few"
    ]
    given = [one for one in given if one["question_id"] != "few"]
    balanced = [one for one in given if one["balanced"]]
    assert len(given) > len(balanced) == result["accuracy"]["n"]
    assert result["shuffled"]["n"] == 2 * len(balanced)
    assert any(one["question_id"] == "pair" for one in balanced)
    # What balancing did not choose is read out and not answered.
    assert all((one["given"] is None) == (not one["balanced"]) for one in given)
    for run in ("accuracy", "shuffled", "blackout", "majority"):
        low, high = result[run]["interval"]
        assert 0 <= low <= result[run]["overall"] <= high <= 1
    assert result["blind"] is None
    assert str(tmp_path.parent.parent) not in json.dumps(result)
    assert result["settings"]["split"] == "test"
    assert result["settings"]["questions"] == len(balanced)
    asked = ids_sha256(one["question_id"] for one in balanced)
    assert result["settings"]["questions_sha256"] == asked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed -1 must be 0 or more"),
        ({"answers_path": "file/answers.jsonl"}, r"cannot be written \(.*file is a file\)"),
        ({"answers_path": "."}, r"cannot be written \(it is a folder\)"),
    ],
)
def test_what_would_fail_at_the_end_is_refused_before_a_model_is_loaded(
    options, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    if "answers_path" in options:
        options = {"answers_path": Path(options["answers_path"])}
    with pytest.raises(EcgByteError, match=message) as caught:
        evaluate("model", "corpus", load=None, **options)
    assert "\n" not in str(caught.value)


def test_the_types_that_were_trained_on_are_asked_unless_others_are_named(
    adapter, public_base, corpus
):
    def load(folder, **options):
        reader = load_reader(folder, **options)
        reader.settings["question_types"] = ["choose"]
        return reader

    options = {"base": str(public_base), "max_records": 8, "quiet": True, "load": load}
    result = evaluate(adapter, corpus, **options)
    assert set(result["accuracy"]["counts"]) == {"choose"}
    assert result["settings"]["question_types"] == ["choose"]
    other = evaluate(adapter, corpus, question_types=["verify"], **options)
    assert set(other["accuracy"]["counts"]) == {"verify"}
    assert other["settings"]["questions_sha256"] != result["settings"]["questions_sha256"]
    for types in (["poem"], ["verify", "poem"]):
        with pytest.raises(EcgByteError, match="no question of the type poem: it has choose"):
            evaluate(adapter, corpus, question_types=types, **options)


def test_comparisons_of_too_few_ecgs_alone_are_refused_before_any_is_answered(
    adapter, public_base, comparing, monkeypatch
):
    def answer(*args, **kwargs):
        raise AssertionError("it began to answer")

    monkeypatch.setattr(evaluation, "answer_all", answer)
    with pytest.raises(EcgByteError, match="test has no question that can be scored") as e:
        evaluate(
            adapter,
            comparing,
            split="test",
            base=str(public_base),
            question_types=["comparison-query"],
            quiet=True,
        )
    assert "\n" not in str(e.value)


def test_heart_rates_alone_have_errors_and_no_accuracy():
    rates = [
        row | {"question_type": "numeric", "question": "How fast?", "answer": "70 bpm"}
        for row in rows()
    ]
    own = measured([], rates)["accuracy"]
    assert own["overall"] is own["interval"] is own["above_blind"] is None
    assert own["n"] == 0
    assert own["per_type"] == {}
    assert own["numeric"]["n"] == len(rates)


def test_reports_alone_are_scored_without_an_accuracy(
    adapter, public_base, corpus, tmp_path, capsys
):
    folder = shutil.copytree(adapter, tmp_path / "model")
    options = {"base": str(public_base), "max_records": 6, "max_reports": 3, "quiet": True}
    result = evaluate(folder, corpus, question_types=["report"], **options)
    own = result["accuracy"]
    assert own["overall"] is None
    assert own["n"] == 0
    assert own["above_majority"] is None
    assert [scores["n"] for scores in own["reports"].values()] == [3]
    print_accuracies(result)
    printed = capsys.readouterr().out
    assert "exact match" not in printed
    assert "BLEU-4" in printed
    (folder / "evaluation-validation.json").write_text(json.dumps(result))
    card = model_card(folder)
    assert "Numbers and reports alone, about 3 ECGs, beside controls: `blind` was" in card
    assert "BLEU-4" in card
    assert "exact match" not in card
    assert "\n| model | 1 |" in comparison_table(compare([folder]))


def test_a_corpus_of_one_split_alone_is_measured(adapter, public_base, comparing, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    description = json.loads((comparing / "corpus.json").read_text())
    description["splits"] = {"test": description["splits"]["test"]}
    (alone / "corpus.json").write_text(json.dumps(description))
    for part in ("data", "questions"):
        (alone / part).mkdir()
        for file in (comparing / part).glob("test*.parquet"):
            shutil.copy(file, alone / part)
    options = {"base": str(public_base), "max_records": 6, "max_reports": 0, "quiet": True}
    result = evaluate(adapter, alone, split="test", **options)
    assert result["accuracy"]["n"] > 0
    assert result["majority"] is None
    assert result["accuracy"]["above_majority"] is None
    assert "no training questions" in result["not_made"]["majority"]
    (alone / "corpus.json").write_text(json.dumps(description | {"unit": "SD"}))
    with pytest.raises(EcgByteError, match=r"reads ECGs in mV, those of corpus .* are in SD"):
        evaluate(adapter, alone, split="test", **options)


def test_bfloat16_reads_the_same_questions(adapter, public_base, corpus):
    options = {"base": str(public_base), "max_records": 4, "max_reports": 0, "quiet": True}
    exact = evaluate(adapter, corpus, **options)
    rounded = evaluate(adapter, corpus, dtype="bfloat16", **options)
    assert rounded["accuracy"]["n"] == exact["accuracy"]["n"]
    assert (exact["settings"]["dtype"], rounded["settings"]["dtype"]) == ("float32", "bfloat16")
    with pytest.raises(EcgByteError, match="dtype 'float16' must be float32 or bfloat16"):
        evaluate(adapter, corpus, dtype="float16", base=str(public_base), quiet=True)


def test_several_records_of_one_question_are_shown_in_their_order(
    adapter, public_base, tmp_path, monkeypatch
):
    reader = load_reader(adapter, base=str(public_base))
    ecgs = [one.record.signal for one in simulate(2, seed=3)]
    names = "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"
    ids, paths = [], []
    for i, signal in enumerate(ecgs):
        paths.append(tmp_path / f"{i}.csv")
        table = np.column_stack([np.arange(signal.shape[1]) / 500, signal.T])
        np.savetxt(paths[-1], table, delimiter=",", header="time," + names, comments="")
        ids.append(reader.processor.ecg_ids(signal, 500))
    shown = []
    monkeypatch.setattr(reader, "answers", lambda ecg, questions: [shown.append(ecg) or "yes"])
    assert ask(paths, "Which is faster?", reader) == "yes"
    assert shown == [reader.chat.shared_ids(ids)]
    assert len(shown[0]) >= len(ids[0]) + len(ids[1])
