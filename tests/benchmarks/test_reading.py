import numpy as np
import pytest

from .reading_model import (
    Budget,
    Reader,
    auroc,
    linear_logits,
    macro_interval,
    scores,
    start_rows,
    train,
    training_gflop,
)


def telling_ids(count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Random ids in which token 5 stands where the only label is 1."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (count, 1))
    ids = [rng.integers(6, 30, rng.integers(8, 20)) for _ in range(count)]
    for one, label in zip(ids, labels[:, 0], strict=True):
        one[rng.integers(len(one))] = 5 if label else 6
    return ids, labels


def test_auroc_is_the_share_of_pairs_put_right():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (40, 2))
    logits = rng.integers(0, 6, (40, 2)).astype(float)
    for column in range(2):
        high, low = (logits[labels[:, column] == one, column] for one in (1, 0))
        right = (high[:, None] > low) + 0.5 * (high[:, None] == low)
        assert auroc(logits, labels)[column] == pytest.approx(right.mean())
    low, high = macro_interval(logits, labels, draws=200)
    assert low < auroc(logits, labels).mean() < high


def test_linear_reading_finds_the_telling_token():
    ids, labels = telling_ids(200)
    logits = linear_logits(ids[:150], labels[:150], ids[150:], 30)
    assert auroc(logits, labels[150:]).mean() > 0.9


def test_a_budget_trains_the_same_every_time_and_stops_when_spent():
    ids, labels = telling_ids(64)
    per_epoch = 4 * training_gflop(16, 19)
    budget = Budget(minutes=3 * per_epoch / 66 / 60, learning_rate=3e-3)
    told = []
    model, history = train(
        lambda epoch: ids, labels, 30, budget, lambda _, entry: told.append(entry)
    )
    again, _ = train(lambda epoch: ids, labels, 30, budget)
    assert told == history.epochs
    assert 2.5 < history.epochs[-1]["epoch"] < 5
    assert np.array_equal(scores(model, ids), scores(again, ids))
    assert history.epochs[-1]["loss"] < history.epochs[0]["loss"]


def test_padding_changes_no_score():
    ids, labels = telling_ids(40)
    model, _ = train(lambda epoch: ids, labels, 30, Budget(minutes=1e-4))
    alone = np.concatenate([scores(model, [one]) for one in ids])
    assert scores(model, ids) == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("time", ["position", "embedding"])
def test_a_reader_that_is_told_the_time_finds_what_time_alone_tells(time):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (64, 1))
    ids = []
    for label in labels[:, 0]:
        begins = np.sort(rng.integers(0, 1000 if label else 30, 8))
        ids.append(np.stack([np.array([3, 4] * 4), begins]))
    minutes = 10 * 4 * training_gflop(16, 8) / 66 / 60
    budget = Budget(minutes, time=time, learning_rate=3e-3, dropped=0.0)
    model, _ = train(lambda epoch: ids, labels, 30, budget)
    told = auroc(scores(model, ids), labels).mean()
    untold = auroc(scores(model, [np.stack([one[0], 0 * one[1]]) for one in ids]), labels).mean()
    assert (told > 0.95, untold) == (True, 0.5)


def test_rows_start_alike_where_their_vectors_are_and_as_long_as_before():
    model = Reader(200, 1)
    rows = model.llama.embed_tokens.weight
    before = rows.detach().std(0)
    vectors = np.random.default_rng(0).normal(size=(200, 12)).astype(np.float32)
    vectors[1] = vectors[0]
    start_rows(model, vectors, seed=0)
    assert rows.detach().std(0).numpy() == pytest.approx(before.numpy(), rel=1e-3)
    apart = (rows[:1] - rows[1:]).norm(dim=1).detach()
    assert int(apart.argmin()) == 0
    assert float(apart[0]) < 0.3 * float(apart[1:].median())
