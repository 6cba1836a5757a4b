"""Merging a word step by step ends where the tokenizer does."""

from __future__ import annotations

import pytest

from ecg_byte_hf.merges import merge_states

from .small_tokenizer import simulated_records, small_processor


@pytest.mark.parametrize("preset", ["paper", "compact", "beat"])
def test_states_go_from_the_symbols_to_the_tokens(preset: str) -> None:
    processor = small_processor(preset)
    record = simulated_records()[2].record
    words = processor.feature_extractor.encode(record.signal, record.sampling_rate)
    for word in [word for word in words if word][:6]:
        states = list(merge_states(word, processor.tokenizer))
        assert states[0].merges == 0
        assert states[0].tokens == tuple(word)
        assert all("".join(state.tokens) == word for state in states)
        lengths = [len(state.tokens) for state in states]
        assert lengths == sorted(set(lengths), reverse=True)
        merges = [state.merges for state in states]
        assert merges == sorted(set(merges))
        assert list(states[-1].tokens) == processor.tokenizer.tokenize(word)


def test_an_empty_word_has_one_empty_state() -> None:
    assert list(merge_states("", small_processor().tokenizer)) == [(0, ())]
