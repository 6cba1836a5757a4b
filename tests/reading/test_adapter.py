"""Whatever loads an adapter gets the logits that training ended with."""

import json
import shutil

import numpy as np
import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from transformers import AutoModelForCausalLM

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.adapter import (
    add_adapter,
    load_merged,
    read_adapter_config,
    save_adapter,
)
from ecg_byte_hf.reading.loading import load_reader
from ecg_byte_hf.reading.model import load_llama, train_text_tokenizer
from ecg_byte_hf.reading.output_folder import check_base_is_public
from ecg_byte_hf.reading.training import finetune
from ecg_byte_hf.reading.vocabulary import add_ecg_tokens, draw_rows, resize_embeddings

from . import tiny
from .tiny import BASE_ID


def make_adapter(
    folder,
    *,
    tied=True,
    train_rows=True,
    spread=1.0,
    waveforms=False,
    padding=0,
    dtype=torch.float32,
    base_id=BASE_ID,
):
    """A base, an adapter of it that looks trained, its tokenizer, ids and the logits for them."""
    tokenizer = train_text_tokenizer(tiny.TEXTS, 300)
    base = tiny.llama(tokenizer, tied)
    if padding:
        base.resize_token_embeddings(len(tokenizer) + padding, mean_resizing=False)
    base.to(dtype).save_pretrained(folder / BASE_ID)
    tokenizer.save_pretrained(folder / BASE_ID)
    model, tokenizer = load_llama(str(folder / BASE_ID), bf16=dtype == torch.bfloat16)
    known = len(tokenizer)
    add_ecg_tokens(tokenizer, tiny.ecg_tokenizer(), tiny.MARKERS)
    rows = range(known, len(tokenizer))
    resize_embeddings(model, len(tokenizer))
    vectors = np.random.default_rng(0).normal(size=(len(rows), 40)).astype(np.float32)
    draw_rows(model, rows, seed=5, spread=spread, vectors=vectors if waveforms else None)
    adapted = add_adapter(
        model,
        rows,
        r=2,
        alpha=4,
        dropout=0.0,
        target_modules="all-linear",
        base_id=base_id,
        train_rows=train_rows,
    )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    ids = torch.randint(len(tokenizer), (2, 30), generator=torch.Generator().manual_seed(1))
    ids[0, :10] = torch.arange(known, known + 10)
    with torch.no_grad():
        logits = adapted.eval()(ids).logits
    save_adapter(adapted, folder / "adapter")
    tokenizer.save_pretrained(folder / "adapter")
    return tokenizer, ids, logits


def logits_of(model, ids):
    with torch.no_grad():
        return model.eval()(ids).logits


@pytest.mark.parametrize("padding", [0, 10, 100], ids=["exact", "padded", "padded beyond"])
@pytest.mark.parametrize(
    "rows",
    [
        {},
        {"spread": 0.0},
        {"train_rows": False},
        {"train_rows": False, "waveforms": True},
    ],
    ids=["trained", "from the mean", "frozen", "frozen waveforms"],
)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_every_way_to_load_it_gives_the_trained_logits(tmp_path, monkeypatch, tied, rows, padding):
    tokenizer, ids, expected = make_adapter(tmp_path, tied=tied, padding=padding, **rows)
    # A relative path is found before the Hub is asked: the base's public id, without a Hub.
    monkeypatch.chdir(tmp_path)
    for seed in (98, 99):
        torch.manual_seed(seed)
        auto = AutoPeftModelForCausalLM.from_pretrained("adapter")
        assert torch.equal(logits_of(auto, ids), expected)
        assert auto.config.vocab_size == max(len(tokenizer), len(tokenizer) - 25 + padding)
        base = AutoModelForCausalLM.from_pretrained(BASE_ID)
        base.resize_token_embeddings(max(len(tokenizer), base.config.vocab_size))
        assert torch.equal(logits_of(PeftModel.from_pretrained(base, "adapter"), ids), expected)
    merged = load_merged(tmp_path / "adapter", len(tokenizer))
    torch.testing.assert_close(logits_of(merged, ids), expected, atol=2e-5, rtol=1e-5)


