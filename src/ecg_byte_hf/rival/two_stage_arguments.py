"""The arguments of training/two_stage.py: those of finetune.py, and the encoder's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecg_byte_hf.reading.argument_checks import changed
from ecg_byte_hf.reading.arguments import parse_finetune
from ecg_byte_hf.reading.reading_arguments import ReadingArguments
from ecg_byte_hf.reading.usage import UsageError

if TYPE_CHECKING:
    from transformers import TrainingArguments

_OF_TOKENS = (
    "tokenizer",
    "ecg_loss_weight",
    "ecg_rows_spread",
    "train_ecg_rows",
    "ecg_rows_start",
    "augmentation",
    "ecg_pretraining_epochs",
    "ecg_pretraining_learning_rate",
    "num_proc",
)


@dataclass
class TwoStageArguments(ReadingArguments):
    """What is trained on what, so that one config serves both methods.

    Fields about ECG tokens (`tokenizer`, `ecg_rows_...`, `ecg_loss_weight`, `ecg_pretraining_...`,
    the strengths of `augmentation`) mean nothing here: there are none.
    """

    tokenizer: str = field(default="none", metadata={"help": "not used: there are no ECG tokens"})
    encoder: str = field(default="", metadata={"help": "folder of training/resnet.py"})
    columns: int = field(
        default=32, metadata={"help": "vectors that an ECG becomes among the Llama's embeddings"}
    )
    train_encoder: bool = field(
        default=False, metadata={"help": "train the ResNet with the Llama; false: it stays"}
    )

    evaluate: bool = field(
        default=True, metadata={"help": "measure on validation at the end, controls included"}
    )

    def check(self) -> None:
        """Raise `UsageError` for arguments that cannot work together."""
        super().check()
        if not self.encoder:
            raise UsageError("--encoder is missing: make a ResNet with training/resnet.py")
        if self.columns < 1:
            raise UsageError(f"--columns {self.columns} must be 1 or more")
        if self.columns >= self.context:
            raise UsageError(
                f"--columns {self.columns} leave no room for a question in a context of "
                f"{self.context}: take fewer"
            )


def say_without_tokens(arguments: TwoStageArguments) -> None:
    """Name on stderr what is set for ECG tokens, of which this method has none."""
    if idle := changed(arguments, _OF_TOKENS):
        print(f"{', '.join(idle)}: of ECG tokens, without effect here", file=sys.stderr)


def parse_two_stage(
    argv: Sequence[str], description: str | None = None
) -> tuple[TwoStageArguments, TrainingArguments]:
    """Arguments of training/two_stage.py: the YAML of `--config`, overridden by the command line.

    `description`, the script's docstring, heads its help.

    Raises:
        EcgByteError: the config is wrong, or fields contradict one another.
    """
    arguments, training = parse_finetune(argv, TwoStageArguments, description=description)
    assert isinstance(arguments, TwoStageArguments)
    return arguments, training
