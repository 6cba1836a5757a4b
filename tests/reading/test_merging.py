"""A merged checkpoint is a Llama like any other."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from peft import AutoPeftModelForCausalLM
from transformers import (
    AutoModelForCausalLM,
    AutoProcessor,
    AutoTokenizer,
    GenerationConfig,
)
from typer.testing import CliRunner

from ecg_byte_hf import EcgByteError, register_auto_classes
from ecg_byte_hf.cli import app
from ecg_byte_hf.corpora.simulation import simulate
from ecg_byte_hf.reading.answering import ask
from ecg_byte_hf.reading.loading import load_reader
from ecg_byte_hf.reading.merging import _forget_local_base, merge
from ecg_byte_hf.reading.training import finetune

from . import tiny

CARD = """---
library_name: peft
base_model: someone/some-llama
tags: [ecg, lora, "base_model:adapter:someone/some-llama"]
license: mit
model-index:
- name: ecg
  results:
  - task: {type: question-answering}
    dataset: {name: simulated, type: simulated}
    metrics: [{type: accuracy, value: 0.5}]
---
# What was measured
"""
QUESTIONS = ["Is the rhythm regular?", "How fast is the heart?", "Which rhythm is it?"]


@pytest.fixture(scope="module")
def record():
    return next(iter(simulate(1, seed=3))).record


@pytest.fixture(scope="module")
def with_card(adapter, tmp_path_factory):
    """The adapter as it would be downloaded, with a card, a result and a picture."""
    folder = tmp_path_factory.mktemp("card") / "adapter"
    shutil.copytree(adapter, folder, ignore=shutil.ignore_patterns("training", "blind"))
    (folder / "README.md").write_text(CARD)
    (folder / "evaluation-test.json").write_text("{}")
    (folder / "ecg.png").write_bytes(b"picture")
    return folder


@pytest.fixture
def in_hub(public_base, monkeypatch):
    """Where the base's public id is found without a Hub."""
    monkeypatch.chdir(public_base.parents[1])


def ids_of(reader, record):
    return torch.tensor([reader.processor.ecg_ids(record.signal, 500.0, record.lead_names)])


def logits_of(model, ids):
    with torch.no_grad():
        return model.eval()(ids).logits


def test_plain_transformers_gives_the_logits_without_peft_and_code(
    with_card, in_hub, record, tmp_path
):
    out = tmp_path / "merged"
    done = CliRunner().invoke(app, ["merge", str(with_card), "--out", str(out)])
    assert done.exit_code == 0, done.exception
    assert "parameters in float32" in done.output
    ids = ids_of(load_reader(out), record)
    expected = logits_of(AutoPeftModelForCausalLM.from_pretrained(with_card), ids)
    np.save(tmp_path / "ids.npy", ids.numpy())
    program = (
        "import sys, numpy as np\n"
        "for name in ('peft', 'ecg_byte_hf'): sys.modules[name] = None\n"
        "import torch\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        "model = AutoModelForCausalLM.from_pretrained(sys.argv[1])\n"
        "assert len(AutoTokenizer.from_pretrained(sys.argv[1])) == model.config.vocab_size\n"
        "ids = torch.from_numpy(np.load(sys.argv[2]))\n"
        "np.save(sys.argv[3], model(ids).logits.detach().numpy())\n"
    )
    files = [str(out), str(tmp_path / "ids.npy"), str(tmp_path / "logits.npy")]
    subprocess.run([sys.executable, "-c", program, *files], check=True, cwd=tmp_path)
    found = torch.from_numpy(np.load(tmp_path / "logits.npy"))
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)


