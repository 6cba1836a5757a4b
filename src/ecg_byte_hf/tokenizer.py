"""Train the BPE on words and wrap it for transformers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    vocabulary_sizes: Mapping[str, int] | None = None,
    training: dict[str, Any] | None = None,
    quiet: bool = True,
) -> Any:
    """Byte-pair encoding over the words of a corpus, as `PreTrainedTokenizerFast`.

    `words`: per ECG one str per channel; no merge crosses a word. `vocabulary_size` counts
    everything: pad, begin, end, word markers, the alphabet (all of it, seen or not) and the merges.
    `vocabulary_sizes`: instead of it, tokens per kind of word, `{"rr": 400, "t": 1200, "r": 2400}`,
    each counting that kind's alphabet and merges; the extractor's codec must have `alphabets:
    "separate"`. `training`: how the words were made, kept as `training` in the tokenizer's config.
    The same words in any order give the same file, byte for byte.

    Raises `EcgByteError` for an empty corpus, a vocabulary too small for the alphabet, and sizes
    of kinds that the extractor does not tell apart.
    """
    markers = list(feature_extractor.markers)
    special = [PAD, BEGIN, END, *markers]
    # A merge is learned within a piece only, so that none that is learned can join two.
    starts = getattr(feature_extractor.codec, "piece_starts", "")
    if vocabulary_sizes is None:
        check_vocabulary_size(vocabulary_size, feature_extractor)
        filled = (piece for ecg in words for word in ecg for piece in _pieces(word, starts))
        backend = _trained(filled, feature_extractor.alphabet, vocabulary_size, special, quiet)
    else:
        alphabets = check_vocabulary_sizes(vocabulary_sizes, feature_extractor)
        backend = _trained_by_kind(
            words, alphabets, vocabulary_sizes, special, quiet, starts=starts
        )
    return _wrapped(backend, markers, training)


def check_vocabulary_size(vocabulary_size: int, feature_extractor: EcgByteFeatureExtractor) -> None:
    """Raise `EcgByteError` where a vocabulary cannot hold the alphabet and the markers."""
    smallest = 3 + len(feature_extractor.markers) + len(feature_extractor.alphabet)
    if vocabulary_size < smallest:
        raise EcgByteError(
            f"vocabulary size {vocabulary_size} is too small: preset {feature_extractor.preset!r} "
            f"needs {smallest} for its alphabet and markers alone"
        )


def check_vocabulary_sizes(
    vocabulary_sizes: Mapping[str, int], feature_extractor: EcgByteFeatureExtractor
) -> dict[str, str]:
    """The alphabet of every kind of word; `EcgByteError` where the sizes do not fit them."""
    alphabets: dict[str, str] = getattr(feature_extractor.codec, "alphabet_of_kind", {})
    if len(alphabets) < 2:
        raise EcgByteError(
            f"preset {feature_extractor.preset!r} has one alphabet for all words; vocabulary sizes "
            f"per kind of word need a beat preset with the codec option alphabets 'separate'"
        )
    if set(vocabulary_sizes) != set(alphabets):
        raise EcgByteError(
            f"vocabulary sizes for {', '.join(vocabulary_sizes) or 'nothing'}; give one each for "
            f"{', '.join(alphabets)}"
        )
    for kind, alphabet in alphabets.items():
        if vocabulary_sizes[kind] < len(alphabet):
            raise EcgByteError(
                f"vocabulary size {vocabulary_sizes[kind]} of {kind} is too small: its alphabet "
                f"alone has {len(alphabet)} symbols"
            )
    return alphabets


def _pieces(word: str, starts: str) -> list[str]:
    """A word cut before each of the characters `starts`; nothing of an empty word."""
    if not starts:
        return [word] if word else []
    return [piece for piece in re.split(f"(?=[{starts}])", word) if piece]


def _trained(
    words: Iterable[str], alphabet: str, size: int, special: Sequence[str], quiet: bool
) -> Any:
    """A BPE of `size` tokens in all, as `tokenizers.Tokenizer`."""
    from tokenizers import Tokenizer, models, trainers

    counted = 0

    def each_word() -> Iterator[str]:
        nonlocal counted
        for word in words:
            counted += 1
            yield word

    # No pre-tokenizer: every string that comes in is one word.
    backend = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(special),
        initial_alphabet=list(alphabet),
        limit_alphabet=len(alphabet),
        show_progress=not quiet,
    )
    backend.train_from_iterator(each_word(), trainer)
    if not counted:
        raise EcgByteError("no words to train on; the corpus split is empty or silent")
    return backend


def _trained_by_kind(
    words: Iterable[Sequence[str]],
    alphabets: Mapping[str, str],
    vocabulary_sizes: Mapping[str, int],
    special: Sequence[str],
    quiet: bool,
    *,
    starts: str = "",
) -> Any:
    """One BPE per kind of word, side by side in one: alphabets differ, so no merges can meet."""
    from tokenizers import AddedToken, Tokenizer, models

    kind_of = {symbol: kind for kind, alphabet in alphabets.items() for symbol in alphabet}
    filled: dict[str, list[str]] = {kind: [] for kind in alphabets}
    for ecg in words:
        for word in ecg:
            if word:
                filled[kind_of[word[0]]] += _pieces(word, starts)
    if not any(filled.values()):
        raise EcgByteError("no words to train on; the corpus split is empty or silent")
    tokens = list(special)
    merges: list[tuple[str, str]] = []
    for kind, alphabet in alphabets.items():
        if not filled[kind]:
            tokens += alphabet
            continue
        backend = _trained(filled[kind], alphabet, vocabulary_sizes[kind], [], quiet)
        vocabulary = backend.get_vocab()
        tokens += sorted(vocabulary, key=vocabulary.__getitem__)
        merges += map(tuple, json.loads(backend.to_str())["model"]["merges"])
    joined = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    joined.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in special]
    )
    return joined


def _wrapped(backend: Any, markers: Sequence[str], training: dict[str, Any] | None) -> Any:
    from tokenizers import decoders
    from transformers import PreTrainedTokenizerFast

    # Without a decoder, decoding would put a space between tokens.
    backend.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        additional_special_tokens=list(markers),
        clean_up_tokenization_spaces=False,
        model_max_length=_MODEL_MAX_LENGTH,
        **({"training": training} if training else {}),
    )
