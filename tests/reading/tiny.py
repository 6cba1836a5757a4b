"""Small stand-ins that the tests of `reading` share: an ECG BPE, a chat, a Llama."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from ecg_byte_hf import EcgByteFeatureExtractor, EcgByteProcessor, train_tokenizer
from ecg_byte_hf.corpora import open_corpus, signal_mV
from ecg_byte_hf.corpora.simulated import simulated
from ecg_byte_hf.corpora.writer import write_corpus
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


def make_corpus(folder: Path, records: int = 120) -> Path:
    """A corpus of simulated ECGs with questions."""
    write_corpus(simulated(records, seed=0), folder, with_questions=True, quiet=True)
    return folder


def make_tokenizer(corpus: Path, folder: Path) -> Path:
    """A coarse `compact` tokenizer of a corpus: some 250 tokens an ECG."""
    rows = open_corpus(corpus)["train"]
    extractor = EcgByteFeatureExtractor(preset="compact", codec={"step": 1.5})
    signals = [(signal_mV(row), float(row["sampling_rate"])) for row in rows]
    extractor.fit(signals)
    words = [extractor.encode(signal, rate) for signal, rate in signals]
    bpe = train_tokenizer(words, extractor, 400)
    EcgByteProcessor(extractor, bpe).save_pretrained(folder)
    return folder


SMALL_LLAMA = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
}
