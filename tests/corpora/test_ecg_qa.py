"""ECG-QA's rows go where their ECGs are, and none is lost without being counted."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ecg_byte_hf.cli import app
from ecg_byte_hf.corpora import describe_corpus, open_corpus, open_questions, write_corpus
from ecg_byte_hf.corpora.ecg_qa import EcgQa, with_ecg_qa
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.reading.sequences import shown_records

from .some_records import some_record, some_source

CLASSES = {1: ["no", "not sure", "yes"], 30: ["baseline drift", "none", "static noise"]}


def row(sample: int, ecgs: list[int], answer: list[str], **more) -> dict:
    return {
        "template_id": 1,
        "question_id": 7,
        "sample_id": sample,
        "question_type": "single-verify",
        "attribute_type": "noise",
        "question": "Does this ECG show static noise in lead I?",
        "answer": answer,
        "ecg_id": ecgs,
        "attribute": ["static noise"],
    } | more


CHOICE = {
    "template_id": 30,
    "question_type": "single-choose",
    "attribute": ["static noise", "baseline drift"],
}
COMPARISON = {"question_type": "comparison_irrelevant-query", "attribute": None}
ROWS = {
    "train": [
        row(0, [1], ["yes"]),
        row(1, [9], ["no"]),
        row(2, [2], ["static noise", "baseline drift"], **CHOICE),
        row(3, [77], ["no"]),
    ],
    "test": [
        row(0, [2, 1], ["rr interval", "p duration"], **COMPARISON),
        row(1, [1, 9], ["none"], **COMPARISON),
        row(2, [1, 77], ["none"], **COMPARISON),
    ],
}


def write_ecg_qa(root: Path, rows: dict[str, list[dict]] = ROWS) -> Path:
    """The layout of version 1.0.2; paraphrases give several answers in another order."""
    for wording in ("template", "paraphrased"):
        for split, samples in rows.items():
            folder = root / wording / split
            folder.mkdir(parents=True)
            if wording == "paraphrased":
                samples = [
                    one | {"question": "Is there noise?", "answer": one["answer"][::-1]}
                    for one in samples
                ]
            (folder / "00000.json").write_text(json.dumps(samples))
    lines = [f'{template},"{classes}"' for template, classes in CLASSES.items()]
    (root / "answers_for_each_template.csv").write_text("\n".join(["template_id,classes", *lines]))
    return root


def ten_ecgs():
    """A source of ECGs 0 to 9, of which 8 and 9 validate."""

    def make(number):
        return replace(some_record(number), record_id=str(number))

    return some_source(10, make=make, name="ptb-xl")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("ecg-qa")
    write_ecg_qa(root / "ecgqa" / "ptbxl")
    write_corpus(with_ecg_qa(ten_ecgs(), root), root / "corpus", quiet=True)
    return root / "corpus"


def test_questions_follow_their_ecgs_and_straddling_comparisons_are_left_out(corpus):
    asked = open_questions(corpus)
    ids = {split: set(rows["question_id"]) for split, rows in asked.items()}
    both = ("template", "paraphrased")
    train = ("train:0", "train:2", "test:0")
    assert ids["train"] == {f"ecg-qa:{name}:{wording}" for name in train for wording in both}
    assert ids["validation"] == {f"ecg-qa:train:1:{wording}" for wording in both}
    assert describe_corpus(corpus)["question_counts"] == {
        "ECG-QA read": 14,
        "ECG-QA asked": 8,
        "ECG-QA left out: no such ECG": 4,
        "ECG-QA left out: compares ECGs of two splits": 2,
    }


def test_answers_are_lists_in_one_order_and_choices_have_their_options(corpus):
    rows = {row["question_id"]: row for row in open_questions(corpus)["train"]}
    for wording in ("template", "paraphrased"):
        choice = rows[f"ecg-qa:train:2:{wording}"]
        assert choice["answer"] == "baseline drift, static noise"
        assert choice["options"] == ["static noise", "baseline drift", "none"]
        pair = rows[f"ecg-qa:test:0:{wording}"]
        assert pair["answer"] == "p duration, rr interval"
        assert pair["question_type"] == "comparison_irrelevant-query"
        assert (pair["record_id"], shown_records(pair)) == ("2", ("2", "1"))
        assert pair["options"] == []
    assert rows["ecg-qa:train:0:template"]["answer"] == "yes"
    assert rows["ecg-qa:train:0:template"]["attribute"] == "noise"
    assert rows["ecg-qa:train:0:paraphrased"]["question"] == "Is there noise?"


def test_the_files_of_the_first_release_are_read_too(tmp_path):
    new, old = write_ecg_qa(tmp_path / "new"), tmp_path / "old"
    for wording in ("template", "paraphrased"):
        (old / wording).mkdir(parents=True)
        for split in ROWS:
            file = new / wording / split / "00000.json"
            (old / wording / f"{split}.json").write_text(file.read_text())
    (old / "answers_for_each_template.csv").write_text(
        (new / "answers_for_each_template.csv").read_text()
    )
    rows = [{"record_id": str(i), "patient_id": "p"} for i in (1, 2)]
    assert EcgQa(old).about(rows) == EcgQa(new).about(rows)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not JSON", "cannot be read"),
        ('[{"question": "?"}]', "row 1 is no question of ECG-QA"),
        ('{"question": "?"}', "row 1 is no question of ECG-QA"),
        (json.dumps([row(0, [1], ["yes"]), row(1, [1], [])]), "row 2 is no question"),
    ],
)
def test_files_that_are_something_else_are_named(tmp_path, content, said):
    write_ecg_qa(tmp_path)
    (tmp_path / "template" / "train" / "00000.json").write_text(content)
    with pytest.raises(EcgByteError, match=f"00000.json: {said}"):
        EcgQa(tmp_path).about([])


def test_folders_without_these_questions_are_refused(tmp_path):
    with pytest.raises(EcgByteError, match="no folder template or paraphrased"):
        with_ecg_qa(ten_ecgs(), tmp_path)
    write_ecg_qa(tmp_path / "mimic-iv-ecg")
    with pytest.raises(EcgByteError, match="other ECGs; name ptbxl"):
        with_ecg_qa(ten_ecgs(), tmp_path / "mimic-iv-ecg")
    with pytest.raises(EcgByteError, match="not about tests"):
        with_ecg_qa(some_source(2), tmp_path)


def test_real_ecg_qa_on_real_ecgs(ecg_byte_data, tmp_path):
    if not (ecg_byte_data / "ecg-qa").is_dir():
        pytest.skip("no ecg-qa among the real data")
    folders = [str(ecg_byte_data / name) for name in ("ptb-xl-normalised", "ecg-qa")]
    command = ["prepare", "ptb-xl-normalised", folders[0], "--ecg-qa", folders[1], "--quiet"]
    done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "c")])
    assert done.exit_code == 0, done.output
    assert "ECG-QA read: 2384; ECG-QA asked: 2322" in done.output
    asked, ecgs = open_questions(tmp_path / "c"), open_corpus(tmp_path / "c")
    for split, rows in asked.items():
        here = set(ecgs[split]["record_id"])
        assert all(set(shown_records(row)) <= here for row in rows)
    kinds = Counter(
        row["question_type"]
        for row in asked["validation"]
        if row["question_id"].startswith("ecg-qa:")
    )
    assert kinds == {"single-verify": 420, "comparison_irrelevant-query": 4}
    assert "Oh et al., ECG-QA" in (tmp_path / "c" / "README.md").read_text(encoding="utf-8")
