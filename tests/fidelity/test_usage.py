from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from ecg_byte_hf.fidelity.usage import (
    TokenUsage,
    Use,
    count_tokens,
    kind_of_word,
    token_usage,
    tokens_for,
)
from ecg_byte_hf.hub_code.errors import EcgByteError

from ..small_tokenizer import simulated_records, small_processor


def _rows(count: int = 4) -> list[dict[str, Any]]:
    return [
        {
            "record_id": one.record.record_id,
            "signal": np.round(one.record.signal * 1000).astype(np.int16),
            "scale": np.float32(0.001),
            "samples": one.record.signal.shape[1],
            "sampling_rate": one.record.sampling_rate,
        }
        for one in simulated_records()[:count]
    ]


@pytest.mark.parametrize("preset", ["paper", "compact", "beat"])
def test_counts_are_those_of_the_ids(preset: str) -> None:
    processor = small_processor(preset)
    usage = count_tokens(processor, _rows())
    expected: Counter[int] = Counter()
    for row in _rows():
        signal = row["signal"] * row["scale"]
        expected.update(processor.ecg_ids(signal, row["sampling_rate"]))
    special = set(processor.tokenizer.all_special_ids)
    uses = usage.per_token()
    assert {i: int(uses[i]) for i in np.flatnonzero(uses)} == {
        i: count for i, count in expected.items() if i not in special
    }
    assert usage.records == 4
    assert sum(usage.per_token(kind).sum() for kind in usage.kinds) == uses.sum()
    summary = usage.summary()
    dead = summary["dead_symbols"] + summary["dead_merges"]
    assert dead + np.count_nonzero(uses) == summary["tokens"]
    assert summary["tokens"] == processor.ecg_vocabulary_size - len(special)
    shares = list(summary["tokens_for_share"].values())
    assert shares == sorted(shares)


def test_tokens_for_a_share() -> None:
    uses = np.array([0, 50, 1, 40, 9, 0])
    assert [tokens_for(uses, share) for share in (0.5, 0.9, 0.99, 1.0)] == [1, 2, 3, 4]
    assert tokens_for(np.zeros(3, dtype=np.int64), 0.5) == 0


def test_kinds_of_words_and_where_a_token_usually_stands() -> None:
    assert [kind_of_word("beat", name) for name in ("rr", "t3", "r8")] == ["rhythm", "beat", "rest"]
    assert kind_of_word("compact", "r1") == "component"
    assert kind_of_word("paper", "aVR") == "lead"
    counts = {Use("r2", 7, 3): 2, Use("r1", 7, 5): 2, Use("t1", 7, 0): 9, Use("r1", 8, 0): 1}
    usage = TokenUsage("beat", ("rr", "t1", "r1", "r2"), np.ones(9, dtype=np.int64), 1, 0, counts)
    assert usage.usual(7, "rest") == Use("r1", 7, 5)
    assert usage.usual(7, "beat") == Use("t1", 7, 0)
    assert usage.per_token("rest").tolist() == [0] * 7 + [4, 1]


def test_records_that_cannot_be_coded_are_counted() -> None:
    rows = _rows(2)
    rows[0] = rows[0] | {"signal": rows[0]["signal"][:, :100], "samples": 100}
    usage = count_tokens(small_processor(), rows)
    assert (usage.records, usage.left_out) == (1, 1)
    with pytest.raises(EcgByteError, match="corpus: no record went through"):
        count_tokens(small_processor(), rows[:1])


def test_a_folder_that_is_no_corpus(tmp_path) -> None:
    small_processor().save_pretrained(tmp_path / "tokenizer")
    with pytest.raises(EcgByteError, match="no such folder"):
        token_usage(tmp_path / "tokenizer", tmp_path / "corpus")
