"""The `datasets` map steps: signals to words, signals to ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from .hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from .hub_code.processing_ecg_byte import EcgByteProcessor


def signals_of(batch: dict[str, Any]) -> Any:
    """(signal float32 (12, samples), sampling rate in Hz, record id) of each row of a batch."""
    rows = zip(
        batch["signal"],
        batch["scale"],
        batch["samples"],
        batch["sampling_rate"],
        batch["record_id"],
        strict=True,
    )
    for signal, scale, samples, sampling_rate, record_id in rows:
        valid = np.asarray(signal)[:, : int(samples)]
        yield valid * np.float32(scale), float(sampling_rate), str(record_id)


def symbolize(
    batch: dict[str, Any], feature_extractor: EcgByteFeatureExtractor
) -> dict[str, list[list[str]]]:
    """Add `words` (one str per channel) to a batch of corpus rows in numpy format.

    `dataset.with_format("numpy").map(symbolize, batched=True, fn_kwargs={"feature_extractor": fx})`
    """
    words = [
        feature_extractor.encode(signal, sampling_rate, source=record_id)
        for signal, sampling_rate, record_id in signals_of(batch)
    ]
    return {"words": words}


def tokenize(batch: dict[str, Any], processor: EcgByteProcessor) -> dict[str, list[list[int]]]:
    """Add `ecg_ids` (int32, `<|ecg|>` ... `<|/ecg|>`) to a batch of corpus rows in numpy format."""
    ids = [
        processor.ecg_ids(signal, sampling_rate, source=record_id)
        for signal, sampling_rate, record_id in signals_of(batch)
    ]
    return {"ecg_ids": ids}


def symbolize_dataset(
    dataset: Any,
    feature_extractor: EcgByteFeatureExtractor,
    *,
    num_proc: int | None = None,
    keep_signal: bool = False,
) -> Any:
    """A corpus split with `words`, cached by `datasets`; the signal column goes unless kept.

    Numpy format matters: `datasets` hands over arrays as lists otherwise, 30 times slower.
    """
    return dataset.with_format("numpy").map(
        symbolize,
        batched=True,
        batch_size=64,
        num_proc=num_proc,
        fn_kwargs={"feature_extractor": feature_extractor},
        remove_columns=[] if keep_signal else ["signal"],
        desc="signals to words",
    )


def tokenize_dataset(
    dataset: Any,
    processor: EcgByteProcessor,
    *,
    num_proc: int | None = None,
    keep_signal: bool = False,
) -> Any:
    """A corpus split with `ecg_ids` in ids of `processor.tokenizer`, cached by `datasets`."""
    return dataset.with_format("numpy").map(
        tokenize,
        batched=True,
        batch_size=64,
        num_proc=num_proc,
        fn_kwargs={"processor": processor},
        remove_columns=[] if keep_signal else ["signal"],
        desc="signals to tokens",
    )
