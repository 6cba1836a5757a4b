"""Small stand-ins that the tests of `reading` share: an ECG BPE, a chat, a Llama."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer, models
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from ecg_byte_hf.reading.model import new_llama, train_text_tokenizer
from ecg_byte_hf.reading.vocabulary import add_ecg_tokens

MARKERS = ("<|r1|>", "<|r2|>")
TEXTS = ["Is the rhythm regular?", "How fast is the heart?", "yes", "no", "slow", "fast"]
CONTEXT = 128


def ecg_tokenizer(letters: int = 20) -> PreTrainedTokenizerFast:
    names = ["<|pad|>", "<|ecg|>", "<|/ecg|>", *MARKERS, *(chr(0x4E00 + i) for i in range(letters))]
    vocabulary = {name: i for i, name in enumerate(names)}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE(vocabulary, [])),
        pad_token="<|pad|>",
        bos_token="<|ecg|>",
        eos_token="<|/ecg|>",
    )


def chat_tokenizer() -> tuple[PreTrainedTokenizerFast, int]:
    """A text tokenizer with the ECG tokens added, and the shift."""
    tokenizer = train_text_tokenizer(TEXTS, 300)
    return tokenizer, add_ecg_tokens(tokenizer, ecg_tokenizer(), MARKERS)


def llama(tokenizer: PreTrainedTokenizerFast, tied: bool = True) -> LlamaForCausalLM:
    torch.manual_seed(0)
    settings = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "tie_word_embeddings": tied,
        "initializer_range": 0.2,
    }
    return new_llama(tokenizer, settings, CONTEXT).eval()


def question(record: str, text: str, answer: str, patient: str | None = None) -> dict[str, object]:
    return {
        "question_id": f"{record}:{text}",
        "record_id": record,
        "patient_id": patient or record,
        "question_type": "verify",
        "attribute": "rhythm",
        "question": text,
        "options": [],
        "answer": answer,
    }
