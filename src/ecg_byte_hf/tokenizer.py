"""Train the BPE on words and wrap it for transformers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .hub_code.ecg_ids import BEGIN, END, PAD
from .hub_code.errors import EcgByteError
from .hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor

# Longer than any ECG; the language model has a limit of its own.
_MODEL_MAX_LENGTH = 1_000_000


def train_tokenizer(
    words: Iterable[Sequence[str]],
    feature_extractor: EcgByteFeatureExtractor,
    vocabulary_size: int = 4096,
    *,
    quiet: bool = True,
) -> Any:
    """Byte-pair encoding over the words of a corpus, as `PreTrainedTokenizerFast`.

    `words`: per ECG one str per channel; no merge crosses a word. `vocabulary_size` counts
    everything: pad, begin, end, word markers, the alphabet (all of it, seen or not) and the merges.
    The same words in any order give the same file, byte for byte.

    Raises `EcgByteError` for an empty corpus or a vocabulary too small for the alphabet.
    """
    from tokenizers import Tokenizer, decoders, models, trainers
    from transformers import PreTrainedTokenizerFast

    markers = list(feature_extractor.markers)
    smallest = 3 + len(markers) + len(feature_extractor.alphabet)
    if vocabulary_size < smallest:
        raise EcgByteError(
            f"vocabulary size {vocabulary_size} is too small: preset {feature_extractor.preset!r} "
            f"needs {smallest} for its alphabet and markers alone"
        )
    counted = 0

    def each_word() -> Iterable[str]:
        nonlocal counted
        for ecg in words:
            for word in ecg:
                if word:
                    counted += 1
                    yield word

    # No pre-tokenizer: every string that comes in is one word.
    backend = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[PAD, BEGIN, END, *markers],
        initial_alphabet=list(feature_extractor.alphabet),
        limit_alphabet=len(feature_extractor.alphabet),
        show_progress=not quiet,
    )
    backend.train_from_iterator(each_word(), trainer)
    if not counted:
        raise EcgByteError("no words to train on; the corpus split is empty or silent")
    # Without a decoder, decoding would put a space between tokens.
    backend.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        additional_special_tokens=markers,
        clean_up_tokenization_spaces=False,
        model_max_length=_MODEL_MAX_LENGTH,
    )