def test_everything_around_the_weights_comes_along(with_card, in_hub, tmp_path):
    out = tmp_path / "merged"
    merge(with_card, out)
    for name in (
        "chat_template.jinja",
        "ecg.png",
        "ecg_tokenizer/tokenizer.json",
        "evaluation-test.json",
        "feature_extraction_ecg_byte.py",
        "generation_config.json",
        "preprocessor_config.json",
        "processor_config.json",
        "questions.txt",
        "reading.json",
        "tokenizer.json",
    ):
        assert (out / name).read_bytes() == (with_card / name).read_bytes() or name.startswith(
            "generation"
        )
    assert not [path for path in out.iterdir() if path.name.startswith("adapter")]
    for path in out.rglob("*"):
        if path.is_file():
            assert str(tmp_path.parent.parent).encode() not in path.read_bytes(), path
    before, after = (
        GenerationConfig.from_pretrained(folder).to_diff_dict() for folder in (with_card, out)
    )
    for one in (before, after):
        one.pop("transformers_version", None)
    assert before == after
    card = ModelCard.load(out / "README.md")
    assert card.data.library_name == "transformers"
    assert card.data.tags == ["ecg"]
    assert card.data.base_model == tiny.BASE_ID
    assert card.data.base_model_relation == "finetune"
    assert card.data.license == "mit"
    assert card.data.eval_results[0].metric_value == 0.5
    assert "without PEFT" in card.text
    assert "# What was measured" in card.text


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_tied_stays_tied_and_the_dtype_is_kept(corpus, tokenizer, tmp_path, tied, dtype):
    base = tiny.make_base(tmp_path / tiny.BASE_ID, tied)
    reading = {"base": str(base), "base_id": tiny.BASE_ID}
    finetune(*tiny.arguments(corpus, tokenizer, tmp_path / "a", reading=reading, max_steps=1))
    merge(tmp_path / "a", tmp_path / "out", base=str(base), dtype=dtype)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert model.dtype == getattr(torch, dtype)
    weights = model.get_input_embeddings().weight
    assert (model.get_output_embeddings().weight is weights) == tied
    with_ecg = len(AutoTokenizer.from_pretrained(tmp_path / "out"))
    assert weights.shape[0] == with_ecg
    size = (tmp_path / "out" / "model.safetensors").stat().st_size
    assert size < model.num_parameters() * weights.element_size() + 5000
    reader = load_reader(tmp_path / "a", base=str(base))
    ids = torch.arange(60).view(1, -1) + reader.shift - 30
    if dtype == "float32":
        expected = logits_of(reader.model, ids)
        torch.testing.assert_close(logits_of(model, ids), expected, atol=2e-5, rtol=1e-5)
    rounded = reader.model.to(model.dtype).state_dict()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, rounded[name], atol=1e-6, rtol=0)


def test_generate_answers_as_ask_does(with_card, in_hub, record, tmp_path):
    """Three models, one answer: ours, PEFT's, and the merged one."""
    register_auto_classes()
    merge(with_card, tmp_path / "merged")
    np.save(tmp_path / "ecg.npy", record.signal)
    processor = AutoProcessor.from_pretrained(with_card)
    assert type(processor).__name__ == "EcgByteProcessor"
    config = GenerationConfig.from_pretrained(with_card)
    models = [
        (AutoPeftModelForCausalLM.from_pretrained(with_card), {"generation_config": config}),
        (AutoModelForCausalLM.from_pretrained(tmp_path / "merged"), {}),
    ]
    answers = set()
    for question in QUESTIONS:
        expected = ask(tmp_path / "ecg.npy", question, with_card, sampling_rate=500.0)
        messages = [
            {"role": "user", "content": [{"type": "ecg"}, {"type": "text", "text": question}]}
        ]
        text = processor.apply_chat_template(messages, add_generation_prompt=True)
        inputs = processor(
            ecg=record.signal,
            sampling_rate=500.0,
            lead_names=record.lead_names,
            text=text,
            return_tensors="pt",
        )
        for model, options in models:
            generated = model.generate(**inputs, **options)[0, inputs["input_ids"].shape[1] :]
            answer = processor.tokenizer.decode(generated, skip_special_tokens=True).strip()
            assert answer == expected
        answers.add(expected)
    assert any(answers)


def test_a_prompt_survives_as_text(with_card, record):
    """What a server that takes text alone is sent."""
    processor = load_processor(with_card)
    messages = [{"role": "user", "content": [{"type": "ecg"}, {"type": "text", "text": "Is it?"}]}]
    text = processor.apply_chat_template(messages, add_generation_prompt=True)
    ids = processor(ecg=record.signal, sampling_rate=500.0, text=text)["input_ids"][0]
    tokenizer = AutoTokenizer.from_pretrained(with_card)
    prompt = tokenizer.decode(ids)
    assert tokenizer(prompt, add_special_tokens=False)["input_ids"] == ids


