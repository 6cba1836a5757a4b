"""A ResNet trained on the ECGs of a corpus, with their labels or without."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import bar
from ecg_byte_hf.reading.learning_curve import Cost
from ecg_byte_hf.reading.usage import UsageError

from .labelled_ecgs import LabelledEcgs, SignalFormat, corpus_attribute
from .resnet import EcgResNet, EcgResNetConfig
from .variation import obscured, varied

PRETRAININGS = ("supervised", "contrastive")
_TEMPERATURE = 0.1


@dataclass(frozen=True)
class ResNetBudget:
    """How long a ResNet is trained and how: AdamW, one cycle of the learning rate.

    `epochs` over the labels; `contrastive_epochs` before them, where it learns without labels.
    """

    epochs: int = 30
    contrastive_epochs: int = 60
    batch: int = 32
    contrastive_batch: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        leasts = (("epochs", 1), ("contrastive_epochs", 1), ("batch", 2), ("seed", 0))
        for name, least in leasts:
            if (value := getattr(self, name)) < least:
                option = name.replace("_", "-")
                raise UsageError(f"--{option} {value} must be {least} or more")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise UsageError(f"--learning-rate {self.learning_rate} must be greater than 0")


def train_resnet(
    ecgs: LabelledEcgs,
    corpus: str | Path,
    form: SignalFormat,
    budget: ResNetBudget,
    *,
    pretraining: str = "supervised",
    quiet: bool = False,
) -> tuple[EcgResNet, Cost]:
    """A ResNet trained on ECGs of `corpus`, in eval mode, and what that took.

    "supervised": binary cross-entropy of every class that is known of an ECG. "contrastive": first
    SimCLR (Chen et al., arXiv 2002.05709) on two views of each ECG, then the layers are frozen and
    the head alone learns the classes, so that no label has touched the feature map. The same seed
    gives the same weights.

    Raises:
        EcgByteError: too few ECGs, or `pretraining` is none of the two.
    """
    if pretraining not in PRETRAININGS:
        raise EcgByteError(f"pretraining {pretraining!r}: choose {' or '.join(PRETRAININGS)}")
    if len(ecgs.record_ids) < 2:
        raise EcgByteError(f"corpus {corpus}: a ResNet needs at least 2 ECGs to train on")
    torch.manual_seed(budget.seed)
    generator = torch.Generator().manual_seed(budget.seed)
    attribute = corpus_attribute(corpus)
    scale = ecgs.signals.astype("float32").std(axis=(0, 2)).clip(1e-3)
    config = EcgResNetConfig(
        attribute=attribute.name,
        classes=tuple(statement.value for statement in attribute.statements),
        sampling_rate=form.sampling_rate,
        samples=form.samples,
        cleaned=form.cleaned,
        lead_scale=tuple(round(float(value), 6) for value in scale),
    )
    model = EcgResNet(config)
    signals, labels = torch.from_numpy(ecgs.signals), torch.from_numpy(ecgs.labels)
    cost = Cost()
    if pretraining == "contrastive":
        projector = nn.Sequential(nn.Linear(config.widths[-1], 128), nn.ReLU(), nn.Linear(128, 64))

        def contrast(rows: torch.Tensor) -> torch.Tensor:
            views = [obscured(signals[rows].float(), generator) for _ in range(2)]
            return contrastive_loss(projector(model.pooled(torch.cat(views))))

        size = min(budget.contrastive_batch, len(signals))
        both = nn.ModuleList((model.stem, model.blocks, projector))
        _run(both, contrast, len(signals), budget.contrastive_epochs, size, budget, cost, quiet)
        model.stem.requires_grad_(False)
        model.blocks.requires_grad_(False)

    def classify(rows: torch.Tensor) -> torch.Tensor:
        logits = model(varied(signals[rows].float(), generator))
        known = ~labels[rows].isnan()
        losses = functional.binary_cross_entropy_with_logits(
            logits, labels[rows].nan_to_num(), reduction="none"
        )
        return (losses * known).sum() / known.sum().clamp(min=1)

    trained = model if pretraining == "supervised" else nn.ModuleList((model.dropout, model.head))
    model.eval()
    size = min(budget.batch, len(signals))
    _run(trained, classify, len(signals), budget.epochs, size, budget, cost, quiet)
    return model.requires_grad_(True).eval(), cost


def contrastive_loss(projected: torch.Tensor) -> torch.Tensor:
    """NT-Xent of vectors (2 n, width) of which i and n + i are views of the same ECG."""
    unit = functional.normalize(projected, dim=1)
    likeness = (unit @ unit.T / _TEMPERATURE).fill_diagonal_(-torch.inf)
    half = len(projected) // 2
    partner = (torch.arange(len(projected), device=projected.device) + half) % len(projected)
    return functional.cross_entropy(likeness, partner)


def _run(
    trained: nn.Module,
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    ecgs: int,
    epochs: int,
    size: int,
    budget: ResNetBudget,
    cost: Cost,
    quiet: bool,
) -> None:
    """Train the parameters of `trained` on `loss_of(rows)`, whole batches of `size` ECGs."""
    began, began_cpu = time.perf_counter(), time.process_time()
    optimiser = torch.optim.AdamW(
        trained.parameters(), lr=budget.learning_rate, weight_decay=budget.weight_decay
    )
    steps = epochs * (ecgs // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, budget.learning_rate, total_steps=max(steps, 2), pct_start=0.2
    )
    trained.train()
    with bar("ResNet", steps, quiet) as advance:
        for rows in _batches(ecgs, epochs, size, budget.seed):
            loss = loss_of(rows)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            cost.examples += len(rows)
            advance()
    trained.eval()
    cost.seconds += time.perf_counter() - began
    cost.cpu_seconds += time.process_time() - began_cpu


def _batches(ecgs: int, epochs: int, size: int, seed: int) -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        order = torch.randperm(ecgs, generator=generator)
        yield from order[: ecgs // size * size].split(size)


@torch.inference_mode()
def probabilities(model: EcgResNet, ecgs: LabelledEcgs) -> torch.Tensor:
    """float32 (ECGs, classes): how probable the ResNet finds each class in each ECG."""
    parts = torch.from_numpy(ecgs.signals).split(64)
    return torch.cat([torch.sigmoid(model(part.float())) for part in parts])
