"""How byte-pair encoding merges one word, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple


class MergeState(NamedTuple):
    """A word after the first `merges` merges of the vocabulary: its tokens, left to right."""

    merges: int
    tokens: tuple[str, ...]


def merge_states(word: str, ecg_tokenizer: Any) -> Iterator[MergeState]:
    """The symbols of a word, then its state after each merge of the vocabulary that changes it.

    The last state is what `ecg_tokenizer` (the ECG BPE, a `PreTrainedTokenizerFast`) makes of the
    word. As Sennrich, Haddow, Birch, "Neural machine translation of rare words with subword units"
    (ACL 2016): the pair that was learned first goes first, left to right.
    """
    ranks = _ranks(ecg_tokenizer)
    tokens = list(word)
    yield MergeState(0, tuple(tokens))
    while True:
        pairs = pairwise(tokens)
        rank = min((ranks[pair] for pair in pairs if pair in ranks), default=None)
        if rank is None:
            return
        tokens = _merged(tokens, rank, ranks)
        yield MergeState(rank + 1, tuple(tokens))


def _ranks(ecg_tokenizer: Any) -> dict[tuple[str, str], int]:
    merges = json.loads(ecg_tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    # Older versions of `tokenizers` write a pair as one string.
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in merges)
    return {(left, right): rank for rank, (left, right) in enumerate(pairs)}


def _merged(tokens: list[str], rank: int, ranks: Mapping[tuple[str, str], int]) -> list[str]:
    merged: list[str] = []
    at = 0
    while at < len(tokens):
        pair = tuple(tokens[at : at + 2])
        if ranks.get(pair) == rank:  # type: ignore[call-overload]
            merged.append("".join(pair))
            at += 2
        else:
            merged.append(tokens[at])
            at += 1
    return merged
