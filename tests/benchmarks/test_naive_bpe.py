from __future__ import annotations

import numpy as np
import pytest

from .naive_bpe import merge, train_naively


def test_merges_by_hand() -> None:
    # ab 3 times, bc twice; then (ab)c twice.
    merges, ids = train_naively(["abc", "abcab"], 2)
    assert merges == [(0, 1), (3, 2)]
    assert ids.tolist() == [4, -1, 4, 3, -1]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([1, 1, 1], [9, 1]),
        ([1, 1, 1, 1, -1, 1, 1], [9, 9, -1, 9]),
        ([2, 1, 1, 2, 1, 1, 1], [2, 9, 2, 9, 1]),
        ([1, 2], [1, 2]),
    ],
)
def test_runs_merge_from_the_left(ids: list[int], expected: list[int]) -> None:
    assert merge(np.array(ids), (1, 1), 9).tolist() == expected


def test_no_merge_crosses_a_word() -> None:
    merges, ids = train_naively(["ab", "ba"], 10)
    assert merges == [(0, 1), (1, 0)]
    assert ids.tolist() == [2, -1, 3, -1]


def test_agrees_with_tokenizers() -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from tokenizers.trainers import BpeTrainer

    rng = np.random.default_rng(0)
    words = [
        "".join(rng.choice(list("abcdef"), p=[0.4, 0.3, 0.1, 0.1, 0.05, 0.05], size=60))
        for _ in range(80)
    ]
    _, ids = train_naively(words, 200)
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.train_from_iterator(words, BpeTrainer(vocab_size=206, show_progress=False))
    theirs = sum(len(tokenizer.encode(word).ids) for word in words)
    assert theirs == pytest.approx(np.count_nonzero(ids >= 0), rel=0.01)