def test_a_base_in_bfloat16_is_as_good(tmp_path, monkeypatch):
    _, ids, expected = make_adapter(tmp_path, dtype=torch.bfloat16)
    monkeypatch.chdir(tmp_path)
    auto = AutoPeftModelForCausalLM.from_pretrained("adapter")
    assert auto.dtype == torch.bfloat16
    assert torch.equal(logits_of(auto, ids), expected)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_rows_are_saved_as_rows_and_nothing_else_is_written(tmp_path, tied):
    from safetensors.torch import load_file

    make_adapter(tmp_path, tied=tied)
    tensors = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    rows = {name: tensor for name, tensor in tensors.items() if "lora" not in name}
    assert len(rows) == (1 if tied else 2)
    ecg_tokens = len(tiny.ecg_tokenizer())
    assert {tuple(tensor.shape) for tensor in rows.values()} == {(ecg_tokens, 32)}
    lora = sum(tensor.numel() for name, tensor in tensors.items() if "lora" in name)
    assert lora == 2 * 2 * (2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 64))
    names = {path.name for path in (tmp_path / "adapter").iterdir()}
    assert "README.md" not in names
    text = (tmp_path / "adapter" / "adapter_config.json").read_text()
    assert str(tmp_path) not in text
    assert json.loads(text)["base_model_name_or_path"] == BASE_ID
    assert json.loads(text)["inference_mode"]
    layers = json.loads(text)["target_modules"]
    assert layers == sorted(layers)


@pytest.mark.parametrize("base_id", [None, "here", "/home/me/llama", "../llama"])
def test_an_adapter_of_a_local_base_is_seen_before_it_is_pushed(tmp_path, monkeypatch, base_id):
    make_adapter(tmp_path, base_id=base_id)
    with pytest.raises(EcgByteError, match="no repository on the Hub"):
        check_base_is_public(tmp_path / "adapter")


def test_a_public_base_is_public(tmp_path, monkeypatch):
    make_adapter(tmp_path)
    assert check_base_is_public(tmp_path / "adapter") == BASE_ID
    assert check_base_is_public(tmp_path / BASE_ID) is None
    assert read_adapter_config(tmp_path / "adapter").base_model_name_or_path == BASE_ID
    # The same name is a folder here.
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EcgByteError, match="no repository on the Hub"):
        check_base_is_public(tmp_path / "adapter")
    (tmp_path / "adapter" / "adapter_config.json").write_text("[]")
    with pytest.raises(EcgByteError, match="damaged"):
        check_base_is_public(tmp_path / "adapter")


def test_the_ecg_rows_can_stay_frozen(tmp_path):
    tokenizer, _ = tiny.chat_tokenizer()
    rows = range(len(tokenizer) - 25, len(tokenizer))
    for train_rows in (True, False):
        adapted = add_adapter(
            tiny.llama(tokenizer),
            rows,
            r=2,
            alpha=4,
            dropout=0.0,
            target_modules=["q_proj"],
            base_id=BASE_ID,
            train_rows=train_rows,
        )
        trained = {name for name, p in adapted.named_parameters() if p.requires_grad}
        assert any("lora" in name for name in trained)
        assert any("trainable_tokens" in name for name in trained) == train_rows


def put_into_the_cache(cache, source, name, commit):
    """What downloading the commit of a repository leaves; it becomes the branch main."""
    folder = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(source, folder / "snapshots" / commit)
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / "main").write_text(commit)


def test_a_base_on_the_hub_is_named_with_its_commit(corpus, tokenizer, tmp_path, monkeypatch):
    """Base and adapter by name, from the Hub's cache; then somebody pushes another base."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    put_into_the_cache(tmp_path / "cache", tiny.make_base(tmp_path / "one"), BASE_ID, "a" * 40)
    out = tmp_path / "out"
    finetune(*tiny.arguments(corpus, tokenizer, out, reading={"base": BASE_ID}, max_steps=1))
    config = json.loads((out / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == (BASE_ID, "a" * 40)
    put_into_the_cache(tmp_path / "cache", out, "someone/ecg-llama", "c" * 40)
    reader = load_reader("someone/ecg-llama")
    ids = torch.arange(60).view(1, -1) + reader.shift - 30
    expected = logits_of(AutoPeftModelForCausalLM.from_pretrained(out), ids)
    torch.testing.assert_close(logits_of(reader.model, ids), expected, atol=2e-5, rtol=1e-5)
    other = tiny.make_base(tmp_path / "two", tied=False)
    put_into_the_cache(tmp_path / "cache", other, BASE_ID, "b" * 40)
    again = AutoPeftModelForCausalLM.from_pretrained(out)
    assert torch.equal(logits_of(again, ids), expected)
    assert torch.equal(logits_of(load_reader(out).model, ids), logits_of(reader.model, ids))


@pytest.mark.parametrize("tied", [True, False])
def test_gathered_weights_make_the_same_adapter(tied, tmp_path):
    tokenizer, shift = tiny.chat_tokenizer()
    adapted = add_adapter(
        tiny.llama(tokenizer, tied),
        range(shift, len(tokenizer)),
        r=2,
        alpha=4,
        dropout=0.0,
        target_modules="all-linear",
        base_id=BASE_ID,
    )
    save_adapter(adapted, tmp_path / "own")
    save_adapter(adapted, tmp_path / "gathered", adapted.state_dict())
    for path in (tmp_path / "own").iterdir():
        assert path.read_bytes() == (tmp_path / "gathered" / path.name).read_bytes()
