import pytest
import torch

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.adapter import load_merged
from ecg_byte_hf.reading.loading import read_settings
from ecg_byte_hf.reading.model import load_llama, new_llama, train_text_tokenizer

from . import tiny


def test_text_tokenizer_is_the_same_for_the_same_texts_and_takes_any_text():
    first = train_text_tokenizer(tiny.TEXTS, 300)
    again = train_text_tokenizer(reversed(tiny.TEXTS), 300)
    assert first.backend_tokenizer.to_str() == again.backend_tokenizer.to_str()
    for text in ["Läuft der Rhythmus?  ✓", "yes"]:
        assert first.decode(first(text)["input_ids"]) == text


def test_settings_that_do_not_fit_and_folders_that_are_none_are_refused(tmp_path):
    tokenizer, _ = tiny.chat_tokenizer()
    with pytest.raises(EcgByteError, match="hiden_size"):
        new_llama(tokenizer, {"hiden_size": 3}, 64)
    with pytest.raises(EcgByteError, match="cannot load a Llama"):
        load_llama(str(tmp_path))
    with pytest.raises(EcgByteError, match="no fine-tuned model"):
        read_settings(tmp_path)
    with pytest.raises(EcgByteError, match="no adapter"):
        load_merged(tmp_path, 10)


def test_pickled_weights_are_not_read(tmp_path):
    base = tiny.make_base(tmp_path / "base")
    weights = load_llama(str(base))[0].state_dict()
    (base / "model.safetensors").unlink()
    torch.save(weights, base / "pytorch_model.bin")
    with pytest.raises(EcgByteError, match=r"cannot load a Llama.*safetensors"):
        load_llama(str(base))
