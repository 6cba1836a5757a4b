"""Small stand-ins that the tests of `reading` share: an ECG BPE, a chat, a Llama."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast, TrainingArguments

from ecg_byte_hf import EcgByteFeatureExtractor, EcgByteProcessor, train_tokenizer
from ecg_byte_hf.corpora import open_corpus, signal_mV
from ecg_byte_hf.corpora.simulated import simulated
from ecg_byte_hf.corpora.writer import write_corpus
from ecg_byte_hf.reading.model import new_llama, train_text_tokenizer
from ecg_byte_hf.reading.output_folder import NOT_FOR_THE_HUB
from ecg_byte_hf.reading.reading_arguments import ReadingArguments
from ecg_byte_hf.reading.vocabulary import add_ecg_tokens

MARKERS = ("<|r1|>", "<|r2|>")
TEXTS = ["Is the rhythm regular?", "How fast is the heart?", "yes", "no", "slow", "fast"]
CONTEXT = 128
BASE_ID = "someone/some-llama"


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


def make_base(folder: Path, tied: bool = True, context: int = 1024) -> Path:
    """What a public Llama's repository holds: no ECG token anywhere."""
    tokenizer = train_text_tokenizer(TEXTS, 300)
    torch.manual_seed(0)
    settings = {**SMALL_LLAMA, "tie_word_embeddings": tied, "initializer_range": 0.2}
    new_llama(tokenizer, settings, context).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def arguments(
    corpus: Path,
    tokenizer: Path,
    out: Path,
    *,
    max_steps: int = 2,
    resume: str | None = None,
    blind: bool = False,
    overwrite: bool = False,
    modules: str = "all-linear",
    reading: dict[str, object] | None = None,
    **more: object,
) -> tuple[ReadingArguments, TrainingArguments]:
    """Of a training that takes seconds; `reading` and `more` go on top."""
    settings = {
        "corpus": str(corpus),
        "tokenizer": str(tokenizer),
        "small_llama": SMALL_LLAMA,
        "context": 1024,
        "max_train_records": 12,
        "max_validation_records": 4,
        "train_blind": blind,
        "lora_target_modules": modules,
        "overwrite": overwrite,
        "quiet": True,
        **(reading or {}),
    }
    options = {
        "learning_rate": 1e-3,
        "per_device_train_batch_size": 2,
        "save_strategy": "steps",
        "save_steps": 1,
        "report_to": "none",
        "use_cpu": True,
        "seed": 7,
        **more,
    }
    training = TrainingArguments(
        output_dir=str(out), max_steps=max_steps, resume_from_checkpoint=resume, **options
    )
    return ReadingArguments(**settings), training


def goes_to_the_hub(folder: Path) -> list[Path]:
    """Everything in a model folder but what `.gitignore` in it keeps back."""
    kept = tuple(str(folder / name) for name in NOT_FOR_THE_HUB)
    return [path for path in sorted(folder.rglob("*")) if not str(path).startswith(kept)]


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
