"""The arguments of training/resnet.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ecg_byte_hf.reading.arguments import parse_dataclass

from .resnet_training import PRETRAININGS, ResNetBudget

_BUDGET = ResNetBudget()


@dataclass
class ResNetArguments:
    """What a ResNet is trained on, and how long."""

    corpus: str = field(metadata={"help": "folder written by `ecg-byte prepare`"})
    output_dir: str = field(metadata={"help": "folder for weights, config and measurements"})
    pretraining: str = field(
        default="supervised",
        metadata={
            "help": "supervised, or contrastive: no label touches the feature map",
            "choices": list(PRETRAININGS),
        },
    )
    epochs: int = field(default=_BUDGET.epochs, metadata={"help": "over the labels"})
    contrastive_epochs: int = field(
        default=_BUDGET.contrastive_epochs, metadata={"help": "without labels, before them"}
    )
    batch: int = field(default=_BUDGET.batch, metadata={"help": "ECGs of a step"})
    learning_rate: float = field(default=_BUDGET.learning_rate, metadata={"help": "its peak"})
    max_train_records: int | None = field(default=None, metadata={"help": "fewer ECGs to train on"})
    splits: str = field(default="validation", metadata={"help": "measured on, by commas"})
    evaluate_only: bool = field(
        default=False, metadata={"help": "measure the ResNet in output_dir, train none"}
    )
    seed: int = field(default=0, metadata={"help": "of weights, order and variation"})
    overwrite: bool = field(default=False, metadata={"help": "replace the ResNet that is there"})
    quiet: bool = field(default=False, metadata={"help": "no progress bars"})

    @property
    def budget(self) -> ResNetBudget:
        """How long it is trained, and how."""
        return ResNetBudget(
            epochs=self.epochs,
            contrastive_epochs=self.contrastive_epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            seed=self.seed,
        )


def parse_resnet(argv: Sequence[str], description: str | None = None) -> ResNetArguments:
    """Arguments of training/resnet.py from the command line; `description` heads its help."""
    return parse_dataclass(argv, ResNetArguments, description)
