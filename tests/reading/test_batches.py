"""Batches: rows that several sequences share change nothing but the padding."""

import numpy as np
import pytest
import torch

from ecg_byte_hf.reading.batches import collate, fill
from ecg_byte_hf.reading.sequences import IGNORED
from ecg_byte_hf.reading.trainer import GroupedByLength

from . import tiny


def feature(length, asked, rng, tokens):
    """A sequence with a shared part and two questions of `asked` tokens behind it."""
    ids = rng.integers(tokens, size=length)
    shared = length - 2 * asked
    segments = np.repeat([0, 1, 2], [shared, asked, asked])
    positions = np.concatenate([np.arange(shared), *[np.arange(shared, shared + asked)] * 2])
    labels = np.where(segments > 0, ids, IGNORED)
    return {
        "input_ids": ids,
        "labels": labels,
        "position_ids": positions,
        "segments": segments,
    }


def test_sequences_that_share_a_row_are_read_as_if_alone():
    tokenizer, _ = tiny.chat_tokenizer()
    model = tiny.llama(tokenizer)
    rng = np.random.default_rng(0)
    lengths = [40, 15, 22, 12, 9, 30]
    features = [feature(length, 3, rng, len(tokenizer)) for length in lengths]
    batches = [collate(features, 0, fill_rows=fill_rows) for fill_rows in (False, True)]
    assert [len(batch["input_ids"]) for batch in batches] == [6, 4]
    read = []
    for batch in batches:
        with torch.no_grad():
            logits = model(
                **{name: batch[name] for name in ("input_ids", "attention_mask", "position_ids")}
            ).logits
        kept = batch["labels"] != IGNORED
        # In the order of the labelled tokens' ids, whichever row they lie in.
        order = np.lexsort(logits[kept].numpy().T.round(3))
        read.append(logits[kept][order])
        assert batch["lengths"].tolist() == lengths
        assert int((batch["attention_mask"].diagonal(dim1=2, dim2=3)).sum()) == kept.numel()
    torch.testing.assert_close(*read, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("lengths", [[7], [4, 4, 4], [1, 9, 5, 4, 3, 6, 8, 2, 2, 1]])
def test_rows_hold_every_sequence_once_and_no_more_than_fits(lengths):
    rows = fill(lengths)
    assert sorted(number for row in rows for number in row) == list(range(len(lengths)))
    assert all(sum(lengths[number] for number in row) <= max(lengths) for row in rows)
    least = -(-sum(lengths) // max(lengths))
    assert len(rows) <= 11 / 9 * least + 1


def test_the_order_hangs_on_seed_and_epoch_alone():
    lengths = np.random.default_rng(0).integers(1, 100, 64)
    dataset = [{"input_ids": [0] * int(length)} for length in lengths]
    orders = {}
    for attempt in range(2):
        sampler = GroupedByLength(4, dataset, seed=3)
        for epoch in (0, 1) if attempt == 0 else (1,):
            torch.rand(attempt + 5)
            sampler.set_epoch(epoch)
            orders[attempt, epoch] = list(sampler)
    assert orders[0, 1] == orders[1, 1] != orders[0, 0]
    assert sorted(orders[1, 1]) == list(range(len(dataset)))
