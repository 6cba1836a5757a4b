import pytest
import torch

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.model import train_text_tokenizer
from ecg_byte_hf.reading.vocabulary import (
    add_ecg_tokens,
    draw_rows,
    ecg_token_names,
    resize_embeddings,
)

from . import tiny


def test_markers_keep_their_names_and_the_rest_is_numbered():
    names = ecg_token_names(tiny.ecg_tokenizer(), tiny.MARKERS)
    assert names[:6] == ["<|ecg_0|>", "<|ecg|>", "<|/ecg|>", "<|r1|>", "<|r2|>", "<|ecg_5|>"]
    assert len(names) == len(tiny.ecg_tokenizer()) == len(set(names))


def test_ecg_ids_are_a_fixed_shift_and_adding_twice_changes_nothing():
    tokenizer = train_text_tokenizer(tiny.TEXTS, 300)
    before = len(tokenizer)
    ecg = tiny.ecg_tokenizer()
    shift = add_ecg_tokens(tokenizer, ecg, tiny.MARKERS)
    assert shift == before
    assert len(tokenizer) == before + len(ecg)
    assert tokenizer.convert_tokens_to_ids("<|ecg_7|>") == shift + 7
    assert tokenizer("<|ecg|><|ecg_7|>", add_special_tokens=False)["input_ids"] == [
        shift + 1,
        shift + 7,
    ]
    assert add_ecg_tokens(tokenizer, ecg, tiny.MARKERS) == shift
    assert len(tokenizer) == before + len(ecg)


def test_another_ecg_tokenizer_is_refused():
    tokenizer, _ = tiny.chat_tokenizer()
    with pytest.raises(EcgByteError, match="another ECG tokenizer"):
        add_ecg_tokens(tokenizer, tiny.ecg_tokenizer(30), tiny.MARKERS)
    tokenizer = train_text_tokenizer(tiny.TEXTS, 300)
    tokenizer.add_tokens(["<|r1|>"], special_tokens=True)
    with pytest.raises(EcgByteError, match="already has the token '<|r1|>'".replace("|", r"\|")):
        add_ecg_tokens(tokenizer, tiny.ecg_tokenizer(), tiny.MARKERS)


@pytest.mark.parametrize("tied", [True, False])
def test_new_rows_are_spread_like_the_old_ones_which_stay(tied):
    tokenizer, _ = tiny.chat_tokenizer()
    model = tiny.llama(tokenizer, tied)
    known = len(tokenizer)
    old = model.get_input_embeddings().weight.detach().clone()
    resize_embeddings(model, known + 200)
    rows = range(known, known + 200)
    draw_rows(model, rows, seed=1)
    new = model.get_input_embeddings().weight
    output = model.get_output_embeddings().weight
    assert (output is new) == tied
    assert new.shape[0] == known + 200
    assert torch.equal(new[:known].detach(), old)
    for matrix in (new.detach(), output.detach()):
        spread = float(matrix[known:].std())
        assert spread == pytest.approx(float(matrix[:known].std()), rel=0.1)
    draw_rows(model, rows, seed=1, spread=0.0)
    assert torch.allclose(new[known:].detach(), old.mean(0).expand(200, -1))
    resize_embeddings(model, 10)
    assert model.get_input_embeddings().weight.shape[0] == known + 200
