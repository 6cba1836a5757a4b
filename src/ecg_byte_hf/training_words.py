"""The words that a BPE is trained on: those of each ECG, of copies of it, and of short pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .augmentation import TURNED_AND_SCALED
from .hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from .hub_code.signal_checks import MIN_DURATION_S
from .symbolize import signals_of

# Of every ECG and every copy, for presets that code some signals without a template.
_PIECES = 2

Float32 = NDArray[np.float32]
Encode = Callable[[Float32], list[str]]


def copies_of(signal: Float32, count: int, rng: np.random.Generator) -> Iterator[Float32]:
    """`count` copies of a signal (leads, samples), turned in time and about 15 % larger or smaller.

    They show a BPE the same beats in other phases of its 16-sample blocks and at other steps.
    """
    for _ in range(count):
        # Nothing of it hangs on the sampling rate.
        yield TURNED_AND_SCALED(signal, 1.0, rng)


def encode_without_template(feature_extractor: EcgByteFeatureExtractor) -> Encode | None:
    """The codec's `encode` of a cleaned signal with no template, `None` where it never has one.

    Signals of less than three beats are coded so; whole ECGs hardly ever show the BPE such words.
    """
    codec: Any = feature_extractor.codec
    if not codec.state.get("templates"):
        return None
    encode: Encode = type(codec)(**codec.state | {"templates": 0}).encode
    return encode


def short_pieces(
    signal: Float32, sampling_rate: float, rng: np.random.Generator
) -> Iterator[Float32]:
    """Two pieces of 2 s of a signal (leads, samples), anywhere in it."""
    samples = min(round(MIN_DURATION_S * sampling_rate), signal.shape[1])
    for _ in range(_PIECES):
        start = int(rng.integers(0, signal.shape[1] - samples + 1))
        yield np.ascontiguousarray(signal[:, start : start + samples])


def variants(
    cleaned: Float32,
    feature_extractor: EcgByteFeatureExtractor,
    augment: int,
    rng: np.random.Generator,
) -> Iterator[list[str]]:
    """Words of the copies of a cleaned signal, and of short pieces of it and of them."""
    encode = feature_extractor.codec.encode
    plainly = encode_without_template(feature_extractor)
    copies = list(copies_of(cleaned, augment, rng))
    yield from map(encode, copies)
    if plainly is not None:
        for signal in (cleaned, *copies):
            yield from map(plainly, short_pieces(signal, feature_extractor.sampling_rate, rng))


def training_words(
    batch: dict[str, Any],
    indices: list[int],
    feature_extractor: EcgByteFeatureExtractor,
    augment: int,
    seed: int,
) -> dict[str, list[list[str]]]:
    """`words` of a batch of corpus rows in numpy format and of their variants, a row each.

    Each row's variants are drawn from `seed` and the row's index, whatever the batches are.
    """
    words = []
    needs_variants = augment or encode_without_template(feature_extractor) is not None
    for index, (signal, sampling_rate, record_id) in zip(indices, signals_of(batch), strict=True):
        words.append(feature_extractor.encode(signal, sampling_rate, source=record_id))
        if needs_variants:
            # Cut after cleaning: a piece may be flat where its record is not, and would be refused.
            cleaned = feature_extractor.clean(signal, sampling_rate, source=record_id)
            rng = np.random.default_rng((seed, index))
            words += variants(cleaned, feature_extractor, augment, rng)
    return {"words": words}


def training_words_dataset(
    dataset: Any,
    feature_extractor: EcgByteFeatureExtractor,
    *,
    augment: int,
    seed: int = 0,
    num_proc: int | None = None,
) -> Any:
    """`words` to train a BPE on, of a corpus split, cached by `datasets`; no other column."""
    return (
        dataset.with_format("numpy")
        .map(
            training_words,
            batched=True,
            batch_size=64,
            with_indices=True,
            num_proc=num_proc,
            fn_kwargs={
                "feature_extractor": feature_extractor,
                "augment": augment,
                "seed": seed,
            },
            remove_columns=dataset.column_names,
            desc="signals to words",
        )
        .with_format(None)
    )
