"""A small Llama with a classification head, trained on token ids for a time on one core."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.stats
import torch
from torch import nn
from transformers import LlamaConfig, LlamaModel

from ecg_byte_hf.reading.vocabulary import along_vectors

# What this model comes to in training on one core of a server of 2023 that does nothing else.
GFLOP_PER_SECOND = 66.0
RIDGE = 1000.0
WIDTH, LAYERS, INNER_WIDTH = 160, 4, 432

# A learned embedding of time tells stretches of so many samples apart.
TIME_STEP, TIMES = 10, 128

Ids = list[np.ndarray]
"""Per ECG its ids (tokens,); or (2, tokens), each id over the sample that its token begins at."""


@dataclass(frozen=True)
class Budget:
    """How long to train, and how.

    `minutes` of one core that does nothing else, reckoned by `GFLOP_PER_SECOND`, so that a run is
    repeatable and does not hang on what else the machine does; `next_token`: weight of the
    next-token loss beside the classification loss; `dropped`: share of the tokens whose embedding
    is zeroed while training; `time`: how a token is told the sample it begins at, by its
    "position" (RoPE's, in samples) or an added "embedding", or not at all.
    """

    minutes: float = 20.0
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05
    next_token: float = 0.0
    dropped: float = 0.1
    seed: int = 0
    time: str = ""


@dataclass
class History:
    """What a training came to; one entry per epoch."""

    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0


class Reader(nn.Module):
    """A Llama from scratch, 4 layers 160 wide, and logits from the mean of its last states."""

    def __init__(
        self, vocabulary_size: int, classes: int, dropped: float = 0.0, time: str = ""
    ) -> None:
        super().__init__()
        self.llama = LlamaModel(
            LlamaConfig(
                vocab_size=vocabulary_size,
                hidden_size=WIDTH,
                num_hidden_layers=LAYERS,
                num_attention_heads=5,
                intermediate_size=INNER_WIDTH,
                max_position_embeddings=8192,
            )
        )
        self.head = nn.Linear(WIDTH, classes)
        self.dropped = dropped
        self.time = time
        if time == "embedding":
            self.embed_time = nn.Embedding(TIMES, WIDTH)
            nn.init.normal_(self.embed_time.weight, std=0.02)

    def forward(
        self, ids: torch.Tensor, lengths: torch.Tensor, times: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, Any]:
        """Logits (batch, classes) and states (batch, tokens, 160) of right-padded ids.

        `times` (batch, tokens) are in samples. Attention looks back only, so that the padding on
        the right needs no mask.
        """
        embedded = self.llama.embed_tokens(ids)
        if times is not None and self.time == "embedding":
            embedded = embedded + self.embed_time((times // TIME_STEP).clamp(max=TIMES - 1))
        if self.training and self.dropped:
            kept = torch.rand(ids.shape) >= self.dropped
            embedded = embedded * kept[..., None]
        positions = times if self.time == "position" else None
        states = self.llama(
            inputs_embeds=embedded, position_ids=positions, use_cache=False
        ).last_hidden_state
        own = (torch.arange(ids.shape[1])[None] < lengths[:, None])[..., None]
        mean = (states * own).sum(dim=1) / lengths[:, None]
        return self.head(mean), states


def start_rows(model: Reader, vectors: np.ndarray, seed: int) -> None:
    """Start the embeddings from vectors (tokens, features), as `draw_rows` does beside known rows.

    Their spread per dimension stays what it was.
    """
    rows = model.llama.embed_tokens.weight
    generator = torch.Generator().manual_seed(seed)
    lines = torch.randn(vectors.shape[1], rows.shape[1], generator=generator)
    own = torch.randn(rows.shape, generator=generator)
    with torch.no_grad():
        rows.copy_(along_vectors(vectors, lines, own) * rows.std(0))


def _padded(ids: Ids) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Ids (ECGs, tokens), lengths (ECGs,), and times (ECGs, tokens) if any; padded with 0."""
    lengths = torch.tensor([one.shape[-1] for one in ids])
    batch = torch.zeros((2, len(ids), int(lengths.max())), dtype=torch.long)
    for number, one in enumerate(ids):
        batch[: one.ndim, number, : one.shape[-1]] = torch.from_numpy(one)
    return batch[0], lengths, batch[1] if ids[0].ndim == 2 else None


def _batches(ids: Ids, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Random batches of ECGs that are about equally long."""
    noisy = np.array([one.shape[-1] for one in ids]) * rng.uniform(0.9, 1.1, len(ids))
    ordered = np.argsort(noisy)
    batches = [ordered[start : start + size] for start in range(0, len(ids), size)]
    for number in rng.permutation(len(batches)):
        yield batches[number]


def training_gflop(sequences: int, tokens: int, next_token_vocabulary: int = 0) -> float:
    """What a step costs: three forward passes over `sequences` padded to `tokens`."""
    per_layer = 4 * WIDTH**2 + 3 * WIDTH * INNER_WIDTH + 2 * tokens * WIDTH
    per_token = LAYERS * per_layer + next_token_vocabulary * WIDTH
    return 3 * 2 * sequences * tokens * per_token / 1e9


def _next_token_loss(
    model: Reader, states: torch.Tensor, ids: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    own = torch.arange(1, ids.shape[1])[None] < lengths[:, None]
    logits = states[:, :-1][own] @ model.llama.embed_tokens.weight.T
    return nn.functional.cross_entropy(logits, ids[:, 1:][own])


def train(
    tokenise: Callable[[int], Ids],
    labels: np.ndarray,
    vocabulary_size: int,
    budget: Budget,
    each_epoch: Callable[[Reader, dict[str, float]], None] = lambda model, entry: None,
    vectors: np.ndarray | None = None,
) -> tuple[Reader, History]:
    """Train on `tokenise(epoch)`, the ids of every ECG anew, and labels (ECGs, classes) of 0 or 1.

    Embeddings start from `vectors` (tokens, features) where they are given.

    The learning rate rises for `warm_up` of the budget and falls as a cosine. The budget is that of
    the training steps; `History.seconds` is what they took, tokenising included.
    """
    torch.manual_seed(budget.seed)
    rng = np.random.default_rng(budget.seed)
    model = Reader(vocabulary_size, labels.shape[1], budget.dropped, budget.time)
    if vectors is not None:
        start_rows(model, vectors, budget.seed)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": budget.weight_decay}, {"params": others}],
        lr=budget.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=0.0,
    )
    targets = torch.from_numpy(labels.astype(np.float32))
    history = History()
    whole = 60 * budget.minutes * GFLOP_PER_SECOND
    started, done, epoch = time.process_time(), 0.0, 0
    while done < 1:
        ids = tokenise(epoch)
        model.train()
        losses: list[float] = []
        batches = list(_batches(ids, budget.batch, rng))
        for batch in batches:
            if done >= 1:
                break
            factor = min(done / budget.warm_up, 0.5 * (1 + math.cos(math.pi * done)))
            for group in optimiser.param_groups:
                group["lr"] = budget.learning_rate * max(factor, 0.01)
            x, lengths, times = _padded([ids[k] for k in batch])
            logits, states = model(x, lengths, times)
            loss = nn.functional.binary_cross_entropy_with_logits(logits, targets[batch])
            losses.append(loss.item())
            if budget.next_token:
                loss = loss + budget.next_token * _next_token_loss(model, states, x, lengths)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            counted = vocabulary_size if budget.next_token else 0
            done += training_gflop(*x.shape, counted) / whole
        epoch += 1
        history.seconds = time.process_time() - started
        if losses:
            share = len(losses) / len(batches)
            entry = {"epoch": epoch - 1 + share, "loss": float(np.mean(losses))}
            paused = time.process_time()
            each_epoch(model, entry)
            started += time.process_time() - paused
            history.epochs.append(entry)
    return model, history


@torch.no_grad()
def scores(model: Reader, ids: Ids) -> np.ndarray:
    """Logits (ECGs, classes) of ids."""
    model.eval()
    order = np.argsort([one.shape[-1] for one in ids])
    found = np.zeros((len(ids), model.head.out_features))
    for start in range(0, len(ids), 32):
        part = order[start : start + 32]
        found[part] = model(*_padded([ids[k] for k in part]))[0].numpy()
    return found


def auroc(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Area under the ROC curve per column, both (ECGs, classes); the share of pairs put right."""
    ranks = scipy.stats.rankdata(logits, axis=0)
    positive = labels.sum(axis=0)
    negative = len(labels) - positive
    sums = (ranks * labels).sum(axis=0)
    return np.asarray((sums - positive * (positive + 1) / 2) / (positive * negative))


def linear_logits(train_ids: Ids, labels: np.ndarray, test_ids: Ids, tokens: int) -> np.ndarray:
    """Logits (ECGs, classes) of ridge regression on how often each token occurs, roots taken.

    Order and context do not count, so this says how much each token tells by itself.
    """
    seen = _counted(train_ids, tokens)
    mean = seen.mean(axis=0)
    seen -= mean
    weights = np.linalg.solve(
        seen @ seen.T + RIDGE * np.eye(len(seen)), labels - labels.mean(axis=0)
    )
    asked = _counted(test_ids, tokens) - mean
    return np.asarray(asked @ (seen.T @ weights))


def _counted(ids: Ids, tokens: int) -> np.ndarray:
    counts = [np.bincount(one if one.ndim == 1 else one[0], minlength=tokens) for one in ids]
    return np.sqrt(np.stack(counts))


def macro_interval(
    logits: np.ndarray, labels: np.ndarray, seed: int = 0, draws: int = 1000
) -> tuple[float, float]:
    """95 % bootstrap interval over ECGs of the mean AUROC of the classes."""
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(draws):
        drawn = rng.integers(0, len(labels), len(labels))
        if labels[drawn].any(axis=0).all():
            means.append(auroc(logits[drawn], labels[drawn]).mean())
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
