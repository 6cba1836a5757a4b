"""The questions of a training: written once each, and what is said of any other."""

import pytest

from ecg_byte_hf.corpora import open_corpus, open_questions
from ecg_byte_hf.reading.answering import ask
from ecg_byte_hf.reading.loading import load_reader
from ecg_byte_hf.reading.wordings import read_wordings, unfamiliar, write_wordings

RARE = [f"Is it {name}?" for name in "abcdefgh"]
ASKED = (*RARE, "How fast is the heart?", "Is this ECG normal?", "Is this  ECG\nnormal?")


def test_questions_are_kept_once_each_the_most_frequent_first(tmp_path):
    write_wordings(ASKED, tmp_path)
    text = (tmp_path / "questions.txt").read_text()
    assert text == "\n".join(["Is this ECG normal?", "How fast is the heart?", *RARE, ""])
    assert read_wordings(tmp_path) == tuple(text.splitlines())
    assert read_wordings(tmp_path / "absent") == ()


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("Is this ECG normal?", None),
        ("Is this ECG  normal?", None),
        ("Is the ECG normal?", "'Is this ECG normal?'"),
        ("Wer?", "'How fast is the heart?'"),
    ],
)
def test_another_question_is_told_with_the_nearest(question, named):
    line = unfamiliar(question, ["How fast is the heart?", "Is this ECG normal?"])
    assert (line is None) is (named is None)
    assert named is None or (f"of 2: {named}" in line and repr(question) in line)
    assert unfamiliar(question, ()) is None


def test_ask_says_what_the_model_was_not_trained_on(adapter, public_base, corpus, tmp_path):
    record = tmp_path / "record.csv"
    names = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    rows = [",".join(names), *([",".join(["0.1"] * 12), ",".join(["0.0"] * 12)] * 2500)]
    record.write_text("\n".join(rows))
    reader = load_reader(adapter, base=str(public_base))
    shown = set(open_corpus(str(corpus))["train"]["record_id"][:12])
    rows = open_questions(str(corpus))["train"]
    asked = {row["question"] for row in rows if shown.issuperset(row["record_ids"])}
    assert set(reader.wordings) == asked
    assert len(asked) > 3
    notes = []
    ask(record, "Who are you?", reader, sampling_rate=500, note=notes.append)
    assert len(notes) == 1
    assert "was not trained on the question 'Who are you?'" in notes[0]
    ask(record, reader.wordings[-1], reader, sampling_rate=500, note=notes.append)
    assert len(notes) == 1
