import json

import pytest
import torch

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.model import (
    add_adapter,
    load_adapted,
    load_llama,
    new_llama,
    read_settings,
    save_adapter,
    train_text_tokenizer,
)
from ecg_byte_hf.reading.vocabulary import add_ecg_tokens, resize_embeddings

from . import tiny


def test_text_tokenizer_is_the_same_for_the_same_texts_and_takes_any_text():
    first = train_text_tokenizer(tiny.TEXTS, 300)
    again = train_text_tokenizer(reversed(tiny.TEXTS), 300)
    assert first.backend_tokenizer.to_str() == again.backend_tokenizer.to_str()
    for text in ["Läuft der Rhythmus?  ✓", "yes"]:
        assert first.decode(first(text)["input_ids"]) == text


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("trained", [True, False], ids=["trained rows", "frozen rows"])
def test_reloaded_adapter_gives_the_very_same_logits(tmp_path, tied, trained):
    tokenizer = train_text_tokenizer(tiny.TEXTS, 300)
    tiny.llama(tokenizer, tied).save_pretrained(tmp_path / "public")
    tokenizer.save_pretrained(tmp_path / "public")
    add_ecg_tokens(tokenizer, tiny.ecg_tokenizer(), tiny.MARKERS)
    model, _ = load_llama(str(tmp_path / "public"))
    rows = resize_embeddings(model, len(tokenizer), seed=5)
    adapted = add_adapter(
        model,
        rows,
        r=2,
        alpha=4,
        dropout=0.0,
        target_modules="all-linear",
        base_id="someone/some-llama",
    )
    if trained:
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in adapted.parameters():
                if parameter.requires_grad:
                    parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    ids = torch.randint(len(tokenizer), (2, 30), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = adapted.eval()(ids).logits
        save_adapter(adapted, tmp_path / "adapter")
        torch.manual_seed(99)
        loaded = load_adapted(tmp_path / "adapter", len(tokenizer), base=str(tmp_path / "public"))
        torch.testing.assert_close(loaded(ids).logits, expected, atol=2e-5, rtol=1e-5)
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "someone/some-llama"
    weights = (tmp_path / "adapter" / "adapter_model.safetensors").stat().st_size
    # Two new matrices of all rows would be larger.
    assert weights < 4 * 32 * len(tokenizer) + 60_000
    assert str(tmp_path) not in json.dumps(config)


def test_settings_that_do_not_fit_and_folders_that_are_none_are_refused(tmp_path):
    tokenizer, _ = tiny.chat_tokenizer()
    with pytest.raises(EcgByteError, match="hiden_size"):
        new_llama(tokenizer, {"hiden_size": 3}, 64)
    with pytest.raises(EcgByteError, match="cannot load a Llama"):
        load_llama(str(tmp_path))
    with pytest.raises(EcgByteError, match="no fine-tuned model"):
        read_settings(tmp_path)
    with pytest.raises(EcgByteError, match="no adapter"):
        load_adapted(tmp_path, 10)