def load_processor(folder):
    from ecg_byte_hf import EcgByteProcessor

    return EcgByteProcessor.from_pretrained(folder)


def test_a_repository_of_the_hub_is_merged_and_asked(
    with_card, public_base, record, tmp_path, monkeypatch
):
    """By name, from the Hub's cache: code and pickles are not asked for."""
    import huggingface_hub

    asked = {}

    def snapshot_download(name, revision=None, allow_patterns=()):
        asked[name] = allow_patterns
        return str(with_card)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    merge("someone/ecg-adapter", tmp_path / "out", base=str(public_base))
    assert (tmp_path / "out" / "model.safetensors").is_file()
    reader = load_reader("someone/ecg-adapter", base=str(public_base))
    np.save(tmp_path / "ecg.npy", record.signal)
    options = {"sampling_rate": 500.0}
    assert ask(tmp_path / "ecg.npy", QUESTIONS[0], tmp_path / "out", **options) == ask(
        tmp_path / "ecg.npy", QUESTIONS[0], reader, **options
    )
    (patterns,) = asked.values()
    assert not any(pattern.endswith((".py", ".bin", ".pt")) for pattern in patterns)


def test_a_repository_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(EcgByteError, match="the Hub does not give") as caught:
        load_reader("someone/absent-model")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("base", "kept"),
    [
        ("someone/some-llama", True),
        ("made here", True),
        ("/home/me/llama", False),
        ("./llama", False),
        ("models/of/mine", False),
        ("~/llama", False),
        ("C:\\llama", False),
        ("llama", False),
        ("", False),
        (None, False),
    ],
)
def test_a_base_on_this_machine_is_forgotten(tmp_path, base, kept):
    path = tmp_path / "reading.json"
    path.write_text(json.dumps({"base": base, "seed": 5}))
    _forget_local_base(path)
    assert json.loads(path.read_text()) == {"base": base if kept else "a local Llama", "seed": 5}


def test_what_cannot_be_merged_is_said(adapter, public_base, tokenizer, tmp_path):
    merge(adapter, tmp_path / "merged", base=str(public_base))
    (tmp_path / "file").write_text("x")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("mine")
    out = tmp_path / "out"
    for model, target, message, more in [
        (tmp_path / "merged", out, "plain checkpoint already", {}),
        (tokenizer, out, "no fine-tuned model", {}),
        (tmp_path / "absent", out, "no such folder", {}),
        (adapter, out, "cannot load a Llama from 'someone/some-llama'", {}),
        (adapter, out, "--dtype int8", {"dtype": "int8"}),
        (adapter, tmp_path / "file", "is a file", {}),
        (adapter, tmp_path / "thesis", "nothing in it is touched", {"overwrite": True}),
        (adapter, adapter, "nothing in it is touched", {"overwrite": True}),
        (adapter, tmp_path / "merged", "or --overwrite", {}),
    ]:
        with pytest.raises(EcgByteError, match=message) as caught:
            merge(model, target, **more)
        assert "\n" not in str(caught.value)
        assert not out.exists()
    assert (adapter / "adapter_model.safetensors").is_file()
    note = tmp_path / "merged" / "ecg_tokenizer" / "notes.txt"
    note.write_text("mine")
    merge(adapter, tmp_path / "merged", base=str(public_base), dtype="bfloat16", overwrite=True)
    config = json.loads((tmp_path / "merged" / "config.json").read_text())
    assert config["dtype"] == "bfloat16"
    assert note.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "merged", "thesis"]


def test_another_base_of_the_same_shape_is_refused(with_card, public_base, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(public_base, other)
    model = AutoModelForCausalLM.from_pretrained(other)
    with torch.no_grad():
        model.model.norm.weight += 0.1
    model.save_pretrained(other)
    with pytest.raises(
        EcgByteError, match=r"other is not the base .* \(reading.json names some"
    ) as e:
        merge(with_card, tmp_path / "merged", base=str(other))
    assert "\n" not in str(e.value)
    assert not (tmp_path / "merged").exists()
    half = tmp_path / "half"
    shutil.copytree(public_base, half)
    AutoModelForCausalLM.from_pretrained(half, dtype=torch.bfloat16).save_pretrained(half)
    merge(with_card, tmp_path / "merged", base=str(half))
