import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.reading.vocabulary import add_ecg_tokens
from tests.reading import tiny

from .text_base import cut_ecg_tokens


def test_what_is_left_reads_text_as_before_and_knows_no_ecg(tmp_path):
    tokenizer, shift = tiny.chat_tokenizer()
    model = tiny.llama(tokenizer)
    for part in (tokenizer, model):
        part.save_pretrained(tmp_path / "blind")
    assert cut_ecg_tokens(tmp_path / "blind", tmp_path / "base") == shift
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base").eval()
    left = AutoTokenizer.from_pretrained(tmp_path / "base")
    ids = torch.tensor([left(tiny.TEXTS[0])["input_ids"]])
    assert ids.tolist()[0] == tokenizer(tiny.TEXTS[0])["input_ids"]
    with torch.inference_mode():
        torch.testing.assert_close(base(ids).logits, model(ids).logits[..., :shift])
    assert len(left) == base.get_input_embeddings().weight.shape[0] == shift
    assert add_ecg_tokens(left, tiny.ecg_tokenizer(), tiny.MARKERS) == shift


def test_what_has_no_ecg_tokens_is_refused(tmp_path):
    with pytest.raises(EcgByteError, match="no whole Llama"):
        cut_ecg_tokens(tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(EcgByteError, match="no ECG tokens"):
        cut_ecg_tokens(tiny.make_base(tmp_path / "text"), tmp_path / "out")
