"""Training the BPE against recounting all pairs for every merge: same words, same merges."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor
from ecg_byte_hf.tokenizer import train_tokenizer

from .fidelity import VOCABULARY_SIZE
from .naive_bpe import train_naively
from .results import Result, at_least, at_most

RECORDS = 120


def against_recounting(extractor: Any, ecgs: Iterable[tuple[Any, float]]) -> list[Result]:
    """Ratio of training times and difference in tokens on the words of `ecgs`."""
    per_ecg = [extractor.encode(signal, rate) for signal, rate in ecgs]
    words = [word for ecg in per_ecg for word in ecg]

    start = time.perf_counter()
    tokenizer = train_tokenizer(per_ecg, extractor, VOCABULARY_SIZE)
    seconds = time.perf_counter() - start
    merges = len(json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"])

    start = time.perf_counter()
    learned, ids = train_naively(words, merges)
    naive_seconds = time.perf_counter() - start
    if len(learned) != merges:
        raise SystemExit(f"{len(learned)} merges against {merges}: nothing to compare")

    processor = EcgByteProcessor(extractor, tokenizer)
    markers = sum(2 + sum(map(bool, ecg)) for ecg in per_ecg)
    tokens = sum(len(processor.words_to_ids(ecg)) for ecg in per_ecg) - markers
    naive_tokens = int(np.count_nonzero(ids >= 0))
    note = f"{len(per_ecg)} ECGs, {sum(map(len, words)):,} symbols, {merges:,} merges"
    return [
        at_least(
            "BPE training: recounting all pairs / ours",
            10,
            naive_seconds / seconds,
            "x",
            f"{naive_seconds:.1f} s against {seconds:.2f} s; {note}",
        ),
        at_most(
            "BPE training: difference in tokens",
            1,
            100 * abs(tokens - naive_tokens) / naive_tokens,
            "%",
            f"{tokens:,} tokens against {naive_tokens:,}",
        ),
    ]
