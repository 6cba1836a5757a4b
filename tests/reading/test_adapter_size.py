"""How large adapters of real Llamas are: `pytest tests/reading/test_adapter_size.py -s` prints it.

The bases exist as shapes alone (`meta` tensors), the adapters as files.
"""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from ecg_byte_hf.reading.adapter import add_adapter, save_adapter
from ecg_byte_hf.reading.vocabulary import resize_embeddings

ECG_TOKENS = 4096
SHAPES = {
    "SmolLM2-135M": {
        "vocab_size": 49152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "tie_word_embeddings": True,
    },
    "Llama-3.2-1B": {
        "vocab_size": 128256,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "tie_word_embeddings": True,
    },
}
SHAPES["Llama-3.2-1B, untied"] = {**SHAPES["Llama-3.2-1B"], "tie_word_embeddings": False}


def make_real(adapted):
    """Give what is trained memory; the base stays a shape."""
    for module in adapted.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and parameter.requires_grad:
                values = torch.zeros(parameter.shape, dtype=parameter.dtype)
                module._parameters[name] = torch.nn.Parameter(values)


@pytest.mark.parametrize("name", SHAPES)
def test_an_adapter_holds_lora_and_the_rows_of_its_tokens(name, tmp_path):
    shape = SHAPES[name]
    vocabulary, hidden = shape["vocab_size"], shape["hidden_size"]
    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(**shape, dtype="bfloat16")).to(torch.bfloat16)
        resize_embeddings(model, vocabulary + ECG_TOKENS)
        adapted = add_adapter(
            model,
            range(vocabulary, vocabulary + ECG_TOKENS),
            r=16,
            alpha=32,
            dropout=0.05,
            target_modules="all-linear",
            base_id="someone/some-llama",
        )
    make_real(adapted)
    save_adapter(adapted, tmp_path)
    size = (tmp_path / "adapter_model.safetensors").stat().st_size
    matrices = 1 if shape["tie_word_embeddings"] else 2
    rows = 4 * matrices * ECG_TOKENS * hidden
    lora = sum(p.numel() * p.element_size() for n, p in adapted.named_parameters() if "lora_" in n)
    whole = 4 * matrices * (vocabulary + ECG_TOKENS) * hidden
    print(
        f"\n{name}: {size:,} bytes = LoRA {lora:,} + {ECG_TOKENS} rows {rows:,} + "
        f"header {size - lora - rows:,}; with whole matrices {lora + whole:,}"
    )
    assert 0 < size - lora - rows < 200_000
    assert size < (lora + whole) / 2
